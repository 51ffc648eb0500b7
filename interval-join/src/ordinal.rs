//! Values of a column as 64-bit integers in the same order.
//!
//! Times, dates, durations and integers. Not floating point, whose two zeros are equal in SQL.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, make_array};
use datafusion::arrow::buffer::{NullBuffer, ScalarBuffer};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{ArrowPrimitiveType, DataType, Int64Type, UInt64Type};
use datafusion::common::{Result, ScalarValue, internal_err};

/// The order of a column's values, and which of them are null.
#[derive(Debug, Clone)]
pub(super) struct Ordinals {
    /// One number a row; of no meaning where the row is null.
    pub(super) values: ScalarBuffer<i64>,
    /// The nulls, if there are any.
    pub(super) nulls: Option<NullBuffer>,
}

impl Ordinals {
    /// Reads a column. Columns of 64 bits are not copied.
    pub(super) fn of(array: &ArrayRef) -> Result<Self> {
        let nulls = array
            .nulls()
            .filter(|nulls| nulls.null_count() > 0)
            .cloned();
        let values = match array.data_type() {
            DataType::UInt64 => {
                let values = array.as_primitive::<UInt64Type>().values();
                values
                    .iter()
                    .map(|&value| order_of_unsigned(value))
                    .collect()
            }
            data_type if is_signed_64(data_type) => reinterpreted(array)?,
            data_type if is_narrow(data_type) => {
                let wide = cast(&narrow_integers(array)?, &DataType::Int64)?;
                wide.as_primitive::<Int64Type>().values().clone()
            }
            other => return internal_err!("{other} has no order in 64 bits"),
        };
        Ok(Self { values, nulls })
    }

    /// The value of a row; `None` when it is null.
    #[inline]
    pub(super) fn get(&self, row: usize) -> Option<i64> {
        match &self.nulls {
            Some(nulls) if nulls.is_null(row) => None,
            _ => Some(self.values[row]),
        }
    }
}

/// Whether values of a type have an order in 64 bits.
pub(crate) fn has_ordinals(data_type: &DataType) -> bool {
    *data_type == DataType::UInt64 || is_signed_64(data_type) || is_narrow(data_type)
}

/// The value of a type that a number stands for; `None` when the type has no such value.
pub(super) fn value_of(ordinal: i64, data_type: &DataType) -> Option<ScalarValue> {
    let zero = ScalarValue::new_zero(data_type).ok();
    match data_type {
        DataType::UInt64 => Some(ScalarValue::UInt64(Some(unsigned_of_order(ordinal)))),
        DataType::Timestamp(..) | DataType::Int64 | DataType::Date64 => {
            let wide = ScalarValue::Int64(Some(ordinal));
            wide.cast_to(data_type).ok()
        }
        data_type if is_narrow(data_type) && zero.is_some() => {
            let wide = ScalarValue::Int64(Some(ordinal));
            wide.cast_to(data_type)
                .ok()
                .filter(|value| !value.is_null())
        }
        _ => None,
    }
}

fn is_signed_64(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Int64
            | DataType::Timestamp(..)
            | DataType::Date64
            | DataType::Time64(_)
            | DataType::Duration(_)
    )
}

fn is_narrow(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
            | DataType::Date32
    )
}

fn reinterpreted(array: &ArrayRef) -> Result<ScalarBuffer<i64>> {
    let data = array
        .to_data()
        .into_builder()
        .data_type(Int64Type::DATA_TYPE);
    let integers = make_array(data.build()?);
    Ok(integers.as_primitive::<Int64Type>().values().clone())
}

/// Dates as integers; other columns as they are.
fn narrow_integers(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(match array.data_type() {
        DataType::Date32 => cast(array, &DataType::Int32)?,
        _ => ArrayRef::clone(array),
    })
}

fn order_of_unsigned(value: u64) -> i64 {
    (value ^ (1 << 63)).cast_signed()
}

fn unsigned_of_order(ordinal: i64) -> u64 {
    ordinal.cast_unsigned() ^ (1 << 63)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Int32Array, TimestampNanosecondArray, UInt64Array};

    use super::*;

    #[test]
    fn ordinals_keep_the_order_of_every_type_and_lead_back_to_the_value() {
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from(vec![0, 1, u64::MAX / 2, u64::MAX])),
            Arc::new(Int32Array::from(vec![i32::MIN, -1, 0, i32::MAX])),
            Arc::new(
                TimestampNanosecondArray::from(vec![i64::MIN, -1, 0, i64::MAX])
                    .with_timezone("UTC"),
            ),
        ];
        for array in arrays {
            let ordinals = Ordinals::of(&array).unwrap();
            assert!(ordinals.values.is_sorted());
            for row in 0..array.len() {
                let value = value_of(ordinals.values[row], array.data_type()).unwrap();
                assert_eq!(value, ScalarValue::try_from_array(&array, row).unwrap());
            }
        }
    }

    #[test]
    fn a_slice_with_nulls_is_read_from_its_own_start() {
        let array: ArrayRef =
            Arc::new(TimestampNanosecondArray::from(vec![Some(9), None, Some(7)]));
        let ordinals = Ordinals::of(&array.slice(1, 2)).unwrap();
        assert_eq!((ordinals.get(0), ordinals.get(1)), (None, Some(7)));
    }
}
