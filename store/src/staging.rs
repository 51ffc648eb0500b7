//! Rows of a source on their way into the store: held in memory up to a bound, then in files that
//! no reader sees until the manifest names them.
//!
//! Sources are read several at a time, and those that were read wait for their clocks: all of a writer share one
//! bound ([`HeldBytes`]), so that memory grows neither with how many there are nor with their tables, but for tables
//! with too few rows for a file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::{max, min};
use arrow::datatypes::TimestampNanosecondType;
use kcorr_model::{ClockConversion, Output, Table, realtime_from_source};

use super::file_entry::FileEntry;
use super::table_file;
use crate::error::{Error, ErrorKind, Result};
use crate::folder;
use crate::held_bytes::HeldBytes;

/// Bytes of rows that one table of one source holds in memory before they go to a file.
const TABLE_BYTES_IN_MEMORY: usize = 24 << 20;
/// Bytes that make a file worth its while, when a source has to make room for others.
const MIN_FILE_BYTES: usize = 1 << 20;

/// The rows of one source. Times are readings of the source's own clock until
/// [`finish`](Staging::finish).
#[derive(Debug)]
pub(super) struct Staging {
    folder: PathBuf,
    /// Prefix of this source's file names, never used before in the store.
    prefix: String,
    tables: BTreeMap<&'static str, StagedTable>,
    next_file: u32,
    /// Files written so far; those that no commit takes are removed again.
    written: Vec<PathBuf>,
    /// A file that is being written while decoding goes on. One at a time, so that memory is bounded.
    pending: Option<JoinHandle<Result<FileEntry>>>,
    /// What all sources of the writer hold, and this one of it.
    held: HeldBytes,
}

#[derive(Debug)]
struct StagedTable {
    table: &'static Table,
    batches: Vec<RecordBatch>,
    bytes: usize,
    /// Files with times of the source's clock.
    files: Vec<FileEntry>,
    time_range: Option<(i64, i64)>,
}

/// What a source's rows became.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) files: Vec<FileEntry>,
    /// Earliest and latest time of all rows, wall time.
    pub(super) time_range: Option<(i64, i64)>,
}

impl Staging {
    /// Stages a source below a store's folder.
    pub(super) fn new(folder: &Path, prefix: String, held: HeldBytes) -> Self {
        Self {
            folder: folder.to_owned(),
            prefix,
            tables: BTreeMap::new(),
            next_file: 0,
            written: Vec::new(),
            pending: None,
            held,
        }
    }

    /// The input has been read: what is left waits for the other inputs, in files if too much waits already.
    pub(super) fn end_input(&mut self) -> Result<()> {
        if self.held.may_wait() {
            return Ok(());
        }
        while let Some((_, table)) = self.largest() {
            self.write_behind(table)?;
        }
        self.wait()
    }

    /// From the first to the last time of all rows so far, on the source's clock.
    pub(super) fn time_range(&self) -> Option<(i64, i64)> {
        let ranges = self.tables.values().map(|table| table.time_range);
        ranges.fold(None, union)
    }

    /// Writes what is left, in wall time. Files that were written before are left to be written again when
    /// nothing can change their times any more; each says what makes wall time of them.
    pub(super) fn finish(mut self, clock_offset_ns: i64) -> Result<Staged> {
        let conversion = ClockConversion::fixed(clock_offset_ns);
        let time_range = self.time_range().map(|(first, last)| {
            (
                realtime_from_source(first, &conversion),
                realtime_from_source(last, &conversion),
            )
        });
        let mut staged = Staged {
            files: Vec::new(),
            time_range,
        };
        self.wait()?;
        let mut last_files = Vec::new();
        for (_, table) in std::mem::take(&mut self.tables) {
            staged
                .files
                .extend(table.files.into_iter().map(|file| FileEntry {
                    to_wall_time: conversion,
                    ..file
                }));
            if !table.batches.is_empty() {
                last_files.push((table.table, self.next_path(table.table)?, table.batches));
            }
        }
        let folder = &self.folder;
        let files = std::thread::scope(|scope| {
            let writing: Vec<_> = last_files
                .into_iter()
                .map(|(table, path, batches)| {
                    scope.spawn(move || write(folder, path, table, batches, clock_offset_ns))
                })
                .collect();
            let files = writing
                .into_iter()
                .map(|file| file.join().unwrap_or_else(|_| Err(stopped())));
            files.collect::<Result<Vec<_>>>()
        })?;
        staged.files.extend(files);
        self.written.clear();
        Ok(staged)
    }

