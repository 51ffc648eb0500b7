//! `sources`: the recordings that a store holds.

use crate::{Column, Table, Type};

/// An ingested input.
pub static SOURCES: Table = Table {
    name: "sources",
    doc: "An ingested input.",
    sorted_by: None,
    columns: &[
        Column::required(
            "source_id",
            Type::Int64,
            "Number of the source in this store, from 1; the same input keeps its number.",
        ),
        Column::required(
            "kind",
            Type::Label,
            "The flag it was given with: `pcap`, `bpf`, `jfr`, `threads`, …",
        ),
        Column::required(
            "path",
            Type::Text,
            "Where it was read from, as an absolute path, or `-` for standard input.",
        ),
        Column::optional(
            "broker",
            Type::Int32,
            "The broker that it is a recording of, by its number (`node.id`); null when nothing tells. Thread ids, files, locks and connections are a broker's own.",
        ),
        Column::required(
            "format",
            Type::Text,
            "The format that was recognised, in words.",
        ),
        Column::required(
            "size_bytes",
            Type::Int64,
            "Bytes read, before decompression.",
        ),
        Column::required(
            "content_hash",
            Type::Text,
            "XXH3 of the bytes read, to recognise the same input under another name.",
        ),
        Column::required(
            "clock",
            Type::Label,
            "The clock its times were read on: `realtime`, `monotonic`, `boottime`, `local_time`, `jvm_uptime`, `elapsed`.",
        ),
        Column::optional(
            "clock_offset_ns",
            Type::Int64,
            "Added to its clock to make wall time; null when nothing ties the clock to wall time, and then times are left as they were.",
        ),
        Column::optional(
            "clock_uncertainty_ns",
            Type::Int64,
            "Half width of the interval that the true offset lies in, as far as the anchors tell.",
        ),
        Column::required(
            "clock_drift_ppb",
            Type::Int64,
            "Wall time that goes by beyond a second of its clock, in ns a second; see `clock_fits`.",
        ),
        Column::required(
            "clock_basis",
            Type::Text,
            "What the offset rests on, in words.",
        ),
        Column::optional("first_time", Type::Time, "Earliest time in its rows."),
        Column::optional("last_time", Type::Time, "Latest time in its rows."),
        Column::required(
            "row_count",
            Type::Int64,
            "Rows stored from it, over all tables.",
        ),
        Column::required(
            "loss_count",
            Type::Int64,
            "Things lost in it, with severity warning or error.",
        ),
        Column::required(
            "completeness",
            Type::Texts,
            "What the recording cannot show: `name=value`, as in `limits`.",
        ),
    ],
};
