//! Rows of `block_io`.

use std::cmp::Ordering;

use arrow::record_batch::RecordBatch;
use kcorr_model::{BatchBuilder, BatchError, Table, tables};

use super::columns::{self, int64, nullable_int32, nullable_int64};
use super::row::{BatchContext, Row};
use super::write::compare_labels;
use crate::labels::{Label, Labels};

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

    fn time(&self) -> i64 {
        self.start
    }

    fn compare(&self, other: &Self, labels: &Labels) -> Ordering {
        let numbers = |row: &Self| {
            (
                row.end,
                row.tid,
                row.pid,
                row.queue,
                row.sector,
                row.bytes,
                row.duration,
            )
        };
        let strings = |row: &Self| [row.operation, row.device, row.comm];
        numbers(self)
            .cmp(&numbers(other))
            .then_with(|| compare_labels(strings(self), strings(other), labels))
    }

    fn relabel(&mut self, map: &mut impl FnMut(Label) -> Label) {
        for label in [&mut self.operation, &mut self.device, &mut self.comm] {
            *label = map(*label);
        }
    }

    fn batch(rows: &[Self], context: &mut BatchContext<'_>) -> Result<RecordBatch, BatchError> {
        let ids: Vec<i64> = rows.iter().map(|_| context.ids.next()).collect();
        BatchBuilder::new(Self::TABLE, rows.len())
            .set("block_io_id", int64(&ids, |&id| id))
            .set("source_id", int64(rows, |_| context.source.0))
            .set("start_time", columns::time(rows, |row| row.start))
            .set("end_time", columns::time(rows, |row| row.end))
            .set("duration_ns", int64(rows, |row| row.duration))
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
