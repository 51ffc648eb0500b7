//! `pauses`: garbage collections, safepoints and VM operations.

use crate::{Column, Table, Type};

/// A stop of the JVM.
pub static PAUSES: Table = Table {
    name: "pauses",
    doc: "A stop of the JVM.",
    sorted_by: Some("start_time"),
    columns: &[
        Column::required("pause_id", Type::Int64, "Id of the row."),
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required(
            "kind",
            Type::Label,
            "`gc`, `gc_phase`, `safepoint`, `safepoint_sync` (the first part of a safepoint, until the last thread had come to it) or `vm_operation`.",
        ),
        Column::required("name", Type::Label, "Collector, phase or operation."),
        Column::optional(
            "cause",
            Type::Label,
            "Why it happened, where the recording tells.",
        ),
        Column::required("start_time", Type::Time, "Start of the stop."),
        Column::required("end_time", Type::Time, "Its end."),
        Column::required("duration_ns", Type::Int64, "end_time − start_time."),
        Column::optional(
            "cpu_ns",
            Type::Int64,
            "CPU time that all threads of the JVM took during it (user and system), where the recording tells; GC logs round it to 10 ms.",
        ),
    ],
};
