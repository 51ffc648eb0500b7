//! Packet captures of Kafka traffic, as rows of kcorr tables.
//!
//! Every request on a broker's port becomes a row of `requests` with its whole timeline; produce
//! and fetch requests become rows of `request_partitions` too, and names of topic ids, which
//! Metadata responses tell, rows of `topics`.
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)
)]

mod capture;
mod connection;
mod connections;
mod decoder;
mod message;
mod network;
mod options;
mod rows;
mod shared;

pub use capture::recognise;
pub use decoder::PcapDecoder;
pub use options::PcapOptions;
