//! What a capture is read for.

use kcorr_kafka::DEFAULT_ID_HEADERS;
use kcorr_tls::TlsKeys;

/// How to read a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PcapOptions {
    /// TCP ports of brokers. Empty, the default: 9092, and the ports on which requests are found.
    pub kafka_ports: Vec<u16>,
    /// Names of the record headers that hold a message's id: of those a record has, the first in
    /// this list wins; ASCII case does not matter. `None`: records are not looked into. Default:
    /// [`DEFAULT_ID_HEADERS`].
    pub message_id_headers: Option<Vec<String>>,
    /// Secrets of encrypted connections; those in the secrets blocks of a pcapng file are added to them.
    /// Default: none.
    pub tls_keys: TlsKeys,
    /// When each of the capture's files begins, as [`crate::first_time`] tells it, in the order in which they
    /// come: then files that cover the same time are merged by time. Empty, the default: files are read one
    /// after another.
    pub file_starts: Vec<i64>,
    /// Bytes of packets that are held to merge files; beyond it the oldest are read without, and that is
    /// counted. Default: 256 MiB.
    pub merge_bytes: usize,
    /// Bytes of incomplete messages and out-of-order segments that are held for all connections
    /// together; beyond it the oldest are given up and counted. Default: 64 MiB.
    pub buffer_bytes: usize,
    /// Connections that are followed at a time; beyond it those idle longest are given up and
    /// counted. Default: 65,536.
    pub connections: usize,
}

impl Default for PcapOptions {
    fn default() -> Self {
        Self {
            kafka_ports: Vec::new(),
            message_id_headers: Some(
                DEFAULT_ID_HEADERS
                    .iter()
                    .map(|&name| name.to_owned())
                    .collect(),
            ),
            tls_keys: TlsKeys::default(),
            file_starts: Vec::new(),
            merge_bytes: 256 << 20,
            buffer_bytes: 64 << 20,
            connections: 65_536,
        }
    }
}
