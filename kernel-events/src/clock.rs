//! The clock of events beside wall time.

use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_getres, clock_gettime};

/// An instant on two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    /// `CLOCK_MONOTONIC`, which events have, in ns.
    pub monotonic_ns: i64,
    /// `CLOCK_REALTIME`, in ns since 1970.
    pub realtime_ns: i64,
}

impl ClockReading {
    /// Now, as well as can be: of some attempts the one in which the least time passed.
    pub fn now() -> Self {
        let attempt = || {
            let before = ns(clock_gettime(ClockId::CLOCK_MONOTONIC));
            let realtime_ns = ns(clock_gettime(ClockId::CLOCK_REALTIME));
            let passed = ns(clock_gettime(ClockId::CLOCK_MONOTONIC)).saturating_sub(before);
            let reading = Self {
                monotonic_ns: before.saturating_add(passed / 2),
                realtime_ns,
            };
            (passed, reading)
        };
        let attempts = (0..4).map(|_| attempt());
        let best = attempts.min_by_key(|&(passed, _)| passed);
        best.unwrap_or_else(attempt).1
    }
}

/// A time in ns, or 0 where there is no such clock, which no Linux is.
fn ns(time: nix::Result<TimeSpec>) -> i64 {
    let time = time.unwrap_or(TimeSpec::new(0, 0));
    let seconds = time.tv_sec().saturating_mul(1_000_000_000);
    seconds.saturating_add(time.tv_nsec())
}

/// The kernel's ticks a second (`CONFIG_HZ`): what its coarse clocks go by.
pub(crate) fn ticks_a_second() -> u32 {
    let tick_ns = ns(clock_getres(ClockId::CLOCK_MONOTONIC_COARSE));
    let ticks = 1_000_000_000_i64.checked_div(tick_ns);
    ticks.and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
}
