//! `clock_checks`: how well the ties between two sources fit once their clocks are aligned.

use crate::{Column, Table, Type};

/// One kind of tie between two sources: how many there are and how well they fit.
pub static CLOCK_CHECKS: Table = Table {
    name: "clock_checks",
    doc: "One kind of tie between two sources: how many there are and how well they fit.",
    sorted_by: None,
    columns: &[
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required("other_source_id", Type::Int64, "The source it is tied to."),
        Column::required(
            "kind",
            Type::Label,
            "What ties them: `request_write`, `monitor_wait`, …, as in the query `clock_ties`.",
        ),
        Column::required(
            "candidate_count",
            Type::Int64,
            "Pairs of rows that could be of one event, most of them by chance.",
        ),
        Column::required(
            "observation_count",
            Type::Int64,
            "Pairs that bound the difference of the clocks to within what is in doubt.",
        ),
        Column::required(
            "agreeing_count",
            Type::Int64,
            "Those of them whose bounds hold as the times are stored.",
        ),
        Column::optional(
            "difference_ns",
            Type::Int64,
            "What would have to be added to the stored times of `source_id` to be in the middle of what most ties allow.",
        ),
        Column::optional(
            "uncertainty_ns",
            Type::Int64,
            "Half width of what most ties allow.",
        ),
        Column::optional(
            "residual_p50_ns",
            Type::Int64,
            "Median distance of the middle of a tie's bounds from `difference_ns`.",
        ),
        Column::optional("residual_p99_ns", Type::Int64, "99th percentile of it."),
    ],
};
