//! `load_samples`: load over time, as a recorder samples it.

use crate::{Column, Table, Type};

/// A sampled value of the machine's or the process's load.
pub static LOAD_SAMPLES: Table = Table {
    name: "load_samples",
    doc: "A sampled value of load: one row for each value of an event, so that others can be added without a column.",
    sorted_by: Some("time"),
    columns: &[
        Column::required("load_sample_id", Type::Int64, "Id of the row."),
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required("time", Type::Time, "When it was sampled."),
        Column::required(
            "metric",
            Type::Label,
            "`cpu_usage`, `context_switch_rate`, `network_read_rate`, `network_write_rate`; `cpu_throttled`: time since the sample before in which threads had no CPU time left of their quota, of all CPUs added up.",
        ),
        Column::required(
            "scope",
            Type::Label,
            "What it is the load of: `machine`, `process_user`, `process_system`, `interface`, `control_group`.",
        ),
        Column::optional(
            "name",
            Type::Label,
            "Name of the interface, where it is one's.",
        ),
        Column::required("value", Type::Float64, "The value, in `unit`."),
        Column::required(
            "unit",
            Type::Label,
            "`share` (of all CPUs, 0 to 1), `per_second`, `bits_per_second`, `ns`.",
        ),
    ],
};
