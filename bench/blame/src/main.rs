//! Puts generated tables into a store: `kcorr-bench-blame TABLES STORE [SOURCES]`.
//!
//! TABLES is a folder of `TABLE.parquet` files with the model's columns, as `kcorr-scenario tables` writes
//! them; they pass through the same staging, sorting and writing as a recording's rows. With SOURCES, the rows
//! are shared out among that many recordings that follow each other in time, as if so many had piled up.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch};
use datafusion::parquet::arrow::arrow_reader::{
    ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use kcorr_model::{ClockKind, Output, Summary, Table, tables};
use kcorr_store::{InputIdentity, SourceWriter, StoreWriter};

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let usage = "usage: kcorr-bench-blame TABLES STORE [SOURCES]";
    let folder = arguments.next().context(usage)?;
    let store = arguments.next().context(usage)?;
    let sources: usize = match arguments.next() {
        Some(number) => number.to_string_lossy().parse().context(usage)?,
        None => 1,
    };
    let mut tables = Vec::new();
    for &table in tables::ALL {
        let path = folder.join(format!("{}.parquet", table.name));
        if fs::exists(&path)? {
            tables.push(Rows::open(table, &path)?);
        }
    }
    let mut writer = StoreWriter::open(&store, || {})?;
    for number in 0..sources {
        let mut source = writer.begin(InputIdentity {
            kind: "generated".to_owned(),
            paths: vec![format!("{} {number}", folder.display())],
        });
        for rows in &mut tables {
            rows.share(number, sources, &mut source)?;
        }
        let summary = Summary {
            format: "generated tables".to_owned(),
            clock: ClockKind::Realtime,
            anchors: Vec::new(),
            losses: Vec::new(),
            limits: Vec::new(),
        };
        writer.finish(source, summary, 0, number.to_string());
    }
    kcorr_engine::commit(&mut writer)?;
    Ok(())
}

/// The rows of a table, read once from first to last.
struct Rows {
    table: &'static Table,
    count: usize,
    read: usize,
    reader: ParquetRecordBatchReader,
    /// What the last source left of a batch.
    rest: Option<RecordBatch>,
}

impl Rows {
    fn open(table: &'static Table, path: &Path) -> Result<Self> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
        let count = usize::try_from(builder.metadata().file_metadata().num_rows())?;
        let reader = builder.with_batch_size(32_768).build()?;
        Ok(Self {
            table,
            count,
            read: 0,
            reader,
            rest: None,
        })
    }

    /// Gives a source its share.
    fn share(&mut self, number: usize, sources: usize, source: &mut SourceWriter) -> Result<()> {
        let end = self.count * (number + 1) / sources;
        while self.read < end {
            let batch = match self.rest.take() {
                Some(batch) => batch,
                None => match self.reader.next() {
                    Some(batch) => batch?.with_schema(self.table.schema())?,
                    None => return Ok(()),
                },
            };
            let length = batch.num_rows().min(end - self.read);
            if length < batch.num_rows() {
                self.rest = Some(batch.slice(length, batch.num_rows() - length));
            }
            self.read += length;
            source.batch(
                self.table,
                of_source(&batch.slice(0, length), source.id().0)?,
            )?;
        }
        Ok(())
    }
}

/// Rows as those of a source; their own ids stay.
fn of_source(batch: &RecordBatch, source_id: i64) -> Result<RecordBatch> {
    let place = batch.schema().index_of("source_id")?;
    let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
    columns[place] = Arc::new(Int64Array::from_value(source_id, batch.num_rows()));
    Ok(RecordBatch::try_new(batch.schema(), columns)?)
}
