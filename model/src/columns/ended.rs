//! Columns out of Arrow's own builders, which start anew.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int32Builder, Int64Builder, ListBuilder, StringBuilder, StringDictionaryBuilder,
    TimestampNanosecondArray,
};
use arrow::datatypes::Int32Type;

/// Builds a `Label` column.
pub type LabelBuilder = StringDictionaryBuilder<Int32Type>;

/// Builds a `Texts` column.
pub type TextListBuilder = ListBuilder<StringBuilder>;

/// Ends a label column; its dictionary starts anew.
pub fn ended_labels(builder: &mut LabelBuilder) -> ArrayRef {
    Arc::new(builder.finish())
}

/// Ends an `Int64` column.
pub fn ended_int64(builder: &mut Int64Builder) -> ArrayRef {
    Arc::new(builder.finish())
}

/// Ends an `Int32` column.
pub fn ended_int32(builder: &mut Int32Builder) -> ArrayRef {
    Arc::new(builder.finish())
}

/// Ends a time column.
pub fn ended_times(values: &mut Vec<Option<i64>>) -> ArrayRef {
    let array = TimestampNanosecondArray::from(std::mem::take(values));
    Arc::new(array.with_timezone("UTC"))
}
