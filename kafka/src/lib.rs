//! Kafka's binary forms that packet captures and log segments share: primitive types
//! ([`Reader`]), record batches ([`BatchHeader`], [`Records`]), their compression
//! ([`Decompressor`]), the message ids in record headers ([`IdHeaders`]), and the names of APIs ([`api`]).
//!
//! All input is untrusted: nothing here panics, allocates by a length that was not checked, or
//! trusts a count. What is read stays borrowed from the input.
//!
//! It does not know requests and responses (see `kcorr-ingest-pcap`), checks no CRC, and reads no
//! keys or values.
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)
)]

pub mod api;
mod batch;
mod compression;
mod message_ids;
mod reader;
mod records;
mod topic_id;

pub use batch::{BatchHeader, EntryHeader, MessageHeader};
pub use compression::{Codec, DecompressError, Decompressor};
pub use message_ids::{DEFAULT_ID_HEADERS, IdHeaders, MessageIds};
pub use reader::{Reader, Stop};
pub use records::{Headers, Record, Records};
pub use topic_id::TopicId;

/// The example of the README, so that it is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
