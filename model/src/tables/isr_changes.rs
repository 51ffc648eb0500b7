//! `isr_changes`: changes of in-sync sets, as the partition's leader tells them.

use crate::{Column, Table, Type};

/// A replica that leaves or joins a partition's in-sync set, or the set as it was stored.
pub static ISR_CHANGES: Table = Table {
    name: "isr_changes",
    doc: "A replica that leaves or joins a partition's in-sync set, or the set as it was stored, by the log of the partition's leader.",
    sorted_by: Some("time"),
    columns: &[
        Column::required("isr_change_id", Type::Int64, "Id of the row."),
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required("time", Type::Time, "When it was logged."),
        Column::required(
            "change",
            Type::Label,
            "`shrink`: the replica is to leave, and the change is asked for; `expand`: it is to join (until Kafka 2.6); `updated`: the set is stored, by ZooKeeper or the controller, and the leader waits for these from then on.",
        ),
        Column::required("topic", Type::Label, "Topic."),
        Column::required("partition", Type::Int32, "Partition of it."),
        Column::required(
            "leader_id",
            Type::Int32,
            "Id of the broker that says so, which leads the partition.",
        ),
        Column::required(
            "isr",
            Type::Label,
            "Ids of the brokers that are in sync after it, separated by commas, as they are logged.",
        ),
        Column::optional(
            "replica_id",
            Type::Int32,
            "Id of the broker that leaves or joins; null of a set that was stored.",
        ),
        Column::optional(
            "replica_end_offset",
            Type::Int64,
            "`shrink`: the end of that replica's log as the leader knows it: it has no record from this offset on; -1 when it has not fetched since the leader began (Kafka 2.4 and later).",
        ),
        Column::optional(
            "high_watermark",
            Type::Int64,
            "`shrink`: the offset up to which all that were in sync had the log (Kafka 2.4 and later).",
        ),
        Column::optional(
            "end_offset",
            Type::Int64,
            "`shrink`: the end of the leader's log (Kafka 2.4 and later).",
        ),
        Column::optional(
            "version",
            Type::Int64,
            "`updated`: number of the partition's state, which each change raises.",
        ),
    ],
};
