//! A broker's own files as inputs: what it wrote to its disk and what it said of itself.
//!
//! | decoder | input | tables |
//! |---|---|---|
//! | [`SegmentsDecoder`] | the files of its log directories | `log_batches`, `topics` |
//! | [`GcLogDecoder`] | the JVM's log of collections and safepoints | `pauses` |
//! | [`RequestLogDecoder`] | the broker's request log | `broker_requests` |
//!
//! What it does not do: it opens no files, joins no rows, and reads no keys or values of records.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)]
#![cfg_attr(not(test), deny(clippy::panic))]

mod columns;
mod decimal;
mod gc_log;
mod lines;
mod request_log;
mod segments;

pub use gc_log::{GcLogDecoder, recognise_gc_log};
pub use request_log::{RequestLogDecoder, recognise_request_log};
pub use segments::SegmentsDecoder;
