//! `isr_requests`: changes of in-sync sets, as leaders ask the controller for them.

use crate::{Column, Table, Type};

/// What a leader asks of the controller for one partition (AlterPartition), and what it is answered.
pub static ISR_REQUESTS: Table = Table {
    name: "isr_requests",
    doc: "A change of a partition's in-sync set that its leader asked the controller for (AlterPartition), in a capture that has the controller's listener.",
    sorted_by: Some("time"),
    columns: &[
        Column::required("isr_request_id", Type::Int64, "Id of the row."),
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
        Column::required("time", Type::Time, "First byte of the request."),
        Column::optional(
            "answered_time",
            Type::Time,
            "Last byte of the answer; null when there was none. The leader waits for the set as it is stored from then on.",
        ),
        Column::required(
            "leader_id",
            Type::Int32,
            "Id of the broker that asks, which leads the partition.",
        ),
        Column::optional(
            "topic",
            Type::Label,
            "Topic; null when the request names it by an id whose name had not been seen.",
        ),
        Column::optional(
            "topic_id",
            Type::Label,
            "Its id, in Kafka's base64 form: from version 2 of the request on.",
        ),
        Column::required("partition", Type::Int32, "Partition of it."),
        Column::required(
            "isr",
            Type::Label,
            "Ids of the brokers that are to be in sync, separated by commas.",
        ),
        Column::required(
            "version",
            Type::Int64,
            "Number of the partition's state that is to change (its epoch).",
        ),
        Column::optional(
            "error_code",
            Type::Int32,
            "Error code of the answer for this partition; 0: stored.",
        ),
        Column::optional(
            "stored_isr",
            Type::Label,
            "Ids of the brokers that are in sync, as it is stored.",
        ),
        Column::optional(
            "stored_version",
            Type::Int64,
            "Number of the partition's state as it is stored.",
        ),
    ],
};
