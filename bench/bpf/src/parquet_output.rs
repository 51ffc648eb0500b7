//! Writes each table to a Parquet file, on a thread of its own.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use arrow_array::RecordBatch;
use kcorr_model::{Error, Output, Table, Type};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

type Batches = SyncSender<(&'static Table, RecordBatch)>;

/// Hands batches to the thread that writes them.
pub struct ParquetOutput {
    batches: Option<Batches>,
    writer: JoinHandle<u64>,
}

impl ParquetOutput {
    pub fn new(folder: &str) -> Self {
        let folder = PathBuf::from(folder);
        let (sender, receiver) = sync_channel::<(&'static Table, RecordBatch)>(2);
        let writer = std::thread::spawn(move || {
            let mut writers: BTreeMap<&str, ArrowWriter<File>> = BTreeMap::new();
            let mut rows = 0;
            for (table, batch) in receiver {
                let writer = writers.entry(table.name).or_insert_with(|| {
                    let path = folder.join(format!("{}.parquet", table.name));
                    let file = File::create(path).expect("the folder exists");
                    ArrowWriter::try_new(file, table.schema(), Some(properties(table)))
                        .expect("the schema is known to Parquet")
                });
                rows += batch.num_rows() as u64;
                writer.write(&batch).expect("there is room on the disk");
            }
            for writer in writers.into_values() {
                writer.close().expect("there is room on the disk");
            }
            rows
        });
        Self {
            batches: Some(sender),
            writer,
        }
    }

    /// Waits until all is written, and returns the number of rows.
    pub fn finish(mut self) -> Result<u64, Box<dyn std::error::Error>> {
        self.batches = None;
        self.writer.join().map_err(|_| "the writer failed".into())
    }
}

/// Row groups of 256k rows, numbers and times by their differences: a dictionary of numbers that seldom
/// repeat costs more than it saves.
fn properties(table: &Table) -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).expect("3 is a level")))
        .set_max_row_group_row_count(Some(256 << 10));
    for column in table.columns {
        if matches!(column.kind, Type::Int32 | Type::Int64 | Type::Time) {
            let path = ColumnPath::from(column.name);
            builder = builder
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        }
    }
    builder.build()
}

impl Output for ParquetOutput {
    fn batch(&mut self, table: &'static Table, batch: RecordBatch) -> Result<(), Error> {
        match &self.batches {
            Some(sender) => sender.send((table, batch)).map_err(Error::output),
            None => Ok(()),
        }
    }
}
