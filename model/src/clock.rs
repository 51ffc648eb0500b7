//! The clocks that recordings are stamped with, and how a source's clock becomes wall time.
//!
//! A decoder writes the values of its source's *declared* clock, in ns, into `Timestamp` columns
//! and says which clock it is ([`crate::Summary::clock`]). The store converts every time column
//! once, with [`realtime_from_source`], before anything can be queried.

use std::fmt;

/// What a source's timestamps count from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ClockKind {
    /// `CLOCK_REALTIME`: ns since 1970-01-01T00:00:00Z.
    Realtime,
    /// `CLOCK_MONOTONIC`: ns since boot, without time asleep.
    Monotonic,
    /// `CLOCK_BOOTTIME`: ns since boot, with time asleep.
    Boottime,
    /// Local time of an unknown day or zone, taken as UTC of the day that was given or assumed.
    LocalTime,
    /// Ns since the JVM's start.
    JvmUptime,
    /// Ns since the recorder's start or its first event, at a time that it does not tell.
    Elapsed,
}

impl ClockKind {
    /// The name used in tables and messages.
    pub fn name(self) -> &'static str {
        match self {
            ClockKind::Realtime => "realtime",
            ClockKind::Monotonic => "monotonic",
            ClockKind::Boottime => "boottime",
            ClockKind::LocalTime => "local_time",
            ClockKind::JvmUptime => "jvm_uptime",
            ClockKind::Elapsed => "elapsed",
        }
    }
}

impl fmt::Display for ClockKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One instant read on two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockAnchor {
    /// The first clock.
    pub clock: ClockKind,
    /// Its reading, ns.
    pub time_ns: i64,
    /// The second clock.
    pub reference: ClockKind,
    /// Its reading, ns.
    pub reference_time_ns: i64,
    /// How far apart the two readings may have been taken, ns.
    pub uncertainty_ns: i64,
}

/// How readings of a source's clock become wall time: an offset, and a rate that differs from wall
/// time's by a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClockConversion {
    /// Added to every reading, ns.
    pub offset_ns: i64,
    /// Wall time that goes by beyond a second of the source's clock, in ns a second (parts per 10⁹).
    pub drift_ppb: i64,
    /// The reading at which the drift adds nothing, ns.
    pub drift_from_ns: i64,
}

impl ClockConversion {
    /// A conversion without drift.
    pub fn fixed(offset_ns: i64) -> Self {
        Self {
            offset_ns,
            ..Self::default()
        }
    }

    /// Whether it changes nothing.
    pub fn is_identity(&self) -> bool {
        self.offset_ns == 0 && self.drift_ppb == 0
    }

    /// This conversion and then another one of what it gives. Exact but for the product of two
    /// drifts, which is below a ns a year.
    #[must_use]
    pub fn then(&self, next: &Self) -> Self {
        if next.drift_ppb == 0 {
            return Self {
                offset_ns: self.offset_ns.saturating_add(next.offset_ns),
                ..*self
            };
        }
        // Both drifts are counted from the reading at which the next one adds nothing.
        let from = self.source_from_realtime(next.drift_from_ns);
        let at_from = realtime_from_source(from, self);
        Self {
            offset_ns: realtime_from_source(at_from, next).saturating_sub(from),
            drift_ppb: self.drift_ppb.saturating_add(next.drift_ppb),
            drift_from_ns: from,
        }
    }

    /// The reading that becomes a wall time, to within a few ns.
    pub fn source_from_realtime(&self, realtime_ns: i64) -> i64 {
        let near = realtime_ns.saturating_sub(self.offset_ns);
        let drift = |reading: i64| realtime_from_source(reading, self).saturating_sub(realtime_ns);
        let nearer = near.saturating_sub(drift(near));
        nearer.saturating_sub(drift(nearer))
    }

    /// The conversion back, to within a few ns.
    #[must_use]
    pub fn inverse(&self) -> Self {
        Self {
            offset_ns: self.offset_ns.saturating_neg(),
            drift_ppb: self.drift_ppb.saturating_neg(),
            drift_from_ns: self.drift_from_ns.saturating_add(self.offset_ns),
        }
    }
}

/// The wall time of a reading of a source's clock: the one place where clocks are converted.
/// Rounds down; saturates at the ends of `i64`.
pub fn realtime_from_source(source_ns: i64, conversion: &ClockConversion) -> i64 {
    let moved = source_ns.saturating_add(conversion.offset_ns);
    if conversion.drift_ppb == 0 {
        return moved;
    }
    let span = i128::from(source_ns) - i128::from(conversion.drift_from_ns);
    let drift = (span * i128::from(conversion.drift_ppb)).div_euclid(1_000_000_000);
    let bound = if drift < 0 { i64::MIN } else { i64::MAX };
    moved.saturating_add(i64::try_from(drift).unwrap_or(bound))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRIFTING: ClockConversion = ClockConversion {
        offset_ns: 1_000,
        drift_ppb: 50_000,
        drift_from_ns: 2_000_000_000,
    };

    #[test]
    fn a_clock_that_is_slow_by_50_ppm_gains_50_us_a_second() {
        let at = |source_ns| realtime_from_source(source_ns, &DRIFTING);
        assert_eq!(at(2_000_000_000), 2_000_001_000);
        assert_eq!(at(3_000_000_000), 3_000_051_000);
        assert_eq!(at(1_000_000_000), 999_951_000);
    }

    #[test]
    fn two_conversions_in_one_are_as_one_after_the_other() {
        let next = ClockConversion {
            offset_ns: -77,
            drift_ppb: -20_000,
            drift_from_ns: 5_000_000_000,
        };
        let both = DRIFTING.then(&next);
        for source_ns in [0, 1_234_567_890, 100_000_000_000] {
            let expected = realtime_from_source(realtime_from_source(source_ns, &DRIFTING), &next);
            let found = realtime_from_source(source_ns, &both);
            assert!((found - expected).abs() < 200, "{found} for {expected}");
        }
    }

    #[test]
    fn a_conversion_and_its_inverse_change_nothing() {
        for source_ns in [0, 1_234_567_890, 10_000_000_000] {
            let there = realtime_from_source(source_ns, &DRIFTING);
            let back = realtime_from_source(there, &DRIFTING.inverse());
            assert!((back - source_ns).abs() < 50, "{back} for {source_ns}");
            assert!((DRIFTING.source_from_realtime(there) - source_ns).abs() < 5);
        }
    }
}
