//! Rows of `lock_waits`.

use std::cmp::Ordering;

use arrow::record_batch::RecordBatch;
use kcorr_model::{BatchBuilder, BatchError, Table, tables};

use super::columns::{self, constant, int64, nullable_int32, nullable_int64};
use super::row::{BatchContext, Row};
use super::write::compare_labels;
use crate::labels::{Label, Labels};

/// A thread's wait for a monitor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LockWait {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) duration: i64,
    pub(crate) java_thread_id: i64,
    pub(crate) address: i64,
    pub(crate) pid: i32,
    pub(crate) tid: i32,
    pub(crate) kind: Label,
    pub(crate) comm: Label,
    pub(crate) class: Label,
}

impl Row for LockWait {
    const TABLE: &'static Table = &tables::LOCK_WAITS;

    fn time(&self) -> i64 {
        self.start
    }

    fn compare(&self, other: &Self, labels: &Labels) -> Ordering {
        let numbers = |row: &Self| {
            (
                row.end,
                row.tid,
                row.pid,
                row.java_thread_id,
                row.address,
                row.duration,
            )
        };
        let strings = |row: &Self| [row.kind, row.comm, row.class];
        numbers(self)
            .cmp(&numbers(other))
            .then_with(|| compare_labels(strings(self), strings(other), labels))
    }

    fn relabel(&mut self, map: &mut impl FnMut(Label) -> Label) {
        for label in [&mut self.kind, &mut self.comm, &mut self.class] {
            *label = map(*label);
        }
    }

    fn batch(rows: &[Self], context: &mut BatchContext<'_>) -> Result<RecordBatch, BatchError> {
        let ids: Vec<i64> = rows.iter().map(|_| context.ids.next()).collect();
        BatchBuilder::new(Self::TABLE, rows.len())
            .set("lock_wait_id", int64(&ids, |&id| id))
            .set("source_id", int64(rows, |_| context.source.0))
            .set("start_time", columns::time(rows, |row| row.start))
            .set("end_time", columns::time(rows, |row| row.end))
            .set("duration_ns", int64(rows, |row| row.duration))
            .set("origin", constant(rows.len(), "usdt"))
            .set("pid", nullable_int32(rows, |row| row.pid))
            .set("tid", nullable_int32(rows, |row| row.tid))
            .set(
                "java_thread_id",
                nullable_int64(rows, |row| row.java_thread_id),
            )
            .set("lock_address", nullable_int64(rows, |row| row.address))
            .set("kind", context.column(rows, |row| row.kind))
            .set("comm", context.column(rows, |row| row.comm))
            .set("lock_class", context.column(rows, |row| row.class))
            .finish()
    }
}
