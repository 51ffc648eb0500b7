//! Builders of the column types that have no plain Arrow builder call.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int32Builder, Int64Builder, ListBuilder, StringBuilder, StringDictionaryBuilder,
    TimestampNanosecondArray,
};
use arrow::datatypes::Int32Type;

/// Builds a `Label` column.
pub(crate) type Labels = StringDictionaryBuilder<Int32Type>;

/// Builds a `Texts` column.
pub(crate) type TextLists = ListBuilder<StringBuilder>;

/// Ends a label column; its dictionary starts anew.
pub(crate) fn labels(builder: &mut Labels) -> ArrayRef {
    Arc::new(builder.finish())
}

/// Ends an `Int64` column.
pub(crate) fn int64(builder: &mut Int64Builder) -> ArrayRef {
    Arc::new(builder.finish())
}

/// Ends an `Int32` column.
pub(crate) fn int32(builder: &mut Int32Builder) -> ArrayRef {
    Arc::new(builder.finish())
}

/// Ends a time column.
pub(crate) fn time(values: &mut Vec<Option<i64>>) -> ArrayRef {
    let array = TimestampNanosecondArray::from(std::mem::take(values));
    Arc::new(array.with_timezone("UTC"))
}
