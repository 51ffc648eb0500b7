//! A cell of a query's answer, and how its value is written for people.

use std::fmt::Write as _;
use std::sync::Arc;

use chrono::DateTime;

use crate::Value;

/// A value with the place it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Name of the query.
    pub query: Arc<str>,
    /// Row of its answer, from 0.
    pub row: usize,
    /// Column of its answer; its ending tells the unit (`_ms`, `_ratio`, `_count`, …).
    pub column: Arc<str>,
    /// The value.
    pub value: Value,
}

impl Cell {
    /// The value for people, without its unit (`1,378`), or `–` for null.
    pub fn text(&self) -> String {
        match &self.value {
            Value::Null => "–".to_owned(),
            Value::Bool(true) => "yes".to_owned(),
            Value::Bool(false) => "no".to_owned(),
            Value::Text(text) => text.clone(),
            Value::Time { wall_ns, .. } => time_of_day(*wall_ns),
            Value::Int(number) if is_name(&self.column) => number.to_string(),
            Value::Int(number) if self.column.ends_with("_bytes") => bytes(*number),
            Value::Int(number) => grouped(&number.to_string()),
            Value::Float(number) if self.column.ends_with("_ratio") => percent(*number),
            Value::Float(number) if self.column.ends_with("confidence") => format!("{number:.2}"),
            Value::Float(number) => significant(*number),
        }
    }

    /// The unit that belongs behind the text, with a space before it; empty when there is none.
    pub fn unit(&self) -> &'static str {
        unit(&self.column)
    }

    /// Text and unit.
    pub fn text_with_unit(&self) -> String {
        match self.value {
            Value::Null => self.text(),
            _ => self.text() + self.unit(),
        }
    }
}

/// The unit of a column, with a space before it.
pub(crate) fn unit(column: &str) -> &'static str {
    let ends = |ending: &str| column.ends_with(ending);
    if ends("_ms") {
        " ms"
    } else if ends("_us") {
        " µs"
    } else if ends("_ppm") {
        " ppm"
    } else if ends("_ns") {
        " ns"
    } else if ends("_s") {
        " s"
    } else if ends("_ratio") {
        " %"
    } else {
        ""
    }
}

/// Whether the numbers of a column are names, which are not grouped.
fn is_name(column: &str) -> bool {
    column.ends_with("_id")
        || matches!(
            column,
            "tid" | "partition" | "transaction" | "episode" | "place"
        )
}

/// `16:23:11.559`, of what a clock shows.
pub(crate) fn time_of_day(ns: i64) -> String {
    DateTime::from_timestamp_nanos(ns)
        .format("%H:%M:%S%.3f")
        .to_string()
}

/// `2026-11-20`, of what a clock shows.
pub(crate) fn day(ns: i64) -> String {
    DateTime::from_timestamp_nanos(ns)
        .format("%Y-%m-%d")
        .to_string()
}

/// About three digits: `1,378`, `37.3`, `1.29`, `0.013`; of small numbers at least two: `0.00015`.
pub(crate) fn significant(number: f64) -> String {
    let size = number.abs();
    let digits = match size {
        _ if number.fract() == 0.0 => 0,
        _ if size >= 99.95 => 0,
        _ if size >= 9.995 => 1,
        _ if size >= 0.9995 => 2,
        _ if size >= 0.00995 => 3,
        _ if size >= 0.000_995 => 4,
        _ if size >= 0.000_099_5 => 5,
        _ => 6,
    };
    grouped(&format!("{number:.digits$}"))
}

/// A share as per cent without the sign: `80`, `1.9`.
pub(crate) fn percent(ratio: f64) -> String {
    // Small shares are not rounded to nothing.
    let digits = if ratio != 0.0 && ratio.abs() < 0.0005 {
        3
    } else {
        1
    };
    let text = format!("{:.digits$}", ratio * 100.0);
    match text.strip_suffix(".0") {
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn bytes(number: i64) -> String {
    let mut size = number as f64;
    for unit in ["bytes", "kB", "MB", "GB"] {
        if size.abs() < 1000.0 {
            return format!("{} {unit}", significant(size));
        }
        size /= 1000.0;
    }
    format!("{} TB", significant(size))
}

/// Digits with commas between thousands.
fn grouped(digits: &str) -> String {
    let (sign, rest) = digits
        .strip_prefix('-')
        .map_or(("", digits), |rest| ("-", rest));
    let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    let mut text = sign.to_owned();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        let _ = write!(text, ".{fraction}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(column: &str, value: Value) -> String {
        let cell = Cell {
            query: "q".into(),
            row: 0,
            column: column.into(),
            value,
        };
        cell.text_with_unit()
    }

    #[test]
    fn a_number_is_written_with_the_unit_that_its_column_ends_in() {
        assert_eq!(text("max_ms", Value::Float(1378.112)), "1,378 ms");
        assert_eq!(text("p50_ms", Value::Float(0.524)), "0.524 ms");
        assert_eq!(text("p99_ms", Value::Float(99.96)), "100 ms");
        assert_eq!(text("value", Value::Float(0.000_148_2)), "0.00015");
        assert_eq!(text("ratio", Value::Float(0.0061)), "0.0061");
        assert_eq!(text("slow_ratio", Value::Float(0.018_604)), "1.9 %");
        assert_eq!(text("slow_ratio", Value::Float(0.8)), "80 %");
        assert_eq!(text("slow_ratio", Value::Float(0.000_148)), "0.015 %");
        assert_eq!(text("request_count", Value::Int(1_234_567)), "1,234,567");
        assert_eq!(
            text("request_id", Value::Int(30_000_004_029)),
            "30000004029"
        );
        assert_eq!(text("size_bytes", Value::Int(2_289_621)), "2.29 MB");
        assert_eq!(text("confidence", Value::Float(0.882)), "0.88");
        assert_eq!(text("duration_ms", Value::Null), "–");
        assert_eq!(text("offset_ms", Value::Float(-1234.5)), "-1,234 ms");
    }
}
