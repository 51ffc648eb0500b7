//! The columns of an event's table, and their values.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampNanosecondArray,
};
use kcorr_model::Type;

/// A column under construction.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Type,
    values: Vec<Value>,
}

/// A value of a column.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Number(i64),
    Float(f64),
    Text(String),
}

impl Column {
    pub(super) fn new(name: String, kind: Type) -> Self {
        Self {
            name,
            kind,
            values: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, value: Value) {
        self.values.push(value);
    }

    /// The values so far, as an array of the column's type.
    pub(super) fn finish(&mut self) -> ArrayRef {
        let values = std::mem::take(&mut self.values);
        let numbers = values.iter().map(|value| match value {
            Value::Number(number) => Some(*number),
            _ => None,
        });
        match self.kind {
            Type::Time => {
                let times = numbers.collect::<TimestampNanosecondArray>();
                Arc::new(times.with_timezone("UTC"))
            }
            Type::Bool => Arc::new(numbers.map(|n| Some(n? != 0)).collect::<BooleanArray>()),
            Type::Float64 => {
                let floats = values.iter().map(|value| match value {
                    Value::Float(float) => Some(*float),
                    _ => None,
                });
                Arc::new(floats.collect::<Float64Array>())
            }
            Type::Text => {
                let texts = values.iter().map(|value| match value {
                    Value::Text(text) => Some(text.as_str()),
                    _ => None,
                });
                Arc::new(texts.collect::<StringArray>())
            }
            _ => Arc::new(numbers.collect::<Int64Array>()),
        }
    }
}
