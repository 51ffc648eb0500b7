//! A chunk's tick counter in wall time.

use crate::format::header::Header;

const NS_PER_SECOND: i64 = 1_000_000_000;
/// Below this frequency a remainder times 10⁹ fits 63 bits.
const MAX_NARROW_FREQUENCY: i64 = 9_000_000_000;

/// Converts ticks with the wall anchor in the chunk's header:
/// `start_nanos + (ticks − start_ticks) · 10⁹ / ticks_per_second`, in integers, rounding towards
/// the anchor, saturating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChunkClock {
    start_nanos: i64,
    start_ticks: i64,
    ticks_per_second: i64,
}

impl ChunkClock {
    /// The clock of a chunk. Headers with a frequency that is not positive are refused before.
    pub(crate) fn new(header: &Header) -> Self {
        Self {
            start_nanos: header.start_nanos,
            start_ticks: header.start_ticks,
            ticks_per_second: header.ticks_per_second.max(1),
        }
    }

    /// Wall time of a tick count, ns since 1970.
    #[inline(always)]
    pub(crate) fn realtime_from_ticks(&self, ticks: i64) -> i64 {
        let span = self.ns_from_ticks(ticks.saturating_sub(self.start_ticks));
        self.start_nanos.saturating_add(span)
    }

    /// Length of a span of ticks, ns.
    #[inline(always)]
    pub(crate) fn ns_from_ticks(&self, ticks: i64) -> i64 {
        let frequency = self.ticks_per_second;
        if frequency == NS_PER_SECOND {
            return ticks;
        }
        if frequency <= MAX_NARROW_FREQUENCY {
            let whole = (ticks / frequency).saturating_mul(NS_PER_SECOND);
            return whole.saturating_add(ticks % frequency * NS_PER_SECOND / frequency);
        }
        let ns = i128::from(ticks) * i128::from(NS_PER_SECOND) / i128::from(frequency);
        let bound = if ns < 0 { i64::MIN } else { i64::MAX };
        i64::try_from(ns).unwrap_or(bound)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_fast_paths_equal_the_definition(ticks: i64, frequency in prop_oneof![1i64..20_000_000_000, Just(1_000_000_000)]) {
            let clock = ChunkClock { start_nanos: 0, start_ticks: 0, ticks_per_second: frequency };
            let exact = i128::from(ticks) * 1_000_000_000 / i128::from(frequency);
            let exact = exact.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
            prop_assert_eq!(i128::from(clock.ns_from_ticks(ticks)), exact);
        }
    }

    #[test]
    fn ticks_before_the_chunk_are_before_its_start() {
        let clock = ChunkClock {
            start_nanos: 1_000,
            start_ticks: 3_000_000_000,
            ticks_per_second: 3_000_000_000,
        };
        assert_eq!(clock.realtime_from_ticks(2_999_999_997), 999);
        assert_eq!(clock.realtime_from_ticks(6_000_000_000), 1_000_001_000);
    }
}
