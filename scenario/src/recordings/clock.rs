//! The clock of a recording.

use crate::Options;
use crate::history::{EPOCH_NS, Time};
use crate::random::Random;

/// CLOCK_MONOTONIC at the scenario's start: the machine has been up for some days.
pub(super) const MONOTONIC_NS: i64 = 604_800_123_456_789;
/// The JVM's uptime at the scenario's start.
pub(super) const UPTIME_NS: i64 = 86_401_234_567;

/// A clock with an error and a drift. What it says is wall time, or any other time with the same error.
#[derive(Debug, Clone, Copy)]
pub(super) struct SourceClock {
    error_ns: i64,
    drift_ppb: i64,
}

impl SourceClock {
    pub(super) fn new(options: &Options, source: &str) -> Self {
        let mut random = Random::new(options.seed, &format!("clock {source}"));
        let mut within = |bound: f64, scale: f64| {
            let bound = (bound * scale) as i64;
            random.between(-bound, bound)
        };
        let own = Self {
            error_ns: within(options.clock_error_ms, 1e6),
            drift_ppb: within(options.drift_ppm, 1e3),
        };
        // What the host's clock is off, all of its recordings are.
        let mut random = Random::new(options.seed, "clock host");
        let mut within = |bound: f64, scale: f64| {
            let bound = (bound * scale) as i64;
            random.between(-bound, bound)
        };
        Self {
            error_ns: own.error_ns + within(options.host_error_ms, 1e6),
            drift_ppb: own.drift_ppb + within(options.host_drift_ppm, 1e3),
        }
    }

    /// Wall time as this clock has it, ns since 1970.
    pub(super) fn wall(self, time: Time) -> i64 {
        EPOCH_NS + self.error_ns + self.drifted(time)
    }

    /// The raw counter of the recorder: it drifts; its error is in how it is tied to wall time.
    pub(super) fn drifted(self, time: Time) -> i64 {
        let drift = i128::from(time) * i128::from(self.drift_ppb) / 1_000_000_000;
        time + drift as i64
    }
}
