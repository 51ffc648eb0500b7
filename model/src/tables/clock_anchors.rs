//! `clock_anchors`: what ties the clocks of the recordings together.

use crate::{Column, Table, Type};

/// An instant that a source saw on two clocks.
pub static CLOCK_ANCHORS: Table = Table {
    name: "clock_anchors",
    doc: "An instant that a source saw on two clocks.",
    sorted_by: None,
    columns: &[
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required("clock", Type::Label, "The first clock."),
        Column::required("clock_ns", Type::Int64, "Its reading."),
        Column::required("reference_clock", Type::Label, "The second clock."),
        Column::required("reference_ns", Type::Int64, "Its reading."),
        Column::required(
            "uncertainty_ns",
            Type::Int64,
            "How far apart the readings may have been taken.",
        ),
    ],
};
