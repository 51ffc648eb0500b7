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

/// The wall time of a reading of a source's clock: the one place where clocks are converted.
/// Saturates at the ends of `i64`.
pub fn realtime_from_source(source_ns: i64, offset_ns: i64) -> i64 {
    source_ns.saturating_add(offset_ns)
}
