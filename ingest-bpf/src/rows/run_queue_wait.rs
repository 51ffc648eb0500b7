//! Rows of `run_queue_waits`.

use std::cmp::Ordering;

use arrow::record_batch::RecordBatch;
use kcorr_model::{BatchBuilder, BatchError, Table, tables};

use super::columns::{self, int64, nullable_int32};
use super::row::{BatchContext, Row};
use super::write::compare_labels;
use crate::labels::{Label, Labels};

/// A wait of a runnable thread for a CPU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunQueueWait {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) duration: i64,
    pub(crate) pid: i32,
    pub(crate) tid: i32,
    pub(crate) comm: Label,
}

impl Row for RunQueueWait {
    const TABLE: &'static Table = &tables::RUN_QUEUE_WAITS;

    fn time(&self) -> i64 {
        self.start
    }

    fn compare(&self, other: &Self, labels: &Labels) -> Ordering {
        let numbers = |row: &Self| (row.end, row.tid, row.pid, row.duration);
        let strings = |row: &Self| [row.comm];
        numbers(self)
            .cmp(&numbers(other))
            .then_with(|| compare_labels(strings(self), strings(other), labels))
    }

    fn relabel(&mut self, map: &mut impl FnMut(Label) -> Label) {
        self.comm = map(self.comm);
    }

    fn batch(rows: &[Self], context: &mut BatchContext<'_>) -> Result<RecordBatch, BatchError> {
        let ids: Vec<i64> = rows.iter().map(|_| context.ids.next()).collect();
        BatchBuilder::new(Self::TABLE, rows.len())
            .set("run_queue_wait_id", int64(&ids, |&id| id))
            .set("source_id", int64(rows, |_| context.source.0))
            .set("start_time", columns::time(rows, |row| row.start))
            .set("end_time", columns::time(rows, |row| row.end))
            .set("duration_ns", int64(rows, |row| row.duration))
            .set("pid", nullable_int32(rows, |row| row.pid))
            .set("tid", nullable_int32(rows, |row| row.tid))
            .set("comm", context.column(rows, |row| row.comm))
            .finish()
    }
}
