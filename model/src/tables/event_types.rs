//! `event_types`: what kinds of events a recording holds, and where they went.

use crate::{Column, Table, Type};

/// A type of event of a recording.
pub static EVENT_TYPES: Table = Table {
    name: "event_types",
    doc: "A type of event in a recording, and the table that its events are in.",
    sorted_by: None,
    columns: &[
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required(
            "event",
            Type::Text,
            "Name of the type, for example `jdk.JavaMonitorEnter`.",
        ),
        Column::required("event_count", Type::Int64, "Events of the type."),
        Column::required(
            "size_bytes",
            Type::Int64,
            "Bytes they take in the recording.",
        ),
        Column::optional(
            "table_name",
            Type::Text,
            "The table their rows are in; null when they were not asked for (`--jfr-event`).",
        ),
    ],
};
