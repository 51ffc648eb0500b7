//! Rows of `lock_waits`.

use arrow::record_batch::RecordBatch;
use kcorr_model::columns::{constant, nullable_int32, nullable_int64};
use kcorr_model::{BatchError, Table, tables};

use super::row::{BatchContext, Row, Span};
use crate::labels::Label;

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
    const ID: &'static str = "lock_wait_id";

    fn span(&self) -> Span {
        Span {
            start: self.start,
            end: self.end,
            duration: self.duration,
        }
    }

    fn numbers(&self) -> impl Ord {
        (
            self.end,
            self.tid,
            self.pid,
            self.java_thread_id,
            self.address,
            self.duration,
        )
    }

    fn labels(&mut self) -> impl IntoIterator<Item = &mut Label> {
        [&mut self.kind, &mut self.comm, &mut self.class]
    }

    fn batch(rows: &[Self], context: &mut BatchContext<'_, '_>) -> Result<RecordBatch, BatchError> {
        context
            .builder(rows)
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
