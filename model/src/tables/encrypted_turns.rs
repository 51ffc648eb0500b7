//! `encrypted_turns`: what is seen of requests on encrypted connections that cannot be read.

use crate::{Column, Table, Type};

/// A turn of an encrypted connection of which there are no keys: what the client sent, and the broker then, until the
/// client sent again.
///
/// Kafka's brokers answer in order, so of a client that waits for each answer before it asks again, a turn is one request
/// with its response. Sizes and times of records cannot prove that a client waits:
///
/// | a turn | why |
/// |---|---|
/// | of a connection with `tcp_connections.overlap_time` | may begin with one request and end with the answer to another: the client was seen to send before it had heard all, or after a pause with nothing in between |
/// | of any connection | may be several requests that left within half a millisecond |
///
/// So a turn is no request by itself: nothing says what was asked, and a fetch that waits for data looks like a slow one.
/// Where the broker's request log has a line for it (`turn_lines`), it is that line's request, seen at the network.
///
/// Not here are the first two turns of a connection (of TLS 1.2: none), of those behind lost bytes and of those in which a record may be
/// an alert or a change of keys, and the last, which may not be over. They are counted in the loss
/// `tls_uncertain_turns`.
pub static ENCRYPTED_TURNS: Table = Table {
    name: "encrypted_turns",
    doc: "What the client of an encrypted connection without keys sent, and the broker then, until the client sent again.",
    sorted_by: Some("arrival_time"),
    columns: &[
        Column::required("turn_id", Type::Int64, "Id of the row."),
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required(
            "connection_id",
            Type::Int64,
            "The connection: `tcp_connections.connection_id`.",
        ),
        Column::required(
            "client_address",
            Type::Label,
            "`ip:port` of the client; IPv6 as `[ip]:port`.",
        ),
        Column::required("server_address", Type::Label, "`ip:port` of the broker."),
        Column::required(
            "arrival_time",
            Type::Time,
            "The packet that brought the first byte of the client.",
        ),
        Column::required(
            "read_time",
            Type::Time,
            "The latest packet that brought bytes of the client.",
        ),
        Column::required(
            "response_time",
            Type::Time,
            "The packet that brought the first byte of the broker.",
        ),
        Column::required(
            "end_time",
            Type::Time,
            "The latest packet that brought bytes of the broker.",
        ),
        Column::required("latency_ns", Type::Int64, "`end_time` − `arrival_time`."),
        Column::required(
            "request_bytes",
            Type::Int64,
            "Bytes of the client's records, with what TLS adds.",
        ),
        Column::required(
            "request_records",
            Type::Int64,
            "How many records they were.",
        ),
        Column::required(
            "response_bytes",
            Type::Int64,
            "Bytes of the broker's records, with what TLS adds.",
        ),
        Column::required(
            "response_records",
            Type::Int64,
            "How many records they were.",
        ),
    ],
};
