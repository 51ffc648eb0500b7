//! `broker_request_partitions`: what a request wrote or read, by the broker's request log.

use crate::{Column, Table, Type};

/// A topic-partition of a request in the broker's request log.
pub static BROKER_REQUEST_PARTITIONS: Table = Table {
    name: "broker_request_partitions",
    doc: "A topic-partition of a request in the broker's request log: JSON (KIP-673) prints those of produce and fetch requests, older text those of produce requests.",
    sorted_by: None,
    columns: &[
        Column::required("broker_request_partition_id", Type::Int64, "Id of the row."),
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required(
            "broker_request_id",
            Type::Int64,
            "The request: `broker_requests.broker_request_id`.",
        ),
        Column::optional(
            "end_time",
            Type::Time,
            "When the line was logged, repeated here to read only a time range; null when the line has no time stamp.",
        ),
        Column::optional(
            "topic",
            Type::Label,
            "Name of the topic; null when the line names it by id only.",
        ),
        Column::optional(
            "topic_id",
            Type::Text,
            "Topic id, in Kafka's base64 form, where the line has ids.",
        ),
        Column::required("partition", Type::Int32, "Index of the partition."),
        Column::optional(
            "records_bytes",
            Type::Int64,
            "Produce: size of the record batches of the partition.",
        ),
        Column::optional(
            "base_offset",
            Type::Int64,
            "Produce: offset of the first record, from the response; −1 when nothing was appended.",
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
