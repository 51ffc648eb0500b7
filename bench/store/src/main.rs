//! Writes the same rows with other codecs, encodings and row groups: `kcorr-bench-store TABLE.parquet …`.
//!
//! Each file holds the rows of one table, in order of its time, as a store's files and those of
//! `kcorr-scenario tables` do. Prints a table of sizes and CPU seconds; the first line of each has the codec and the
//! encodings of the store, and each other line changes one thing of it. All are written by the parquet crate's own
//! writer; the store encodes most columns itself, into the same encodings (`store/src/encoding`).

mod variant;

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result};
use arrow::array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::file::statistics::Statistics;

use variant::{Variant, variants};

/// Each figure is the least of this many rounds.
const ROUNDS: usize = 3;

/// A file is read this many times in a row: once takes little more than the clock's step.
const READS: usize = 10;

/// Columns that the account of slow requests reads of large tables.
const READ: [&str; 20] = [
    "write_id",
    "operation",
    "start_time",
    "end_time",
    "tid",
    "topic",
    "partition",
    "file_kind",
    "bytes",
    "file_offset",
    "segment_base_offset",
    "base_offset",
    "request_id",
    "connection_id",
    "api",
    "arrival_time",
    "read_time",
    "response_time",
    "lock_wait_id",
    "duration_ns",
];

fn main() -> Result<()> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    anyhow::ensure!(
        !paths.is_empty(),
        "usage: kcorr-bench-store TABLE.parquet …"
    );
    for path in paths {
        let rows = read_all(Path::new(&path))?;
        let count: usize = rows.iter().map(RecordBatch::num_rows).sum();
        println!("\n{path}, {count} rows\n");
        println!("| variant | MB | write CPU s | read CPU s | MB read for 1 % of the time |");
        println!("|---|---|---|---|---|");
        for variant in variants() {
            measure(&variant, &rows)?;
        }
    }
    Ok(())
}

fn read_all(path: &Path) -> Result<Vec<RecordBatch>> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)?;
    let reader = reader.with_batch_size(32 * 1024).build()?;
    Ok(reader.collect::<Result<_, _>>()?)
}

fn measure(variant: &Variant, rows: &[RecordBatch]) -> Result<()> {
    let schema = rows.first().context("there are no rows")?.schema();
    let time = ["start_time", "arrival_time"];
    let time = time
        .into_iter()
        .find(|name| schema.column_with_name(name).is_some());
    let time = time.context("the table has no time")?;
    let path =
        std::env::temp_dir().join(format!("kcorr-bench-store-{}.parquet", std::process::id()));
    let (mut write, mut read) = (f64::MAX, f64::MAX);
    for _ in 0..ROUNDS {
        write = write.min(seconds(|| {
            let properties = variant.properties(&schema, time);
            let mut writer =
                ArrowWriter::try_new(File::create(&path)?, schema.clone(), Some(properties))?;
            for batch in rows {
                writer.write(batch)?;
            }
            writer.close()?;
            Ok(())
        })?);
        let reads = seconds(|| (0..READS).try_for_each(|_| scan(&path, time, 1).map(|_| ())))?;
        read = read.min(reads / READS as f64);
    }
    let part_bytes = scan(&path, time, 100)?;
    let size = fs::metadata(&path)?.len();
    fs::remove_file(&path)?;
    println!(
        "| {} | {:.1} | {write:.2} | {read:.4} | {:.2} |",
        variant.name,
        size as f64 / 1e6,
        part_bytes as f64 / 1e6
    );
    Ok(())
}

/// Reads the columns of the account, in the row groups that have rows of one part of the time in its middle.
/// Returns the compressed bytes of these.
fn scan(path: &Path, time: &str, parts: i64) -> Result<i64> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
    let metadata = builder.metadata().clone();
    let columns = builder.parquet_schema().columns().iter().enumerate();
    let read: Vec<usize> = columns
        .filter(|(_, column)| READ.contains(&column.name()))
        .map(|(place, _)| place)
        .collect();
    let range = |group: usize| {
        let columns = metadata.row_group(group).columns();
        let column = columns
            .iter()
            .find(|column| column.column_path().string() == time);
        match column.and_then(|column| column.statistics()) {
            Some(Statistics::Int64(times)) => {
                times.min_opt().copied().zip(times.max_opt().copied())
            }
            _ => None,
        }
    };
    let groups = 0..metadata.num_row_groups();
    let first = groups.clone().filter_map(range).map(|range| range.0).min();
    let last = groups.clone().filter_map(range).map(|range| range.1).max();
    let (first, last) = first.zip(last).context("there are no statistics")?;
    let from = first + (last - first) / 2 / parts * (parts - 1);
    let until = from + (last - first) / parts;
    let is_near = |group: &usize| range(*group).is_none_or(|(a, b)| a <= until && from <= b);
    let near: Vec<usize> = groups.filter(is_near).collect();
    let bytes = near.iter().flat_map(|group| {
        let columns = metadata.row_group(*group).columns();
        read.iter().map(|place| columns[*place].compressed_size())
    });
    let bytes = bytes.sum();
    let mask = ProjectionMask::leaves(builder.parquet_schema(), read.clone());
    let reader = builder.with_projection(mask).with_row_groups(near);
    for batch in reader.with_batch_size(8192).build()? {
        std::hint::black_box(batch?.num_rows());
    }
    Ok(bytes)
}

/// CPU seconds of this thread that something takes.
fn seconds(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let now = || -> Result<f64> {
        let text = fs::read_to_string("/proc/thread-self/schedstat")?;
        let nanoseconds = text.split(' ').next().context("no time")?;
        Ok(nanoseconds.parse::<f64>()? / 1e9)
    };
    let before = now()?;
    work()?;
    Ok(now()? - before)
}
