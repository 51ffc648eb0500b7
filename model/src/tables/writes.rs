//! `writes`: file operations of the broker, and of who else was traced.

use crate::{Column, Table, Type};

/// A file operation.
pub static WRITES: Table = Table {
    name: "writes",
    doc: "A file operation.",
    sorted_by: Some("start_time"),
    columns: &[
        Column::required("write_id", Type::Int64, "Id of the row."),
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required(
            "operation",
            Type::Label,
            "`write`, `pwrite`, `writev`, `fsync`, `fdatasync`, `msync` (of a mapping: it has no file), `read`, `sendfile`, …",
        ),
        Column::required("origin", Type::Label, "What saw it: `bpf` or `jfr`."),
        Column::required("start_time", Type::Time, "Start of the operation."),
        Column::required("end_time", Type::Time, "Its end."),
        Column::required(
            "duration_ns",
            Type::Int64,
            "end_time − start_time, or the duration that the recording tells.",
        ),
        Column::optional("pid", Type::Int32, "Process id."),
        Column::optional("tid", Type::Int32, "Thread id of the operating system."),
        Column::optional(
            "comm",
            Type::Label,
            "Name of the thread in the kernel, cut to 15 bytes.",
        ),
        Column::optional(
            "bytes",
            Type::Int64,
            "Bytes asked for or written; null when the operation failed.",
        ),
        Column::optional(
            "error",
            Type::Label,
            "Name of the error of an operation that failed: `ENOSPC`, `EIO`, …, or `errno 99`.",
        ),
        Column::optional(
            "file_offset",
            Type::Int64,
            "Position in the file before the operation, in bytes.",
        ),
        Column::optional(
            "directory",
            Type::Label,
            "Name of the file's directory (its last component), or its path where the recording has it.",
        ),
        Column::optional("file", Type::Label, "Name of the file."),
        Column::optional("topic", Type::Label, "Topic that the directory belongs to."),
        Column::optional(
            "partition",
            Type::Int32,
            "Partition that the directory belongs to.",
        ),
        Column::optional(
            "segment_base_offset",
            Type::Int64,
            "Base offset in the name of a Kafka segment file.",
        ),
        Column::optional(
            "file_kind",
            Type::Label,
            "What the file is to Kafka: `log`, `index`, `timeindex`, `txnindex`, `snapshot`, …",
        ),
        Column::optional(
            "file_system",
            Type::Label,
            "`ext4`, `xfs`, … where the recording tells.",
        ),
        Column::optional(
            "stack_id",
            Type::Int64,
            "Stack of the operation: `stacks.stack_id`.",
        ),
        Column::optional(
            "base_offset",
            Type::Int64,
            "Offset of the first record written, from the segment file.",
        ),
        Column::optional(
            "last_offset",
            Type::Int64,
            "Offset of the last record written, from the segment file.",
        ),
        Column::optional(
            "record_count",
            Type::Int64,
            "Number of records written, from the segment file.",
        ),
        Column::optional(
            "message_ids",
            Type::Texts,
            "Ids in the record headers written, from the segment file.",
        ),
    ],
};
