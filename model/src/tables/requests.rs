//! `requests`: every request on the broker's port, whatever its API.

use crate::{Column, Table, Type};

/// A request seen on the wire.
pub static REQUESTS: Table = Table {
    name: "requests",
    doc: "A request seen on the wire.",
    sorted_by: Some("arrival_time"),
    columns: &[
        Column::required("request_id", Type::Int64, "Id of the row."),
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required(
            "connection_id",
            Type::Int64,
            "Id of its TCP connection; a port pair that is used again is another connection.",
        ),
        Column::required(
            "client_address",
            Type::Label,
            "`ip:port` of the client; IPv6 as `[ip]:port`.",
        ),
        Column::required("server_address", Type::Label, "`ip:port` of the broker."),
        Column::required(
            "api",
            Type::Label,
            "Name of the API (`Produce`, `Fetch`, …), or `Unknown(key)`.",
        ),
        Column::required("api_key", Type::Int16, "Key of the API."),
        Column::required("api_version", Type::Int16, "Version of the request."),
        Column::required(
            "correlation_id",
            Type::Int32,
            "Correlation id that the client chose.",
        ),
        Column::optional(
            "client_id",
            Type::Label,
            "Client id of the request header; null when the client sent none.",
        ),
        Column::required("arrival_time", Type::Time, "First byte of the request."),
        Column::optional(
            "read_time",
            Type::Time,
            "Last byte of the request: the latest of the times of its segments; null when the last byte was not seen.",
        ),
        Column::optional(
            "response_time",
            Type::Time,
            "First byte of the response; null when none was seen.",
        ),
        Column::optional(
            "end_time",
            Type::Time,
            "Last byte of the response: the latest of the times of its segments; null when the last byte was not seen.",
        ),
        Column::optional(
            "latency_ns",
            Type::Int64,
            "end_time − arrival_time; null without an end.",
        ),
        Column::required(
            "request_bytes",
            Type::Int64,
            "Size of the request with its length prefix.",
        ),
        Column::optional(
            "response_bytes",
            Type::Int64,
            "Size of the response with its length prefix.",
        ),
        Column::optional(
            "acks",
            Type::Int16,
            "Produce: acks asked for: −1 (all), 0 or 1.",
        ),
        Column::optional(
            "error_code",
            Type::Int16,
            "First error code in the response that is not 0, else 0; null when the response was not decoded.",
        ),
        Column::optional(
            "throttle_ns",
            Type::Int64,
            "Throttle time that the response tells.",
        ),
        Column::optional(
            "replica_id",
            Type::Int32,
            "Fetch: broker id of a follower; null for consumers.",
        ),
        Column::optional(
            "max_wait_ns",
            Type::Int64,
            "How long the broker may hold the answer back: Fetch and ShareFetch: max wait; JoinGroup: the member's rebalance timeout (that of a group is its members' longest).",
        ),
        Column::optional(
            "min_bytes",
            Type::Int64,
            "Fetch, ShareFetch: bytes of records that the answer waits for, until max_wait_ns.",
        ),
        Column::optional(
            "group_id",
            Type::Label,
            "The group of a group's request (OffsetCommit, JoinGroup, Heartbeat, …); null where it names several, or none.",
        ),
        Column::optional(
            "transactional_id",
            Type::Label,
            "The transactional id of Produce and of a transaction's requests; null where there are several, or none.",
        ),
        Column::optional(
            "principal",
            Type::Label,
            "The user that the client named before by SASL, with PLAIN or SCRAM; null when none was seen.",
        ),
        Column::optional(
            "no_response",
            Type::Label,
            "Why there is no end: `acks_0`, `open_at_end`, `connection_closed`, `capture_gap`; null when there is one.",
        ),
    ],
};
