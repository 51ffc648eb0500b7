//! `clock_fits`: what a source's clock was declared to be, and what the data say of it.

use crate::{Column, Table, Type};

/// What became of the clock of a source.
pub static CLOCK_FITS: Table = Table {
    name: "clock_fits",
    doc: "What became of the clock of a source.",
    sorted_by: None,
    columns: &[
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::optional(
            "declared_offset_ns",
            Type::Int64,
            "Added to its clock to make wall time, as its clock lines or its format tell; null when nothing tells.",
        ),
        Column::optional(
            "declared_uncertainty_ns",
            Type::Int64,
            "Half width of the interval that the declared offset lies in, as far as the anchors tell.",
        ),
        Column::required(
            "declared_basis",
            Type::Text,
            "What the declared offset rests on, in words.",
        ),
        Column::optional(
            "refined_ns",
            Type::Int64,
            "What the data add to the declared offset, in the middle of the recording; 0 when they leave it.",
        ),
        Column::required(
            "drift_ppb",
            Type::Int64,
            "Wall time that goes by beyond a second of its clock, in ns a second; 0 when the data show none.",
        ),
        Column::optional(
            "uncertainty_ns",
            Type::Int64,
            "Half width of the interval that its times lie in, relative to the reference.",
        ),
        Column::optional(
            "reference_source_id",
            Type::Int64,
            "The source whose clock is taken for wall time; null when nothing ties the two.",
        ),
        Column::required(
            "verdict",
            Type::Label,
            "`reference`, `agrees`, `refined` (the declared clock was unknown or a guess, and the data tell), `contradicts` (the data are used), `stepped`, `ambiguous` (ties fit at several offsets), `untied`, or `unchecked` (the check failed, and `detail` says why).",
        ),
        Column::required("detail", Type::Text, "The verdict in words."),
    ],
};
