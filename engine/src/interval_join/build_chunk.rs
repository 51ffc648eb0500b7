//! Rows of the build side in memory, ready to be searched.

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_expr::PhysicalExprRef;

use super::exec::IntervalJoin;
use super::interval_index::IntervalIndex;
use super::key_table::KeyTable;
use super::ordinal::Ordinals;

/// Some rows of the build side, or all, with their index.
#[derive(Debug)]
pub(super) struct BuildChunk {
    /// The rows in one batch.
    pub(super) rows: RecordBatch,
    /// Their keys; `None` when the join has none.
    pub(super) keys: Option<KeyTable>,
    /// Their bounds.
    pub(super) index: IntervalIndex,
    /// How many rows of the build side come before them.
    pub(super) first_row: usize,
    reservation: MemoryReservation,
}

impl BuildChunk {
    /// Indexes rows. The reservation is of their memory and [`Self::overhead`] of it.
    pub(super) fn new(
        join: &IntervalJoin,
        schema: &SchemaRef,
        batches: Vec<RecordBatch>,
        first_row: usize,
        reservation: MemoryReservation,
    ) -> Result<Self> {
        let rows = match <[RecordBatch; 1]>::try_from(batches) {
            Ok([batch]) => batch,
            Err(batches) => concat_batches(schema, &batches)?,
        };
        let upper = Ordinals::of(&column(&join.condition.upper.build, &rows)?)?;
        let lower = Ordinals::of(&column(&join.condition.lower.build, &rows)?)?;
        let (keys, index) = if join.on.is_empty() {
            (None, IntervalIndex::new(None, &upper, &lower))
        } else {
            let columns = join.on.iter().map(|(build, _)| column(build, &rows));
            let (keys, groups) =
                KeyTable::new(columns.collect::<Result<_>>()?, join.null_equality)?;
            let index = IntervalIndex::new(Some((&groups, keys.len())), &upper, &lower);
            (Some(keys), index)
        };
        let held =
            rows.get_array_memory_size() + Self::index_size(rows.num_rows(), index.group_count());
        reservation.shrink(reservation.size().saturating_sub(held));
        Ok(Self {
            rows,
            keys,
            index,
            first_row,
            reservation,
        })
    }

    /// Bytes of memory that are reserved for it.
    pub(super) fn reserved(&self) -> usize {
        self.reservation.size()
    }

    /// Memory that indexing takes at most besides the batches themselves: a copy of them while they are
    /// put together, and the index, in the worst case of as many keys as rows.
    pub(super) fn overhead(join: &IntervalJoin, batch_bytes: usize, rows: usize) -> usize {
        let groups = if join.on.is_empty() { 1 } else { rows };
        batch_bytes + Self::index_size(rows, groups)
    }

    fn index_size(rows: usize, groups: usize) -> usize {
        IntervalIndex::size_of(rows, groups) + KeyTable::size_of(rows, groups)
    }
}

/// An expression's value for each row of a batch.
pub(super) fn column(expression: &PhysicalExprRef, batch: &RecordBatch) -> Result<ArrayRef> {
    expression.evaluate(batch)?.into_array(batch.num_rows())
}
