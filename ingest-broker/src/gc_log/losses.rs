//! What can be lost of a JVM's GC log.

use kcorr_model::{LossKind, Severity};

/// Lines that are not the JVM's.
pub(crate) static GC_LOG_OTHER_LINE: LossKind = LossKind {
    name: "gc_log_other_line",
    severity: Severity::Info,
    doc: "A line is not of the JVM's log of collections and safepoints: it was passed over.",
};

/// A pause's line that cannot be read.
pub(crate) static GC_LOG_BAD_LINE: LossKind = LossKind {
    name: "gc_log_bad_line",
    severity: Severity::Warning,
    doc: "A line that begins like a pause's cannot be read, has control characters as damaged files have, or is longer than 64 KiB: the pause has no row.",
};

/// The last line is cut.
pub(crate) static GC_LOG_CUT_LINE: LossKind = LossKind {
    name: "gc_log_cut_line",
    severity: Severity::Warning,
    doc: "The log ends inside a line; if it told a pause, the pause has no row.",
};

/// A pause without a time.
pub(crate) static GC_LOG_NO_TIME: LossKind = LossKind {
    name: "gc_log_no_time",
    severity: Severity::Warning,
    doc: "A pause's line has no time of the clock that the log began with: the pause has no row. Log with `-Xlog:safepoint*,gc*:file=gc.log:time,uptimenanos,level,tags`.",
};

/// The JVM started anew.
pub(crate) static GC_LOG_RESTART: LossKind = LossKind {
    name: "gc_log_restart",
    severity: Severity::Warning,
    doc: "The uptime fell, so the JVM was started anew, and the log has no wall time: pauses of several lives have times of one.",
};

/// A pause that began and did not end.
pub(crate) static GC_LOG_UNFINISHED: LossKind = LossKind {
    name: "gc_log_unfinished_pause",
    severity: Severity::Warning,
    doc: "A line tells that a pause begins, and none that it ends: the line is missing or cut, and the pause has no row.",
};
