//! `log_batches`: the record batches of log segments, and where in the file each lies.

use crate::{Column, Table, Type};

/// A record batch of a log segment; before magic 2, a message.
pub static LOG_BATCHES: Table = Table {
    name: "log_batches",
    doc: "A record batch of a log segment; before magic 2, a message.",
    sorted_by: None,
    columns: &[
        Column::required("log_batch_id", Type::Int64, "Id of the row."),
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required(
            "directory",
            Type::Label,
            "Name of the file's directory (its last component).",
        ),
        Column::required("file", Type::Label, "Name of the file."),
        Column::required("topic", Type::Label, "Topic that the directory belongs to."),
        Column::required(
            "partition",
            Type::Int32,
            "Partition that the directory belongs to.",
        ),
        Column::required(
            "segment_base_offset",
            Type::Int64,
            "Base offset in the name of the segment file.",
        ),
        Column::required(
            "file_offset",
            Type::Int64,
            "Position of the batch in the file, in bytes.",
        ),
        Column::required("bytes", Type::Int64, "Size of the batch with its header."),
        Column::optional(
            "base_offset",
            Type::Int64,
            "Offset of the first record; null for a compressed message before magic 2, whose header tells the last only.",
        ),
        Column::required("last_offset", Type::Int64, "Offset of the last record."),
        Column::optional(
            "record_count",
            Type::Int64,
            "Number of records that the header tells; null for a compressed message before magic 2.",
        ),
        Column::optional(
            "message_ids",
            Type::Texts,
            "Ids in the record headers, in order, null for a record without; null when none was found, looked for or readable.",
        ),
        Column::optional(
            "max_record_time",
            Type::Time,
            "Largest timestamp of the records: the producers' clocks, or the broker's with `LogAppendTime`.",
        ),
        Column::required(
            "compression",
            Type::Label,
            "Codec: `none`, `gzip`, `snappy`, `lz4`, `zstd`.",
        ),
        Column::optional(
            "producer_id",
            Type::Int64,
            "Producer id; null when the producer is not idempotent.",
        ),
        Column::required(
            "is_control",
            Type::Bool,
            "Whether it holds transaction markers or the like, not messages.",
        ),
        Column::required("magic", Type::Int16, "Version of the format: 0, 1 or 2."),
    ],
};
