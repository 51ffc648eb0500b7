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
}

impl<T: ArrowPrimitiveType> Optional<T> {
    pub(super) fn new() -> Self {
        Self {
            values: Vec::with_capacity(BATCH_ROWS),
            are_there: Vec::with_capacity(BATCH_ROWS),
        }
    }

    #[inline]
    pub(super) fn push(&mut self, value: Option<T::Native>) {
        self.values.push(value.unwrap_or_default());
        self.are_there.push(value.is_some());
    }

    fn finish(&mut self) -> PrimitiveArray<T> {
        let nulls = NullBuffer::from(taken(&mut self.are_there));
        let nulls = Some(nulls).filter(|nulls| nulls.null_count() > 0);
        PrimitiveArray::new(taken(&mut self.values).into(), nulls)
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
