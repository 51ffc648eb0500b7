//! `ablated_verdicts`: verdicts on recordings of which something was taken away on purpose.

use crate::{Column, Table, Type};

/// What a slow request was blamed on while a recording, or a kind of its rows, was taken away.
pub static ABLATED_VERDICTS: Table = Table {
    name: "ablated_verdicts",
    doc: "What a slow request was blamed on while a recording, or a kind of its rows, was taken away; filled by `kcorr verify`, empty otherwise.",
    sorted_by: None,
    columns: &[
        Column::required(
            "source_id",
            Type::Int64,
            "A recording that rows were taken from, the first if several were: `sources.source_id`; 0 when nothing was.",
        ),
        Column::optional(
            "taken",
            Type::Text,
            "What was taken away: `recording 2`, `writes: sync`, `log_batches`, …; null for the recordings as they are.",
        ),
        Column::required("taken_count", Type::Int64, "Rows that were taken away."),
        Column::required(
            "request_id",
            Type::Int64,
            "The slow request: `requests.request_id`.",
        ),
        Column::required("cause", Type::Text, "What it was blamed on."),
        Column::required(
            "waited_ms",
            Type::Float64,
            "How much of its latency that was.",
        ),
    ],
};
