//! Columns under construction: each takes one value a row and is emptied by `finish`.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, DictionaryArray, Int32Array, Int64Array, PrimitiveArray,
    StringArray, StringDictionaryBuilder, TimestampNanosecondArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{ArrowNativeType, Int32Type, Int64Type};

/// Rows for which a column makes room at once.
const BATCH_ROWS: usize = 8192;

/// `Int64` without nulls.
#[derive(Debug, Default)]
pub struct Numbers(Vec<i64>);

impl Numbers {
    /// Appends a number.
    #[inline(always)]
    pub fn push(&mut self, value: i64) {
        if self.0.capacity() == 0 {
            self.0.reserve_exact(BATCH_ROWS);
        }
        self.0.push(value);
    }

    /// The column.
    pub fn finish(&mut self) -> Option<ArrayRef> {
        Some(Arc::new(Int64Array::from(std::mem::take(&mut self.0))))
    }

    /// The values as times.
    pub fn finish_times(&mut self) -> Option<ArrayRef> {
        let times = TimestampNanosecondArray::from(std::mem::take(&mut self.0));
        Some(Arc::new(times.with_timezone("UTC")))
    }
}

/// Values with nulls. (Arrow's own builder asks for more per value, which shows here.)
#[derive(Debug)]
pub struct Nullable<T> {
    values: Vec<T>,
    /// Whether each value is one; kept only once there is a null.
    valid: Vec<bool>,
    has_null: bool,
    has_value: bool,
}

impl<T> Default for Nullable<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            valid: Vec::new(),
            has_null: false,
            has_value: false,
        }
    }
}

impl<T: ArrowNativeType> Nullable<T> {
    /// Appends a value.
    #[inline(always)]
    pub fn push(&mut self, value: Option<T>) {
        if self.values.capacity() == 0 {
            self.values.reserve_exact(BATCH_ROWS);
        }
        match value {
            Some(value) => {
                self.values.push(value);
                self.has_value = true;
                if self.has_null {
                    self.valid.push(true);
                }
            }
            None => {
                if !self.has_null {
                    self.has_null = true;
                    self.valid.resize(self.values.len(), true);
                }
                self.values.push(T::default());
                self.valid.push(false);
            }
        }
    }

    /// The values; none if all are null, because then the column need not be built.
    pub fn finish<A>(&mut self) -> Option<PrimitiveArray<A>>
    where
        A: ArrowPrimitiveType<Native = T>,
    {
        let taken = std::mem::take(self);
        let valid = &taken.valid;
        let is_valid = |row: usize| valid.get(row).copied().unwrap_or(false);
        let nulls = || NullBuffer::new(BooleanBuffer::collect_bool(valid.len(), is_valid));
        let nulls = taken.has_null.then(nulls);
        let values = taken.has_value.then_some(taken.values)?;
        PrimitiveArray::try_new(values.into(), nulls).ok()
    }
}

/// `Int64` with nulls.
#[derive(Debug, Default)]
pub struct OptionalNumbers(Nullable<i64>);

impl OptionalNumbers {
    /// Appends a number or null.
    #[inline(always)]
    pub fn push(&mut self, value: Option<i64>) {
        self.0.push(value);
    }

    /// The column; none if it is all null.
    pub fn finish(&mut self) -> Option<ArrayRef> {
        Some(Arc::new(self.0.finish::<Int64Type>()?))
    }
}

/// `Int32` with nulls.
#[derive(Debug, Default)]
pub struct OptionalInts(Nullable<i32>);

impl OptionalInts {
    /// Appends a number or null.
    #[inline(always)]
    pub fn push(&mut self, value: Option<i32>) {
        self.0.push(value);
    }

    /// The column; none if it is all null.
    pub fn finish(&mut self) -> Option<ArrayRef> {
        Some(Arc::new(self.0.finish::<Int32Type>()?))
    }
}

/// A label out of a fixed list.
#[derive(Debug)]
pub struct Choices {
    values: Arc<StringArray>,
    keys: Vec<i32>,
}

impl Choices {
    /// Of these labels.
    pub fn new(values: &[&str]) -> Self {
        Self {
            values: Arc::new(StringArray::from(values.to_vec())),
            keys: Vec::new(),
        }
    }

    /// Appends the value at an index of the list.
    #[inline(always)]
    pub fn push(&mut self, index: i32) {
        if self.keys.capacity() == 0 {
            self.keys.reserve_exact(BATCH_ROWS);
        }
        self.keys.push(index);
    }

    /// The column.
    pub fn finish(&mut self) -> Option<ArrayRef> {
        dictionary(
            std::mem::take(&mut self.keys).into(),
            Arc::clone(&self.values),
        )
    }
}

/// Labels with nulls, for tables of few rows.
#[derive(Default)]
pub struct LabelColumn(StringDictionaryBuilder<Int32Type>);

impl std::fmt::Debug for LabelColumn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LabelColumn")
    }
}

impl LabelColumn {
    /// Appends a label.
    pub fn push(&mut self, value: Option<&str>) {
        self.0.append_option(value);
    }

    /// The column.
    pub fn finish(&mut self) -> Option<ArrayRef> {
        Some(Arc::new(std::mem::take(&mut self.0).finish()))
    }
}

/// A dictionary column of given keys and values; `None` when a key has no value.
pub fn dictionary(keys: Int32Array, values: Arc<StringArray>) -> Option<ArrayRef> {
    let array = DictionaryArray::<Int32Type>::try_new(keys, values).ok()?;
    Some(Arc::new(array))
}
