//! `what_ifs`: latencies as they would have been without some kind of wait.

use crate::{Column, Table, Type};

/// A statistic of the latencies, had there been none of a kind of wait.
pub static WHAT_IFS: Table = Table {
    name: "what_ifs",
    doc: "A statistic of the produce requests' latencies, had there been none of a kind of wait; filled while a report is written, empty otherwise. `kcorr whatif` gives the same for any wait.",
    sorted_by: None,
    columns: &[
        Column::required(
            "source_id",
            Type::Int64,
            "Always 0: it rests on all recordings.",
        ),
        Column::required(
            "kind",
            Type::Text,
            "The kind of wait that is taken away, as `kcorr whatif --without` names it.",
        ),
        Column::required(
            "statistic",
            Type::Text,
            "p50_ms, p99_ms, p999_ms, max_ms, slow_count or slow_ratio.",
        ),
        Column::required("before", Type::Float64, "Its value as recorded."),
        Column::required("after_low", Type::Float64, "The lower of its predictions."),
        Column::required("after_high", Type::Float64, "The higher of them."),
        Column::optional(
            "run_low",
            Type::Float64,
            "Where it is expected in another run: from (95 %).",
        ),
        Column::optional("run_high", Type::Float64, "Until."),
    ],
};
