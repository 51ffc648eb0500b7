//! Rows of `pauses`.

use std::cmp::Ordering;

use arrow::record_batch::RecordBatch;
use kcorr_model::{BatchBuilder, BatchError, Table, tables};

use super::columns::{self, int64};
use super::row::{BatchContext, Row};
use super::write::compare_labels;
use crate::labels::{Label, Labels};

/// A stop of the JVM.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pause {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) duration: i64,
    pub(crate) kind: Label,
    pub(crate) name: Label,
    pub(crate) cause: Label,
}

impl Row for Pause {
    const TABLE: &'static Table = &tables::PAUSES;

    fn time(&self) -> i64 {
        self.start
    }

    fn compare(&self, other: &Self, labels: &Labels) -> Ordering {
        let numbers = |row: &Self| (row.end, row.duration);
        let strings = |row: &Self| [row.kind, row.name, row.cause];
        numbers(self)
            .cmp(&numbers(other))
            .then_with(|| compare_labels(strings(self), strings(other), labels))
    }

    fn relabel(&mut self, map: &mut impl FnMut(Label) -> Label) {
        for label in [&mut self.kind, &mut self.name, &mut self.cause] {
            *label = map(*label);
        }
    }

    fn batch(rows: &[Self], context: &mut BatchContext<'_>) -> Result<RecordBatch, BatchError> {
        let ids: Vec<i64> = rows.iter().map(|_| context.ids.next()).collect();
        BatchBuilder::new(Self::TABLE, rows.len())
            .set("pause_id", int64(&ids, |&id| id))
            .set("source_id", int64(rows, |_| context.source.0))
            .set("start_time", columns::time(rows, |row| row.start))
            .set("end_time", columns::time(rows, |row| row.end))
            .set("duration_ns", int64(rows, |row| row.duration))
            .set("kind", context.column(rows, |row| row.kind))
            .set("name", context.column(rows, |row| row.name))
            .set("cause", context.column(rows, |row| row.cause))
            .finish()
    }
}
