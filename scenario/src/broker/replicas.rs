//! Which followers the leader waits for (the in-sync set). One that has not had all of a log for
//! `replica.lag.time.max.ms` is no longer waited for, until it has caught up.

use super::{Event, Simulation};
use crate::history::Time;

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
        if self.options.followers > 0 && self.options.follower_stops_per_second > 0.0 {
            self.schedule(self.shrink_interval(), Event::ShrinkDue);
        }
    }

    /// A follower's fetch told that it has a log up to an offset.
    pub(super) fn follower_has(&mut self, follower: usize, log: usize, offset: i64) {
        let end = self.history.logs[log].end_offset;
        let high = self.high_watermark(log);
        let replica = &mut self.replicas[follower][log];
        replica.end = offset;
        replica.behind_since = (offset < end).then_some(self.now);
        replica.is_in_sync |= offset >= high;
    }

    /// Followers that have been behind for too long are no longer waited for.
    pub(super) fn shrink(&mut self) {
        let most = self.options.replica_lag_ms * 1_000_000;
        let mut changed = false;
        for replicas in &mut self.replicas {
            for (replica, log) in replicas.iter_mut().zip(&self.history.logs) {
                if replica.end >= log.end_offset {
                    replica.behind_since = None;
                    continue;
                }
                let since = *replica.behind_since.get_or_insert(self.now);
                if replica.is_in_sync && self.now - since > most {
                    replica.is_in_sync = false;
                    changed = true;
                }
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
