//! `thread_dump_locks`: locks held and awaited in thread dumps.

use crate::{Column, Table, Type};

/// A lock that a thread held or awaited when a thread dump was taken.
pub static THREAD_DUMP_LOCKS: Table = Table {
    name: "thread_dump_locks",
    doc: "A lock that a thread held or awaited when a thread dump was taken.",
    sorted_by: None,
    columns: &[
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required(
            "dump",
            Type::Int32,
            "Number of the dump in its file, from 1.",
        ),
        Column::optional("tid", Type::Int32, "Thread id of the operating system."),
        Column::optional("thread_name", Type::Label, "Name of the thread in Java."),
        Column::required(
            "relation",
            Type::Label,
            "`held`, `waiting_to_lock` (a monitor), `waiting_to_relock` (after Object.wait), `waiting_on` (Object.wait), `parking` (java.util.concurrent), `eliminated` or `synchronizer_held`.",
        ),
        Column::optional(
            "lock_address",
            Type::Int64,
            "Address of the lock; null when the JVM had none at hand.",
        ),
        Column::optional(
            "lock_class",
            Type::Label,
            "Class of the lock, with dots: `java.lang.Object`.",
        ),
        Column::optional(
            "frame",
            Type::Text,
            "The frame that the lock belongs to, as `package.Class.method`.",
        ),
    ],
};
