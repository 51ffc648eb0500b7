//! Which topics have a name in metrics: the worst, and no more than so many.
//!
//! A topic that is worse than the least bad of those that have a name takes its place; the series of the other ends, and
//! what it has from then on counts for the rest. What was long ago counts less: half of it after an hour.

use std::collections::BTreeMap;

/// All topics without a name.
pub(crate) const REST: &str = "(rest)";

/// Topics without a name that are watched.
const MOST_WATCHED: usize = 1000;
/// After so many seconds what was slow counts half.
const HALF_LIFE: f64 = 3600.0;

/// Topics with what slow requests to them took.
#[derive(Debug)]
pub(crate) struct Topics {
    most: usize,
    named: BTreeMap<String, f64>,
    watched: BTreeMap<String, f64>,
    aged_ns: Option<i64>,
}

impl Topics {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            named: BTreeMap::new(),
            watched: BTreeMap::new(),
            aged_ns: None,
        }
    }

    /// What a topic is called. No topic, and several, are nobody's.
    pub(crate) fn name<'a>(&self, topic: &'a str) -> &'a str {
        let is_none = topic.is_empty() || topic == "(several)";
        if is_none || self.named.contains_key(topic) {
            topic
        } else {
            REST
        }
    }

    /// Lets what was before count less.
    pub(crate) fn age(&mut self, now_ns: i64) {
        let Some(before) = self.aged_ns.replace(now_ns) else {
            return;
        };
        let passed = crate::period::seconds(now_ns.saturating_sub(before)).max(0.0);
        let factor = (-passed / HALF_LIFE).exp2();
        for score in self.named.values_mut().chain(self.watched.values_mut()) {
            *score *= factor;
        }
        self.watched.retain(|_, score| *score > 1e-6);
    }

    /// Notes a topic, with what slow requests to it took; a topic that has no name any more then.
    pub(crate) fn note(&mut self, topic: &str, slow_seconds: f64) -> Option<String> {
        if topic.is_empty() || topic == "(several)" {
            return None;
        }
        if let Some(score) = self.named.get_mut(topic) {
            *score += slow_seconds;
            return None;
        }
        if self.named.len() < self.most {
            self.named.insert(topic.to_owned(), slow_seconds);
            return None;
        }
        if slow_seconds <= 0.0 {
            return None;
        }
        let is_known = self.watched.contains_key(topic);
        if !is_known && self.watched.len() >= MOST_WATCHED {
            return None;
        }
        let score = self.watched.entry(topic.to_owned()).or_default();
        *score += slow_seconds;
        let score = *score;
        let (least, lowest) = self.named.iter().min_by(|a, b| a.1.total_cmp(b.1))?;
        // Twice as bad, so that two that are alike do not take turns.
        if score <= 2.0 * lowest {
            return None;
        }
        let (least, lowest) = (least.clone(), *lowest);
        self.named.remove(&least);
        self.watched.remove(topic);
        self.watched.insert(least.clone(), lowest);
        self.named.insert(topic.to_owned(), score);
        Some(least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worse_topic_takes_the_place_of_the_least_bad() {
        let mut topics = Topics::new(2);
        topics.age(0);
        assert_eq!(topics.note("quiet", 0.0), None);
        assert_eq!(topics.note("orders", 3.0), None);
        assert_eq!(topics.note("refunds", 0.0), None);
        assert_eq!(topics.name("refunds"), REST);
        assert_eq!(topics.note("refunds", 1.0), Some("quiet".to_owned()));
        assert_eq!(
            (topics.name("refunds"), topics.name("quiet")),
            ("refunds", REST)
        );
        assert_eq!(topics.note("quiet", 1.5), None);
        assert_eq!(topics.name(""), "");
        // Three hours later what was is an eighth.
        topics.age(3 * 3600 * 1_000_000_000);
        assert_eq!(topics.note("late", 0.5), Some("refunds".to_owned()));
        assert_eq!(topics.name("orders"), "orders");
    }
}
