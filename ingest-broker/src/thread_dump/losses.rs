//! What can be lost of a thread dump.

use kcorr_model::{LossKind, Severity};

/// A thread's first line cannot be read, or is not there.
pub(crate) static BAD_THREAD: LossKind = LossKind {
    name: "thread_dump_unreadable_thread",
    severity: Severity::Warning,
    doc: "A thread's first line cannot be read, or a thread's state has none before it: the thread is missing.",
};

/// Threads that a dump's list has and that have no lines.
pub(crate) static MISSING_THREADS: LossKind = LossKind {
    name: "thread_dump_missing_threads",
    severity: Severity::Warning,
    doc: "A dump says how many Java threads there are (`_java_thread_list=…, length=N`), and fewer have lines that can be read: threads are missing.",
};

/// A dump without its last line.
pub(crate) static CUT_DUMP: LossKind = LossKind {
    name: "thread_dump_cut",
    severity: Severity::Warning,
    doc: "A dump does not end as HotSpot's do (`JNI global refs: …`): it is cut, and threads may be missing.",
};

/// Bytes that no dump has.
pub(crate) static DAMAGED_LINE: LossKind = LossKind {
    name: "thread_dump_damaged_line",
    severity: Severity::Warning,
    doc: "A line of a dump has control characters, as damaged files have: a thread, a frame or a lock may be missing.",
};

/// A line is too long.
pub(crate) static LONG_LINE: LossKind = LossKind {
    name: "thread_dump_long_line",
    severity: Severity::Warning,
    doc: "A line is longer than 64 KiB: it was passed over.",
};

/// The dump is not UTF-8.
pub(crate) static NOT_UTF8: LossKind = LossKind {
    name: "thread_dump_not_utf8",
    severity: Severity::Info,
    doc: "A line is not UTF-8; the bytes that are not became replacement characters.",
};
