//! Typed access to the columns of a query's rows, by name.

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};

use crate::error::{Error, ErrorKind, Result};

/// A batch whose columns are asked for by name.
#[derive(Debug, Clone, Copy)]
pub struct Columns<'a>(pub &'a RecordBatch);

impl Columns<'_> {
    /// A column of text.
    pub fn text(&self, name: &str) -> Result<TextColumn> {
        let array = self.column(name, &DataType::Utf8)?;
        Ok(TextColumn(array.as_string::<i32>().clone()))
    }

    /// A column of integers; times are nanoseconds since 1970.
    pub fn number(&self, name: &str) -> Result<NumberColumn> {
        let array = self.column(name, &DataType::Int64)?;
        Ok(NumberColumn(array.as_primitive::<Int64Type>().clone()))
    }

    /// A column of floating-point numbers.
    pub fn float(&self, name: &str) -> Result<FloatColumn> {
        let array = self.column(name, &DataType::Float64)?;
        Ok(FloatColumn(array.as_primitive::<Float64Type>().clone()))
    }

    fn column(&self, name: &str, data_type: &DataType) -> Result<ArrayRef> {
        let column = self.0.column_by_name(name).ok_or_else(|| {
            Error::new(ErrorKind::Query, format!("the query has no column {name}"))
        })?;
        cast(column, data_type)
            .map_err(|e| Error::because(ErrorKind::Query, format!("column {name}"), e))
    }
}

/// A column of text.
#[derive(Debug, Clone)]
pub struct TextColumn(StringArray);

impl TextColumn {
    /// The text of a row; none when it is null.
    pub fn get(&self, row: usize) -> Option<&str> {
        self.0.is_valid(row).then(|| self.0.value(row))
    }
}

/// A column of integers.
#[derive(Debug, Clone)]
pub struct NumberColumn(Int64Array);

impl NumberColumn {
    /// The number of a row; none when it is null.
    pub fn get(&self, row: usize) -> Option<i64> {
        self.0.is_valid(row).then(|| self.0.value(row))
    }

    /// The number of a row that is a time or a count; none when it is null or negative.
    pub fn unsigned(&self, row: usize) -> Option<u64> {
        self.get(row).and_then(|value| u64::try_from(value).ok())
    }
}

/// A column of floating-point numbers.
#[derive(Debug, Clone)]
pub struct FloatColumn(Float64Array);

impl FloatColumn {
    /// The number of a row; none when it is null.
    pub fn get(&self, row: usize) -> Option<f64> {
        self.0.is_valid(row).then(|| self.0.value(row))
    }
}
