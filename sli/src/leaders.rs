//! Which partition stands for which broker.
//!
//! Messages of a broker's stream go to a partition that it leads. When another takes over they go on to the same partition:
//! a failover is what a client sees. Only when the broker is there and has led none of them for a while another partition is
//! taken, or wanted.

use std::collections::{BTreeMap, BTreeSet};

/// The cluster as metadata have it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cluster {
    pub(crate) brokers: BTreeSet<i32>,
    /// Leaders by partition; none when nobody leads.
    pub(crate) leaders: BTreeMap<i32, Option<i32>>,
}

/// A broker's messages, and where they go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stream {
    pub(crate) broker: i32,
    pub(crate) partition: i32,
    /// Since when it does not lead that, though it is there.
    lost_ns: Option<i64>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Streams {
    streams: Vec<Stream>,
    /// Brokers that never had a partition, and since when they are known.
    waiting: BTreeMap<i32, i64>,
    keep_ns: i64,
}

impl Streams {
    pub(crate) fn new(keep_ns: i64) -> Self {
        Self {
            keep_ns,
            ..Self::default()
        }
    }

    pub(crate) fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// Looks at the cluster; returns the brokers that need a partition which does not exist.
    pub(crate) fn look(&mut self, cluster: &Cluster, now_ns: i64) -> Vec<i32> {
        let leads = |broker: i32, partition: i32| {
            cluster.leaders.get(&partition).copied().flatten() == Some(broker)
        };
        for stream in &mut self.streams {
            let is_there = cluster.brokers.contains(&stream.broker);
            stream.lost_ns = match leads(stream.broker, stream.partition) {
                true => None,
                // Since it is there again: it may get its own back.
                false if is_there => stream.lost_ns.or(Some(now_ns)),
                false => Some(now_ns),
            };
        }
        let mut wanted = Vec::new();
        for &broker in &cluster.brokers {
            let at = self.streams.iter().position(|it| it.broker == broker);
            let is_due = match at.and_then(|at| self.streams.get(at)) {
                Some(stream) => stream
                    .lost_ns
                    .is_some_and(|since| now_ns.saturating_sub(since) >= self.keep_ns),
                None => true,
            };
            if !is_due {
                continue;
            }
            let used: BTreeSet<i32> = self.streams.iter().map(|it| it.partition).collect();
            let other = cluster
                .leaders
                .keys()
                .find(|partition| leads(broker, **partition) && !used.contains(partition));
            match (other, at) {
                (Some(&partition), at) => {
                    let stream = Stream {
                        broker,
                        partition,
                        lost_ns: None,
                    };
                    match at.and_then(|at| self.streams.get_mut(at)) {
                        Some(known) => *known = stream,
                        None => self.streams.push(stream),
                    }
                    self.waiting.remove(&broker);
                }
                (None, Some(_)) => wanted.push(broker),
                (None, None) => {
                    // One that has just come may soon lead some.
                    let since = *self.waiting.entry(broker).or_insert(now_ns);
                    if self.streams.is_empty() || now_ns.saturating_sub(since) >= self.keep_ns {
                        wanted.push(broker);
                    }
                }
            }
        }
        wanted
    }

    /// Brokers that lead no partition to which their messages go.
    pub(crate) fn without(&self, cluster: &Cluster) -> Vec<i32> {
        let is_without = |broker: &i32| {
            let stream = self.streams.iter().find(|it| it.broker == *broker);
            stream.is_none_or(|it| it.lost_ns.is_some())
        };
        let known = self.streams.iter().map(|it| it.broker);
        let all: BTreeSet<i32> = cluster.brokers.iter().copied().chain(known).collect();
        all.into_iter().filter(is_without).collect()
    }
}

/// Replicas of a partition that a broker leads: it, and those that follow it in the order of numbers.
pub(crate) fn replicas(broker: i32, brokers: &BTreeSet<i32>, count: usize) -> Vec<i32> {
    let after = brokers.iter().copied().filter(|it| *it > broker);
    let before = brokers.iter().copied().filter(|it| *it < broker);
    let order = [broker].into_iter().chain(after).chain(before);
    order.take(count.max(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(brokers: &[i32], leaders: &[Option<i32>]) -> Cluster {
        Cluster {
            brokers: brokers.iter().copied().collect(),
            leaders: (0..).zip(leaders.iter().copied()).collect(),
        }
    }

    fn partitions(streams: &Streams) -> Vec<(i32, i32)> {
        let streams = streams.streams().iter();
        streams.map(|it| (it.broker, it.partition)).collect()
    }

    #[test]
    fn each_broker_has_a_partition_that_it_leads_and_wants_one_where_it_has_none() {
        let mut streams = Streams::new(100);
        let wanted = streams.look(&cluster(&[1, 2, 3], &[Some(2), Some(2), Some(1)]), 0);
        assert_eq!(partitions(&streams), [(1, 2), (2, 0)]);
        assert!(wanted.is_empty());
        let all = cluster(&[1, 2, 3], &[Some(2), Some(2), Some(1)]);
        assert_eq!(streams.without(&all), [3]);
        assert_eq!(streams.look(&all, 100), [3]);
        assert_eq!(
            Streams::new(100).look(&cluster(&[1, 2], &[None]), 0),
            [1, 2],
            "at first it is wanted at once, to begin with"
        );
    }

    #[test]
    fn a_failover_is_gone_through_and_only_what_stays_is_mended() {
        let mut streams = Streams::new(100);
        streams.look(&cluster(&[1, 2], &[Some(1), Some(2)]), 0);
        // Broker 1 is down.
        let down = cluster(&[2], &[Some(2), Some(2)]);
        assert!(streams.look(&down, 10).is_empty());
        assert!(streams.look(&down, 500).is_empty());
        assert_eq!(partitions(&streams), [(1, 0), (2, 1)]);
        assert_eq!(streams.without(&down), [1]);
        // It is back and leads nothing.
        let back = cluster(&[1, 2], &[Some(2), Some(2)]);
        assert!(streams.look(&back, 510).is_empty());
        assert_eq!(streams.look(&back, 600), [1]);
        // A new partition, or another that it leads, is taken.
        let more = cluster(&[1, 2], &[Some(2), Some(2), Some(1)]);
        assert!(streams.look(&more, 610).is_empty());
        assert_eq!(partitions(&streams), [(1, 2), (2, 1)]);
        assert!(streams.without(&more).is_empty());
    }

    #[test]
    fn a_leader_that_comes_back_in_time_keeps_its_partition() {
        let mut streams = Streams::new(100);
        let whole = cluster(&[1, 2], &[Some(1), Some(2)]);
        streams.look(&whole, 0);
        streams.look(&cluster(&[1, 2], &[Some(2), Some(2)]), 50);
        streams.look(&whole, 120);
        assert!(
            streams
                .look(&cluster(&[1, 2], &[Some(2), Some(2)]), 200)
                .is_empty()
        );
        assert_eq!(partitions(&streams), [(1, 0), (2, 1)]);
    }

    #[test]
    fn a_new_partition_is_led_by_its_broker_and_followed_by_the_next() {
        let brokers = BTreeSet::from([1, 2, 3, 7]);
        assert_eq!(replicas(2, &brokers, 3), [2, 3, 7]);
        assert_eq!(replicas(7, &brokers, 3), [7, 1, 2]);
        assert_eq!(replicas(1, &brokers, 9).len(), 4);
    }
}
