//! `broker_requests`: requests by the broker's own account, from its request log.

use crate::{Column, Table, Type};

/// A request that the broker says it completed, with its own times.
pub static BROKER_REQUESTS: Table = Table {
    name: "broker_requests",
    doc: "A request that the broker says it completed, with its own times.",
    sorted_by: None,
    columns: &[
        Column::required("broker_request_id", Type::Int64, "Id of the row."),
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::optional(
            "end_time",
            Type::Time,
            "When the line was logged, which is when the response was sent; null when the line has no time stamp.",
        ),
        Column::optional(
            "client_address",
            Type::Label,
            "`ip:port` of the client; IPv6 as `[ip]:port`.",
        ),
        Column::optional("server_address", Type::Label, "`ip:port` of the broker."),
        Column::optional(
            "connection_index",
            Type::Int64,
            "The broker's number of the connection, which tells apart connections of one port pair.",
        ),
        Column::required(
            "api",
            Type::Label,
            "Name of the API (`Produce`, `Fetch`, …), as in `requests.api`; a name that is not known is kept as the broker wrote it.",
        ),
        Column::optional(
            "api_key",
            Type::Int16,
            "Key of the API; null when the line has a name that is not known only.",
        ),
        Column::optional("api_version", Type::Int16, "Version of the request."),
        Column::optional(
            "correlation_id",
            Type::Int32,
            "Correlation id that the client chose.",
        ),
        Column::optional(
            "client_id",
            Type::Label,
            "Client id of the request header; null when the client sent none.",
        ),
        Column::required(
            "total_ns",
            Type::Int64,
            "From when the network thread had read the request until its response was sent.",
        ),
        Column::optional(
            "request_queue_ns",
            Type::Int64,
            "Waiting for a request handler.",
        ),
        Column::optional(
            "local_ns",
            Type::Int64,
            "In the request handler: append, read, and the locks they waited for.",
        ),
        Column::optional(
            "remote_ns",
            Type::Int64,
            "Waiting in purgatory, for followers or for data.",
        ),
        Column::optional("throttle_ns", Type::Int64, "Throttled for a quota."),
        Column::optional(
            "response_queue_ns",
            Type::Int64,
            "Waiting for the network thread.",
        ),
        Column::optional("send_ns", Type::Int64, "Sending the response."),
        Column::optional("listener", Type::Label, "Name of the listener."),
        Column::optional(
            "security_protocol",
            Type::Label,
            "`PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`.",
        ),
        Column::optional(
            "acks",
            Type::Int16,
            "Produce: acks asked for: −1 (all), 0 or 1; null when the line does not print the request's body.",
        ),
        Column::optional(
            "error_code",
            Type::Int16,
            "First error code in the response that is not 0, else 0; null when the line does not print it.",
        ),
        Column::optional(
            "told_throttle_ns",
            Type::Int64,
            "Throttle time that the response tells the client.",
        ),
        Column::optional(
            "replica_id",
            Type::Int32,
            "Fetch: broker id of a follower; null for consumers.",
        ),
        Column::optional(
            "max_wait_ns",
            Type::Int64,
            "How long the broker may hold the answer back: Fetch and ShareFetch: max wait; JoinGroup: the member's rebalance timeout.",
        ),
        Column::optional(
            "min_bytes",
            Type::Int64,
            "Fetch, ShareFetch: bytes of records that the answer waits for, until max_wait_ns.",
        ),
        Column::optional(
            "group_id",
            Type::Label,
            "The group of a group's request; null where it names several, or none.",
        ),
        Column::optional(
            "transactional_id",
            Type::Label,
            "The transactional id of Produce and of a transaction's requests; null where there is none.",
        ),
    ],
};
