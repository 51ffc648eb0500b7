//! Columns of rows that are held as values: a number or a label is taken from each row.

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int32Array, Int64Array, StringArray};
use arrow::array::{PrimitiveArray, TimestampNanosecondArray};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::Int32Type;

/// A number that a row does not have: the end of the type's range, which no recorder prints.
pub const NO_I64: i64 = i64::MIN;
/// See [`NO_I64`].
pub const NO_I32: i32 = i32::MIN;

/// A required `Int64` column.
pub fn int64<R>(rows: &[R], value: impl Fn(&R) -> i64) -> ArrayRef {
    let values: Vec<i64> = rows.iter().map(value).collect();
    Arc::new(Int64Array::new(values.into(), None))
}

/// A nullable `Int64` column: [`NO_I64`] is null.
pub fn nullable_int64<R>(rows: &[R], value: impl Fn(&R) -> i64) -> ArrayRef {
    let values: Vec<i64> = rows.iter().map(value).collect();
    let nulls = nulls(&values, NO_I64);
    Arc::new(Int64Array::new(values.into(), nulls))
}

/// A nullable `Int32` column: [`NO_I32`] is null.
pub fn nullable_int32<R>(rows: &[R], value: impl Fn(&R) -> i32) -> ArrayRef {
    let values: Vec<i32> = rows.iter().map(value).collect();
    let nulls = nulls(&values, NO_I32);
    Arc::new(Int32Array::new(values.into(), nulls))
}

/// A required time column.
pub fn time<R>(rows: &[R], value: impl Fn(&R) -> i64) -> ArrayRef {
    let values: Vec<i64> = rows.iter().map(value).collect();
    Arc::new(TimestampNanosecondArray::new(values.into(), None).with_timezone("UTC"))
}

/// A nullable time column: [`NO_I64`] is null.
pub fn nullable_time<R>(rows: &[R], value: impl Fn(&R) -> i64) -> ArrayRef {
    let values: Vec<i64> = rows.iter().map(value).collect();
    let nulls = nulls(&values, NO_I64);
    Arc::new(TimestampNanosecondArray::new(values.into(), nulls).with_timezone("UTC"))
}

/// A label column with one value in every row.
pub fn constant(rows: usize, value: &str) -> ArrayRef {
    let keys = Int32Array::new(ScalarBuffer::from(vec![0; rows]), None);
    dictionary(keys, vec![value])
}

fn nulls<T: Copy + PartialEq>(values: &[T], none: T) -> Option<NullBuffer> {
    // Most columns have a value in every row or in none.
    if !values.contains(&none) {
        return None;
    }
    Some(values.iter().map(|&value| value != none).collect())
}

fn dictionary(keys: PrimitiveArray<Int32Type>, values: Vec<&str>) -> ArrayRef {
    let values = Arc::new(StringArray::from(values));
    match DictionaryArray::try_new(keys, values) {
        Ok(array) => Arc::new(array),
        // Cannot happen, for keys are made from values; an empty column is caught by the batch.
        Err(_) => Arc::new(StringArray::from(Vec::<&str>::new())),
    }
}

/// A label column from keys (−1 for null) and their strings.
pub fn keyed(mut keys: Vec<i32>, values: Vec<&str>) -> ArrayRef {
    let nulls = nulls(&keys, -1);
    if nulls.is_some() {
        for key in &mut keys {
            *key = (*key).max(0);
        }
    }
    dictionary(Int32Array::new(keys.into(), nulls), values)
}
