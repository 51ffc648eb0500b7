//! `block_io`: what the disk did.

use crate::{Column, Table, Type};

/// A request to a block device.
pub static BLOCK_IO: Table = Table {
    name: "block_io",
    doc: "A request to a block device.",
    sorted_by: Some("start_time"),
    columns: &[
        Column::required("block_io_id", Type::Int64, "Id of the row."),
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required("start_time", Type::Time, "Issued to the device."),
        Column::required("end_time", Type::Time, "Completed."),
        Column::required("duration_ns", Type::Int64, "end_time − start_time."),
        Column::optional(
            "queue_ns",
            Type::Int64,
            "Time in the queue before it was issued.",
        ),
        Column::optional(
            "operation",
            Type::Label,
            "`R`, `W`, `F` (flush), … as the tracer prints it.",
        ),
        Column::optional(
            "device",
            Type::Label,
            "Block device, by name or as `major:minor`.",
        ),
        Column::optional("sector", Type::Int64, "First sector."),
        Column::optional("bytes", Type::Int64, "Size."),
        Column::optional(
            "pid",
            Type::Int32,
            "Process id of the thread that issued it.",
        ),
        Column::optional("tid", Type::Int32, "Thread that issued it."),
        Column::optional(
            "comm",
            Type::Label,
            "Its name in the kernel, cut to 15 bytes.",
        ),
    ],
};
