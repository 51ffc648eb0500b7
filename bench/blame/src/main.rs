//! Puts generated tables into a store: `kcorr-bench-blame TABLES STORE`.
//!
//! TABLES is a folder of `TABLE.parquet` files with the model's columns, as `kcorr-scenario tables` writes
//! them; they pass through the same staging, sorting and writing as a recording's rows.

use std::fs::{self, File};
use std::path::PathBuf;

use anyhow::{Context, Result};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use kcorr_engine::{InputIdentity, StoreWriter};
use kcorr_model::{ClockKind, Output, Summary, tables};

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let usage = "usage: kcorr-bench-blame TABLES STORE";
    let folder = arguments.next().context(usage)?;
    let store = arguments.next().context(usage)?;
    let mut writer = StoreWriter::open(&store, || {})?;
    let mut source = writer.begin(InputIdentity {
        kind: "generated".to_owned(),
        paths: vec![folder.display().to_string()],
    });
    for &table in tables::ALL {
        let path = folder.join(format!("{}.parquet", table.name));
        if !fs::exists(&path)? {
            continue;
        }
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path)?)?
            .with_batch_size(32_768)
            .build()?;
        for batch in reader {
            let batch = batch?.with_schema(table.schema())?;
            source.batch(table, batch)?;
        }
    }
    let summary = Summary {
        format: "generated tables".to_owned(),
        clock: ClockKind::Realtime,
        anchors: Vec::new(),
        losses: Vec::new(),
        limits: Vec::new(),
    };
    writer.finish(source, summary, 0, String::new());
    writer.commit()?;
    Ok(())
}
