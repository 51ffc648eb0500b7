//! `tcp_connections`: what TCP did for each connection to a broker.

use crate::{Column, Table, Type};

/// A TCP connection as its packets show it.
///
/// Times are those at the capture point; everything is told by headers, so encrypted connections have rows
/// too. A round trip has two parts: from the capture point to the client and back (`client_rtt`), and to the
/// broker and back (`broker_rtt`); next to the broker the first is nearly all of it.
///
/// What a column proves:
///
/// - `window_scaling` = `refused`: the client offered window scaling and the broker answered without, as
///   Linux does when it answers from SYN cookies without timestamps; `not_offered`: the client never did. In
///   both cases no window is above 65,535 bytes. Cookies with timestamps keep the scaling; a
///   `broker_window_scale` smaller than in other connections of the same broker is then the trace of them.
/// - `syn_retries` shows that a SYN was not answered in time, not whether it or its answer was lost, or the
///   broker's backlog was full. `syn_ack_retries` shows that the third packet did not come, or was ignored.
/// - retransmissions are bytes sent again: those captured twice, and those that filled a hole later than
///   packets in disorder do. One that is lost before the capture point and has nothing behind it
///   looks like a first copy: it is not counted. Zero does not show that nothing was lost.
/// - duplicate acknowledgements show that something behind a hole arrived: loss or disorder.
/// - `reconnect_of` shows an order in time between connections of one address, not that it was one client.
///
/// Packets that the capture did not get (`unseen_bytes`) are no retransmissions; packets that it holds twice
/// (`copies`) are neither.
pub static TCP_CONNECTIONS: Table = Table {
    name: "tcp_connections",
    doc: "A TCP connection to a broker: its handshake, round trips, and what was sent again or had to wait.",
    sorted_by: Some("start_time"),
    columns: &[
        Column::required(
            "connection_id",
            Type::Int64,
            "Id of the connection: `requests.connection_id`.",
        ),
        Column::required(
            "source_id",
            Type::Int64,
            "The recording the row came from: `sources.source_id`.",
        ),
        Column::required(
            "client_address",
            Type::Label,
            "`ip:port` of the client; IPv6 as `[ip]:port`.",
        ),
        Column::required("server_address", Type::Label, "`ip:port` of the broker."),
        Column::required("start_time", Type::Time, "First packet that was captured."),
        Column::required("end_time", Type::Time, "Last packet that was captured."),
        Column::optional(
            "syn_time",
            Type::Time,
            "The client's first SYN; null when it was not captured.",
        ),
        Column::optional(
            "syn_ack_time",
            Type::Time,
            "The broker's first SYN/ACK; null when it was not captured.",
        ),
        Column::optional(
            "established_time",
            Type::Time,
            "The client's acknowledgement of the SYN/ACK; null when it was not captured.",
        ),
        Column::optional(
            "syn_retries",
            Type::Int64,
            "SYNs after the first; null without syn_time.",
        ),
        Column::optional(
            "syn_ack_retries",
            Type::Int64,
            "SYN/ACKs after the first; null without syn_ack_time.",
        ),
        Column::optional(
            "client_mss",
            Type::Int32,
            "Largest segment that the client takes, bytes; null without a SYN that says it.",
        ),
        Column::optional(
            "broker_mss",
            Type::Int32,
            "Largest segment that the broker takes, bytes; null without a SYN/ACK that says it.",
        ),
        Column::optional(
            "client_window_scale",
            Type::Int16,
            "Shift of the client's windows, bits; null when its SYN has none or was not captured.",
        ),
        Column::optional(
            "broker_window_scale",
            Type::Int16,
            "Shift of the broker's windows, bits; null when its SYN/ACK has none or was not captured.",
        ),
        Column::optional(
            "window_scaling",
            Type::Label,
            "`on`, `not_offered` (by the client) or `refused` (by the broker); null without both SYNs.",
        ),
        Column::optional(
            "sack",
            Type::Bool,
            "Whether selective acknowledgements were agreed on; null without both SYNs.",
        ),
        Column::optional(
            "timestamps",
            Type::Bool,
            "Whether timestamps were agreed on; null without both SYNs.",
        ),
        Column::optional(
            "handshake_client_rtt_ns",
            Type::Int64,
            "From the SYN/ACK to its acknowledgement; null when one of them is missing or was repeated.",
        ),
        Column::optional(
            "handshake_broker_rtt_ns",
            Type::Int64,
            "From the SYN to the SYN/ACK; null when one of them is missing or was repeated.",
        ),
        Column::optional(
            "client_rtt_min_ns",
            Type::Int64,
            "Shortest time from bytes to the client until it acknowledged them; null without a sample.",
        ),
        Column::optional(
            "client_rtt_mean_ns",
            Type::Int64,
            "Their mean; delayed acknowledgements are in it.",
        ),
        Column::optional("client_rtt_max_ns", Type::Int64, "The longest of them."),
        Column::required(
            "client_rtt_samples",
            Type::Int64,
            "How many were measured: one at a time, a hundred in a second at most; of bytes sent again only where timestamps tell the copies apart.",
        ),
        Column::optional(
            "broker_rtt_min_ns",
            Type::Int64,
            "Shortest time from bytes to the broker until it acknowledged them; null without a sample.",
        ),
        Column::optional("broker_rtt_mean_ns", Type::Int64, "Their mean."),
        Column::optional("broker_rtt_max_ns", Type::Int64, "The longest of them."),
        Column::required(
            "broker_rtt_samples",
            Type::Int64,
            "How many were measured, as for the client.",
        ),
        Column::optional(
            "client_hello_time",
            Type::Time,
            "The client's TLS ClientHello; null when it was not captured.",
        ),
        Column::optional(
            "tls_done_time",
            Type::Time,
            "The end of the TLS handshake: of TLS 1.2 when both ends had sent their Finished, of TLS 1.3 the client's first encrypted record (the broker's answer to it cannot be told from what follows); null when it did not come so far, or was not captured.",
        ),
        Column::optional(
            "tls_broker_ns",
            Type::Int64,
            "How long of the TLS handshake its next record came from the broker: from the last of the client's to the first of the broker's, added up; null without tls_done_time.",
        ),
        Column::optional(
            "tls_version",
            Type::Label,
            "`TLS 1.2`, `TLS 1.3` or `older`; null when the broker's hello was not captured.",
        ),
        Column::optional(
            "tls_resumed",
            Type::Bool,
            "Whether an earlier TLS session was taken up again, which spares the broker the signature; null when that was not seen.",
        ),
        Column::optional(
            "tls_alert",
            Type::Int16,
            "The number of the alert that ended the TLS handshake (RFC 8446, 6); null when none could be read: behind the hellos alerts may be encrypted.",
        ),
        Column::optional(
            "overlap_time",
            Type::Time,
            "Of an encrypted connection that was not read: the first time at which its client sent before it had an answer, so that its turns (`encrypted_turns`) are no requests. Null proves nothing: requests that leave at once look like one.",
        ),
        Column::optional(
            "closed_by",
            Type::Label,
            "The first end: `client_fin`, `broker_fin`, `client_reset`, `broker_reset`; null when none was captured. A reset outside of its receiver's window ends nothing.",
        ),
        Column::optional(
            "reconnect_of",
            Type::Int64,
            "`connection_id` of the connection between the same addresses (whatever the client's port) that ended last before this one's SYN; each is taken once.",
        ),
        Column::required(
            "to_broker_segments",
            Type::Int64,
            "Segments with bytes to the broker, all copies included.",
        ),
        Column::required(
            "to_broker_bytes",
            Type::Int64,
            "Bytes to the broker, each counted once.",
        ),
        Column::optional(
            "to_broker_retransmissions",
            Type::Int64,
            "Segments with bytes sent again; null when no packet of this direction was captured.",
        ),
        Column::optional(
            "to_broker_retransmitted_bytes",
            Type::Int64,
            "Their bytes that were sent again.",
        ),
        Column::optional(
            "to_broker_needless_retransmissions",
            Type::Int64,
            "Those of them whose bytes had been acknowledged at the capture point.",
        ),
        Column::optional(
            "to_broker_out_of_order",
            Type::Int64,
            "Segments captured after later ones, too soon for a retransmission.",
        ),
        Column::optional(
            "to_broker_copies",
            Type::Int64,
            "Segments that the capture holds more than once.",
        ),
        Column::optional(
            "to_broker_unseen_bytes",
            Type::Int64,
            "Bytes that were acknowledged and are not in the capture; null when no acknowledgement was captured.",
        ),
        Column::optional(
            "to_broker_duplicate_acks",
            Type::Int64,
            "Duplicate acknowledgements for these bytes, sent by the broker; null when no acknowledgement was captured.",
        ),
        Column::optional(
            "to_broker_largest_window",
            Type::Int64,
            "Largest window of the broker, bytes; null when its scale is not known.",
        ),
        Column::optional(
            "to_broker_zero_windows",
            Type::Int64,
            "How often the broker's window closed; null when no acknowledgement was captured.",
        ),
        Column::optional("to_broker_zero_window_ns", Type::Int64, "How long in all."),
        Column::optional(
            "to_broker_window_limited_ns",
            Type::Int64,
            "How long the client waited at the end of the broker's window with more to send; null without handshake, scale or round trip.",
        ),
        Column::required(
            "to_broker_resets",
            Type::Int64,
            "Resets sent by the client, inside of the broker's window.",
        ),
        Column::required(
            "from_broker_segments",
            Type::Int64,
            "Segments with bytes from the broker, all copies included.",
        ),
        Column::required(
            "from_broker_bytes",
            Type::Int64,
            "Bytes from the broker, each counted once.",
        ),
        Column::optional(
            "from_broker_retransmissions",
            Type::Int64,
            "Segments with bytes sent again; null when no packet of this direction was captured.",
        ),
        Column::optional(
            "from_broker_retransmitted_bytes",
            Type::Int64,
            "Their bytes that were sent again.",
        ),
        Column::optional(
            "from_broker_needless_retransmissions",
            Type::Int64,
            "Those of them whose bytes had been acknowledged at the capture point.",
        ),
        Column::optional(
            "from_broker_out_of_order",
            Type::Int64,
            "Segments captured after later ones, too soon for a retransmission.",
        ),
        Column::optional(
            "from_broker_copies",
            Type::Int64,
            "Segments that the capture holds more than once.",
        ),
        Column::optional(
            "from_broker_unseen_bytes",
            Type::Int64,
            "Bytes that were acknowledged and are not in the capture; null when no acknowledgement was captured.",
        ),
        Column::optional(
            "from_broker_duplicate_acks",
            Type::Int64,
            "Duplicate acknowledgements for these bytes, sent by the client; null when no acknowledgement was captured.",
        ),
        Column::optional(
            "from_broker_largest_window",
            Type::Int64,
            "Largest window of the client, bytes; null when its scale is not known.",
        ),
        Column::optional(
            "from_broker_zero_windows",
            Type::Int64,
            "How often the client's window closed; null when no acknowledgement was captured.",
        ),
        Column::optional(
            "from_broker_zero_window_ns",
            Type::Int64,
            "How long in all.",
        ),
        Column::optional(
            "from_broker_window_limited_ns",
            Type::Int64,
            "How long the broker waited at the end of the client's window with more to send; null without handshake, scale or round trip.",
        ),
        Column::required(
            "from_broker_resets",
            Type::Int64,
            "Resets sent by the broker, inside of the client's window.",
        ),
    ],
};