    /// The table with most bytes of rows in memory.
    fn largest(&self) -> Option<(usize, &'static Table)> {
        let holding = self.tables.values().filter(|table| table.bytes > 0);
        let sized = holding.map(|table| (table.bytes, table.table));
        sized.max_by_key(|(bytes, _)| *bytes)
    }

    /// Writes the rows of a table to a file while decoding goes on.
    fn write_behind(&mut self, table: &'static Table) -> Result<()> {
        self.wait()?;
        let Some(staged) = self.tables.get_mut(table.name) else {
            return Ok(());
        };
        let batches = std::mem::take(&mut staged.batches);
        // Until it is written, it is held.
        let written = self.held.leave(std::mem::take(&mut staged.bytes));
        let path = self.next_path(table)?;
        let folder = self.folder.clone();
        self.pending = Some(std::thread::spawn(move || {
            let file = write(&folder, path, table, batches, 0);
            drop(written);
            file
        }));
        Ok(())
    }

    /// Waits for the file that is being written.
    fn wait(&mut self) -> Result<()> {
        if let Some(pending) = self.pending.take() {
            let file = pending.join().unwrap_or_else(|_| Err(stopped()))?;
            if let Some(table) = self.tables.get_mut(file.table.as_str()) {
                table.files.push(file);
            }
        }
        Ok(())
    }

    fn next_path(&mut self, table: &Table) -> Result<String> {
        folder::table_folder(&self.folder, table.name)?;
        self.next_file += 1;
        let path = format!(
            "data/{}/{}-{}.parquet",
            table.name, self.prefix, self.next_file
        );
        self.written.push(self.folder.join(&path));
        Ok(path)
    }
}

impl Output for Staging {
    fn batch(
        &mut self,
        table: &'static Table,
        batch: RecordBatch,
    ) -> Result<(), kcorr_model::Error> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let staged = self
            .tables
            .entry(table.name)
            .or_insert_with(|| StagedTable {
                table,
                batches: Vec::new(),
                bytes: 0,
                files: Vec::new(),
                time_range: None,
            });
        staged.time_range = union(staged.time_range, time_range(table, &batch));
        let bytes = batch.get_array_memory_size();
        staged.bytes += bytes;
        staged.batches.push(batch);
        self.held.add(bytes);
        let leaving = if staged.bytes > TABLE_BYTES_IN_MEMORY {
            Some(table)
        } else if self.held.must_leave() {
            let largest = self.largest();
            largest
                .filter(|(bytes, _)| *bytes >= MIN_FILE_BYTES)
                .map(|(_, table)| table)
        } else {
            None
        };
        if let Some(table) = leaving {
            self.write_behind(table)
                .map_err(kcorr_model::Error::output)?;
        }
        Ok(())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if let Some(pending) = self.pending.take() {
            let _ = pending.join();
        }
        for path in &self.written {
            // Whatever cannot be removed now is no part of the store, and goes with the next ingest.
            let _ = fs::remove_file(path);
        }
    }
}

fn write(
    folder: &Path,
    path: String,
    table: &Table,
    batches: Vec<RecordBatch>,
    clock_offset_ns: i64,
) -> Result<FileEntry> {
    let row_count = batches.iter().map(|batch| batch.num_rows() as u64).sum();
    let (size_bytes, hashes) =
        table_file::write(&folder.join(&path), table, batches, clock_offset_ns)?;
    Ok(FileEntry {
        table: table.name.to_owned(),
        path,
        row_count,
        size_bytes,
        hashes: Some(hashes),
        to_wall_time: ClockConversion::default(),
    })
}

/// The thread that wrote a file panicked.
fn stopped() -> Error {
    Error::new(
        ErrorKind::Io,
        "writing a file of the store stopped on a bug",
    )
}

/// The earliest and latest time in a batch, over its start and end columns. Some rows of a table that is not
/// sorted may have an end all the same, as those of a request log whose lines have times.
fn time_range(table: &Table, batch: &RecordBatch) -> Option<(i64, i64)> {
    let end = batch.column_by_name("end_time");
    let start = table.sorted_by.and_then(|name| batch.column_by_name(name));
    let first = start.or(end)?;
    let last = end.unwrap_or(first);
    let first = first.as_primitive_opt::<TimestampNanosecondType>()?;
    let last = last.as_primitive_opt::<TimestampNanosecondType>()?;
    let start = min(first)?;
    Some((start, max(last).max(max(first)).unwrap_or(start)))
}

pub(super) fn union(a: Option<(i64, i64)>, b: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    }
}
