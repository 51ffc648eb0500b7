//! Columns under construction, which keep room for a batch.

use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::TimestampNanosecondType;

use super::BATCH_ROWS;

/// The values so far. Room for a batch is kept, so that columns do not grow step by step.
pub(super) fn taken<T>(values: &mut Vec<T>) -> Vec<T> {
    std::mem::replace(values, Vec::with_capacity(BATCH_ROWS))
}

/// A column of numbers, some of which are missing.
#[derive(Debug)]
pub(super) struct Optional<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    are_there: Vec<bool>,
    /// Those that are there.
    count: usize,
}

impl<T: ArrowPrimitiveType> Optional<T> {
    pub(super) fn new() -> Self {
        Self {
            values: Vec::with_capacity(BATCH_ROWS),
            are_there: Vec::with_capacity(BATCH_ROWS),
            count: 0,
        }
    }

    #[inline]
    pub(super) fn push(&mut self, value: Option<T::Native>) {
        self.values.push(value.unwrap_or_default());
        self.are_there.push(value.is_some());
        self.count += usize::from(value.is_some());
    }

    pub(super) fn finish(&mut self) -> PrimitiveArray<T> {
        let values = taken(&mut self.values);
        // Most columns have all of their values in a batch, or none.
        let nulls = match std::mem::take(&mut self.count) {
            0 if !values.is_empty() => Some(NullBuffer::new_null(values.len())),
            count if count == values.len() => None,
            _ => Some(NullBuffer::from(self.are_there.as_slice())),
        };
        self.are_there.clear();
        PrimitiveArray::new(values.into(), nulls)
    }
}

/// The column so far.
pub(super) fn taken_column<T: ArrowPrimitiveType>(column: &mut Optional<T>) -> ArrayRef {
    Arc::new(column.finish())
}

/// The times so far, in UTC.
pub(super) fn taken_times(column: &mut Optional<TimestampNanosecondType>) -> ArrayRef {
    Arc::new(column.finish().with_timezone("UTC"))
}
