//! `shifted_verdicts`: verdicts on recordings that were shifted in time on purpose.

use crate::{Column, Table, Type};

/// What a slow request was blamed on while recordings were shifted in time.
pub static SHIFTED_VERDICTS: Table = Table {
    name: "shifted_verdicts",
    doc: "What a slow request was blamed on while recordings were shifted in time; filled by `kcorr verify`, empty otherwise.",
    sorted_by: None,
    columns: &[
        Column::required(
            "source_id",
            Type::Int64,
            "A recording that was shifted, the first if several were: `sources.source_id`.",
        ),
        Column::required(
            "shift_ns",
            Type::Int64,
            "By how much; 0 is the recording as it is.",
        ),
        Column::required(
            "request_id",
            Type::Int64,
            "The slow request: `requests.request_id`.",
        ),
        Column::required("cause", Type::Text, "What it was blamed on."),
        Column::required("latency_ns", Type::Int64, "Its latency."),
        Column::required(
            "waited_ns",
            Type::Int64,
            "The part of it that is blamed on the cause.",
        ),
    ],
};
