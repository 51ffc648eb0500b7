//! What can be lost of a tracer's output.

use kcorr_model::{LossKind, Severity};

/// A line that cannot be read.
pub(crate) static BPF_BAD_LINE: LossKind = LossKind {
    name: "bpf_bad_line",
    severity: Severity::Warning,
    doc: "A line is not of the recording's format; the event it stood for is missing.",
};

/// The last line has no end.
pub(crate) static BPF_CUT_LINE: LossKind = LossKind {
    name: "bpf_cut_line",
    severity: Severity::Warning,
    doc: "The recording ends inside a line or a stack, as when its disk is full or the tracer is killed; that event is missing, and maybe more behind it.",
};

/// A line longer than the decoder holds.
pub(crate) static BPF_LONG_LINE: LossKind = LossKind {
    name: "bpf_long_line",
    severity: Severity::Warning,
    doc: "A line is longer than 8 MiB and was passed over; its events are missing.",
};

/// An event without times.
pub(crate) static BPF_INCOMPLETE_EVENT: LossKind = LossKind {
    name: "bpf_incomplete_event",
    severity: Severity::Warning,
    doc: "An event lacks something that its row needs, such as its start, or ends before it starts; the row is missing.",
};

/// A value that does not fit its column.
pub(crate) static BPF_BAD_VALUE: LossKind = LossKind {
    name: "bpf_bad_value",
    severity: Severity::Warning,
    doc: "A value is not of its column's type or range; the row is there with null in its place.",
};

/// An event of an unknown kind.
pub(crate) static BPF_UNKNOWN_EVENT: LossKind = LossKind {
    name: "bpf_unknown_event",
    severity: Severity::Warning,
    doc: "An event is of a kind that no table takes; a field map can say where it belongs.",
};

/// Events that the tracer dropped.
pub(crate) static BPF_EVENTS_LOST: LossKind = LossKind {
    name: "bpf_events_lost",
    severity: Severity::Warning,
    doc: "The tracer says that it lost events because its buffers were full; writes or waits of that time are missing.",
};

/// The same event twice.
pub(crate) static BPF_DUPLICATE_EVENT: LossKind = LossKind {
    name: "bpf_duplicate_event",
    severity: Severity::Info,
    doc: "The same event was printed more than once and is stored once.",
};

/// An event far out of order.
pub(crate) static BPF_LATE_EVENT: LossKind = LossKind {
    name: "bpf_late_event",
    severity: Severity::Info,
    doc: "An event came more than 262144 rows after later ones; it is stored, but duplicates of it would not be noticed.",
};

/// Times of more than one clock.
pub(crate) static BPF_MIXED_CLOCKS: LossKind = LossKind {
    name: "bpf_mixed_clocks",
    severity: Severity::Warning,
    doc: "The recording has times of more than one clock, such as the outputs of two tools one after the other; only those of the first are placed right. Ingest them one by one.",
};

/// Names of directories without their ends.
pub(crate) static BPF_NAME_CUT: LossKind = LossKind {
    name: "bpf_name_cut",
    severity: Severity::Warning,
    doc: "The name of a directory is cut by the tracer's longest string, or ends exactly there and may be; topic and partition of the operation are null, for another partition may be called so. `kcorr probes` prints scripts that say how long strings must be.",
};

/// A word for an operation that is none.
pub(crate) static BPF_UNKNOWN_OPERATION: LossKind = LossKind {
    name: "bpf_unknown_operation",
    severity: Severity::Warning,
    doc: "The word for a file operation is not known, so reads and syncs could not be told from writes; the row is missing.",
};

/// Stacks that may be samples or time.
pub(crate) static BPF_UNKNOWN_MEASURE: LossKind = LossKind {
    name: "bpf_unknown_measure",
    severity: Severity::Warning,
    doc: "Nothing in the file says whether the numbers behind its stacks are samples or time off CPU; they are taken for samples. `--bpf-format` says it.",
};

/// Stacks that rows refer to.
pub(crate) static BPF_STACK_MISSING: LossKind = LossKind {
    name: "bpf_stack_missing",
    severity: Severity::Warning,
    doc: "A row refers to a kernel stack that was not printed, or that the tracer could not read; what the thread waited for is unknown unless its system call says it.",
};

/// Stacks of no class.
pub(crate) static BPF_UNKNOWN_WAIT: LossKind = LossKind {
    name: "bpf_unknown_wait",
    severity: Severity::Info,
    doc: "A thread was blocked with a kernel stack that fits no class of waits; the row is there as `unknown`, with its innermost frames in `wait_function`.",
};

/// Stacks of calls.
pub(crate) static BPF_STACK_SKIPPED: LossKind = LossKind {
    name: "bpf_stack_skipped",
    severity: Severity::Info,
    doc: "The stacks that are printed below calls have no place in the table and were passed over; the count is of frames.",
};

/// Output of the tracer that no table takes.
pub(crate) static BPF_SUMMARY_SKIPPED: LossKind = LossKind {
    name: "bpf_summary_skipped",
    severity: Severity::Info,
    doc: "A map or histogram that is no sum over stacks has no place in a table and was passed over.",
};
