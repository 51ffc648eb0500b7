//! Which rows of the build side had a match.

use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::array::BooleanArray;
use datafusion::arrow::buffer::BooleanBuffer;

/// A bit a row of the build side, set by all probe streams.
#[derive(Debug)]
pub(super) struct MatchedRows {
    words: Vec<AtomicU64>,
}

impl MatchedRows {
    pub(super) fn new(rows: usize) -> Self {
        Self {
            words: (0..rows.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Marks a row.
    pub(super) fn mark(&self, row: usize) {
        let (word, bit) = (&self.words[row / 64], 1 << (row % 64));
        // Most rows are marked more than once; only writing is dear between threads.
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// Whether each of some rows is marked.
    pub(super) fn slice(&self, first: usize, count: usize) -> BooleanArray {
        let is_marked = |place: usize| {
            let row = first + place;
            self.words[row / 64].load(Ordering::Relaxed) & (1 << (row % 64)) != 0
        };
        BooleanArray::new(BooleanBuffer::collect_bool(count, is_marked), None)
    }
}
