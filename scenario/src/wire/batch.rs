//! Record batches, magic 2.
//!
//! Source: Kafka documentation, "Implementation: Message Format".

use super::bytes::Out;

/// Bytes of a batch before its CRC's field ends: what follows is what the CRC covers.
const CRC_END: usize = 21;
/// The codec, in the attributes.
const ZSTD: i16 = 4;

/// A batch whose records have these ids in the header `messageId`, as a producer sends it: base
/// offset 0, leader epoch −1. With `zstd` its records are compressed.
pub(crate) fn batch(
    ids: &[u64],
    value_bytes: usize,
    producer_id: i64,
    timestamp_ms: i64,
    zstd: bool,
) -> Vec<u8> {
    let mut records = Out::default();
    for (delta, id) in ids.iter().enumerate() {
        let id_text = id.to_string();
        let value: Vec<u8> = (0..value_bytes)
            .map(|i| (*id as usize + i * 31) as u8 % 95 + 32)
            .collect();
        let body = Out::default()
            .i8(0)
            .zigzag(0)
            .zigzag(delta as i64)
            .zigzag(-1)
            .zigzag(value.len() as i64)
            .raw(&value)
            .zigzag(1)
            .zigzag(9)
            .raw(b"messageId")
            .zigzag(id_text.len() as i64)
            .raw(id_text.as_bytes());
        records = records.zigzag(body.0.len() as i64).raw(&body.0);
    }
    // Writing into memory does not fail; if it did, the batch would go uncompressed.
    let compressed = zstd
        .then(|| zstd::encode_all(&records.0[..], 1).ok())
        .flatten();
    let codec = if compressed.is_some() { ZSTD } else { 0 };
    let records = compressed.map_or(records, Out);
    let covered = Out::default()
        .i16(codec)
        .i32(ids.len() as i32 - 1)
        .i64(timestamp_ms)
        .i64(timestamp_ms)
        .i64(producer_id)
        .i16(if producer_id < 0 { -1 } else { 0 })
        .i32(-1)
        .i32(ids.len() as i32)
        .raw(&records.0);
    let mut bytes = Out::default()
        .i64(0)
        .i32(covered.0.len() as i32 + 9)
        .i32(-1)
        .i8(2);
    bytes = bytes.i32(crc32c::crc32c(&covered.0) as i32).raw(&covered.0);
    debug_assert_eq!(bytes.0.len(), CRC_END + covered.0.len());
    bytes.0
}

/// Makes of a producer's batch what the broker appends: its offset and leader epoch, which the CRC does
/// not cover.
pub(crate) fn assign_offset(batch: &mut [u8], base_offset: i64) {
    batch[..8].copy_from_slice(&base_offset.to_be_bytes());
    batch[12..16].copy_from_slice(&0_i32.to_be_bytes());
}
