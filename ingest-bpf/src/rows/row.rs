//! What all rows with a start and an end have in common.

use std::cmp::Ordering;

use arrow::record_batch::RecordBatch;
use kcorr_model::{BatchError, RowIds, SourceId, Table};

use super::columns::DenseLabels;
use crate::labels::{Label, Labels};

/// A row of a table, small enough to be copied about in the reorder window.
pub(crate) trait Row: Copy + Send {
    /// The table.
    const TABLE: &'static Table;

    /// The time that the table is sorted by.
    fn time(&self) -> i64;

    /// The order of rows of the same time, over every column, whatever order they arrived in.
    /// Equal rows are the same event.
    fn compare(&self, other: &Self, labels: &Labels) -> Ordering;

    /// Replaces each label.
    fn relabel(&mut self, map: &mut impl FnMut(Label) -> Label);

    /// The batch of some rows.
    fn batch(rows: &[Self], context: &mut BatchContext<'_>) -> Result<RecordBatch, BatchError>;
}

/// What it takes to make a batch besides rows.
#[derive(Debug)]
pub(crate) struct BatchContext<'a> {
    /// The source.
    pub(crate) source: SourceId,
    /// Ids of the table's rows.
    pub(crate) ids: &'a mut RowIds,
    /// Strings of the rows.
    pub(crate) labels: &'a Labels,
    /// Scratch memory.
    pub(crate) dense: &'a mut DenseLabels,
}

impl BatchContext<'_> {
    /// A label column.
    pub(crate) fn column<R>(
        &mut self,
        rows: &[R],
        value: impl Fn(&R) -> Label,
    ) -> arrow::array::ArrayRef {
        self.dense.column(rows, self.labels, value)
    }
}
