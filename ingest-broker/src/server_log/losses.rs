//! What can be lost of a broker's log.

use kcorr_model::{LossKind, Severity};

use crate::line_times::TimeLosses;

/// Lines that tell no change.
pub(crate) static SERVER_LOG_OTHER_LINE: LossKind = LossKind {
    name: "server_log_other_line",
    severity: Severity::Info,
    doc: "A line tells no change of an in-sync set: it was passed over.",
};

/// A change that cannot be read.
pub(crate) static SERVER_LOG_BAD_LINE: LossKind = LossKind {
    name: "server_log_bad_line",
    severity: Severity::Warning,
    doc: "A line that tells a change of an in-sync set cannot be read, or is longer than 1 MiB: the change has no row.",
};

/// The last line is cut.
pub(crate) static SERVER_LOG_CUT_LINE: LossKind = LossKind {
    name: "server_log_cut_line",
    severity: Severity::Warning,
    doc: "The log ends inside a line that tells a change of an in-sync set: the change has no row.",
};

/// A time of another form than the first.
static SERVER_LOG_TIME: LossKind = LossKind {
    name: "server_log_time",
    severity: Severity::Warning,
    doc: "The time of a line is of another form than the first line's (with a zone and without, a number and a date): its change has no row.",
};

/// A time that cannot be read.
static SERVER_LOG_UNREADABLE_TIME: LossKind = LossKind {
    name: "server_log_unreadable_time",
    severity: Severity::Warning,
    doc: "A line has a time that cannot be read: its change has no row.",
};

/// A change without a time.
static SERVER_LOG_NO_TIME: LossKind = LossKind {
    name: "server_log_no_time",
    severity: Severity::Warning,
    doc: "A line has no time, and others of the log have one: its change has no row.",
};

/// Dates whose order was told too late.
static SERVER_LOG_DATE_ORDER: LossKind = LossKind {
    name: "server_log_date_order",
    severity: Severity::Warning,
    doc: "Which number of the dates is the day was told only after many lines, and is not what was taken before: earlier rows have times with day and month exchanged.",
};

/// What is said of its times.
pub(crate) static SERVER_LOG_TIMES: TimeLosses = TimeLosses {
    other_form: &SERVER_LOG_TIME,
    unreadable: &SERVER_LOG_UNREADABLE_TIME,
    missing: &SERVER_LOG_NO_TIME,
    order: &SERVER_LOG_DATE_ORDER,
    no_times: "no line says when it was logged, so that no change has a row; put %d{ISO8601} into the layout of the broker's log",
    collected: "lines have no time of their own: times are those at which a collector took the lines, later than when the broker logged them",
};
