//! `topics`: names of topic ids.

use crate::{Column, Table, Type};

/// A topic whose id and name a source shows together.
pub static TOPICS: Table = Table {
    name: "topics",
    doc: "A topic whose id and name a source shows together.",
    sorted_by: None,
    columns: &[
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required("topic_id", Type::Text, "Topic id, in Kafka's base64 form."),
        Column::required("topic", Type::Text, "Its name."),
    ],
};
