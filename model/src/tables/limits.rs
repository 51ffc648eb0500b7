//! `limits`: the settings that bound a recording.

use crate::{Column, Table, Type};

/// Something that a source cannot show because of how it was recorded.
pub static LIMITS: Table = Table {
    name: "limits",
    doc: "Something that a source cannot show because of how it was recorded.",
    sorted_by: None,
    columns: &[
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required(
            "name",
            Type::Label,
            "Setting with its unit, for example `lock_interval_ns` or `snap_length_bytes`.",
        ),
        Column::required(
            "value",
            Type::Int64,
            "Its value, in the unit that the name ends in.",
        ),
        Column::required("detail", Type::Text, "What may be missing because of it."),
    ],
};
