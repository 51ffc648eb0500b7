//! `client_metrics`: what a client's own library measured of it.

use crate::{Column, Table, Type};

/// A number that a client's library measured, and told from time to time.
pub static CLIENT_METRICS: Table = Table {
    name: "client_metrics",
    doc: "A number that a client's own library measured over some seconds, and told: in librdkafka's statistics, or to the broker (KIP-714), where a capture has it.",
    sorted_by: Some("time"),
    columns: &[
        Column::required("client_metric_id", Type::Int64, "Id of the row."),
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required(
            "time",
            Type::Time,
            "When it was told: of librdkafka's statistics the second by the client's clock; of what was pushed to a broker the first byte of the request.",
        ),
        Column::optional(
            "interval_ns",
            Type::Int64,
            "How long before that it is of; null where nothing tells: with the first of a client's.",
        ),
        Column::required(
            "origin",
            Type::Label,
            "Who tells it: `librdkafka` (its statistics), `telemetry` (PushTelemetry).",
        ),
        Column::optional("client_id", Type::Label, "Client id, as in `requests`."),
        Column::required(
            "client_instance",
            Type::Label,
            "Which client of that id: librdkafka's name of it, or the id that the broker gave it (base64).",
        ),
        Column::optional(
            "client_type",
            Type::Label,
            "`producer` or `consumer`, where it is told.",
        ),
        Column::optional(
            "broker",
            Type::Int32,
            "The broker that it is about; null of what is about all.",
        ),
        Column::required(
            "name",
            Type::Label,
            "What it is called: in librdkafka `int_latency.p99`, `outbuf_latency.avg`, `rtt.max`, `throttle.max`, `msg_cnt`, …; in telemetry as it is called there; of a histogram with `.count`, `.sum`, `.min`, `.max` behind it, and `.le.BOUND` for what is in the bucket up to a bound (`inf`: above all).",
        ),
        Column::required("value", Type::Float64, "The number."),
        Column::optional(
            "unit",
            Type::Label,
            "Its unit: `us`, `ms`, `bytes`; null of counts, and where nothing tells.",
        ),
        Column::optional(
            "temporality",
            Type::Label,
            "Of what is a histogram's in telemetry: `delta` (of the time since the client told before), `cumulative` (of all since it began); null of all else, and where it does not say.",
        ),
        Column::optional(
            "request_id",
            Type::Int64,
            "The request that pushed it: `requests.request_id`.",
        ),
    ],
};
