//! Columns of numbers, times and truth values, named where their values are told.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Int16Array, Int32Array, Int64Array, TimestampNanosecondArray,
};
use kcorr_model::{BatchBuilder, Table, Type};

/// A column's name, and its value in a row.
pub(super) type Number = (&'static str, Option<i64>);

/// Rows of `N` such columns under construction.
#[derive(Debug)]
pub(super) struct Numbers<const N: usize> {
    rows: Vec<[Number; N]>,
}

impl<const N: usize> Numbers<N> {
    pub(super) fn new() -> Self {
        Self { rows: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn push(&mut self, row: [Number; N]) {
        self.rows.push(row);
    }

    /// Puts the columns into a batch of their table, as its columns' types.
    pub(super) fn finish(&mut self, table: &Table, mut batch: BatchBuilder) -> BatchBuilder {
        let rows = std::mem::take(&mut self.rows);
        let names = rows.first().into_iter().flatten().map(|(name, _)| *name);
        for (index, name) in names.enumerate() {
            let values = rows.iter().map(|row| row.get(index).and_then(|(_, v)| *v));
            let kind = table.columns.iter().find(|column| column.name == name);
            let kind = kind.map_or(Type::Int64, |column| column.kind);
            let column: ArrayRef = match kind {
                Type::Int16 => Arc::new(
                    values
                        .map(|v| v.and_then(|v| i16::try_from(v).ok()))
                        .collect::<Int16Array>(),
                ),
                Type::Int32 => Arc::new(
                    values
                        .map(|v| v.and_then(|v| i32::try_from(v).ok()))
                        .collect::<Int32Array>(),
                ),
                Type::Bool => Arc::new(values.map(|v| v.map(|v| v != 0)).collect::<BooleanArray>()),
                Type::Time => Arc::new(
                    values
                        .collect::<TimestampNanosecondArray>()
                        .with_timezone("UTC"),
                ),
                _ => Arc::new(values.collect::<Int64Array>()),
            };
            batch = batch.set(name, column);
        }
        batch
    }
}

/// A count as a column holds it.
pub(super) fn count(value: u64) -> Option<i64> {
    Some(i64::try_from(value).unwrap_or(i64::MAX))
}
