//! `tcp_stretches`: times in which TCP kept a connection's bytes waiting.

use crate::{Column, Table, Type};

/// A time in which bytes of one direction had to wait, and what for.
///
/// `direction` is the way of the bytes that waited. What each `kind` proves, and what it does not:
///
/// | kind | from → to | proves | does not prove |
/// |---|---|---|---|
/// | `zero_window` | the receiver's window closed → it opened again | the receiver's program did not read; nothing more could be sent | that the sender had more to send: `segments` probes do, or a `window_limited` row meanwhile (a keep-alive looks like a probe, but comes later than one does) |
/// | `window_limited` | the sender reached the end of the window it knew → its next new bytes, which came as soon as the window had moved | the sender had more to send and the window kept it | that the receiver was slow: a window smaller than round trip × rate limits too (compare `tcp_connections.…_largest_window` and the scale) |
/// | `retransmission` | bytes were sent (or the hole that they left was seen) → their copy was acknowledged | bytes were lost or late, and those behind them had to wait for them; lost: `is_lost` | where they were lost |
/// | `idle` | everything sent before had been acknowledged, the window had room, and the message was not complete → its next bytes | the sender's program had not given its TCP the rest | why: a sender's host without a CPU, or one that holds small segments back (Nagle), looks the same |
/// | `syn_retry` | first SYN → SYN/ACK | the client could not connect meanwhile | whether the SYN or its answer was lost, or the broker's backlog was full |
/// | `syn_ack_retry` | first SYN/ACK → its acknowledgement | the connection was not established meanwhile | which packet was lost |
/// | `reset` | the reset (no time passes) | the sender of this direction ended the connection at once | why |
///
/// A `window_limited` row joins waits that follow each other within a few round trips; `waited_ns` adds up the
/// waits alone. What is far from the sender is told with its shortest round trip, so that waits may be
/// missing there, and none are added.
pub static TCP_STRETCHES: Table = Table {
    name: "tcp_stretches",
    doc: "A time in which TCP kept bytes of a connection waiting: a closed or full window, bytes sent again, a handshake repeated.",
    sorted_by: Some("start_time"),
    columns: &[
        Column::required("stretch_id", Type::Int64, "Id of the row."),
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
            "direction",
            Type::Label,
            "Way of the bytes that waited: `to_broker` or `from_broker`.",
        ),
        Column::required(
            "kind",
            Type::Label,
            "`zero_window`, `window_limited`, `retransmission`, `idle`, `syn_retry`, `syn_ack_retry`, `reset`.",
        ),
        Column::required(
            "start_time",
            Type::Time,
            "Since when, at the capture point.",
        ),
        Column::required("end_time", Type::Time, "Until when."),
        Column::required("duration_ns", Type::Int64, "end_time − start_time."),
        Column::required(
            "waited_ns",
            Type::Int64,
            "Time of the waits alone, where a row joins several.",
        ),
        Column::required(
            "is_end_seen",
            Type::Bool,
            "Whether its end was captured; otherwise it lasted at least until end_time.",
        ),
        Column::required(
            "segments",
            Type::Int64,
            "Segments sent again (`retransmission`, `syn_retry`, `syn_ack_retry`), probes of the window (`zero_window`), waits (`window_limited`), resets; 0 for `idle`.",
        ),
        Column::optional(
            "bytes",
            Type::Int64,
            "Bytes sent again (`retransmission`); bytes sent between and right behind the waits (`window_limited`); else null.",
        ),
        Column::optional(
            "is_lost",
            Type::Bool,
            "`retransmission`: whether a first copy had not arrived when the next did: the acknowledgement echoes the timestamp of the copy and reports nothing that came twice, or there are no timestamps and the receiver had asked for the bytes; false: it had arrived; null where nothing tells.",
        ),
    ],
};
