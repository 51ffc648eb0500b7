//! Rows of `run_queue_waits`.

use arrow::record_batch::RecordBatch;
use kcorr_model::columns::nullable_int32;
use kcorr_model::{BatchError, Table, tables};

use super::row::{BatchContext, Row, Span};
use crate::labels::Label;

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
    const ID: &'static str = "run_queue_wait_id";

    fn span(&self) -> Span {
        Span {
            start: self.start,
            end: self.end,
            duration: self.duration,
        }
    }

    fn numbers(&self) -> impl Ord {
        (self.end, self.tid, self.pid, self.duration)
    }

    fn labels(&mut self) -> impl IntoIterator<Item = &mut Label> {
        [&mut self.comm]
    }

    fn batch(rows: &[Self], context: &mut BatchContext<'_, '_>) -> Result<RecordBatch, BatchError> {
        context
            .builder(rows)
            .set("pid", nullable_int32(rows, |row| row.pid))
            .set("tid", nullable_int32(rows, |row| row.tid))
            .set("comm", context.column(rows, |row| row.comm))
            .finish()
    }
}
