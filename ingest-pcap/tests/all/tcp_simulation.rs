//! A simulated sender, link and receiver: what a capture on the way shows of losses that are known.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use proptest::prelude::*;

use crate::support::capture::{BROKER, CLIENT};
use crate::support::cases;
use crate::support::segments::{MS, Seg, connection, decoded, opened, seg, stretches};

const SIZE: u32 = 1000;
const RTO: i64 = 220 * MS;

/// What happens, where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// The sender sends a segment, for the first time or again.
    Send(u32),
    Passes(u32, u16),
    Arrives(u32),
    AckPasses(u32),
    AckArrives(u32),
}

#[derive(Debug, Clone)]
struct Link {
    segments: u32,
    /// Segments in flight at most.
    window: u32,
    /// From the sender to the capture point, and from there to the receiver, ns.
    delays: (i64, i64),
    /// Numbers of transmissions that are lost before and behind the capture point.
    lost_before: HashSet<u16>,
    lost_behind: HashSet<u16>,
}

/// What passes the capture point, and how often segments were sent again: those captured, and those of
/// which an earlier copy was captured too.
struct Traffic {
    segments: Vec<Seg<'static>>,
    again: u64,
    visibly_again: u64,
}

fn simulated(link: &Link) -> Traffic {
    let (to_capture, to_receiver) = link.delays;
    let mut traffic = Traffic {
        segments: opened(2 * to_capture),
        again: 0,
        visibly_again: 0,
    };
    let mut events = BinaryHeap::new();
    let (mut next, mut acknowledged, mut transmissions) = (0_u32, 0_u32, 0_u16);
    let (mut duplicates, mut captured, mut arrived) = (0, HashSet::new(), HashSet::new());
    let mut sent = HashSet::new();
    let mut last_ack = None;
    while next < link.window.min(link.segments) {
        events.push(Reverse((
            100 * MS + i64::from(next) * 10_000,
            Event::Send(next),
        )));
        next += 1;
    }
    while let Some(Reverse((at, event))) = events.pop() {
        match event {
            Event::Send(segment) => {
                if segment < acknowledged && sent.contains(&segment) {
                    continue;
                }
                sent.insert(segment);
                transmissions += 1;
                events.push(Reverse((at + RTO, Event::Send(segment))));
                if !link.lost_before.contains(&transmissions) {
                    let passes = Event::Passes(segment, transmissions);
                    events.push(Reverse((at + to_capture, passes)));
                }
            }
            Event::Passes(segment, transmission) => {
                let is_first = captured.insert(segment);
                let is_behind = captured.iter().any(|&other| other > segment);
                traffic.visibly_again += u64::from(!is_first);
                traffic.again += u64::from(!is_first || is_behind);
                traffic
                    .segments
                    .push(seg(at, CLIENT, segment * SIZE, 0, SIZE as usize));
                if !link.lost_behind.contains(&transmission) {
                    events.push(Reverse((at + to_receiver, Event::Arrives(segment))));
                }
            }
            Event::Arrives(segment) => {
                arrived.insert(segment);
                let ack = (0..).find(|segment| !arrived.contains(segment)).unwrap();
                events.push(Reverse((at + to_receiver, Event::AckPasses(ack))));
            }
            Event::AckPasses(ack) => {
                traffic.segments.push(seg(at, BROKER, 0, ack * SIZE, 0));
                events.push(Reverse((at + to_capture, Event::AckArrives(ack))));
            }
            Event::AckArrives(ack) => {
                duplicates = if last_ack == Some(ack) {
                    duplicates + 1
                } else {
                    0
                };
                last_ack = Some(ack);
                acknowledged = acknowledged.max(ack);
                if duplicates == 3 && ack < next {
                    events.push(Reverse((at, Event::Send(ack))));
                }
                while next < link.segments && next < acknowledged + link.window {
                    events.push(Reverse((at, Event::Send(next))));
                    next += 1;
                }
            }
        }
    }
    for (index, segment) in traffic.segments.iter_mut().enumerate() {
        segment.id = index as u16 + 1;
        segment.window = 60_000;
    }
    traffic
}

fn links(losses: usize) -> impl Strategy<Value = Link> {
    let lost = || prop::collection::hash_set(1..80_u16, 0..=losses);
    (1..80_u32, 1..12_u32, 0..20_i64, 0..20_i64, lost(), lost()).prop_map(
        |(segments, window, before, behind, lost_before, lost_behind)| Link {
            segments,
            window,
            delays: (before * MS + 200_000, behind * MS + 200_000),
            lost_before,
            lost_behind,
        },
    )
}

fn number(decoded: &crate::support::Decoded, column: &str) -> u64 {
    connection(decoded, &[column]).parse().unwrap()
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn what_was_sent_again_is_counted_and_nothing_else(link in links(6)) {
        let traffic = simulated(&link);
        let decoded = decoded(&traffic.segments);
        let counted = number(&decoded, "to_broker_retransmissions");
        prop_assert!(
            (traffic.visibly_again..=traffic.again).contains(&counted),
            "{counted} of {} to {}",
            traffic.visibly_again,
            traffic.again
        );
        prop_assert_eq!(number(&decoded, "to_broker_bytes"), u64::from(link.segments * SIZE));
        prop_assert_eq!(number(&decoded, "to_broker_unseen_bytes"), 0);
    }

    #[test]
    fn a_capture_that_misses_doubles_and_disorders_packets_shows_nothing_sent_again(
        link in links(0),
        missed in prop::collection::hash_set(3..200_usize, 0..10),
        doubled in prop::collection::hash_set(0..200_usize, 0..60),
        late in prop::collection::vec(0..2_usize, 200),
    ) {
        let traffic = simulated(&link);
        let mut packets = Vec::new();
        for (index, segment) in traffic.segments.iter().enumerate() {
            if !missed.contains(&index) {
                packets.push(*segment);
                if doubled.contains(&index) {
                    packets.push(Seg { at: segment.at + 15_000, ..*segment });
                }
            }
        }
        let mut order: Vec<usize> = (0..packets.len()).collect();
        order.sort_by_key(|&index| index + late[index % late.len()]);
        let packets: Vec<Seg<'_>> = order.into_iter().map(|index| packets[index]).collect();
        let decoded = decoded(&packets);
        prop_assert_eq!(number(&decoded, "to_broker_retransmissions"), 0);
        prop_assert!(number(&decoded, "to_broker_bytes") <= u64::from(link.segments * SIZE));
        let rows = stretches(&decoded);
        prop_assert!(rows.iter().all(|row| !row.starts_with("retransmission")), "{rows:?}");
    }
}
