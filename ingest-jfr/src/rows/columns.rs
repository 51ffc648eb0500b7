//! Columns under construction: each takes one value a row and is emptied by `finish`.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int32Builder, Int64Array, Int64Builder, StringArray, StringDictionaryBuilder,
    TimestampNanosecondArray,
};
use arrow::datatypes::Int32Type;

use crate::rows::batch::BATCH_ROWS;
use crate::rows::labels::dictionary;

/// `Int64` without nulls.
#[derive(Debug, Default)]
pub(crate) struct Numbers(Vec<i64>);

impl Numbers {
    #[inline]
    pub(crate) fn push(&mut self, value: i64) {
        if self.0.capacity() == 0 {
            self.0.reserve_exact(BATCH_ROWS);
        }
        self.0.push(value);
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        Arc::new(Int64Array::from(std::mem::take(&mut self.0)))
    }

    /// The values as times.
    pub(crate) fn finish_times(&mut self) -> ArrayRef {
        let times = TimestampNanosecondArray::from(std::mem::take(&mut self.0));
        Arc::new(times.with_timezone("UTC"))
    }
}

/// `Int64` with nulls.
#[derive(Debug)]
pub(crate) struct OptionalNumbers(Int64Builder);

impl Default for OptionalNumbers {
    fn default() -> Self {
        Self(Int64Builder::with_capacity(BATCH_ROWS))
    }
}

impl OptionalNumbers {
    #[inline]
    pub(crate) fn push(&mut self, value: Option<i64>) {
        self.0.append_option(value);
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        Arc::new(std::mem::take(self).0.finish())
    }
}

/// `Int32` with nulls.
#[derive(Debug)]
pub(crate) struct OptionalInts(Int32Builder);

impl Default for OptionalInts {
    fn default() -> Self {
        Self(Int32Builder::with_capacity(BATCH_ROWS))
    }
}

impl OptionalInts {
    #[inline]
    pub(crate) fn push(&mut self, value: Option<i32>) {
        self.0.append_option(value);
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        Arc::new(std::mem::take(self).0.finish())
    }
}

/// A label out of a fixed list.
#[derive(Debug)]
pub(crate) struct Choices {
    values: Arc<StringArray>,
    keys: Vec<i32>,
}

impl Choices {
    pub(crate) fn new(values: &[&str]) -> Self {
        Self {
            values: Arc::new(StringArray::from(values.to_vec())),
            keys: Vec::new(),
        }
    }

    /// Appends the value at an index of the list.
    #[inline]
    pub(crate) fn push(&mut self, index: i32) {
        if self.keys.capacity() == 0 {
            self.keys.reserve_exact(BATCH_ROWS);
        }
        self.keys.push(index);
    }

    pub(crate) fn finish(&mut self) -> Option<ArrayRef> {
        dictionary(
            std::mem::take(&mut self.keys).into(),
            Arc::clone(&self.values),
        )
    }
}

/// A label with nulls, for tables of few rows.
#[derive(Default)]
pub(crate) struct Labels(StringDictionaryBuilder<Int32Type>);

impl std::fmt::Debug for Labels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Labels")
    }
}

impl Labels {
    pub(crate) fn push(&mut self, value: Option<&str>) {
        self.0.append_option(value);
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        Arc::new(std::mem::take(&mut self.0).finish())
    }
}
