//! Rows of `block_io`.

use arrow::record_batch::RecordBatch;
use kcorr_model::columns::{nullable_int32, nullable_int64};
use kcorr_model::{BatchError, Table, tables};

use super::row::{BatchContext, Row, Span};
use crate::labels::Label;

/// A request to a block device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockIo {
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) duration: i64,
    pub(crate) queue: i64,
    pub(crate) sector: i64,
    pub(crate) bytes: i64,
    pub(crate) pid: i32,
    pub(crate) tid: i32,
    pub(crate) operation: Label,
    pub(crate) device: Label,
    pub(crate) comm: Label,
}

impl Row for BlockIo {
    const TABLE: &'static Table = &tables::BLOCK_IO;
    const ID: &'static str = "block_io_id";

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
            self.queue,
            self.sector,
            self.bytes,
            self.duration,
        )
    }

    fn labels(&mut self) -> impl IntoIterator<Item = &mut Label> {
        [&mut self.operation, &mut self.device, &mut self.comm]
    }

    fn batch(rows: &[Self], context: &mut BatchContext<'_, '_>) -> Result<RecordBatch, BatchError> {
        context
            .builder(rows)
            .set("pid", nullable_int32(rows, |row| row.pid))
            .set("tid", nullable_int32(rows, |row| row.tid))
            .set("queue_ns", nullable_int64(rows, |row| row.queue))
            .set("sector", nullable_int64(rows, |row| row.sector))
            .set("bytes", nullable_int64(rows, |row| row.bytes))
            .set("operation", context.column(rows, |row| row.operation))
            .set("device", context.column(rows, |row| row.device))
            .set("comm", context.column(rows, |row| row.comm))
            .finish()
    }
}
