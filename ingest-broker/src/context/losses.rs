//! What can be lost of a context, and what a recorder says that it lost.

use kcorr_model::{LossKind, Severity};

/// A line that cannot be read.
pub(crate) static CONTEXT_BAD_LINE: LossKind = LossKind {
    name: "context_bad_line",
    severity: Severity::Warning,
    doc: "A line is no object with `context`, `name`, `value` and `time_ns`: what it told has no row.",
};

/// Packets that a capture has not.
pub(crate) static RECORDING_PACKETS_DROPPED: LossKind = LossKind {
    name: "recording_packets_dropped",
    severity: Severity::Warning,
    doc: "The recorder says that packets were dropped before its capture had them: requests may be missing, and latencies of others too long.",
};

/// A source that recorded not all that was asked for.
pub(crate) static RECORDING_INCOMPLETE: LossKind = LossKind {
    name: "recording_incomplete",
    severity: Severity::Warning,
    doc: "The recorder says that a source did not record all that was asked for, or nothing: what it would have shown is missing.",
};
