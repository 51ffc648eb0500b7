//! Columns of a batch, from rows and the labels they refer to.

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int32Array, Int64Array, StringArray};
use arrow::array::{PrimitiveArray, TimestampNanosecondArray};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::Int32Type;

use crate::labels::{Label, Labels, NONE};

/// A number that a row does not have: the end of the type's range, which no recorder prints.
pub(crate) const NO_I64: i64 = i64::MIN;
/// See [`NO_I64`].
pub(crate) const NO_I32: i32 = i32::MIN;

/// A required `Int64` column.
pub(crate) fn int64<R>(rows: &[R], value: impl Fn(&R) -> i64) -> ArrayRef {
    let values: Vec<i64> = rows.iter().map(value).collect();
    Arc::new(Int64Array::new(values.into(), None))
}

/// A nullable `Int64` column: [`NO_I64`] is null.
pub(crate) fn nullable_int64<R>(rows: &[R], value: impl Fn(&R) -> i64) -> ArrayRef {
    let values: Vec<i64> = rows.iter().map(value).collect();
    let nulls = nulls(&values, NO_I64);
    Arc::new(Int64Array::new(values.into(), nulls))
}

/// A nullable `Int32` column: [`NO_I32`] is null.
pub(crate) fn nullable_int32<R>(rows: &[R], value: impl Fn(&R) -> i32) -> ArrayRef {
    let values: Vec<i32> = rows.iter().map(value).collect();
    let nulls = nulls(&values, NO_I32);
    Arc::new(Int32Array::new(values.into(), nulls))
}

/// A required time column.
pub(crate) fn time<R>(rows: &[R], value: impl Fn(&R) -> i64) -> ArrayRef {
    let values: Vec<i64> = rows.iter().map(value).collect();
    Arc::new(TimestampNanosecondArray::new(values.into(), None).with_timezone("UTC"))
}

/// A nullable time column: [`NO_I64`] is null.
pub(crate) fn nullable_time<R>(rows: &[R], value: impl Fn(&R) -> i64) -> ArrayRef {
    let values: Vec<i64> = rows.iter().map(value).collect();
    let nulls = nulls(&values, NO_I64);
    Arc::new(TimestampNanosecondArray::new(values.into(), nulls).with_timezone("UTC"))
}

/// A label column with one value in every row.
pub(crate) fn constant(rows: usize, value: &str) -> ArrayRef {
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

/// Renumbers the labels of one column densely, in order of first use. Keeps its memory between
/// batches.
#[derive(Debug, Default)]
pub(crate) struct DenseLabels {
    /// Key of each label, or −1.
    key_of: Vec<i32>,
}

/// A column of labels: a key a row (−1 for null), and the label of each key.
#[derive(Debug)]
pub(crate) struct Keys {
    /// Key of each row.
    pub(crate) keys: Vec<i32>,
    /// Label of each key.
    pub(crate) labels: Vec<Label>,
}

impl DenseLabels {
    /// The keys of a column.
    pub(crate) fn keys<R>(
        &mut self,
        rows: &[R],
        labels: &Labels,
        value: impl Fn(&R) -> Label,
    ) -> Keys {
        self.key_of.resize(labels.len().saturating_add(1), -1);
        let mut used: Vec<Label> = Vec::new();
        let keys = rows
            .iter()
            .map(|row| {
                let label = value(row);
                if label == NONE {
                    return -1;
                }
                match self.key_of.get_mut(label as usize) {
                    Some(key) => {
                        if *key < 0 {
                            *key = i32::try_from(used.len()).unwrap_or(-1);
                            used.push(label);
                        }
                        *key
                    }
                    None => -1,
                }
            })
            .collect();
        for &label in &used {
            if let Some(key) = self.key_of.get_mut(label as usize) {
                *key = -1;
            }
        }
        Keys { keys, labels: used }
    }

    /// A label column.
    pub(crate) fn column<R>(
        &mut self,
        rows: &[R],
        labels: &Labels,
        value: impl Fn(&R) -> Label,
    ) -> ArrayRef {
        self.keys(rows, labels, value).into_array(labels)
    }
}

impl Keys {
    /// The column.
    pub(crate) fn into_array(self, labels: &Labels) -> ArrayRef {
        let values = self.labels.iter().map(|&label| labels.get(label)).collect();
        keyed(self.keys, values)
    }
}

/// A label column from keys (−1 for null) and their strings.
pub(crate) fn keyed(mut keys: Vec<i32>, values: Vec<&str>) -> ArrayRef {
    let nulls = nulls(&keys, -1);
    if nulls.is_some() {
        for key in &mut keys {
            *key = (*key).max(0);
        }
    }
    dictionary(Int32Array::new(keys.into(), nulls), values)
}
