//! Which followers the leader waits for (the in-sync set). One that has not had all of a log for
//! `replica.lag.time.max.ms` is no longer waited for, until it has caught up.

use super::{Event, Simulation};
use crate::history::{IsrChange, Time};

/// What the leader knows of a follower's log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Replica {
    /// The offset that it fetched last, which is the end of its log.
    pub(super) end: i64,
    /// Since then it has not had all.
    behind_since: Option<Time>,
    pub(super) is_in_sync: bool,
}

impl Replica {
    pub(super) fn new(end: i64) -> Self {
        Self {
            end,
            behind_since: None,
            is_in_sync: true,
        }
    }
}

impl Simulation<'_> {
    /// The leader looks twice in the time that it allows.
    fn shrink_interval(&self) -> i64 {
        self.options.replica_lag_ms * 1_000_000 / 2
    }

    pub(super) fn start_replicas(&mut self) {
        if self.options.follower_stops_per_second > 0.0 && !self.replicas.is_empty()
            || self.options.brokers > 1
        {
            self.schedule(self.shrink_interval(), Event::ShrinkDue);
        }
    }

    /// The followers that the leader waits for.
    fn in_sync(&self, log: usize) -> Vec<usize> {
        let followers = self.replicas.iter().enumerate();
        let in_sync = followers.filter(|(_, of)| of[log].is_in_sync);
        in_sync.map(|(follower, _)| follower).collect()
    }

    /// Notes that the set of a log is another one than `before`.
    fn set_changed(&mut self, log: usize, before: Vec<usize>, high_watermark: i64) {
        let after = self.in_sync(log);
        let left = before.iter().filter(|follower| !after.contains(follower));
        let left = left.map(|&follower| (follower, self.replicas[follower][log].end));
        self.history.isr_changes.push(IsrChange {
            time: self.now,
            log,
            left: left.collect(),
            before,
            after,
            high_watermark,
            end_offset: self.history.logs[log].end_offset,
        });
    }

    /// A follower's fetch told that it has a log up to an offset.
    pub(super) fn follower_has(&mut self, follower: usize, log: usize, offset: i64) {
        let end = self.history.logs[log].end_offset;
        let high = self.high_watermark(log);
        let replica = &mut self.replicas[follower][log];
        replica.end = offset;
        replica.behind_since = (offset < end).then_some(self.now);
        if !replica.is_in_sync && offset >= high {
            let before = self.in_sync(log);
            self.replicas[follower][log].is_in_sync = true;
            self.set_changed(log, before, high);
        }
    }

    /// Followers that have been behind for too long are no longer waited for.
    pub(super) fn shrink(&mut self) {
        let most = self.options.replica_lag_ms * 1_000_000;
        let mut changed = false;
        let led = |log: &usize| self.history.logs[*log].is_led;
        let led: Vec<usize> = (0..self.history.logs.len()).filter(led).collect();
        for log in led {
            let end = self.history.logs[log].end_offset;
            let high = self.high_watermark(log);
            let before = self.in_sync(log);
            for of in &mut self.replicas {
                let replica = &mut of[log];
                if replica.end >= end {
                    replica.behind_since = None;
                    continue;
                }
                let since = *replica.behind_since.get_or_insert(self.now);
                replica.is_in_sync &= self.now - since <= most;
            }
            if self.in_sync(log) != before {
                changed = true;
                self.set_changed(log, before, high);
            }
        }
        if changed {
            self.shrunk = true;
            self.complete_produces(None);
            self.shrunk = false;
            self.complete_fetches();
        }
        if self.is_open() || !self.delayed_produces.is_empty() {
            self.schedule(self.now + self.shrink_interval(), Event::ShrinkDue);
        }
    }
}
