//! A value in a query's answer.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampNanosecondType};
use arrow::error::ArrowError;
use chrono::{DateTime, FixedOffset, Offset, SecondsFormat, TimeZone};
use chrono_tz::Tz;

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
    /// A time, as a clock on the wall shows it in the zone that its column has.
    Time {
        /// What the clock shows, in ns since it showed the beginning of 1970.
        wall_ns: i64,
        /// How far it is ahead of UTC, in seconds.
        offset_s: i32,
    },
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
            DataType::Timestamp(_, zone) => {
                let zone: Tz = zone.as_deref().unwrap_or("UTC").parse().unwrap_or(Tz::UTC);
                let utc = Some("UTC".into());
                let times = cast(array, &DataType::Timestamp(TimeUnit::Nanosecond, utc))?;
                let times = times.as_primitive::<TimestampNanosecondType>();
                each(&|row| Self::in_zone(times.value(row), zone))
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

    /// A time in a zone, given in ns since 1970 UTC.
    fn in_zone(ns: i64, zone: Tz) -> Self {
        let time = DateTime::from_timestamp_nanos(ns).naive_utc();
        let offset_s = zone.offset_from_utc_datetime(&time).fix().local_minus_utc();
        Self::Time {
            wall_ns: ns.saturating_add(i64::from(offset_s) * 1_000_000_000),
            offset_s,
        }
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

    /// What a clock on the wall shows, if it is a time, in ns since it showed the beginning of 1970.
    pub fn time(&self) -> Option<i64> {
        match *self {
            Self::Time { wall_ns, .. } => Some(wall_ns),
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
            Self::Time { wall_ns, offset_s } => {
                let utc_ns = wall_ns.saturating_sub(i64::from(*offset_s) * 1_000_000_000);
                let time = DateTime::from_timestamp_nanos(utc_ns);
                match FixedOffset::east_opt(*offset_s) {
                    Some(offset) => time
                        .with_timezone(&offset)
                        .to_rfc3339_opts(SecondsFormat::AutoSi, true),
                    None => time.to_rfc3339_opts(SecondsFormat::AutoSi, true),
                }
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
            Self::Text(_) | Self::Time { .. } => self.exact().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::TimestampNanosecondArray;

    use super::*;

    #[test]
    fn a_time_is_what_a_clock_shows_in_the_zone_of_its_column() {
        let times = |zone: &str| {
            // Half past noon in summer, and a second in winter.
            let ns = [1_783_168_200_000_000_000, 1_000_000_000];
            let times = TimestampNanosecondArray::from_iter_values(ns);
            let times: ArrayRef = Arc::new(times.with_timezone(zone));
            Value::column(&times).expect("times")
        };
        let texts = |zone: &str| times(zone).iter().map(Value::exact).collect::<Vec<_>>();
        assert_eq!(
            texts("UTC"),
            ["2026-07-04T12:30:00Z", "1970-01-01T00:00:01Z"]
        );
        assert_eq!(
            texts("Europe/Berlin"),
            ["2026-07-04T14:30:00+02:00", "1970-01-01T01:00:01+01:00"]
        );
        assert_eq!(times("Europe/Berlin")[1].time(), Some(3_601_000_000_000));
    }
}
