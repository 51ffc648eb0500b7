//! What clients saw, as inputs.
//!
//! | decoder | input | table |
//! |---|---|---|
//! | [`ClientMessagesDecoder`] | lines of a client, one a message | `client_messages` |
//! | the same | statistics of librdkafka, one object a line | `client_metrics` |
//!
//! [`ClientMessage`] is such a line, for who writes them and who reads them.
//!
//! What it does not do: it opens no files, joins no rows, and speaks to no broker.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)]
#![cfg_attr(not(test), deny(clippy::panic))]

mod decoder;
mod losses;
mod message;
mod metric_rows;
mod rows;
mod statistics;

pub use decoder::{ClientMessagesDecoder, recognise_client_messages};
pub use message::ClientMessage;

/// The example of the README, so that it is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
