//! The one clock: wall time at the start, and from there on what never goes back.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Reads ns since 1970. A wall clock that is set meanwhile moves no time of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    begun: Instant,
    begun_ns: i64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            begun: Instant::now(),
            begun_ns: ns(wall.unwrap_or_default()),
        }
    }

    pub(crate) fn now_ns(&self) -> i64 {
        self.begun_ns.saturating_add(ns(self.begun.elapsed()))
    }

    /// How long it is until a time; nothing when that is over.
    pub(crate) fn until(&self, time_ns: i64) -> Duration {
        let left = time_ns.saturating_sub(self.now_ns());
        Duration::from_nanos(u64::try_from(left).unwrap_or(0))
    }
}

fn ns(of: Duration) -> i64 {
    i64::try_from(of.as_nanos()).unwrap_or(i64::MAX)
}
