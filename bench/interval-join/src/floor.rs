//! The floor: the columns that a join needs, read on all cores, and a plane sweep over arrays written for
//! it: no engine, no output batches, only the sums that the queries ask for.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{Int32Type, Int64Type, TimestampNanosecondType};
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use kcorr_store::Store;

/// Rows by start: id, key, start, end.
struct Rows {
    ids: Vec<i64>,
    keys: Vec<i32>,
    starts: Vec<i64>,
    ends: Vec<i64>,
}

impl Rows {
    fn with_capacity(count: usize, is_keyed: bool) -> Self {
        Self {
            ids: Vec::with_capacity(count),
            keys: Vec::with_capacity(if is_keyed { count } else { 0 }),
            starts: Vec::with_capacity(count),
            ends: Vec::with_capacity(count),
        }
    }
}

/// Reads two tables, joins them and prints the number of pairs and the sums of their ids.
pub(crate) fn floor(store: &str, left: &str, right: &str, is_keyed: bool) -> Result<()> {
    let store = Store::open(store)?;
    let left = read(&super::files_of(&store, left)?, columns(left), is_keyed)?;
    let right = read(&super::files_of(&store, right)?, columns(right), is_keyed)?;
    let mut sums = (0_i64, 0_i64, 0_i64);
    if is_keyed {
        let keys = left
            .keys
            .iter()
            .chain(&right.keys)
            .max()
            .map_or(0, |&key| key + 1);
        let keys = usize::try_from(keys)?;
        let (left, left_places) = by_key(&left, keys)?;
        let (right, right_places) = by_key(&right, keys)?;
        for key in 0..keys {
            let ours = left_places[key]..left_places[key + 1];
            let theirs = right_places[key]..right_places[key + 1];
            sweep(&left, ours, &right, theirs, &mut sums);
        }
    } else {
        let (ours, theirs) = (0..left.ids.len(), 0..right.ids.len());
        sweep(&left, ours, &right, theirs, &mut sums);
    }
    println!("| {} | {} | {} |", sums.0, sums.1, sums.2);
    Ok(())
}

fn columns(table: &str) -> [&'static str; 4] {
    match table {
        "requests" => ["request_id", "correlation_id", "arrival_time", "end_time"],
        "writes" => ["write_id", "tid", "start_time", "end_time"],
        _ => ["lock_wait_id", "tid", "start_time", "end_time"],
    }
}

/// A forward scan over two lists sorted by start: each row meets the rows of the other list that start
/// before it ends and not before it starts.
fn sweep(
    left: &Rows,
    ours: std::ops::Range<usize>,
    right: &Rows,
    theirs: std::ops::Range<usize>,
    sums: &mut (i64, i64, i64),
) {
    let (mut i, mut j) = (ours.start, theirs.start);
    while i < ours.end && j < theirs.end {
        if left.starts[i] < right.starts[j] {
            let mut k = j;
            while k < theirs.end && right.starts[k] < left.ends[i] {
                // A row of no length that starts with another one does not overlap it.
                let is_pair = i64::from(left.starts[i] < right.ends[k]);
                sums.0 += is_pair;
                sums.1 += is_pair * left.ids[i];
                sums.2 += is_pair * right.ids[k];
                k += 1;
            }
            i += 1;
        } else {
            let mut k = i;
            while k < ours.end && left.starts[k] < right.ends[j] {
                let is_pair = i64::from(right.starts[j] < left.ends[k]);
                sums.0 += is_pair;
                sums.1 += is_pair * left.ids[k];
                sums.2 += is_pair * right.ids[j];
                k += 1;
            }
            j += 1;
        }
    }
}

/// Rows of a key together, and where each key's begin.
fn by_key(rows: &Rows, keys: usize) -> Result<(Rows, Vec<usize>)> {
    let mut places = vec![0; keys + 1];
    for &key in &rows.keys {
        places[usize::try_from(key)? + 1] += 1;
    }
    for key in 0..keys {
        places[key + 1] += places[key];
    }
    let mut free = places.clone();
    let count = rows.ids.len();
    let empty = || vec![0; count];
    let mut sorted = Rows {
        ids: empty(),
        keys: Vec::new(),
        starts: empty(),
        ends: empty(),
    };
    for row in 0..count {
        let place = &mut free[usize::try_from(rows.keys[row])?];
        sorted.ids[*place] = rows.ids[row];
        sorted.starts[*place] = rows.starts[row];
        sorted.ends[*place] = rows.ends[row];
        *place += 1;
    }
    Ok((sorted, places))
}

/// Reads files, dealt out to as many threads as there are cores.
fn read(files: &[PathBuf], columns: [&'static str; 4], is_keyed: bool) -> Result<Rows> {
    let threads = std::thread::available_parallelism()?.get();
    let share = files.len().div_ceil(threads).max(1);
    let parts: Vec<Result<Vec<Rows>>> = std::thread::scope(|scope| {
        let part = |files| {
            scope.spawn(move || -> Result<Vec<Rows>> {
                let files: &[PathBuf] = files;
                files
                    .iter()
                    .map(|file| read_file(file, columns, is_keyed))
                    .collect()
            })
        };
        let handles: Vec<_> = files.chunks(share).map(part).collect();
        let join = |handle: std::thread::ScopedJoinHandle<'_, Result<Vec<Rows>>>| {
            handle
                .join()
                .unwrap_or_else(|_| anyhow::bail!("a reader failed"))
        };
        handles.into_iter().map(join).collect()
    });
    let parts = parts.into_iter().collect::<Result<Vec<_>>>()?;
    let count = parts.iter().flatten().map(|part| part.ids.len()).sum();
    let mut rows = Rows::with_capacity(count, is_keyed);
    for part in parts {
        for mut part in part {
            rows.ids.append(&mut part.ids);
            rows.keys.append(&mut part.keys);
            rows.starts.append(&mut part.starts);
            rows.ends.append(&mut part.ends);
        }
    }
    anyhow::ensure!(
        rows.starts.is_sorted(),
        "files are generated in order of time"
    );
    Ok(rows)
}

fn read_file(path: &Path, columns: [&str; 4], is_keyed: bool) -> Result<Rows> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
    let count = usize::try_from(builder.metadata().file_metadata().num_rows())?;
    let read = columns
        .iter()
        .filter(|name| is_keyed || **name != columns[1]);
    let mask = ProjectionMask::columns(builder.parquet_schema(), read.copied());
    let reader = builder
        .with_projection(mask)
        .with_batch_size(8192)
        .build()?;
    let mut rows = Rows::with_capacity(count, is_keyed);
    for batch in reader {
        let batch = batch?;
        let column = |name: &str| batch.column_by_name(name).context("a column");
        let ids = column(columns[0])?.as_primitive::<Int64Type>();
        let starts = column(columns[2])?.as_primitive::<TimestampNanosecondType>();
        let ends = column(columns[3])?.as_primitive::<TimestampNanosecondType>();
        rows.ids.extend_from_slice(ids.values());
        rows.starts.extend_from_slice(starts.values());
        rows.ends.extend_from_slice(ends.values());
        if is_keyed {
            let keys = column(columns[1])?.as_primitive::<Int32Type>();
            rows.keys.extend_from_slice(keys.values());
        }
        anyhow::ensure!(
            starts.null_count() + ends.null_count() == 0,
            "generated times are never null"
        );
    }
    Ok(rows)
}
