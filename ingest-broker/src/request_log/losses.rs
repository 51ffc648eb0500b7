//! What can be lost of a request log.

use kcorr_model::{LossKind, Severity};

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
    severity: Severity::Info,
    doc: "The log ends inside a line: its request has no row.",
};

/// A connection that is named in another form.
pub(crate) static REQUEST_LOG_CONNECTION: LossKind = LossKind {
    name: "request_log_connection",
    severity: Severity::Warning,
    doc: "A connection is not named `server:port-client:port-index`: its request's row has no addresses.",
};

/// A time of another clock than the first.
pub(crate) static REQUEST_LOG_TIME: LossKind = LossKind {
    name: "request_log_time",
    severity: Severity::Warning,
    doc: "Some lines have a time with a zone and others one without: those unlike the first have rows without a time.",
};
