//! Batches of one event type.

use arrow::array::ArrayRef;
use kcorr_model::Type;

use super::column::Column;
use super::layout::{Layout, Reader};
use super::row::Row;
use crate::clock::ChunkClock;
use crate::format::cursor::{Cursor, Truncated};
use crate::format::schema::{Schema, TypeDeclaration};
use crate::names::pools::Pools;
use crate::rows::batch::{BATCH_ROWS, NO_STACK};
use crate::rows::event::Scope;

/// A batch of one event type; the merge decides on the table.
#[derive(Debug)]
pub(crate) struct EventBatch {
    /// `jdk.CPULoad`.
    pub(crate) event: String,
    pub(crate) rows: usize,
    pub(crate) columns: Vec<(String, Type, ArrayRef)>,
    pub(crate) stacks: Vec<u32>,
}

/// Builds batches of one event type.
#[derive(Debug)]
pub(crate) struct EventTable {
    pub(crate) event: String,
    compressed: bool,
    fields: Vec<Reader>,
    columns: Vec<Column>,
    stacks: Vec<u32>,
    rows: usize,
}

impl EventTable {
    /// Prepares to read events of a type.
    pub(crate) fn new(
        schema: &Schema,
        declared: &TypeDeclaration,
        pools: &Pools<'_>,
        compressed: bool,
    ) -> Result<Self, String> {
        let mut layout = Layout {
            schema,
            pools,
            compressed,
            columns: Vec::new(),
        };
        let fields = layout.fields(declared, "", 0)?;
        Ok(Self {
            event: declared.name.clone(),
            compressed,
            fields,
            columns: layout.columns,
            stacks: Vec::new(),
            rows: 0,
        })
    }

    /// Appends the event between two offsets; answers whether the batch is full.
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        body: usize,
        end: usize,
        clock: &ChunkClock,
        scope: &mut Scope<'_>,
    ) -> Result<bool, Truncated> {
        let mut cursor = Cursor::new(bytes.get(..end).unwrap_or_default(), body, self.compressed);
        let mut row = Row {
            clock,
            values: Vec::with_capacity(self.columns.len()),
            stack: NO_STACK,
            scope,
        };
        for field in &self.fields {
            row.read(field, &mut cursor)?;
        }
        if cursor.position() != end || row.values.len() != self.columns.len() {
            return Err(Truncated);
        }
        for (column, value) in self.columns.iter_mut().zip(row.values) {
            column.push(value);
        }
        self.stacks.push(row.stack);
        self.rows += 1;
        Ok(self.rows >= BATCH_ROWS)
    }

    /// The rows so far, if there are any.
    pub(crate) fn take(&mut self) -> Option<EventBatch> {
        let rows = std::mem::take(&mut self.rows);
        if rows == 0 {
            return None;
        }
        let columns = self.columns.iter_mut();
        Some(EventBatch {
            event: self.event.clone(),
            rows,
            columns: columns
                .map(|column| (column.name.clone(), column.kind, column.finish()))
                .collect(),
            stacks: std::mem::take(&mut self.stacks),
        })
    }
}
