//! A window: a stretch of wall time that is accounted for once.

use chrono::DateTime;
use serde::{Deserialize, Serialize};

/// From its first nanosecond since 1970 to the one behind its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Period {
    /// Its begin.
    pub from_ns: i64,
    /// Its end, which is not in it.
    pub to_ns: i64,
}

impl Period {
    /// Whether a time is in it.
    pub fn has(&self, time_ns: i64) -> bool {
        self.from_ns <= time_ns && time_ns < self.to_ns
    }

    /// How long it is, in seconds.
    pub fn seconds(&self) -> f64 {
        seconds(self.to_ns.saturating_sub(self.from_ns))
    }

    /// What its files are called: `20261130T133000.250`.
    pub fn name(&self) -> String {
        let time = DateTime::from_timestamp_nanos(self.from_ns);
        time.format("%Y%m%dT%H%M%S%.3f").to_string()
    }
}

/// Nanoseconds in seconds, for metrics and people.
#[expect(clippy::cast_precision_loss, reason = "metrics are floats")]
pub(crate) fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}

/// A time as texts have it: `2026-11-30T13:30:00.250Z`.
pub(crate) fn text_of_time(ns: i64) -> String {
    let time = DateTime::from_timestamp_nanos(ns);
    time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_its_begin_and_not_its_end() {
        let period = Period {
            from_ns: 1_700_000_000_250_000_000,
            to_ns: 1_700_000_010_000_000_000,
        };
        assert!(period.has(period.from_ns) && !period.has(period.to_ns));
        assert_eq!(period.name(), "20231114T221320.250");
        assert_eq!(text_of_time(period.from_ns), "2023-11-14T22:13:20.250Z");
        assert!((period.seconds() - 9.75).abs() < 1e-9);
    }
}
