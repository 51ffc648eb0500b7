//! The columns of tracers' tables, by the names that the tools give them.

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// Time of day at which it started.
    StartTime,
    /// Time of day at which it ended; with one time only, that of the line, printed at the end.
    EndTime,
    /// Since the tracer's start, in units of so many ns.
    Elapsed(i64),
    /// Since boot, in units of so many ns.
    Monotonic(i64),
    Comm,
    Pid,
    Tid,
    /// `R`, `W`, `O`, `S`.
    Operation,
    Bytes,
    OffsetKb,
    Offset,
    /// In units of so many ns; 0: the unit stands behind the number.
    Latency(i64),
    Queue(i64),
    File,
    Function,
    Disk,
    Sector,
    /// A word that no table takes.
    Ignored,
    /// What a column holds that nobody knows: one word or more.
    Unknown,
}

use Column::*;

/// Names of columns as the tools write them. Two-word names come first.
pub(super) const NAMES: &[(&str, Column)] = &[
    ("START TIME", StartTime),
    ("END TIME", EndTime),
    ("TIME", EndTime),
    ("START", StartTime),
    ("END", EndTime),
    ("START_TIME", StartTime),
    ("END_TIME", EndTime),
    ("TIME(s)", Elapsed(1_000_000_000)),
    ("TIME(ms)", Elapsed(1_000_000)),
    ("TIME(us)", Elapsed(1_000)),
    ("ENDTIME_us", Monotonic(1_000)),
    ("ENDTIME_ns", Monotonic(1)),
    ("COMM", Comm),
    ("TASK", Comm),
    ("PID", Pid),
    ("TID", Tid),
    ("T", Operation),
    ("D", Operation),
    ("TYPE", Operation),
    ("BYTES", Bytes),
    ("SIZE", Bytes),
    ("OFF_KB", OffsetKb),
    ("OFFSET_b", Offset),
    ("OFFSET", Offset),
    ("LATENCY", Latency(0)),
    ("LAT", Latency(0)),
    ("LAT(ms)", Latency(1_000_000)),
    ("LATENCY(ms)", Latency(1_000_000)),
    ("LAT(us)", Latency(1_000)),
    ("LATENCY(us)", Latency(1_000)),
    ("LATENCY_us", Latency(1_000)),
    ("LATENCY_ms", Latency(1_000_000)),
    ("LATENCY_ns", Latency(1)),
    ("LAT(ns)", Latency(1)),
    ("QUE(ms)", Queue(1_000_000)),
    ("QUE(us)", Queue(1_000)),
    ("FILE", File),
    ("FILENAME", File),
    ("FUNCTION", Function),
    ("FUNC", Function),
    ("DISK", Disk),
    ("DEV", Disk),
    ("SECTOR", Sector),
    ("RVAL", Ignored),
    ("CPU", Ignored),
    ("UID", Ignored),
    ("PATTERN", Ignored),
    ("PREV COMM", Unknown),
    ("PREV TID", Ignored),
    ("PREV PID", Ignored),
];

/// Whether a word may be the name of a column: capitals, and what stands in parentheses.
pub(super) fn is_name(word: &str) -> bool {
    let name = word.split(['(', '_', '/']).next().unwrap_or_default();
    word.len() <= 24
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|byte| {
            byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"%#-.".contains(&byte)
        })
}
