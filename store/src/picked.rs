//! Rows of several batches in the order of their time, a row group at a time.
//!
//! Rows are put in order by picking them from where they are: nothing is copied but what a row group is made of, and
//! strings stay in their dictionaries.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, DictionaryArray, PrimitiveArray, RecordBatch,
    new_null_array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute;
use arrow::datatypes::{
    DataType, Int16Type, Int32Type, Int64Type, TimeUnit, TimestampNanosecondType,
};
use arrow::error::ArrowError;

/// A row: its time, its batch, and its place there.
#[derive(Debug, Clone, Copy)]
struct Pick {
    time: i64,
    batch: u32,
    row: u32,
}

/// The rows of batches in order.
#[derive(Debug)]
pub(super) struct Picked {
    batches: Vec<RecordBatch>,
    picks: Vec<Pick>,
}

impl Picked {
    /// The rows by a column of times, those without one first; rows of equal time keep their order.
    pub(super) fn by_time(batches: Vec<RecordBatch>, column: &str) -> Result<Self, ArrowError> {
        let rows = batches.iter().map(RecordBatch::num_rows).sum();
        let mut picks = Vec::with_capacity(rows);
        for (batch, rows) in batches.iter().enumerate() {
            let batch = number(batch)?;
            let times = rows.column_by_name(column);
            let times = times.and_then(|times| times.as_primitive_opt::<TimestampNanosecondType>());
            for row in 0..rows.num_rows() {
                let time = times.filter(|times| times.is_valid(row));
                picks.push(Pick {
                    time: time.map_or(i64::MIN, |times| times.value(row)),
                    batch,
                    row: number(row)?,
                });
            }
        }
        picks.sort_by_key(|pick| pick.time);
        Ok(Self { batches, picks })
    }

    /// The rows, so many at a time.
    pub(super) fn chunks(
        &self,
        rows: usize,
    ) -> impl Iterator<Item = Result<RecordBatch, ArrowError>> {
        self.picks.chunks(rows).map(|picks| self.batch(picks))
    }

    fn batch(&self, picks: &[Pick]) -> Result<RecordBatch, ArrowError> {
        let schema = self
            .batches
            .first()
            .map(RecordBatch::schema)
            .unwrap_or_else(|| Arc::new(arrow::datatypes::Schema::empty()));
        let columns = (0..schema.fields().len()).map(|place| {
            let arrays: Vec<&ArrayRef> = self
                .batches
                .iter()
                .map(|batch| batch.column(place))
                .collect();
            picked(&arrays, picks)
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        RecordBatch::try_new(schema, columns)
    }
}

fn number(value: usize) -> Result<u32, ArrowError> {
    u32::try_from(value).map_err(|_| ArrowError::ComputeError("too many rows at once".to_owned()))
}

/// Some rows of one column.
fn picked(arrays: &[&ArrayRef], picks: &[Pick]) -> Result<ArrayRef, ArrowError> {
    let Some(first) = arrays.first() else {
        return Err(ArrowError::ComputeError("there are no batches".to_owned()));
    };
    // Many columns have no value, in whole recordings.
    if arrays.iter().all(|array| array.null_count() == array.len()) {
        return Ok(new_null_array(first.data_type(), picks.len()));
    }
    Ok(match first.data_type() {
        DataType::Int16 => Arc::new(numbers::<Int16Type>(arrays, picks)),
        DataType::Int32 => Arc::new(numbers::<Int32Type>(arrays, picks)),
        DataType::Int64 => Arc::new(numbers::<Int64Type>(arrays, picks)),
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            let times = numbers::<TimestampNanosecondType>(arrays, picks);
            Arc::new(times.with_timezone_opt(zone.clone()))
        }
        DataType::Dictionary(key, value)
            if **key == DataType::Int32 && **value == DataType::Utf8 =>
        {
            Arc::new(labels(arrays, picks)?)
        }
        _ => {
            let arrays: Vec<&dyn Array> = arrays.iter().map(|array| array.as_ref()).collect();
            let places: Vec<(usize, usize)> = picks
                .iter()
                .map(|pick| (pick.batch as usize, pick.row as usize))
                .collect();
            compute::interleave(&arrays, &places)?
        }
    })
}

fn numbers<T: ArrowPrimitiveType>(arrays: &[&ArrayRef], picks: &[Pick]) -> PrimitiveArray<T> {
    let arrays: Vec<&PrimitiveArray<T>> = arrays
        .iter()
        .map(|array| array.as_primitive::<T>())
        .collect();
    let values: Vec<&[T::Native]> = arrays.iter().map(|array| &array.values()[..]).collect();
    let of = |pick: &Pick| values[pick.batch as usize][pick.row as usize];
    let values = picks.iter().map(of).collect::<Vec<_>>();
    let nulls: Vec<Option<&NullBuffer>> = arrays.iter().map(|array| array.nulls()).collect();
    PrimitiveArray::new(values.into(), valid(&nulls, picks))
}

/// Which of some rows have a value, if not all.
fn valid(nulls: &[Option<&NullBuffer>], picks: &[Pick]) -> Option<NullBuffer> {
    let nulls: Vec<Option<&NullBuffer>> = nulls
        .iter()
        .map(|nulls| nulls.filter(|nulls| nulls.null_count() > 0))
        .collect();
    if nulls.iter().all(Option::is_none) {
        return None;
    }
    let is_valid = |place: usize| {
        let pick = &picks[place];
        nulls[pick.batch as usize].is_none_or(|nulls| nulls.is_valid(pick.row as usize))
    };
    Some(NullBuffer::new(BooleanBuffer::collect_bool(
        picks.len(),
        is_valid,
    )))
}

/// Rows of dictionary arrays, whose dictionaries are put one behind the other, each once.
fn labels(arrays: &[&ArrayRef], picks: &[Pick]) -> Result<DictionaryArray<Int32Type>, ArrowError> {
    let arrays: Vec<&DictionaryArray<Int32Type>> = arrays
        .iter()
        .map(|array| array.as_dictionary::<Int32Type>())
        .collect();
    let mut is_used = vec![false; arrays.len()];
    for pick in picks {
        is_used[pick.batch as usize] = true;
    }
    let mut dictionaries: Vec<&dyn Array> = Vec::new();
    let mut length = 0;
    let mut before: Vec<i32> = Vec::with_capacity(arrays.len());
    for (place, array) in arrays.iter().enumerate() {
        let values = array.values();
        let same = arrays[..place]
            .iter()
            .zip(&is_used)
            .position(|(other, is_used)| {
                *is_used && std::ptr::addr_eq(Arc::as_ptr(other.values()), Arc::as_ptr(values))
            });
        match same {
            Some(same) => before.push(before[same]),
            None => {
                before.push(
                    i32::try_from(length).map_err(|_| ArrowError::DictionaryKeyOverflowError)?,
                );
                if is_used[place] {
                    dictionaries.push(values.as_ref());
                    length += values.len();
                }
            }
        }
    }
    i32::try_from(length).map_err(|_| ArrowError::DictionaryKeyOverflowError)?;
    let values = match dictionaries.as_slice() {
        [one] => one.slice(0, one.len()),
        several => compute::concat(several)?,
    };
    let keys: Vec<&[i32]> = arrays
        .iter()
        .map(|array| &array.keys().values()[..])
        .collect();
    let nulls: Vec<Option<&NullBuffer>> = arrays.iter().map(|array| array.keys().nulls()).collect();
    let valid = valid(&nulls, picks);
    // The key of a row that is null may be any.
    let key = |pick: &Pick| {
        let (batch, row) = (pick.batch as usize, pick.row as usize);
        keys[batch][row].wrapping_add(before[batch])
    };
    let keys: Vec<i32> = picks.iter().map(key).collect();
    DictionaryArray::try_new(PrimitiveArray::new(keys.into(), valid), values)
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        Array, ArrayRef, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray,
        TimestampNanosecondArray, UInt64Array,
    };
    use arrow::datatypes::{DataType, Field, Schema};
    use proptest::prelude::*;

