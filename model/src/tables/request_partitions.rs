//! `request_partitions`: what a request wrote or read, by topic-partition.

use crate::{Column, Table, Type};

/// A topic-partition of a request.
pub static REQUEST_PARTITIONS: Table = Table {
    name: "request_partitions",
    doc: "A topic-partition of a request.",
    sorted_by: Some("arrival_time"),
    columns: &[
        Column::required("request_partition_id", Type::Int64, "Id of the row."),
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required(
            "request_id",
            Type::Int64,
            "The request: `requests.request_id`.",
        ),
        Column::required(
            "arrival_time",
            Type::Time,
            "First byte of the request, repeated here to read only a time range.",
        ),
        Column::optional(
            "topic",
            Type::Label,
            "Name of the topic; null when the request names it by id and no metadata was seen.",
        ),
        Column::optional(
            "topic_id",
            Type::Text,
            "Topic id, in Kafka's base64 form, where the request uses ids.",
        ),
        Column::required("partition", Type::Int32, "Index of the partition."),
        Column::optional(
            "records_bytes",
            Type::Int64,
            "Produce: size of the record batches of the partition.",
        ),
        Column::optional(
            "record_count",
            Type::Int64,
            "Produce: number of records that the batch headers tell.",
        ),
        Column::optional(
            "base_offset",
            Type::Int64,
            "Produce: offset of the first record, from the response.",
        ),
        Column::optional(
            "message_ids",
            Type::Texts,
            "Ids in the record headers, in order, null for a record without; null when none was found, looked for or readable.",
        ),
        Column::optional(
            "compression",
            Type::Label,
            "Codec of the first batch: `none`, `gzip`, `snappy`, `lz4`, `zstd`.",
        ),
        Column::optional(
            "producer_id",
            Type::Int64,
            "Producer id of the first batch; null when it is not idempotent.",
        ),
        Column::optional(
            "error_code",
            Type::Int16,
            "Error code of the partition in the response.",
        ),
        Column::optional(
            "fetch_offset",
            Type::Int64,
            "Fetch: offset asked for, where the request (not the session) names it.",
        ),
        Column::optional(
            "returned_bytes",
            Type::Int64,
            "Fetch: size of the records in the response.",
        ),
        Column::optional(
            "high_watermark",
            Type::Int64,
            "Fetch: high watermark in the response.",
        ),
    ],
};
