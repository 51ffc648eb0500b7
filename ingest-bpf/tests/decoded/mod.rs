//! A decoded input: its batches and summary, and how to look into them.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test file uses a part of this, and a test ends where its input is wrong"
)]

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DataType, Int64Type, TimestampNanosecondType};
use arrow::record_batch::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use kcorr_ingest_bpf::{BpfDecoder, BpfOptions};
use kcorr_model::{Decoder, Error, SourceId, Summary, Table};

#[derive(Debug)]
pub struct Decoded {
    pub batches: Vec<(&'static Table, RecordBatch)>,
    pub summary: Summary,
}

impl Decoded {
    /// The batches of a table.
    pub fn table(&self, name: &str) -> Vec<RecordBatch> {
        let of_table = self.batches.iter().filter(|(table, _)| table.name == name);
        of_table.map(|(_, batch)| batch.clone()).collect()
    }

    pub fn row_count(&self, name: &str) -> usize {
        self.table(name).iter().map(RecordBatch::num_rows).sum()
    }

    /// All rows of a table as text, without columns that are null in every row.
    pub fn text(&self, name: &str) -> String {
        let batches = self.table(name);
        let Some(first) = batches.first() else {
            return String::new();
        };
        let all = arrow::compute::concat_batches(&first.schema(), &batches).unwrap();
        let kept: Vec<usize> = (0..all.num_columns())
            .filter(|&i| all.column(i).null_count() < all.num_rows())
            .collect();
        // Times as the ns that were read: as dates they could not be compared with the input.
        let columns = kept.iter().map(|&i| {
            let column = all.column(i);
            let column = match column.data_type() {
                DataType::Timestamp(..) => {
                    let times = column.as_primitive::<TimestampNanosecondType>();
                    Arc::new(times.reinterpret_cast::<Int64Type>()) as ArrayRef
                }
                _ => Arc::clone(column),
            };
            (all.schema().field(i).name().clone(), column)
        });
        let all = RecordBatch::try_from_iter(columns.collect::<Vec<_>>()).unwrap();
        pretty_format_batches(&[all]).unwrap().to_string()
    }

    /// Every table and the summary as text.
    pub fn whole_text(&self) -> String {
        let mut names: Vec<&str> = self.batches.iter().map(|(table, _)| table.name).collect();
        names.sort_unstable();
        names.dedup();
        let mut text = String::new();
        for name in names {
            text.push_str(&format!("{name}\n{}\n\n", self.text(name)));
        }
        let summary = &self.summary;
        text.push_str(&format!(
            "format: {}\nclock: {}\n",
            summary.format, summary.clock
        ));
        for anchor in &summary.anchors {
            text.push_str(&format!(
                "anchor: {} {} = {} {} ± {}\n",
                anchor.clock,
                anchor.time_ns,
                anchor.reference,
                anchor.reference_time_ns,
                anchor.uncertainty_ns
            ));
        }
        for limit in &summary.limits {
            text.push_str(&format!("limit: {} = {}\n", limit.name, limit.value));
        }
        for loss in &summary.losses {
            text.push_str(&format!(
                "loss: {} × {} at {} {:?}: {}\n",
                loss.kind.name, loss.count, loss.first_position, loss.time_range, loss.detail
            ));
        }
        text
    }
}

pub fn decode(bytes: &[u8]) -> Decoded {
    try_decode(&[bytes], BpfOptions::default()).unwrap()
}

/// Decodes an input that comes in pieces.
pub fn try_decode(pieces: &[&[u8]], options: BpfOptions) -> Result<Decoded, Error> {
    let mut decoder = BpfDecoder::new(SourceId(1), options);
    let mut batches = Vec::new();
    for piece in pieces {
        decoder.push(piece, &mut batches)?;
    }
    let summary = decoder.finish(&mut batches)?;
    Ok(Decoded { batches, summary })
}

/// The sum of an `Int64` column.
pub fn sum(batches: &[RecordBatch], column: &str) -> i64 {
    let column = |batch: &RecordBatch| -> i64 {
        let values: &Int64Array = batch
            .column_by_name(column)
            .unwrap()
            .as_primitive::<Int64Type>();
        values.iter().flatten().sum()
    };
    batches.iter().map(column).sum()
}
