//! What tests share: Kafka messages, captures of them, and rows to compare.
#![allow(dead_code)]

pub mod capture;
pub mod exchange;
pub mod kafka;
pub mod layers;
pub mod recordings;
pub mod segments;

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampNanosecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use kcorr_ingest_pcap::{PcapDecoder, PcapOptions};
use kcorr_model::{Decoder, SourceId, Summary, Table};
use proptest::test_runner::Config;

/// So many random cases of a property, unless `PROPTEST_CASES` asks for another number.
pub fn cases(number: u32) -> Config {
    let default = Config::default();
    let is_asked = std::env::var_os("PROPTEST_CASES").is_some();
    Config {
        failure_persistence: None,
        cases: if is_asked { default.cases } else { number },
        ..default
    }
}

pub type Batches = Vec<(&'static Table, RecordBatch)>;

/// Everything a capture yields.
pub struct Decoded {
    pub batches: Batches,
    pub summary: Summary,
}

pub fn decode(capture: &[u8]) -> Decoded {
    decode_with(PcapOptions::default(), &[capture], usize::MAX)
}

/// Decodes files one after another, each pushed in chunks.
pub fn decode_with(options: PcapOptions, files: &[&[u8]], chunk: usize) -> Decoded {
    let mut decoder = PcapDecoder::new(SourceId(1), options);
    let mut batches = Batches::new();
    for (index, file) in files.iter().enumerate() {
        if index > 0 {
            decoder.next_file(&mut batches).unwrap();
        }
        for piece in file.chunks(chunk.min(file.len().max(1))) {
            decoder.push(piece, &mut batches).unwrap();
        }
    }
    let summary = decoder.finish(&mut batches).unwrap();
    Decoded { batches, summary }
}

impl Decoded {
    /// The rows of a table: the named columns as text, separated by spaces; `-` for null.
    pub fn rows(&self, table: &str, columns: &[&str]) -> Vec<String> {
        let options = FormatOptions::new().with_null("-");
        let mut rows = Vec::new();
        for (of, batch) in &self.batches {
            if of.name != table {
                continue;
            }
            // Times as numbers, ns.
            let arrays: Vec<ArrayRef> = columns
                .iter()
                .map(|name| {
                    let column = batch.column_by_name(name).expect(name);
                    match column.as_primitive_opt::<TimestampNanosecondType>() {
                        Some(times) => Arc::new(times.reinterpret_cast::<Int64Type>()),
                        None => column.clone(),
                    }
                })
                .collect();
            let formatters: Vec<_> = arrays
                .iter()
                .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap())
                .collect();
            for row in 0..batch.num_rows() {
                let cells: Vec<String> = formatters
                    .iter()
                    .map(|formatter| formatter.value(row).to_string())
                    .collect();
                rows.push(cells.join(" "));
            }
        }
        rows
    }

    /// All columns of a table's rows.
    pub fn all_rows(&self, table: &'static Table) -> Vec<String> {
        let columns: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        self.rows(table.name, &columns)
    }

    /// How often a kind of loss was counted.
    pub fn lost(&self, kind: &str) -> u64 {
        self.summary
            .losses
            .iter()
            .find(|loss| loss.kind.name == kind)
            .map_or(0, |loss| loss.count)
    }

    /// The names of all kinds of loss.
    pub fn losses(&self) -> Vec<&'static str> {
        self.summary
            .losses
            .iter()
            .map(|loss| loss.kind.name)
            .collect()
    }
}
