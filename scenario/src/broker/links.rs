//! How long packets are on their way between two brokers.

use std::collections::BTreeMap;

use crate::Options;
use crate::history::{Span, Time};
use crate::random::Random;

use super::at;

/// The shortest way, ns; what comes on top of it by chance goes by the time.
const LEAST_NS: i64 = 35_000;
const SPREAD_NS: i64 = 40_000;

/// The links between the brokers. Each has stretches in which what passes it is late, both ways.
#[derive(Debug, Clone, Default)]
pub(super) struct Links {
    /// By the two brokers, the one with the lower place first.
    links: BTreeMap<(usize, usize), Link>,
}

#[derive(Debug, Clone, Default)]
struct Link {
    slow: Vec<Span>,
    delays: Vec<i64>,
}

impl Links {
    /// Those of a cluster.
    pub(super) fn new(options: &Options) -> Self {
        let pairs = (0..options.brokers).flat_map(|b| (0..b).map(move |a| (a, b)));
        let links = pairs.map(|(a, b)| ((a, b), Link::new(options, &format!("link {a} {b}"))));
        Self {
            links: links.collect(),
        }
    }

    /// How long what leaves one broker for another at a time is on its way, ns.
    pub(super) fn way(&self, from: usize, to: usize, time: Time) -> i64 {
        let late = self.links.get(&(from.min(to), from.max(to)));
        let late = late.and_then(|link| Some(link.delays[at(&link.slow, time)?]));
        LEAST_NS + time.rem_euclid(SPREAD_NS) + late.unwrap_or(0)
    }
}

impl Link {
    fn new(options: &Options, name: &str) -> Self {
        let mut random = Random::new(options.seed, name);
        let mut link = Self::default();
        let mut time = random.gap_ns(options.slow_links_per_second);
        while time < 2 * options.duration_ms * 1_000_000 {
            let end = time + random.slow_ns(options.slow_link_ms);
            link.slow.push(Span { start: time, end });
            link.delays.push(random.slow_ns(options.link_delay_ms));
            time = end + random.gap_ns(options.slow_links_per_second);
        }
        link
    }
}
