//! Rows of `function_calls`.

use std::cmp::Ordering;

use arrow::record_batch::RecordBatch;
use kcorr_model::{BatchBuilder, BatchError, Table, tables};

use super::columns::{self, int64, nullable_int32, nullable_int64};
use super::row::{BatchContext, Row};
use super::write::compare_labels;
use crate::labels::{Label, Labels};

/// A call of a traced function.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FunctionCall {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) duration: i64,
    pub(crate) transaction: i64,
    pub(crate) pid: i32,
    pub(crate) tid: i32,
    pub(crate) function: Label,
    pub(crate) comm: Label,
    pub(crate) device: Label,
}

impl Row for FunctionCall {
    const TABLE: &'static Table = &tables::FUNCTION_CALLS;

    fn time(&self) -> i64 {
        self.start
    }

    fn compare(&self, other: &Self, labels: &Labels) -> Ordering {
        let numbers = |row: &Self| (row.end, row.tid, row.pid, row.transaction, row.duration);
        let strings = |row: &Self| [row.function, row.comm, row.device];
        numbers(self)
            .cmp(&numbers(other))
            .then_with(|| compare_labels(strings(self), strings(other), labels))
    }

    fn relabel(&mut self, map: &mut impl FnMut(Label) -> Label) {
        for label in [&mut self.function, &mut self.comm, &mut self.device] {
            *label = map(*label);
        }
    }

    fn batch(rows: &[Self], context: &mut BatchContext<'_>) -> Result<RecordBatch, BatchError> {
        let ids: Vec<i64> = rows.iter().map(|_| context.ids.next()).collect();
        BatchBuilder::new(Self::TABLE, rows.len())
            .set("function_call_id", int64(&ids, |&id| id))
            .set("source_id", int64(rows, |_| context.source.0))
            .set("start_time", columns::time(rows, |row| row.start))
            .set("end_time", columns::time(rows, |row| row.end))
            .set("duration_ns", int64(rows, |row| row.duration))
            .set("pid", nullable_int32(rows, |row| row.pid))
            .set("tid", nullable_int32(rows, |row| row.tid))
            .set("transaction", nullable_int64(rows, |row| row.transaction))
            .set("function", context.column(rows, |row| row.function))
            .set("comm", context.column(rows, |row| row.comm))
            .set("device", context.column(rows, |row| row.device))
            .finish()
    }
}
