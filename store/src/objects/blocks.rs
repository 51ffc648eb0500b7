//! Blocks of files that were fetched and found to be as they were written, kept for those that read them next.
//!
//! The steps of an account read the same stretch of time one after another, and neighbouring columns of it lie in
//! one block. On this host the system keeps what was read; of objects nobody does.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Bytes of blocks that are kept for one store.
const KEPT_BYTES: usize = 64 << 20;

/// A file by its path, and a block by its number.
type Key = (Arc<str>, u64);

/// Blocks that were read, up to [`KEPT_BYTES`] of them; the oldest go first.
#[derive(Debug, Default)]
pub(crate) struct Blocks(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    blocks: HashMap<Key, Bytes>,
    /// In the order in which they came.
    order: VecDeque<Key>,
    bytes: usize,
}

impl Blocks {
    /// A block, if it is kept.
    pub(crate) fn get(&self, path: &Arc<str>, block: u64) -> Option<Bytes> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.blocks.get(&(Arc::clone(path), block)).cloned()
    }

    /// Keeps a block that is as it was written.
    pub(crate) fn keep(&self, path: &Arc<str>, block: u64, bytes: Bytes) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (Arc::clone(path), block);
        let length = bytes.len();
        if kept.blocks.insert(key.clone(), bytes).is_some() {
            return;
        }
        kept.order.push_back(key);
        kept.bytes += length;
        while kept.bytes > KEPT_BYTES {
            let Some(oldest) = kept.order.pop_front() else {
                return;
            };
            let removed = kept.blocks.remove(&oldest);
            kept.bytes -= removed.map_or(0, |bytes| bytes.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_blocks_go_when_there_are_more_than_fit() {
        let blocks = Blocks::default();
        let path: Arc<str> = "data/writes/1-1-1.parquet".into();
        let block = || Bytes::from(vec![0; KEPT_BYTES / 4]);
        for number in 0..4 {
            blocks.keep(&path, number, block());
            blocks.keep(&path, number, block());
        }
        assert!((0..4).all(|number| blocks.get(&path, number).is_some()));
        blocks.keep(&path, 4, block());
        let kept: Vec<u64> = (0..6)
            .filter(|number| blocks.get(&path, *number).is_some())
            .collect();
        assert_eq!(kept, [1, 2, 3, 4]);
    }
}
