//! What all rows with a start and an end have in common.

use std::cmp::Ordering;

use arrow::record_batch::RecordBatch;
use kcorr_model::columns::{self, int64};
use kcorr_model::{BatchBuilder, BatchError, RowIds, SourceId, Table};

use super::dense_labels::DenseLabels;
use super::name_extent::CutNames;
use super::told::Told;
use crate::labels::{Label, Labels, NONE};

/// A row of a table, small enough to be copied about in the reorder window.
pub(crate) trait Row: Copy + Send {
    /// The table.
    const TABLE: &'static Table;

    /// The column of its ids.
    const ID: &'static str;

    /// When it was.
    fn span(&self) -> Span;

    /// Its numbers but the start.
    fn numbers(&self) -> impl Ord;

    /// Its labels, always in the same order.
    fn labels(&mut self) -> impl IntoIterator<Item = &mut Label>;

    /// The time that the table is sorted by.
    fn time(&self) -> i64 {
        self.span().start
    }

    /// The order of rows of the same time, over every column, whatever order they arrived in.
    /// Equal rows are the same event.
    fn compare(&self, other: &Self, labels: &Labels) -> Ordering {
        self.numbers().cmp(&other.numbers()).then_with(|| {
            // By their strings: the numbers of labels depend on the order of arrival.
            let text = |label: Label| (label != NONE, labels.get(label));
            let (mut own, mut other) = (*self, *other);
            let pairs = own.labels().into_iter().zip(other.labels());
            let mut orders = pairs
                .filter(|(own, other)| own != other)
                .map(|(own, other)| text(*own).cmp(&text(*other)));
            orders
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        })
    }

    /// The batch of some rows.
    fn batch(rows: &[Self], context: &mut BatchContext<'_, '_>) -> Result<RecordBatch, BatchError>;
}

/// When a row began and ended, and how long it took: recorders that round tell more than the difference.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) duration: i64,
}

/// What all tables' rows of a source share on their way out.
#[derive(Debug)]
pub(crate) struct Shared<'a> {
    /// Strings of the rows.
    pub(crate) labels: &'a Labels,
    /// Scratch memory.
    pub(crate) dense: &'a mut DenseLabels,
    /// Names of directories that are cut, and the rows that have them.
    pub(crate) cut_names: &'a mut CutNames,
    /// Stacks and files that rows refer to by numbers.
    pub(crate) told: &'a mut Told,
}

/// What it takes to make a batch besides rows.
#[derive(Debug)]
pub(crate) struct BatchContext<'a, 's> {
    /// The source.
    pub(crate) source: SourceId,
    /// Ids of the table's rows.
    pub(crate) ids: &'a mut RowIds,
    /// What it shares with the batches of other tables.
    pub(crate) shared: &'a mut Shared<'s>,
}

impl BatchContext<'_, '_> {
    /// A batch of some rows with the columns that every row has: id, source, start, end and duration.
    pub(crate) fn builder<R: Row>(&mut self, rows: &[R]) -> BatchBuilder {
        let ids: Vec<i64> = rows.iter().map(|_| self.ids.next()).collect();
        BatchBuilder::new(R::TABLE, rows.len())
            .set(R::ID, int64(&ids, |&id| id))
            .set("source_id", int64(rows, |_| self.source.0))
            .set("start_time", columns::time(rows, |row| row.span().start))
            .set("end_time", columns::time(rows, |row| row.span().end))
            .set("duration_ns", int64(rows, |row| row.span().duration))
    }

    /// A label column.
    pub(crate) fn column<R>(
        &mut self,
        rows: &[R],
        value: impl Fn(&R) -> Label,
    ) -> arrow::array::ArrayRef {
        self.shared.dense.column(rows, self.shared.labels, value)
    }
}
