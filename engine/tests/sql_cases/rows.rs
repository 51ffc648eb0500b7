//! Rows drawn as text, and Arrow batches from and to them.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, ListBuilder, RecordBatch,
    StringArray, StringBuilder, TimestampNanosecondArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, TimestampNanosecondType};
use datafusion::arrow::util::display::array_value_to_string;
use kcorr_model::{BatchBuilder, Column, Table, Type};

/// The day of all times in cases.
const DAY_NS: i64 = 1_704_067_200_000_000_000; // 2024-01-01

/// A table drawn as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Drawing {
    pub(crate) columns: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
}

impl Drawing {
    pub(crate) fn parse(lines: &[&str]) -> Result<Self, String> {
        let cells = |line: &str| -> Vec<String> {
            line.split('|').map(|cell| cell.trim().to_owned()).collect()
        };
        let Some((head, body)) = lines.split_first() else {
            return Err("a block without columns".to_owned());
        };
        let columns = cells(head);
        let mut rows = Vec::new();
        for line in body {
            let row = cells(line);
            if row.len() != columns.len() {
                return Err(format!(
                    "`{line}` has {} cells, not {}",
                    row.len(),
                    columns.len()
                ));
            }
            rows.push(
                row.into_iter()
                    .map(|cell| (cell != "-").then_some(cell))
                    .collect(),
            );
        }
        Ok(Self { columns, rows })
    }

    pub(crate) fn draw(&self) -> String {
        let text = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "-".to_owned());
        let mut lines = vec![self.columns.clone()];
        lines.extend(self.rows.iter().map(|row| row.iter().map(text).collect()));
        let width = |i: usize| {
            lines
                .iter()
                .map(|line: &Vec<String>| line[i].chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let draw = |line: &Vec<String>| {
            let cells = line
                .iter()
                .zip(&widths)
                .map(|(cell, &width)| format!("{cell:width$}"));
            cells.collect::<Vec<_>>().join(" | ").trim_end().to_owned()
        };
        lines.iter().map(draw).collect::<Vec<_>>().join("\n")
    }

    fn values(&self, name: &str) -> Option<Vec<Option<&str>>> {
        let column = self.columns.iter().position(|column| column == name)?;
        Some(self.rows.iter().map(|row| row[column].as_deref()).collect())
    }
}

/// The rows of a query in some columns.
pub(crate) fn drawing(batches: &[RecordBatch], columns: &[String]) -> Drawing {
    let mut rows = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let cell = |name: &String| {
                let column = batch
                    .column_by_name(name)
                    .unwrap_or_else(|| panic!("no column {name}"));
                // Cells of a case are trimmed when they are read.
                text(column, row).map(|text| text.trim().to_owned())
            };
            rows.push(columns.iter().map(cell).collect());
        }
    }
    Drawing {
        columns: columns.to_vec(),
        rows,
    }
}

fn text(column: &ArrayRef, row: usize) -> Option<String> {
    if column.is_null(row) {
        return None;
    }
    Some(match column.data_type() {
        DataType::Float64 => format!("{:.3}", column.as_primitive::<Float64Type>().value(row)),
        DataType::Timestamp(..) => {
            let ns = column.as_primitive::<TimestampNanosecondType>().value(row) - DAY_NS;
            let ms = ns.div_euclid(1_000_000);
            let (s, ms) = (ms / 1000, ms % 1000);
            format!("{:02}:{:02}:{:02}.{ms:03}", s / 3600, s / 60 % 60, s % 60)
        }
        _ => array_value_to_string(column, row).expect("a value"),
    })
}

/// A batch of a table from a drawing.
pub(crate) fn batch(table: &'static Table, drawing: &Drawing) -> RecordBatch {
    for name in &drawing.columns {
        assert!(
            table.index_of(name).is_some(),
            "{} has no column {name}",
            table.name
        );
    }
    let mut builder = BatchBuilder::new(table, drawing.rows.len());
    for column in table.columns {
        let array = match drawing.values(column.name) {
            Some(values) => array(column, &values),
            None => match filled(column, drawing) {
                Some(array) => array,
                None => continue,
            },
        };
        builder = builder.set(column.name, array);
    }
    builder.finish().expect("a batch")
}

