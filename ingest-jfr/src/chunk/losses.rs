//! What can be lost of a chunk while its events are read.

use kcorr_model::{LossKind, Severity};

/// A chunk's header cannot be used.
pub(crate) const BAD_HEADER: LossKind = LossKind {
    name: "jfr_bad_chunk_header",
    severity: Severity::Error,
    doc: "A chunk's header is cut off, of an unknown version, or without a clock: nothing of the chunk can be read.",
};

/// An event's fields do not fill it.
pub(crate) const BAD_EVENT: LossKind = LossKind {
    name: "jfr_unreadable_event",
    severity: Severity::Warning,
    doc: "An event's fields end before or behind the event itself: it is damaged, and its row is missing.",
};

/// An event's times cannot be right.
pub(crate) const BAD_TIME: LossKind = LossKind {
    name: "jfr_impossible_time",
    severity: Severity::Warning,
    doc: "An event lasts less than nothing, or lies years away from its chunk: it is damaged, and its row is missing.",
};

/// The metadata declares an event that cannot be decoded.
pub(crate) const BAD_TYPE: LossKind = LossKind {
    name: "jfr_unreadable_type",
    severity: Severity::Warning,
    doc: "The metadata declares an event type in a way that cannot be decoded; rows of its events are missing.",
};

/// Events of a type that the metadata does not declare.
pub(crate) const UNKNOWN_TYPE: LossKind = LossKind {
    name: "jfr_unknown_event_type",
    severity: Severity::Warning,
    doc: "Events are of a type that the chunk's metadata does not declare; they cannot be read.",
};

/// The rest of a constant-pool event is unreadable.
pub(crate) const BAD_POOL: LossKind = LossKind {
    name: "jfr_unreadable_constants",
    severity: Severity::Warning,
    doc: "A constant-pool event is damaged; names, classes or stacks that only it told are null.",
};

/// Ids that are in no constant pool.
pub(crate) const MISSING_CONSTANT: LossKind = LossKind {
    name: "jfr_missing_constant",
    severity: Severity::Warning,
    doc: "Events refer to threads or classes that no constant pool has, as in a chunk that was never finished; those columns are null.",
};

/// Stack ids that are in no constant pool.
pub(crate) const MISSING_STACK: LossKind = LossKind {
    name: "jfr_missing_stack",
    severity: Severity::Warning,
    doc: "Events refer to stacks that no constant pool has, as in a chunk that was never finished; their stack_id is null.",
};

/// The chunk was never finished.
pub(crate) const UNFINISHED: LossKind = LossKind {
    name: "jfr_unfinished_chunk",
    severity: Severity::Warning,
    doc: "A chunk is not as long as its header says: the recording was cut, or the chunk was still being written when it was copied or the JVM died. Events behind its end, or only in memory, are missing.",
};

/// Waits of one thread that overlap.
pub(crate) const OVERLAPPING: LossKind = LossKind {
    name: "jfr_overlapping_waits",
    severity: Severity::Info,
    doc: "Waits of one OS thread overlap: virtual threads that it carried one after another are recorded under its id.",
};
