//! `context`: what a broker ran on and with.

use crate::{Column, Table, Type};

/// Something that is known of a broker's host, of its settings, or of the recording itself.
pub static CONTEXT: Table = Table {
    name: "context",
    doc: "Something that is known of a broker's host, its settings, or the recording itself: one row a value, and of what changes one for each time it was looked at.",
    sorted_by: Some("time"),
    columns: &[
        Column::required("context_id", Type::Int64, "Id of the row."),
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required("time", Type::Time, "When it was so."),
        Column::required(
            "kind",
            Type::Label,
            "What it is about: `kernel`, `host`, `clock`, `log_directory`, `control_group`, `jvm`, `broker`, `listener`, `recording`.",
        ),
        Column::optional(
            "instance",
            Type::Label,
            "Which one of its kind: the path of a log directory, the device of a counter, the port of a listener, the source of a recording; null where there is one only.",
        ),
        Column::required(
            "name",
            Type::Label,
            "What it is called, as the kernel, the JVM or the broker calls it: `mount_options`, `vm.dirty_ratio`, `num.io.threads`, `vmstat.nr_dirty`.",
        ),
        Column::required("value", Type::Text, "The value as text."),
        Column::optional(
            "number",
            Type::Float64,
            "The value, where it is a number, in the unit that its name says.",
        ),
    ],
};
