//! Columns taken out of what builds them, which keeps room for a batch.

use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, PrimitiveBuilder, TimestampNanosecondBuilder};

use super::BATCH_ROWS;

/// The values so far. Room for a batch is kept, so that columns do not grow step by step.
pub(super) fn taken<T>(values: &mut Vec<T>) -> Vec<T> {
    std::mem::replace(values, Vec::with_capacity(BATCH_ROWS))
}

/// The column so far.
pub(super) fn taken_column<T: ArrowPrimitiveType>(builder: &mut PrimitiveBuilder<T>) -> ArrayRef {
    let mut full = std::mem::replace(builder, PrimitiveBuilder::with_capacity(BATCH_ROWS));
    Arc::new(full.finish())
}

/// The times so far, in UTC.
pub(super) fn taken_times(builder: &mut TimestampNanosecondBuilder) -> ArrayRef {
    let mut full = std::mem::replace(builder, PrimitiveBuilder::with_capacity(BATCH_ROWS));
    Arc::new(full.finish().with_timezone("UTC"))
}
