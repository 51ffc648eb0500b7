//! `lock_waits`: waits for monitors, locks and parks.

use crate::{Column, Table, Type};

/// A thread's wait for a monitor or lock.
pub static LOCK_WAITS: Table = Table {
    name: "lock_waits",
    doc: "A thread's wait for a monitor or lock.",
    sorted_by: Some("start_time"),
    columns: &[
        Column::required("lock_wait_id", Type::Int64, "Id of the row."),
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required(
            "kind",
            Type::Label,
            "`monitor` (entering a synchronized block), `monitor_wait` (Object.wait), `park` (java.util.concurrent) or `native`.",
        ),
        Column::required("origin", Type::Label, "What saw it: `jfr` or `usdt`."),
        Column::required("start_time", Type::Time, "Start of the wait."),
        Column::required(
            "end_time",
            Type::Time,
            "Its end: the lock was taken, or the wait was given up.",
        ),
        Column::required("duration_ns", Type::Int64, "end_time − start_time."),
        Column::optional("pid", Type::Int32, "Process id."),
        Column::optional("tid", Type::Int32, "Thread id of the operating system."),
        Column::optional("java_thread_id", Type::Int64, "Thread id in Java."),
        Column::optional(
            "comm",
            Type::Label,
            "Name of the thread in the kernel, cut to 15 bytes.",
        ),
        Column::optional("thread_name", Type::Label, "Name of the thread in Java."),
        Column::optional(
            "lock_class",
            Type::Label,
            "Class of the lock, with dots: `java.lang.Object`.",
        ),
        Column::optional(
            "lock_address",
            Type::Int64,
            "Address of the monitor or object; in a JFR it moves with garbage collections.",
        ),
        Column::optional(
            "owner_tid",
            Type::Int32,
            "Thread that held the lock before, where the recorder knows.",
        ),
        Column::optional("owner_thread_name", Type::Label, "Its name in Java."),
        Column::optional(
            "stack_id",
            Type::Int64,
            "Stack of the waiting thread: `stacks.stack_id`.",
        ),
    ],
};
