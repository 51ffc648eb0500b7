//! `run_queue_waits`: time that threads waited for a CPU.

use crate::{Column, Table, Type};

/// A wait of a runnable thread for a CPU.
pub static RUN_QUEUE_WAITS: Table = Table {
    name: "run_queue_waits",
    doc: "A wait of a runnable thread for a CPU.",
    sorted_by: Some("start_time"),
    columns: &[
        Column::required("run_queue_wait_id", Type::Int64, "Id of the row."),
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required("start_time", Type::Time, "The thread became runnable."),
        Column::required("end_time", Type::Time, "It got a CPU."),
        Column::required("duration_ns", Type::Int64, "end_time − start_time."),
        Column::optional("pid", Type::Int32, "Process id."),
        Column::optional("tid", Type::Int32, "Thread id of the operating system."),
        Column::optional(
            "comm",
            Type::Label,
            "Name of the thread in the kernel, cut to 15 bytes.",
        ),
    ],
};
