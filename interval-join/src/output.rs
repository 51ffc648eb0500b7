//! Output batches: columns of both sides picked by row, and put together to full batches.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array, new_null_array,
};
use datafusion::arrow::compute::{BatchCoalescer, filter, filter_record_batch, take};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::{JoinSide, Result};
use datafusion::physical_plan::joins::utils::{ColumnIndex, JoinFilter};

/// Collects output rows.
#[derive(Debug)]
pub(super) struct Output {
    schema: SchemaRef,
    columns: Vec<ColumnIndex>,
    batches: BatchCoalescer,
    is_finished: bool,
}

impl Output {
    /// An output of some columns of both sides.
    pub(super) fn new(schema: SchemaRef, columns: Vec<ColumnIndex>, batch_rows: usize) -> Self {
        let batches = BatchCoalescer::new(Arc::clone(&schema), batch_rows)
            .with_biggest_coalesce_batch_size(Some(batch_rows / 2));
        Self {
            schema,
            columns,
            batches,
            is_finished: false,
        }
    }

    /// The next full batch.
    pub(super) fn next(&mut self) -> Option<RecordBatch> {
        self.batches.next_completed_batch()
    }

    /// Completes the last batch. Returns false when that was done before.
    pub(super) fn finish(&mut self) -> Result<bool> {
        self.batches.finish_buffered_batch()?;
        Ok(!std::mem::replace(&mut self.is_finished, true))
    }

    /// Adds pairs of rows.
    pub(super) fn add_pairs(
        &mut self,
        build: (&RecordBatch, &UInt32Array),
        probe: (&RecordBatch, &UInt32Array),
    ) -> Result<()> {
        self.add(build.1.len(), |column| {
            Ok(match column.side {
                JoinSide::Left => take(build.0.column(column.index), build.1, None)?,
                _ => take(probe.0.column(column.index), probe.1, None)?,
            })
        })
    }

    /// Adds rows of one side alone, where a mask is set; nulls for the other side's columns.
    pub(super) fn add_rows(
        &mut self,
        side: JoinSide,
        rows: &RecordBatch,
        other: &SchemaRef,
        mask: &BooleanArray,
    ) -> Result<()> {
        let count = mask.true_count();
        self.add(count, |column| {
            Ok(if column.side != side {
                new_null_array(other.field(column.index).data_type(), count)
            } else if count == rows.num_rows() {
                Arc::clone(rows.column(column.index))
            } else {
                filter(rows.column(column.index), mask)?
            })
        })
    }

    /// Adds all rows of one side, with a mark whether they had a match.
    pub(super) fn add_marked(&mut self, rows: &RecordBatch, marks: &BooleanArray) -> Result<()> {
        self.add(rows.num_rows(), |column| {
            Ok(match column.side {
                JoinSide::None => Arc::new(marks.clone()),
                _ => Arc::clone(rows.column(column.index)),
            })
        })
    }

    fn add(&mut self, rows: usize, pick: impl Fn(&ColumnIndex) -> Result<ArrayRef>) -> Result<()> {
        if rows == 0 {
            return Ok(());
        }
        let columns = self.columns.iter().map(pick).collect::<Result<_>>()?;
        self.batches
            .push_batch(batch_of(&self.schema, columns, rows)?)?;
        Ok(())
    }
}

/// The pairs of rows that pass a filter.
pub(super) fn passing(
    condition: &JoinFilter,
    build: (&RecordBatch, UInt32Array),
    probe: (&RecordBatch, UInt32Array),
) -> Result<(UInt32Array, UInt32Array)> {
    let columns = condition
        .column_indices()
        .iter()
        .map(|column| match column.side {
            JoinSide::Left => take(build.0.column(column.index), &build.1, None),
            _ => take(probe.0.column(column.index), &probe.1, None),
        });
    let columns = columns.collect::<std::result::Result<_, _>>()?;
    let pairs = batch_of(condition.schema(), columns, build.1.len())?;
    let mask = condition
        .expression()
        .evaluate(&pairs)?
        .into_array(pairs.num_rows())?;
    let mask = datafusion::common::cast::as_boolean_array(&mask)?;
    if mask.null_count() == 0 && mask.true_count() == mask.len() {
        return Ok((build.1, probe.1));
    }
    let numbers = RecordBatch::try_from_iter([
        ("build", Arc::new(build.1) as ArrayRef),
        ("probe", Arc::new(probe.1) as ArrayRef),
    ])?;
    let passing = filter_record_batch(&numbers, mask)?;
    let numbers = |column: usize| -> Result<UInt32Array> {
        Ok(datafusion::common::cast::as_uint32_array(passing.column(column))?.clone())
    };
    Ok((numbers(0)?, numbers(1)?))
}

fn batch_of(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns,
        &options,
    )?)
}
