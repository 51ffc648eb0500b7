//! `losses`: what could not be read.

use crate::{Column, Table, Type};

/// A kind of thing lost in a source.
pub static LOSSES: Table = Table {
    name: "losses",
    doc: "A kind of thing lost in a source.",
    sorted_by: None,
    columns: &[
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required(
            "kind",
            Type::Label,
            "Name of the loss, for example `pcap_cut_off`.",
        ),
        Column::required(
            "severity",
            Type::Label,
            "`info` (harmless), `warning` (some rows are missing or incomplete) or `error` (a large or unknown part is missing).",
        ),
        Column::required(
            "count",
            Type::Int64,
            "How often it happened, or how many things were lost.",
        ),
        Column::required(
            "first_position",
            Type::Text,
            "Where it was met first: byte offset or line.",
        ),
        Column::optional(
            "first_time",
            Type::Time,
            "Earliest time it fell in, where known.",
        ),
        Column::optional(
            "last_time",
            Type::Time,
            "Latest time it fell in, where known.",
        ),
        Column::required("detail", Type::Text, "What was found the first time."),
        Column::required(
            "meaning",
            Type::Text,
            "What this kind of loss means for the results.",
        ),
    ],
};