fn array(column: &Column, values: &[Option<&str>]) -> ArrayRef {
    let name = column.name;
    let number = |text: &str| {
        text.parse::<i64>()
            .unwrap_or_else(|e| panic!("{name} `{text}`: {e}"))
    };
    match column.kind {
        Type::Time => {
            let times = values.iter().map(|value| value.map(time_ns));
            Arc::new(TimestampNanosecondArray::from_iter(times).with_timezone("UTC"))
        }
        Type::Float64 => {
            let floats = values
                .iter()
                .map(|v| v.map(|v| v.parse::<f64>().expect("a number")));
            Arc::new(Float64Array::from_iter(floats))
        }
        Type::Bool => Arc::new(
            values
                .iter()
                .map(|v| v.map(|v| v == "true"))
                .collect::<BooleanArray>(),
        ),
        Type::Int16 | Type::Int32 | Type::Int64 => {
            let numbers: Int64Array = values.iter().map(|value| value.map(number)).collect();
            cast(&numbers, &column.kind.arrow()).expect("a number of that size")
        }
        Type::Text | Type::Label => {
            let texts: StringArray = values.iter().copied().collect();
            cast(&texts, &column.kind.arrow()).expect("text")
        }
        Type::Texts => {
            let mut lists = ListBuilder::new(StringBuilder::new());
            for value in values {
                for item in value.unwrap_or_default().split_whitespace() {
                    lists.values().append_value(item);
                }
                lists.append(value.is_some());
            }
            Arc::new(lists.finish())
        }
    }
}

/// Values of a column that the drawing leaves out.
fn filled(column: &Column, drawing: &Drawing) -> Option<ArrayRef> {
    let rows = 1..=drawing.rows.len();
    let between = |start: &str, end: &str| -> Option<ArrayRef> {
        let pairs = drawing.values(start)?.into_iter().zip(drawing.values(end)?);
        let lengths = pairs.map(|(start, end)| Some(time_ns(end?) - time_ns(start?)));
        Some(Arc::new(lengths.collect::<Int64Array>()))
    };
    match column.name {
        "duration_ns" => return between("start_time", "end_time"),
        "latency_ns" => return between("arrival_time", "end_time"),
        _ if column.nullable => return None,
        _ => {}
    }
    let numbers: Vec<String> = rows.map(|row| row.to_string()).collect();
    let values: Vec<Option<&str>> = match column.kind {
        Type::Time => return Some(array(column, &vec![Some("00:00:00"); numbers.len()])),
        Type::Int64 | Type::Int32 | Type::Int16 if column.name.ends_with("_id") => {
            numbers.iter().map(|number| Some(number.as_str())).collect()
        }
        Type::Bool => vec![Some("false"); numbers.len()],
        Type::Int64 | Type::Int32 | Type::Int16 => vec![Some("0"); numbers.len()],
        _ => vec![Some(""); numbers.len()],
    };
    Some(array(column, &values))
}

/// `HH:MM:SS[.fraction]` on the day of all cases.
fn time_ns(text: &str) -> i64 {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let parts: Vec<i64> = clock
        .split(':')
        .map(|part| part.parse().expect("a time"))
        .collect();
    let seconds = parts.iter().fold(0, |sum, part| sum * 60 + part);
    let fraction: i64 = format!("{fraction:0<9}").parse().expect("a fraction");
    DAY_NS + seconds * 1_000_000_000 + fraction
}

/// The SQL name of an Arrow type, as headers write it.
pub(crate) fn sql_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => "VARCHAR".to_owned(),
        DataType::Dictionary(_, values) => sql_type(values),
        DataType::List(item) => format!("{}[]", sql_type(item.data_type())),
        DataType::Float64 => "DOUBLE".to_owned(),
        DataType::Int64 | DataType::UInt64 => "BIGINT".to_owned(),
        DataType::Int32 => "INT".to_owned(),
        DataType::Int16 => "SMALLINT".to_owned(),
        DataType::Boolean => "BOOLEAN".to_owned(),
        DataType::Timestamp(..) => "TIMESTAMP".to_owned(),
        other => other.to_string(),
    }
}
