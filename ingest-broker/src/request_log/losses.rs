//! What can be lost of a request log.

use kcorr_model::{LossKind, Severity};

use crate::line_times::TimeLosses;

/// Lines that tell no request.
pub(crate) static REQUEST_LOG_OTHER_LINE: LossKind = LossKind {
    name: "request_log_other_line",
    severity: Severity::Info,
    doc: "A line tells no completed request: it was passed over.",
};

/// A request's line that cannot be read.
pub(crate) static REQUEST_LOG_BAD_LINE: LossKind = LossKind {
    name: "request_log_bad_line",
    severity: Severity::Warning,
    doc: "A completed request's line cannot be read, or is longer than 16 MiB: the request has no row.",
};

/// The last line is cut.
pub(crate) static REQUEST_LOG_CUT_LINE: LossKind = LossKind {
    name: "request_log_cut_line",
    severity: Severity::Warning,
    doc: "The log ends inside a request's line: the request has no row.",
};

/// A connection that is named in another form.
pub(crate) static REQUEST_LOG_CONNECTION: LossKind = LossKind {
    name: "request_log_connection",
    severity: Severity::Warning,
    doc: "A connection is not named `server:port-client:port-index`: its request's row has no addresses.",
};

/// A time of another form than the first.
static REQUEST_LOG_TIME: LossKind = LossKind {
    name: "request_log_time",
    severity: Severity::Warning,
    doc: "The time of a line is of another form than the first line's (with a zone and without, a number and a date): its row has no end time.",
};

/// A time that cannot be read.
static REQUEST_LOG_UNREADABLE_TIME: LossKind = LossKind {
    name: "request_log_unreadable_time",
    severity: Severity::Warning,
    doc: "A line has a time that cannot be read: its row has no end time.",
};

/// A line without a time among those with one.
static REQUEST_LOG_NO_TIME: LossKind = LossKind {
    name: "request_log_no_time",
    severity: Severity::Warning,
    doc: "A line has no time, and others of the log have one: its row has no end time.",
};

/// Dates whose order was told too late.
static REQUEST_LOG_DATE_ORDER: LossKind = LossKind {
    name: "request_log_date_order",
    severity: Severity::Warning,
    doc: "Which number of the dates is the day was told only after many lines, and is not what was taken before: earlier rows have times with day and month exchanged.",
};

/// What is said of its times.
pub(crate) static REQUEST_LOG_TIMES: TimeLosses = TimeLosses {
    other_form: &REQUEST_LOG_TIME,
    unreadable: &REQUEST_LOG_UNREADABLE_TIME,
    missing: &REQUEST_LOG_NO_TIME,
    order: &REQUEST_LOG_DATE_ORDER,
    no_times: "no line says when it was logged: rows have no end time; put %d{ISO8601} into the layout of kafka.request.logger",
    collected: "lines have no time of their own: end times are those at which a collector took the lines, later than when the broker logged them",
};
