//! Rows of `tcp_connections`.

use arrow::record_batch::RecordBatch;
use kcorr_model::{BatchBuilder, Error, SourceId, tables};
use kcorr_tls::HandshakeCourse;

use super::labels::Labels;
use super::numbers::{Number, Numbers, count};
use super::request_rows::ConnectionLabels;
use crate::connection::{Tcp, TcpStream};

const OF_CONNECTION: usize = 32;
const OF_STREAM: usize = 14;
const ALL: usize = OF_CONNECTION + 2 * OF_STREAM;

/// Columns of `tcp_connections` under construction.
#[derive(Debug)]
pub(super) struct TcpConnectionRows {
    source: SourceId,
    client_address: Labels,
    server_address: Labels,
    window_scaling: Labels,
    closed_by: Labels,
    tls_version: Labels,
    numbers: Numbers<ALL>,
}

impl TcpConnectionRows {
    pub(super) fn new(source: SourceId) -> Self {
        Self {
            source,
            client_address: Labels::new(),
            server_address: Labels::new(),
            window_scaling: Labels::new(),
            closed_by: Labels::new(),
            tls_version: Labels::new(),
            numbers: Numbers::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Adds a connection, if a packet of it was captured.
    pub(super) fn push(&mut self, tcp: &Tcp, connection: &ConnectionLabels) {
        let Some((first, last)) = tcp.times else {
            return;
        };
        let client = connection.client.to_string();
        self.client_address.push(Some(&client));
        let server = connection.server.to_string();
        self.server_address.push(Some(&server));
        self.window_scaling.push(tcp.handshake.window_scaling());
        self.closed_by.push(tcp.closed_by.map(|by| by.name()));
        let tls = tcp.tls.as_ref();
        self.tls_version.push(tls.and_then(version));
        let tls_broker = tls.filter(|tls| tls.end.is_some());
        let alert = tls.and_then(|tls| tls.alert);
        let handshake = &tcp.handshake;
        // What goes to the client makes the client's round trips.
        let client = &tcp.from_broker.round_trip;
        let broker = &tcp.to_broker.round_trip;
        let numbers: [Number; OF_CONNECTION] = [
            ("connection_id", Some(connection.connection_id)),
            ("source_id", Some(self.source.0)),
            ("start_time", Some(first)),
            ("end_time", Some(last)),
            ("syn_time", handshake.syn_time()),
            ("syn_ack_time", handshake.syn_ack_time()),
            ("established_time", handshake.established_time),
            ("syn_retries", handshake.syn_retries().and_then(count)),
            (
                "syn_ack_retries",
                handshake.syn_ack_retries().and_then(count),
            ),
            ("client_mss", handshake.client_mss().map(i64::from)),
            ("broker_mss", handshake.broker_mss().map(i64::from)),
            (
                "client_window_scale",
                handshake.client_window_scale().map(i64::from),
            ),
            (
                "broker_window_scale",
                handshake.broker_window_scale().map(i64::from),
            ),
            ("sack", handshake.has_sack().map(i64::from)),
            ("timestamps", handshake.has_timestamps().map(i64::from)),
            ("handshake_client_rtt_ns", handshake.client_rtt()),
            ("handshake_broker_rtt_ns", handshake.broker_rtt()),
            ("client_rtt_min_ns", client.summary().map(|rtt| rtt.0)),
            ("client_rtt_mean_ns", client.summary().map(|rtt| rtt.1)),
            ("client_rtt_max_ns", client.summary().map(|rtt| rtt.2)),
            ("client_rtt_samples", count(client.samples())),
            ("broker_rtt_min_ns", broker.summary().map(|rtt| rtt.0)),
            ("broker_rtt_mean_ns", broker.summary().map(|rtt| rtt.1)),
            ("broker_rtt_max_ns", broker.summary().map(|rtt| rtt.2)),
            ("broker_rtt_samples", count(broker.samples())),
            ("client_hello_time", tls.and_then(|tls| tls.start)),
            ("tls_done_time", tls.and_then(|tls| tls.end)),
            ("tls_broker_ns", tls_broker.map(|tls| tls.server_ns)),
            (
                "tls_resumed",
                tls.and_then(|tls| tls.is_resumed).map(i64::from),
            ),
            ("tls_alert", alert.map(|(_, alert)| i64::from(alert))),
            ("overlap_time", tcp.overlap_time),
            ("reconnect_of", tcp.reconnect_of),
        ];
        // The client sends to the broker, at the end of its own round trip.
        let to_broker = of_stream(&tcp.to_broker, client.shortest(), &TO_BROKER);
        let from_broker = of_stream(&tcp.from_broker, broker.shortest(), &FROM_BROKER);
        let mut row: [Number; ALL] = [("", None); ALL];
        let values = numbers.into_iter().chain(to_broker).chain(from_broker);
        for (place, value) in row.iter_mut().zip(values) {
            *place = value;
        }
        self.numbers.push(row);
    }

    pub(super) fn finish(&mut self) -> Result<RecordBatch, Error> {
        let table = &tables::TCP_CONNECTIONS;
        if self.len() == 0 {
            return Ok(RecordBatch::new_empty(table.schema()));
        }
        let batch = BatchBuilder::new(table, self.len())
            .set("client_address", self.client_address.finish()?)
            .set("server_address", self.server_address.finish()?)
            .set("window_scaling", self.window_scaling.finish()?)
            .set("closed_by", self.closed_by.finish()?)
            .set("tls_version", self.tls_version.finish()?);
        Ok(self.numbers.finish(table, batch).finish()?)
    }
}

/// The version that the server chose, in words.
fn version(tls: &HandshakeCourse) -> Option<&'static str> {
    match tls.version? {
        0x0303 => Some("TLS 1.2"),
        0x0304 => Some("TLS 1.3"),
        _ => Some("older"),
    }
}

const TO_BROKER: [&str; OF_STREAM] = [
    "to_broker_segments",
    "to_broker_bytes",
    "to_broker_retransmissions",
    "to_broker_retransmitted_bytes",
    "to_broker_needless_retransmissions",
    "to_broker_out_of_order",
    "to_broker_copies",
    "to_broker_unseen_bytes",
    "to_broker_duplicate_acks",
    "to_broker_largest_window",
    "to_broker_zero_windows",
    "to_broker_zero_window_ns",
    "to_broker_window_limited_ns",
    "to_broker_resets",
];

const FROM_BROKER: [&str; OF_STREAM] = [
    "from_broker_segments",
    "from_broker_bytes",
    "from_broker_retransmissions",
    "from_broker_retransmitted_bytes",
    "from_broker_needless_retransmissions",
    "from_broker_out_of_order",
    "from_broker_copies",
    "from_broker_unseen_bytes",
    "from_broker_duplicate_acks",
    "from_broker_largest_window",
    "from_broker_zero_windows",
    "from_broker_zero_window_ns",
    "from_broker_window_limited_ns",
    "from_broker_resets",
];

/// One direction: what cannot be known of it is null.
fn of_stream(
    stream: &TcpStream,
    sender_rtt: Option<i64>,
    names: &[&'static str; OF_STREAM],
) -> [Number; OF_STREAM] {
    let captured = |value: u64| count(value).filter(|_| stream.is_captured);
    let acknowledged = |value: Option<i64>| value.filter(|_| stream.is_acknowledged());
    let values = [
        count(stream.segments),
        count(stream.bytes),
        captured(stream.retransmissions),
        captured(stream.retransmitted_bytes),
        captured(stream.needless),
        captured(stream.out_of_order),
        captured(stream.copies),
        acknowledged(count(stream.unseen_bytes)),
        acknowledged(count(stream.duplicate_acks)),
        stream.known_largest_window().map(i64::from),
        acknowledged(count(stream.zero_window.count)),
        acknowledged(Some(stream.zero_window.total_ns)),
        stream.window_limited_ns(sender_rtt),
        count(stream.resets),
    ];
    let mut numbers: [Number; OF_STREAM] = [("", None); OF_STREAM];
    for (number, (name, value)) in numbers.iter_mut().zip(names.iter().zip(values)) {
        *number = (name, value);
    }
    numbers
}
