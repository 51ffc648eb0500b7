//! The build side's rows once more, after the last probe row, with whether each had a match.

use std::sync::Arc;

use datafusion::arrow::array::{BooleanArray, RecordBatch};
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;

use super::build_side::{BuildRows, BuildSide};

/// Rows that are still to be looked at.
pub(super) struct Leftover {
    side: Arc<BuildSide>,
    rows: Rows,
    next_row: usize,
    batch_rows: usize,
}

enum Rows {
    Memory(RecordBatch),
    File(SendableRecordBatchStream),
}

impl Leftover {
    /// All rows of a build side, in batches of so many rows at most when they are in memory.
    pub(super) fn new(side: Arc<BuildSide>, batch_rows: usize) -> Result<Self> {
        let rows = match &side.rows {
            BuildRows::Memory(chunk) => Rows::Memory(chunk.rows.clone()),
            BuildRows::Spilled(rows) => Rows::File(rows.read()?),
        };
        Ok(Self {
            side,
            rows,
            next_row: 0,
            batch_rows,
        })
    }

    /// Some rows and which of them had a match; `None` after the last, or when nobody kept count.
    pub(super) async fn next(&mut self) -> Result<Option<(RecordBatch, BooleanArray)>> {
        let rows = match &mut self.rows {
            Rows::File(rows) => rows.next().await.transpose()?,
            Rows::Memory(rows) => {
                let count = self.batch_rows.min(rows.num_rows() - self.next_row);
                (count > 0).then(|| rows.slice(self.next_row, count))
            }
        };
        let (Some(rows), Some(matched)) = (rows, &self.side.matched) else {
            return Ok(None);
        };
        let matched = matched.slice(self.next_row, rows.num_rows());
        self.next_row += rows.num_rows();
        Ok(Some((rows, matched)))
    }
}
