//! Rows of `pauses`.

use arrow::record_batch::RecordBatch;
use kcorr_model::{BatchError, Table, tables};

use super::row::{BatchContext, Row, Span};
use crate::labels::Label;

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
    const ID: &'static str = "pause_id";

    fn span(&self) -> Span {
        Span {
            start: self.start,
            end: self.end,
            duration: self.duration,
        }
    }

    fn numbers(&self) -> impl Ord {
        (self.end, self.duration)
    }

    fn labels(&mut self) -> impl IntoIterator<Item = &mut Label> {
        [&mut self.kind, &mut self.name, &mut self.cause]
    }

    fn batch(rows: &[Self], context: &mut BatchContext<'_, '_>) -> Result<RecordBatch, BatchError> {
        context
            .builder(rows)
            .set("kind", context.column(rows, |row| row.kind))
            .set("name", context.column(rows, |row| row.name))
            .set("cause", context.column(rows, |row| row.cause))
            .finish()
    }
}
