//! What can be lost of a client's messages.

use kcorr_model::{LossKind, Severity};

/// A line that cannot be read.
pub(crate) static CLIENT_MESSAGE_BAD_LINE: LossKind = LossKind {
    name: "client_message_bad_line",
    severity: Severity::Warning,
    doc: "A line is no client message (an object with `client_message`, `run`, `setting`, `topic`, `partition`, `bytes` and `intended_ns`), or the file ends in it: the message has no row.",
};

/// A line that contradicts itself.
pub(crate) static CLIENT_MESSAGE_TIMES: LossKind = LossKind {
    name: "client_message_times",
    severity: Severity::Warning,
    doc: "A step of a message is earlier than one that must be before it, so that the client's clock was set meanwhile or the line is damaged: the message has no row.",
};

/// Statistics that cannot be read.
pub(crate) static CLIENT_STATISTICS_BAD_LINE: LossKind = LossKind {
    name: "client_statistics_bad_line",
    severity: Severity::Warning,
    doc: "A line has statistics of librdkafka that cannot be read, are cut, or are longer than 8 MiB: their numbers have no rows.",
};