    use super::*;

    type Row = (Option<i64>, Option<i64>, Option<i32>, Option<bool>);

    fn batch(rows: &[Row], labels: &ArrayRef) -> RecordBatch {
        let times = TimestampNanosecondArray::from_iter(rows.iter().map(|row| row.0));
        let keys = rows.iter().map(|row| row.2.map(|key| key % 3));
        let keys = Int32Array::from_iter(keys);
        let absent = Int64Array::new_null(rows.len());
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("time", Arc::new(times.with_timezone("UTC"))),
            (
                "number",
                Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.1))),
            ),
            (
                "label",
                Arc::new(DictionaryArray::<Int32Type>::new(keys, Arc::clone(labels))),
            ),
            ("absent", Arc::new(absent)),
            (
                "flag",
                Arc::new(arrow::array::BooleanArray::from_iter(
                    rows.iter().map(|row| row.3),
                )),
            ),
        ];
        let field =
            |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), true);
        let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
        let columns = columns.into_iter().map(|(_, array)| array).collect();
        RecordBatch::try_new(Arc::new(schema), columns).unwrap()
    }

    fn plain(rows: &RecordBatch) -> Vec<ArrayRef> {
        let strings = |array: &ArrayRef| match array.data_type() {
            DataType::Dictionary(_, value) => compute::cast(array, value).unwrap(),
            _ => Arc::clone(array),
        };
        rows.columns().iter().map(strings).collect()
    }

    proptest! {
        #[test]
        fn rows_are_picked_as_a_stable_sort_of_all_of_them_takes_them(
            parts in prop::collection::vec(
                prop::collection::vec(any::<(Option<i8>, Option<i64>, Option<u8>, Option<bool>)>(), 0..20),
                1..5,
            ),
            share in any::<bool>(),
            size in 1_usize..30,
        ) {
            let shared: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "c"]));
            let batches: Vec<RecordBatch> = parts.iter().enumerate().map(|(number, rows)| {
                let rows: Vec<Row> = rows.iter()
                    .map(|row| (row.0.map(i64::from), row.1, row.2.map(i32::from), row.3))
                    .collect();
                let own = [format!("a{number}"), "b".to_owned(), "c".to_owned()];
                let own: ArrayRef = Arc::new(StringArray::from(own.to_vec()));
                batch(&rows, if share { &shared } else { &own })
            }).collect();
            let all = compute::concat_batches(&batches[0].schema(), &batches).unwrap();
            let times = all.column(0).as_primitive::<TimestampNanosecondType>();
            let mut order: Vec<u64> = (0..all.num_rows() as u64).collect();
            order.sort_by_key(|row| {
                let row = usize::try_from(*row).unwrap();
                times.is_valid(row).then(|| times.value(row))
            });
            let sorted = compute::take_record_batch(&all, &UInt64Array::from(order)).unwrap();
            let picked = Picked::by_time(batches.clone(), "time").unwrap();
            let chunks: Vec<RecordBatch> = picked.chunks(size).map(Result::unwrap).collect();
            prop_assert!(chunks.iter().all(|chunk| chunk.num_rows() <= size));
            let mut from = 0;
            for chunk in chunks {
                prop_assert_eq!(plain(&chunk), plain(&sorted.slice(from, chunk.num_rows())));
                from += chunk.num_rows();
            }
            prop_assert_eq!(from, sorted.num_rows());
        }
    }
}
