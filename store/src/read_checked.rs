//! Reading parts of a store's files, which are compared with their hashes on the way.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::block_hashes::BLOCK_BYTES;
use crate::error::{Error, Result};
use crate::file_entry::FileEntry;
use crate::objects::Blocks;
use crate::store::Store;

/// Whole blocks of a file that follow each other.
struct Span {
    first: u64,
    bytes: Bytes,
}

impl Span {
    /// Its blocks with their numbers, to be kept: each by itself, so that none holds the memory of all.
    fn blocks(&self) -> impl Iterator<Item = (u64, Bytes)> {
        let length = usize::try_from(BLOCK_BYTES).unwrap_or(usize::MAX);
        let blocks = self.bytes.chunks(length).map(move |bytes| {
            if bytes.len() == self.bytes.len() {
                return self.bytes.clone();
            }
            Bytes::copy_from_slice(bytes)
        });
        (self.first / BLOCK_BYTES..).zip(blocks)
    }
}

impl Store {
    /// Reads ranges of bytes of a file. Whole blocks are read around them, and fails when one of these is not
    /// as it was written. Waits for the disk or the network, and may be called from any thread.
    pub fn read_ranges(&self, file: &FileEntry, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let wide = aligned(ranges, file.size_bytes);
        let spans = match self.files().kept(file) {
            Some(kept) => self.read_unkept(file, wide, kept)?,
            None => self.read_spans(file, wide)?,
        };
        let outside = || {
            self.files()
                .unlike(file, "shorter than its reader takes it to be")
        };
        ranges
            .iter()
            .map(|range| cut_out(&spans, range, outside))
            .collect()
    }

    /// Reads whole blocks and compares them.
    fn read_spans(&self, file: &FileEntry, wide: Vec<Range<u64>>) -> Result<Vec<Span>> {
        let read = self.files().read(file, wide.clone())?;
        let spans = wide.into_iter().zip(read).map(|(range, bytes)| {
            let span = Span {
                first: range.start,
                bytes,
            };
            self.check_span(file, &span)?;
            Ok(span)
        });
        spans.collect()
    }

    /// The same, of which only those blocks are read that are not kept.
    fn read_unkept(
        &self,
        file: &FileEntry,
        wide: Vec<Range<u64>>,
        kept: &Blocks,
    ) -> Result<Vec<Span>> {
        let path: Arc<str> = file.path.as_str().into();
        let end_of = |block: u64| ((block + 1) * BLOCK_BYTES).min(file.size_bytes);
        let blocks_of =
            |span: &Range<u64>| span.start / BLOCK_BYTES..span.end.div_ceil(BLOCK_BYTES);
        let mut found: BTreeMap<u64, Bytes> = BTreeMap::new();
        let mut missing: Vec<Range<u64>> = Vec::new();
        for block in wide.iter().flat_map(blocks_of) {
            if let Some(bytes) = kept.get(&path, block) {
                found.insert(block, bytes);
                continue;
            }
            let start = block * BLOCK_BYTES;
            match missing.last_mut() {
                Some(last) if last.end == start => last.end = end_of(block),
                _ => missing.push(start..end_of(block)),
            }
        }
        for span in self.read_spans(file, missing)? {
            for (block, bytes) in span.blocks() {
                kept.keep(&path, block, bytes.clone());
                found.insert(block, bytes);
            }
        }
        let joined = |span: Range<u64>| {
            let mut blocks = found.range(blocks_of(&span)).map(|(_, bytes)| bytes);
            let bytes = match (blocks.next(), blocks.next()) {
                (Some(one), None) => one.clone(),
                _ => {
                    let all = found.range(blocks_of(&span)).map(|(_, bytes)| &bytes[..]);
                    Bytes::from(all.collect::<Vec<_>>().concat())
                }
            };
            Span {
                first: span.start,
                bytes,
            }
        };
        Ok(wide.into_iter().map(joined).collect())
    }

    fn check_span(&self, file: &FileEntry, span: &Span) -> Result<()> {
        let block_bytes = usize::try_from(BLOCK_BYTES).unwrap_or(usize::MAX);
        let mut blocks = (span.first / BLOCK_BYTES..).zip(span.bytes.chunks(block_bytes));
        blocks.try_for_each(|(block, bytes)| self.files().check_block(file, block, bytes))
    }
}

/// The blocks that hold ranges, as ranges of bytes that do not touch, in order. Beyond the file's end there are none.
fn aligned(ranges: &[Range<u64>], size_bytes: u64) -> Vec<Range<u64>> {
    let block_start = |at: u64| at / BLOCK_BYTES * BLOCK_BYTES;
    let wide = ranges
        .iter()
        .filter(|range| range.start < range.end.min(size_bytes));
    let mut wide: Vec<Range<u64>> = wide
        .map(|range| {
            let end = block_start(range.end - 1).saturating_add(BLOCK_BYTES);
            block_start(range.start)..end.min(size_bytes)
        })
        .collect();
    wide.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in wide {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

fn cut_out(spans: &[Span], range: &Range<u64>, outside: impl Fn() -> Error) -> Result<Bytes> {
    if range.start >= range.end {
        return Ok(Bytes::new());
    }
    let place = spans.partition_point(|span| span.first <= range.start);
    let span = place.checked_sub(1).and_then(|place| spans.get(place));
    let span = span.ok_or_else(&outside)?;
    let at = |place: u64| usize::try_from(place - span.first).unwrap_or(usize::MAX);
    if at(range.end) > span.bytes.len() {
        return Err(outside());
    }
    Ok(span.bytes.slice(at(range.start)..at(range.end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(
        clippy::single_range_in_vec_init,
        reason = "ranges are what is asked for"
    )]
    fn whole_blocks_are_read_once_around_all_ranges() {
        let size = 3 * BLOCK_BYTES + 10;
        let near = [BLOCK_BYTES + 5..BLOCK_BYTES + 6, 7..9, 100..BLOCK_BYTES];
        assert_eq!(aligned(&near, size), [0..2 * BLOCK_BYTES]);
        let last = [size - 1..size, 0..1];
        assert_eq!(
            aligned(&last, size),
            [0..BLOCK_BYTES, 3 * BLOCK_BYTES..size]
        );
        assert!(aligned(&[5..5], size).is_empty());
    }

    #[test]
    #[allow(
        clippy::single_range_in_vec_init,
        reason = "ranges are what is asked for"
    )]
    fn nothing_is_read_beyond_the_end() {
        let size = BLOCK_BYTES + 10;
        assert_eq!(aligned(&[0..u64::MAX], size), [0..size]);
        assert!(aligned(&[size..size + 1], size).is_empty());
        let far = 5 * BLOCK_BYTES;
        assert!(aligned(&[far..far + 1], size).is_empty());
        assert_eq!(aligned(&[far..far + 1, 7..9], size), [0..BLOCK_BYTES]);
    }

    #[test]
    fn a_kept_block_holds_no_others() {
        let length = usize::try_from(BLOCK_BYTES).unwrap();
        let bytes: Vec<u8> = (0..=250).cycle().take(2 * length + 10).collect();
        let span = Span {
            first: 3 * BLOCK_BYTES,
            bytes: bytes.clone().into(),
        };
        let blocks: Vec<(u64, Bytes)> = span.blocks().collect();
        drop(span);
        let numbers: Vec<u64> = blocks.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [3, 4, 5]);
        assert!(blocks.iter().all(|(_, block)| block.is_unique()));
        let joined: Vec<u8> = blocks.into_iter().flat_map(|(_, block)| block).collect();
        assert_eq!(joined, bytes);
    }
}
