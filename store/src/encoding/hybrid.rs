//! Small numbers as runs of one value and stretches of any (Parquet's `RLE`): keys of dictionaries, and levels.

use arrow::buffer::BooleanBuffer;

use super::bits::{pack, varint};

/// So many numbers are packed together.
const GROUP: usize = 8;

/// A run that is as long is told as one. Shorter ones are not worth their headers.
const LONG_RUN: usize = 32;

/// Appends keys of a width.
pub(super) fn keys(keys: &[u32], width: u32, out: &mut Vec<u8>) {
    let mut packed_from = 0;
    let mut at = 0;
    while let Some(first) = keys.get(at) {
        let run = keys[at..].iter().take_while(|key| *key == first).count();
        if run < LONG_RUN {
            at = keys.len().min(at + GROUP);
            continue;
        }
        pack_keys(&keys[packed_from..at], width, out);
        varint((run as u64) << 1, out);
        let bytes = first.to_le_bytes();
        out.extend(bytes.iter().take(width.div_ceil(8) as usize));
        at += run;
        packed_from = at;
    }
    pack_keys(&keys[packed_from..], width, out);
}

/// Appends a stretch of keys; the last group is filled up.
fn pack_keys(keys: &[u32], width: u32, out: &mut Vec<u8>) {
    if keys.is_empty() {
        return;
    }
    let groups = keys.len().div_ceil(GROUP);
    varint((groups as u64) << 1 | 1, out);
    let padding = std::iter::repeat_n(0, groups * GROUP - keys.len());
    let values = keys.iter().map(|key| u64::from(*key));
    pack(values.chain(padding), width, out);
}

/// Appends one level (0 or 1) of many rows.
pub(super) fn constant_level(level: u8, rows: usize, out: &mut Vec<u8>) {
    varint((rows as u64) << 1, out);
    out.push(level);
}

/// Appends the level of each row, which is 1 where there is a value: a bitmap is packed as it is.
pub(super) fn levels(valid: &BooleanBuffer, out: &mut Vec<u8>) {
    let groups = valid.len().div_ceil(GROUP);
    varint((groups as u64) << 1 | 1, out);
    let bytes = valid.values();
    if valid.offset() == 0 && bytes.len() >= groups {
        out.extend_from_slice(&bytes[..groups]);
    } else {
        pack(valid.iter().map(u64::from), 1, out);
    }
}
