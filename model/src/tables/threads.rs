//! `threads`: who is who: OS thread ids and Java names.

use crate::{Column, Table, Type};

/// A thread.
pub static THREADS: Table = Table {
    name: "threads",
    doc: "A thread.",
    sorted_by: None,
    columns: &[
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::optional("pid", Type::Int32, "Process id."),
        Column::optional(
            "tid",
            Type::Int32,
            "Thread id of the operating system (`nid`).",
        ),
        Column::optional("java_thread_id", Type::Int64, "Thread id in Java."),
        Column::optional("name", Type::Text, "Name in Java."),
        Column::optional("os_name", Type::Text, "Name in the operating system."),
        Column::optional("thread_group", Type::Text, "Thread group in Java."),
        Column::optional("is_virtual", Type::Bool, "Whether it is a virtual thread."),
        Column::optional("state", Type::Text, "State in a thread dump."),
    ],
};
