//! What the machine's clocks say at one moment.

use nix::time::{ClockId, clock_gettime};

/// How often the clocks are read, to have them close together once.
const TRIES: u32 = 200;

/// Readings of one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// `CLOCK_REALTIME`, ns since 1970.
    pub real_ns: i64,
    /// `CLOCK_MONOTONIC`, ns.
    pub monotonic_ns: i64,
    /// `CLOCK_BOOTTIME`, ns.
    pub boot_ns: i64,
    /// By how much they may be apart at most, ns.
    pub uncertainty_ns: i64,
}

impl Clocks {
    /// Reads them; none where the kernel has not all of them.
    pub fn read() -> Option<Self> {
        let mut best: Option<Self> = None;
        for _ in 0..TRIES {
            let before = now(ClockId::CLOCK_MONOTONIC)?;
            let real_ns = now(ClockId::CLOCK_REALTIME)?;
            let boot_ns = now(ClockId::CLOCK_BOOTTIME)?;
            let after = now(ClockId::CLOCK_MONOTONIC)?;
            let uncertainty_ns = after - before;
            if best.is_none_or(|best| uncertainty_ns < best.uncertainty_ns) {
                best = Some(Self {
                    real_ns,
                    monotonic_ns: before + uncertainty_ns / 2,
                    boot_ns,
                    uncertainty_ns,
                });
            }
        }
        best
    }
}

fn now(clock: ClockId) -> Option<i64> {
    let time = clock_gettime(clock).ok()?;
    time.tv_sec()
        .checked_mul(1_000_000_000)?
        .checked_add(time.tv_nsec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_readings_are_later_and_all_clocks_go_on_together() {
        let (first, second) = (Clocks::read().unwrap(), Clocks::read().unwrap());
        assert!(second.monotonic_ns > first.monotonic_ns);
        assert!(first.uncertainty_ns >= 0 && first.uncertainty_ns < 1_000_000_000);
        assert!(first.boot_ns >= first.monotonic_ns - first.uncertainty_ns);
    }
}
