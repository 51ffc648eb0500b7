//! Rows of the build side in memory, ready to be searched.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, NullArray, RecordBatch, RecordBatchOptions, new_empty_array,
};
use datafusion::arrow::compute::concat;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::physical_expr::PhysicalExprRef;

use super::index_builder::IndexedPart;
use super::interval_index::IntervalIndex;
use super::join::IntervalJoin;
use super::key_table::KeyTable;
use super::ordinal::Ordinals;
use super::threads::{Wanted, on_threads, shares, worth_it};

/// Rows of the build side that a thread looks at in one go.
const PART_ROWS: usize = 1 << 14;

/// How build sides are made.
#[derive(Debug)]
pub(super) struct BuildPlan {
    /// What they are made for.
    pub(super) join: Arc<IntervalJoin>,
    /// Whether a column is asked for once the rows are indexed.
    pub(super) is_kept: Vec<bool>,
    /// How many threads there are for it.
    pub(super) threads: usize,
}

/// Some rows of the build side, or all, with their index.
#[derive(Debug)]
pub(super) struct BuildChunk {
    /// The rows in one batch. Columns that are not kept are there, of type null.
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
        plan: &BuildPlan,
        schema: &SchemaRef,
        batches: &[RecordBatch],
        first_row: usize,
        reservation: MemoryReservation,
        wanted: &Wanted,
    ) -> Result<Self> {
        let row_count = batches.iter().map(RecordBatch::num_rows).sum();
        let threads = worth_it(plan.threads, row_count);
        let (keys, index) = indexed(&plan.join, batches, threads, wanted)?;
        let rows = kept_rows(plan, schema, batches, row_count, wanted)?;
        let held = rows.get_array_memory_size() + Self::index_size(row_count, index.group_count());
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
        let transient = IntervalIndex::transient_size_of(rows, groups);
        batch_bytes + Self::index_size(rows, groups) + transient
    }

    fn index_size(rows: usize, groups: usize) -> usize {
        IntervalIndex::size_of(rows, groups) + KeyTable::size_of(rows, groups)
    }
}

fn indexed(
    join: &IntervalJoin,
    batches: &[RecordBatch],
    threads: usize,
    wanted: &Wanted,
) -> Result<(Option<KeyTable>, IntervalIndex)> {
    let slices = batches.iter().flat_map(|batch| {
        let starts = (0..batch.num_rows()).step_by(PART_ROWS);
        starts.map(|start| batch.slice(start, PART_ROWS.min(batch.num_rows() - start)))
    });
    let slices: Vec<RecordBatch> = slices.collect();
    let parts = on_threads(shares(&slices, threads), |slices| {
        let parts = slices.iter().map(|rows| {
            wanted.check()?;
            let keys = join.on.iter().map(|(build, _)| column(build, rows));
            let part = IndexedPart {
                groups: None,
                upper: Ordinals::of(&column(&join.condition.upper.build, rows)?)?,
                lower: Ordinals::of(&column(&join.condition.lower.build, rows)?)?,
            };
            Ok((keys.collect::<Result<Vec<_>>>()?, part))
        });
        parts.collect::<Result<Vec<_>>>()
    });
    let parts = parts.into_iter().collect::<Result<Vec<_>>>()?;
    let (keys, mut parts): (Vec<_>, Vec<_>) = parts.into_iter().flatten().unzip();
    if join.on.is_empty() {
        return Ok((None, IntervalIndex::new(&parts, 1, threads, wanted)?));
    }
    let (keys, groups) = KeyTable::new(&keys, join.null_equality, threads)?;
    for (part, groups) in parts.iter_mut().zip(groups) {
        part.groups = Some(groups);
    }
    let index = IntervalIndex::new(&parts, keys.len(), threads, wanted)?;
    Ok((Some(keys), index))
}

/// All rows in one batch, as far as they are asked for.
fn kept_rows(
    plan: &BuildPlan,
    schema: &SchemaRef,
    batches: &[RecordBatch],
    row_count: usize,
    wanted: &Wanted,
) -> Result<RecordBatch> {
    let places: Vec<usize> = (0..schema.fields().len()).collect();
    let threads = worth_it(plan.threads, row_count);
    let columns = on_threads(shares(&places, threads), |places| {
        let column = |&place: &usize| -> Result<(Field, ArrayRef)> {
            wanted.check()?;
            let field = schema.field(place);
            if !plan.is_kept[place] {
                let field = Field::new(field.name(), DataType::Null, true);
                return Ok((field, Arc::new(NullArray::new(row_count))));
            }
            let arrays = batches.iter().map(|batch| batch.column(place).as_ref());
            let rows = match batches {
                [] => new_empty_array(field.data_type()),
                [only] => Arc::clone(only.column(place)),
                _ => concat(&arrays.collect::<Vec<&dyn Array>>())?,
            };
            Ok((field.clone(), rows))
        };
        places.iter().map(column).collect::<Result<Vec<_>>>()
    });
    let columns = columns.into_iter().collect::<Result<Vec<_>>>()?;
    let (fields, columns): (Vec<_>, Vec<_>) = columns.into_iter().flatten().unzip();
    let options = RecordBatchOptions::new().with_row_count(Some(row_count));
    let schema = Arc::new(Schema::new(fields));
    Ok(RecordBatch::try_new_with_options(
        schema, columns, &options,
    )?)
}

/// An expression's value for each row of a batch.
pub(super) fn column(expression: &PhysicalExprRef, batch: &RecordBatch) -> Result<ArrayRef> {
    expression.evaluate(batch)?.into_array(batch.num_rows())
}
