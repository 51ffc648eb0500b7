//! Packet captures of Kafka traffic, as rows of kcorr tables.
//!
//! Every request on a broker's port becomes a row of `requests` with its whole timeline; produce
//! and fetch requests become rows of `request_partitions` too, and names of topic ids, which
//! Metadata responses tell, rows of `topics`. Every connection to such a port becomes a row of
//! `tcp_connections`, and times in which TCP kept its bytes waiting rows of `tcp_stretches`: these are told by
//! headers alone, so that encrypted connections have them too.
//!
//! # What latency is
//!
//! All times are those of captured packets, on the capturing host's clock (`CLOCK_REALTIME`):
//!
//! | column | is |
//! |---|---|
//! | `arrival_time` | the time of the packet that brought the first byte of the request (of its length prefix) |
//! | `read_time` | the latest of the times of the packets that brought the request's bytes |
//! | `response_time` | the time of the packet that brought the first byte of the response |
//! | `end_time` | the latest of the times of the packets that brought the response's bytes |
//! | `latency_ns` | `end_time` − `arrival_time` |
//!
//! The first copy of a byte counts: a retransmission changes nothing, unless the original is not in
//! the capture. So latency is what a client right at the capture point waits: it contains the time a
//! request waits behind earlier ones of its own connection (Kafka serves one request of a connection
//! at a time), which the broker's `totalTimeMs` does not; and long polls of fetches. On a capture at
//! the broker, `end_time − max(read_time, end_time of the connection's previous request)` is what the
//! broker calls the total time. Times in captures are not always in order, even of one host; a
//! latency below zero is possible and shown as it is.
//!
//! Packets may hold several segments' bytes (TSO, GRO) and several requests: all bytes of a packet
//! have its time. With a short snap length the times stay right as long as every length prefix is
//! captured.
//!
//! # What is read
//!
//! - Files: pcap (µs and ns, either byte order) and pcapng (sections, interfaces with their own
//!   resolutions and offsets, statistics of drops), in any pieces, and several files one after
//!   another in the order of their times ([`first_time`] tells it), merged where they cover the same time
//!   ([`PcapOptions::file_starts`]). [`recognise`] tells them from other formats. The caller opens and decompresses.
//! - Ethernet, Linux cooked v1 and v2, raw IP, null/loopback, PPP, PPPoE, Cisco HDLC, MPLS, NFLOG,
//!   PKTAP, PPI, pflog, enc, and PDUs that Wireshark exports; tags of any kind; VXLAN, Geneve, GRE,
//!   NVGRE, ERSPAN, IP in IP, MPLS, GTP-U, L2TP, TZSP and EtherIP, in one another to a bound; IPv4,
//!   IPv6 with extension headers; TCP. Packets that may hold TCP in a way that is not read are counted
//!   by kind. IP fragments are not put together: what is in the first of them is read.
//! - Every API key and version gets a row, those of vendors' own too. The bodies of Produce 0–13,
//!   Fetch 0–18 and the responses of Metadata 10–13 are read (Kafka 4.4), and of requests of groups,
//!   transactions and offsets who asks for what.
//! - Connections from their middle and behind holes: the next request is found by its header's
//!   numbers, its client id, the request behind it and its answer, whichever of it is there; a search
//!   is never given up, and what it passed over is told.
//! - Connections encrypted by TLS 1.2 and 1.3, when the secrets of their sessions are there
//!   ([`PcapOptions::tls_keys`]): a piece of text has the time of the packet that brought its first byte, and is
//!   complete with the packet that completed its record.
//! - Message ids, from the headers of records of batches of magic 2, through gzip, snappy, lz4 and
//!   zstd. Checksums (IP, TCP, record batches) are not verified.
//!
//! # What is lost is told
//!
//! Damage never ends the decoding: what could not be read is counted in the summary's losses, and a
//! request that it did not touch keeps its row. Each kind of loss is declared beside the code that
//! finds it. Memory is bounded by [`PcapOptions::buffer_bytes`] and [`PcapOptions::connections`],
//! not by the input.
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)
)]

mod connection;
mod connections;
mod decoder;
mod message;
mod options;
mod packets;
mod ports;
mod reconnects;
mod rows;
mod shared;

pub use decoder::PcapDecoder;
pub use kcorr_capture::{first_time, recognise};
pub use kcorr_kafka::DEFAULT_ID_HEADERS;
pub use kcorr_tls::{KeyLogReader, TlsKeys, recognise_key_log};
pub use options::PcapOptions;
