//! A decoded input: its batches and summary, and how to look into them.
//!
//! For the tests of every decoder, which take this file in by its path: a feature of the model for a
//! few lines would have it built twice.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test uses a part of this, and ends where its input is wrong"
)]

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Int32Type, Int64Type, TimestampNanosecondType};
use arrow::record_batch::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use kcorr_model::{Decoder, Error, Summary, Table};

#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) batches: Vec<(&'static Table, RecordBatch)>,
    pub(crate) summary: Summary,
}

impl Decoded {
    /// The batches of a table.
    pub(crate) fn table(&self, name: &str) -> Vec<RecordBatch> {
        let of_table = self.batches.iter().filter(|(table, _)| table.name == name);
        of_table.map(|(_, batch)| batch.clone()).collect()
    }

    pub(crate) fn row_count(&self, name: &str) -> usize {
        self.table(name).iter().map(RecordBatch::num_rows).sum()
    }

    /// The rows of a table in one batch; `None` without rows.
    fn whole_table(&self, name: &str) -> Option<RecordBatch> {
        let batches = self.table(name);
        let schema = batches.first()?.schema();
        Some(arrow::compute::concat_batches(&schema, &batches).unwrap())
    }

    /// An `Int64` column, 0 for null.
    pub(crate) fn int64(&self, table: &str, column: &str) -> Vec<i64> {
        let Some(batch) = self.whole_table(table) else {
            return Vec::new();
        };
        let column = batch.column_by_name(column).unwrap();
        let values = column.as_primitive::<Int64Type>();
        values.iter().map(Option::unwrap_or_default).collect()
    }

    /// An `Int32` column, 0 for null.
    pub(crate) fn int32(&self, table: &str, column: &str) -> Vec<i32> {
        let Some(batch) = self.whole_table(table) else {
            return Vec::new();
        };
        let column = batch.column_by_name(column).unwrap();
        let values = column.as_primitive::<Int32Type>();
        values.iter().map(Option::unwrap_or_default).collect()
    }

    /// A time column as ns, 0 for null.
    pub(crate) fn times(&self, table: &str, column: &str) -> Vec<i64> {
        let Some(batch) = self.whole_table(table) else {
            return Vec::new();
        };
        let column = batch.column_by_name(column).unwrap();
        let values = column.as_primitive::<TimestampNanosecondType>();
        values.iter().map(Option::unwrap_or_default).collect()
    }

    /// A label column, empty for null.
    pub(crate) fn label(&self, table: &str, column: &str) -> Vec<String> {
        let Some(batch) = self.whole_table(table) else {
            return Vec::new();
        };
        let column = batch.column_by_name(column).unwrap();
        let text = arrow::compute::cast(column, &DataType::Utf8).unwrap();
        let text = text.as_string::<i32>();
        text.iter()
            .map(|text| text.unwrap_or_default().to_owned())
            .collect()
    }

    /// All rows of a table as text, without columns that are null in every row.
    pub(crate) fn text(&self, name: &str) -> String {
        let Some(all) = self.whole_table(name) else {
            return String::new();
        };
        let kept = (0..all.num_columns()).filter(|&i| all.column(i).null_count() < all.num_rows());
        // Times as the ns that were read: as dates they could not be compared with the input.
        let columns = kept.map(|i| {
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
    pub(crate) fn whole_text(&self) -> String {
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

    /// Name and count of each kind of loss.
    pub(crate) fn losses(&self) -> Vec<(&'static str, u64)> {
        let losses = self.summary.losses.iter();
        losses.map(|loss| (loss.kind.name, loss.count)).collect()
    }
}

impl Decoded {
    /// Names of the limits.
    pub(crate) fn limits(&self) -> Vec<&str> {
        let limits = self.summary.limits.iter();
        limits.map(|limit| limit.name.as_str()).collect()
    }
}

/// Decodes an input that comes in pieces.
pub(crate) fn decode_pieces(mut decoder: impl Decoder, pieces: &[&[u8]]) -> Result<Decoded, Error> {
    decode_with(&mut decoder, pieces)
}

/// Decodes an input that comes in pieces, by a decoder of any kind.
pub(crate) fn decode_with(decoder: &mut dyn Decoder, pieces: &[&[u8]]) -> Result<Decoded, Error> {
    let mut batches = Vec::new();
    for piece in pieces {
        decoder.push(piece, &mut batches)?;
    }
    let summary = decoder.finish(&mut batches)?;
    Ok(Decoded { batches, summary })
}

/// An input cut at some places, in any order; a place behind its end is its end.
pub(crate) fn pieces(bytes: &[u8], cuts: Vec<usize>) -> Vec<&[u8]> {
    let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|w| &bytes[w[0]..w[1]]).collect()
}

/// An input with some bits flipped, those inside of it.
pub(crate) fn flipped(mut bytes: Vec<u8>, flips: Vec<(usize, u32)>) -> Vec<u8> {
    for (at, bit) in flips {
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << bit;
        }
    }
    bytes
}
