//! Prints what a recording becomes: rows and total duration by table and kind, losses, limits,
//! clock anchors; with `--rows N`, the first rows of each table too.
//!
//! `cargo run --release -p kcorr-ingest-jfr --example tables -- recording.jfr [--rows N] [--event NAME]…`

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use arrow::record_batch::RecordBatch;
use arrow::util::display::array_value_to_string;
use kcorr_ingest_jfr::{JfrDecoder, JfrOptions};
use kcorr_model::{Decoder, Error, Output, SourceId, Table};

#[derive(Default)]
struct Totals {
    rows: BTreeMap<(&'static str, String), (u64, i64)>,
    show: usize,
    shown: BTreeMap<&'static str, usize>,
}

impl Output for Totals {
    fn batch(&mut self, table: &'static Table, batch: RecordBatch) -> Result<(), Error> {
        let kind = ["kind", "operation", "state"]
            .iter()
            .find_map(|n| batch.column_by_name(n));
        let kind = kind
            .map(|kind| cast(kind, &DataType::Utf8))
            .transpose()
            .map_err(Error::output)?;
        let durations = batch
            .column_by_name("duration_ns")
            .map(|d| d.as_primitive::<Int64Type>());
        for row in 0..batch.num_rows() {
            let kind = kind
                .as_ref()
                .map_or(String::new(), |k| k.as_string::<i32>().value(row).into());
            let total = self.rows.entry((table.name, kind)).or_default();
            total.0 += 1;
            total.1 += durations.map_or(0, |d| d.value(row));
        }
        let shown = self.shown.entry(table.name).or_default();
        for row in 0..batch.num_rows().min(self.show.saturating_sub(*shown)) {
            *shown += 1;
            let cells = batch.schema_ref().fields().iter().zip(batch.columns());
            let cells = cells
                .filter(|(_, column)| !column.is_null(row))
                .map(|(field, column)| {
                    // Times as ns since 1970.
                    let cell = match column.data_type() {
                        DataType::Timestamp(..) => cast(column, &DataType::Int64),
                        _ => Ok(Arc::clone(column)),
                    };
                    let cell = cell
                        .and_then(|cell| array_value_to_string(&cell, row))
                        .unwrap_or_default();
                    format!("{}={cell}", field.name())
                });
            println!("{}: {}", table.name, cells.collect::<Vec<_>>().join(" "));
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments
        .next()
        .ok_or("usage: tables FILE [--rows N] [--event NAME]…")?;
    let mut totals = Totals::default();
    let mut options = JfrOptions::default();
    while let (Some(flag), Some(value)) = (arguments.next(), arguments.next()) {
        match flag.as_str() {
            "--rows" => totals.show = value.parse()?,
            "--event" => options.events.push(value),
            _ => return Err(format!("unknown option {flag}").into()),
        }
    }
    let bytes = std::fs::read(&path)?;
    let mut decoder = JfrDecoder::new(SourceId(1), options);
    decoder.push_whole(&bytes, &mut totals)?;
    let summary = decoder.finish(&mut totals)?;
    println!("{}", summary.format);
    for ((table, kind), (rows, duration)) in &totals.rows {
        println!("{table} {kind}: {rows} rows, {duration} ns");
    }
    for anchor in &summary.anchors {
        println!("anchor {anchor:?}");
    }
    for limit in &summary.limits {
        println!("limit {} = {}: {}", limit.name, limit.value, limit.detail);
    }
    for loss in &summary.losses {
        println!(
            "loss {} × {} at {}: {}",
            loss.kind.name, loss.count, loss.first_position, loss.detail
        );
    }
    Ok(())
}
