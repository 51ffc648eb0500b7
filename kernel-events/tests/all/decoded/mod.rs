//! Lines decoded as kcorr decodes them.

#[path = "../../../../model/tests/decoded/mod.rs"]
mod of_decoder;

use kcorr_ingest_bpf::{BpfDecoder, BpfOptions};
use kcorr_model::SourceId;

pub(crate) use of_decoder::Decoded;
use of_decoder::decode_pieces;

pub(crate) fn decode(bytes: &[u8]) -> Decoded {
    let decoder = BpfDecoder::new(SourceId(1), BpfOptions::default());
    decode_pieces(decoder, &[bytes]).expect("lines that can be decoded")
}
