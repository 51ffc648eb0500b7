//! A value in a query's answer.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampNanosecondType};
use arrow::error::ArrowError;
use chrono::{DateTime, SecondsFormat};

/// A value as the query gave it.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// Text.
    Text(String),
    /// A time, in ns since 1970 UTC.
    Time(i64),
}

impl Value {
    /// All values of a column.
    pub(crate) fn column(array: &ArrayRef) -> Result<Vec<Self>, ArrowError> {
        let each = |one: &dyn Fn(usize) -> Self| -> Vec<Self> {
            let value = |row| {
                if array.is_null(row) {
                    Self::Null
                } else {
                    one(row)
                }
            };
            (0..array.len()).map(value).collect()
        };
        Ok(match array.data_type() {
            DataType::Null => vec![Self::Null; array.len()],
            DataType::Boolean => each(&|row| Self::Bool(array.as_boolean().value(row))),
            DataType::Timestamp(..) => {
                let zone = Some("UTC".into());
                let times = cast(array, &DataType::Timestamp(TimeUnit::Nanosecond, zone))?;
                let times = times.as_primitive::<TimestampNanosecondType>();
                each(&|row| Self::Time(times.value(row)))
            }
            kind if kind.is_integer() => {
                let numbers = cast(array, &DataType::Int64)?;
                let numbers = numbers.as_primitive::<Int64Type>();
                each(&|row| Self::Int(numbers.value(row)))
            }
            kind if kind.is_numeric() => {
                let numbers = cast(array, &DataType::Float64)?;
                let numbers = numbers.as_primitive::<Float64Type>();
                each(&|row| Self::Float(numbers.value(row)))
            }
            _ => {
                let texts = cast(array, &DataType::Utf8)?;
                let texts = texts.as_string::<i32>();
                each(&|row| Self::Text(texts.value(row).to_owned()))
            }
        })
    }

    /// The number, if it is one. For drawing only: large ids lose digits.
    #[expect(clippy::cast_precision_loss, reason = "for drawing")]
    pub fn number(&self) -> Option<f64> {
        match *self {
            Self::Int(number) => Some(number as f64),
            Self::Float(number) => Some(number),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    pub fn int(&self) -> Option<i64> {
        match *self {
            Self::Int(number) => Some(number),
            _ => None,
        }
    }

    /// The time in ns since 1970, if it is one.
    pub fn time(&self) -> Option<i64> {
        match *self {
            Self::Time(ns) => Some(ns),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value in full, as a program would want it; empty for null.
    pub fn exact(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Bool(value) => value.to_string(),
            Self::Int(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Text(text) => text.clone(),
            Self::Time(ns) => {
                DateTime::from_timestamp_nanos(*ns).to_rfc3339_opts(SecondsFormat::AutoSi, true)
            }
        }
    }

    /// As JSON; times are text, and numbers that JSON has no form for are null.
    pub fn json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Int(number) => (*number).into(),
            Self::Float(number) => (*number).into(),
            Self::Text(_) | Self::Time(_) => self.exact().into(),
        }
    }
}
