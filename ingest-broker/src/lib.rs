//! A broker's own files as inputs: what it wrote to its disk and what it said of itself.
//!
//! | decoder | input | tables |
//! |---|---|---|
//! | [`SegmentsDecoder`] | the files of its log directories | `log_batches`, `topics` |
//!
//! What it does not do: it opens no files, joins no rows, and reads no keys or values of records.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)]
#![cfg_attr(not(test), deny(clippy::panic))]

mod columns;
mod segments;

pub use segments::SegmentsDecoder;
