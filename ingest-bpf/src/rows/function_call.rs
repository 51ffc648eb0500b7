//! Rows of `function_calls`.

use arrow::record_batch::RecordBatch;
use kcorr_model::columns::{nullable_int32, nullable_int64};
use kcorr_model::{BatchError, Table, tables};

use super::row::{BatchContext, Row, Span};
use crate::labels::Label;

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
    const ID: &'static str = "function_call_id";

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
            self.transaction,
            self.duration,
        )
    }

    fn labels(&mut self) -> impl IntoIterator<Item = &mut Label> {
        [&mut self.function, &mut self.comm, &mut self.device]
    }

    fn batch(rows: &[Self], context: &mut BatchContext<'_, '_>) -> Result<RecordBatch, BatchError> {
        context
            .builder(rows)
            .set("pid", nullable_int32(rows, |row| row.pid))
            .set("tid", nullable_int32(rows, |row| row.tid))
            .set("transaction", nullable_int64(rows, |row| row.transaction))
            .set("function", context.column(rows, |row| row.function))
            .set("comm", context.column(rows, |row| row.comm))
            .set("device", context.column(rows, |row| row.device))
            .finish()
    }
}
