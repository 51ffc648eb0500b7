//! Decoding traces, and what they were decoded to.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses a part of this, and a test ends where its input is wrong"
)]

#[path = "../../../../model/tests/decoded/mod.rs"]
mod of_decoder;

use arrow::array::{AsArray, Int64Array};
use arrow::datatypes::Int64Type;
use arrow::record_batch::RecordBatch;
use kcorr_ingest_bpf::{BpfDecoder, BpfOptions};
use kcorr_model::{Error, SourceId};

use of_decoder::decode_pieces;
#[allow(unused_imports, reason = "each test file uses a part of this")]
pub(crate) use of_decoder::{Decoded, pieces};

pub(crate) fn decode(bytes: &[u8]) -> Decoded {
    try_decode(&[bytes], BpfOptions::default()).unwrap()
}

/// Decodes an input that comes in pieces.
pub(crate) fn try_decode(pieces: &[&[u8]], options: BpfOptions) -> Result<Decoded, Error> {
    decode_pieces(BpfDecoder::new(SourceId(1), options), pieces)
}

/// The sum of an `Int64` column.
pub(crate) fn sum(batches: &[RecordBatch], column: &str) -> i64 {
    let column = |batch: &RecordBatch| -> i64 {
        let values: &Int64Array = batch
            .column_by_name(column)
            .unwrap()
            .as_primitive::<Int64Type>();
        values.iter().flatten().sum()
    };
    batches.iter().map(column).sum()
}
