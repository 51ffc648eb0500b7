//! Rows of several files of one table as others: merged by time into files of a size, or parted by source.
//!
//! The files stay as they are; what is written has new names, and is no part of the store before a
//! manifest names it. Memory holds one batch of each file whose times overlap, and one row group.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch, TimestampNanosecondArray};
use arrow::compute;
use arrow::datatypes::{Int64Type, Schema, TimestampNanosecondType};
use kcorr_model::ClockConversion;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::statistics::Statistics;

use super::file_entry::{FileEntry, MergedFile, SourceRows};
use super::table_file::{self, bad_rows, cannot_read, cannot_write};
use crate::error::{Error, Result};
use crate::files::Files;
use crate::folder;
use crate::table_writer::TableWriter;

/// Rows of a merged file: a few row groups, so that statistics leave out whole files, and few enough
/// that taking out one source writes little again.
pub(super) const FILE_ROWS: u64 = 1 << 20;

/// Files that are merged at once; more that overlap in time are merged in several passes.
const MOST_OPEN: usize = 128;

/// Rows that are read from a file at once.
const BATCH_ROWS: usize = 8 * 1024;

/// Rows that are put together from several files at once.
const CHUNK_ROWS: usize = 32 * 1024;

/// A run of this many rows of one file is written as it is.
const LONG_RUN: usize = 2 * 1024;

/// The column that says whose a row is.
const SOURCE: &str = "source_id";

/// New names of files below a store's folder.
#[derive(Debug)]
pub(super) struct NewNames {
    /// Where files are read from.
    files: Files,
    /// Where new ones are written.
    folder: PathBuf,
    prefix: String,
    next: u32,
}

impl NewNames {
    /// Names that begin with a prefix which the store has never used.
    pub(super) fn new(files: Files, folder: &Path, prefix: String) -> Self {
        Self {
            files,
            folder: folder.to_owned(),
            prefix,
            next: 0,
        }
    }

    /// Where a new file is.
    pub(super) fn path(&self, below: &str) -> PathBuf {
        self.folder.join(below)
    }

    fn next(&mut self, table: &str) -> Result<String> {
        folder::table_folder(&self.folder, table)?;
        self.next += 1;
        Ok(format!(
            "data/{table}/{}-{}.parquet",
            self.prefix, self.next
        ))
    }
}

/// A file that is to be merged: what its footer says.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    sorted_by: Option<String>,
    pub(super) row_count: u64,
    /// The first and last time; `None` where the footer does not say, or a time is null.
    pub(super) times: Option<(i64, i64)>,
}

impl Part {
    /// Opens a file of the store, which must be as it was written: damage must not be merged.
    pub(super) fn of_store(file: &FileEntry, names: &NewNames) -> Result<Self> {
        Self::open(names.files.fetched(file)?)
    }

    /// Reads a file's footer.
    pub(super) fn open(path: PathBuf) -> Result<Self> {
        let file = File::open(&path).map_err(|e| Error::io("cannot open", &path, e))?;
        let metadata = ArrowReaderMetadata::load(&file, Default::default())
            .map_err(|e| cannot_read(&path, e))?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone());
        let sorted_by = table_file::sorting_column(&builder);
        let times = sorted_by.as_deref().and_then(|name| times(&metadata, name));
        let rows = metadata.metadata().file_metadata().num_rows();
        Ok(Self {
            path,
            metadata,
            sorted_by,
            row_count: u64::try_from(rows).unwrap_or(0),
            times,
        })
    }

    /// The columns. Files are merged only when these are the same.
    pub(super) fn schema(&self) -> &Arc<Schema> {
        self.metadata.schema()
    }

    /// Whether the file can be merged with others that have the same columns.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.schema() == other.schema() && self.sorted_by == other.sorted_by
    }

    /// Whether rows tell their source.
    pub(super) fn tells_sources(&self) -> bool {
        self.schema().column_with_name(SOURCE).is_some()
    }

    fn read(&self) -> Result<ParquetRecordBatchReader> {
        let file = File::open(&self.path).map_err(|e| Error::io("cannot open", &self.path, e))?;
        ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(|e| cannot_read(&self.path, e))
    }
}

/// From the first to the last value of a time column, if all row groups say so and none is null.
fn times(metadata: &ArrowReaderMetadata, column: &str) -> Option<(i64, i64)> {
    let mut range: Option<(i64, i64)> = None;
    for group in metadata.metadata().row_groups() {
        let mut columns = group.columns().iter();
        let chunk = columns.find(|chunk| chunk.column_path().string() == column)?;
        let statistics = chunk.statistics()?;
        let Statistics::Int64(values) = statistics else {
            return None;
        };
        if statistics.null_count_opt() != Some(0) {
            return None;
        }
        let (first, last) = (*values.min_opt()?, *values.max_opt()?);
        range = Some(match range {
            Some(range) => (range.0.min(first), range.1.max(last)),
            None => (first, last),
        });
    }
    range
}

/// Writes the rows of files of one table, all with the same columns, as files of [`FILE_ROWS`] that follow
/// each other in time. Rows of equal time keep the order of their files.
pub(super) fn merge(
    table: &str,
    mut parts: Vec<Part>,
    names: &mut NewNames,
) -> Result<Vec<MergedFile>> {
    parts.sort_by_key(|part| part.times);
    let mut temporary = Vec::new();
    let mut reached = depth(&parts);
    while reached > MOST_OPEN {
        let mut passed = Vec::new();
        let mut left = parts.into_iter().peekable();
        while left.peek().is_some() {
            let some: Vec<Part> = left.by_ref().take(MOST_OPEN).collect();
            for file in merge_once(table, some, names)? {
                let path = names.path(&file.file.path);
                temporary.push(path.clone());
                passed.push(Part::open(path)?);
            }
        }
        parts = passed;
        // Rows of one time cannot be told apart: files of them stay as deep as they are.
        let before = std::mem::replace(&mut reached, depth(&parts));
        if reached >= before {
            break;
        }
    }
    let merged = merge_once(table, parts, names)?;
    for path in temporary {
        // What cannot be removed now is no part of the store, and goes with the next ingest.
        let _ = fs::remove_file(path);
    }
    Ok(merged)
}

/// How many files overlap, at the time at which most do.
fn depth(parts: &[Part]) -> usize {
    if parts.len() <= MOST_OPEN || parts.iter().all(|part| part.sorted_by.is_none()) {
        return 0;
    }
    let ranges = parts.iter().map(|part| part.times);
    // A file without times may be needed from the first row on.
    let mut ends: Vec<(i64, i32)> = ranges
        .flat_map(|times| {
            let (first, last) = times.unwrap_or((i64::MIN, i64::MAX));
            [(first, 1), (last, -1)]
        })
        .collect();
    ends.sort_by_key(|&(time, change)| (time, Reverse(change)));
    let mut open = 0_i32;
    let most = ends.iter().map(|&(_, change)| {
        open += change;
        open
    });
    most.max()
        .and_then(|most| usize::try_from(most).ok())
        .unwrap_or(0)
}

fn merge_once(table: &str, parts: Vec<Part>, names: &mut NewNames) -> Result<Vec<MergedFile>> {
    let Some(first) = parts.first() else {
        return Ok(Vec::new());
    };
    let mut out = SizedFiles {
        table,
        schema: Arc::clone(first.schema()),
        sorted_by: first.sorted_by.clone(),
        names,
        current: None,
        done: Vec::new(),
    };
    // A file is opened when its first time comes up, and of equal times the first file comes first.
    let mut heap: BinaryHeap<Reverse<(Option<i64>, usize)>> = BinaryHeap::new();
    let mut cursors = Vec::new();
    for (number, part) in parts.into_iter().enumerate() {
        heap.push(Reverse((part.times.map(|times| times.0), number)));
        cursors.push(Cursor::new(part));
    }
    let mut chunk = Chunk::default();
    while let Some(Reverse((_, number))) = heap.pop() {
        let cursor = &mut cursors[number];
        if !cursor.is_open() {
            if cursor.advance()? {
                heap.push(Reverse((cursor.key(cursor.row), number)));
            }
            continue;
        }
        let bound = heap.peek().map(|Reverse(next)| *next);
        let run = cursor.run(number, bound);
        if run >= LONG_RUN {
            chunk.write(&mut out)?;
            out.write(&cursor.batch.slice(cursor.row, run))?;
        } else {
            chunk.add(number, cursor, run);
            if chunk.picks.len() >= CHUNK_ROWS {
                chunk.write(&mut out)?;
            }
        }
        cursor.row += run;
        if cursor.row < cursor.batch.num_rows() || cursor.advance()? {
            heap.push(Reverse((cursor.key(cursor.row), number)));
        }
    }
    chunk.write(&mut out)?;
    out.finish()
}

/// A place in a file that is being merged.
struct Cursor {
    part: Part,
    reader: Option<ParquetRecordBatchReader>,
    batch: RecordBatch,
    /// The times that the batch is sorted by.
    times: Option<TimestampNanosecondArray>,
    row: usize,
    /// Batches read so far: with the file's number, what a chunk knows a batch by.
    read: usize,
}

impl Cursor {
    fn new(part: Part) -> Self {
        let batch = RecordBatch::new_empty(Arc::clone(part.schema()));
        Self {
            part,
            reader: None,
            batch,
            times: None,
            row: 0,
            read: 0,
        }
    }

    fn is_open(&self) -> bool {
        self.reader.is_some()
    }

    /// Goes to the next batch that has rows; false at the end.
    fn advance(&mut self) -> Result<bool> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            None => self.reader.insert(self.part.read()?),
        };
        for batch in reader {
            let batch = batch.map_err(|e| bad_rows(&self.part.path, e))?;
            if batch.num_rows() > 0 {
                let name = self.part.sorted_by.as_deref();
                let times = name.and_then(|name| batch.column_by_name(name));
                let times =
                    times.and_then(|times| times.as_primitive_opt::<TimestampNanosecondType>());
                self.times = times.cloned();
                (self.batch, self.row) = (batch, 0);
                self.read += 1;
                return Ok(true);
            }
        }
        // It may be long until the others are at their ends.
        self.batch = RecordBatch::new_empty(Arc::clone(self.part.schema()));
        (self.reader, self.times) = (None, None);
        Ok(false)
    }

    /// The time of a row; `None` is before all times, as in the files.
    fn key(&self, row: usize) -> Option<i64> {
        let times = self.times.as_ref()?;
        times.is_valid(row).then(|| times.value(row))
    }

    /// How many rows from here come before what is next in the other files; at least one.
    fn run(&self, number: usize, bound: Option<(Option<i64>, usize)>) -> usize {
        let left = self.batch.num_rows() - self.row;
        let Some(bound) = bound else {
            return left;
        };
        let (mut low, mut high) = (1, left);
        while low < high {
            let middle = low.midpoint(high);
            if (self.key(self.row + middle), number) < bound {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// Rows picked from several batches, in order.
#[derive(Default)]
struct Chunk {
    batches: Vec<RecordBatch>,
    /// The batch that each file's rows were last picked from: how many it had read, and its place.
    places: BTreeMap<usize, (usize, usize)>,
    picks: Vec<(usize, usize)>,
}

impl Chunk {
    fn add(&mut self, number: usize, cursor: &Cursor, run: usize) {
        let place = match self.places.get(&number) {
            Some(&(read, place)) if read == cursor.read => place,
            _ => {
                self.batches.push(cursor.batch.clone());
                let place = self.batches.len() - 1;
                self.places.insert(number, (cursor.read, place));
                place
            }
        };
        let rows = cursor.row..cursor.row + run;
        self.picks.extend(rows.map(|row| (place, row)));
    }

    fn write(&mut self, out: &mut SizedFiles<'_>) -> Result<()> {
        if !self.picks.is_empty() {
            let batches: Vec<&RecordBatch> = self.batches.iter().collect();
            let rows = compute::interleave_record_batch(&batches, &self.picks)
                .map_err(|e| bad_rows(&out.names.folder, e))?;
            out.write(&rows)?;
        }
        *self = Self::default();
        Ok(())
    }
}

/// Files of a size, one after another.
struct SizedFiles<'a> {
    table: &'a str,
    schema: Arc<Schema>,
    sorted_by: Option<String>,
    names: &'a mut NewNames,
    current: Option<OpenFile>,
    done: Vec<MergedFile>,
}

/// A file being written.
struct OpenFile {
    path: String,
    writer: TableWriter,
    row_count: u64,
    sources: BTreeMap<i64, u64>,
}

impl SizedFiles<'_> {
    fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let mut from = 0;
        while from < rows.num_rows() {
            let mut file = match self.current.take() {
                Some(file) => file,
                None => self.begin()?,
            };
            let left = usize::try_from(FILE_ROWS - file.row_count).unwrap_or(usize::MAX);
            let length = left.min(rows.num_rows() - from);
            let some = rows.slice(from, length);
            let path = Path::new(&file.path);
            let written = file.writer.write(&some);
            written.map_err(|e| cannot_write(path, e))?;
            count_sources(&some, &mut file.sources);
            file.row_count += length as u64;
            from += length;
            if file.row_count >= FILE_ROWS {
                self.end(file)?;
            } else {
                self.current = Some(file);
            }
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<OpenFile> {
        let path = self.names.next(self.table)?;
        let sorted_by = self.sorted_by.as_deref();
        let writer = table_file::writer(&self.names.path(&path), sorted_by, &self.schema)?;
        Ok(OpenFile {
            path,
            writer,
            row_count: 0,
            sources: BTreeMap::new(),
        })
    }

    fn end(&mut self, file: OpenFile) -> Result<()> {
        let (size_bytes, hashes) = table_file::close(&self.names.path(&file.path), file.writer)?;
        let sources = file.sources.into_iter();
        self.done.push(MergedFile {
            file: FileEntry {
                table: self.table.to_owned(),
                path: file.path,
                row_count: file.row_count,
                size_bytes,
                hashes: Some(hashes),
                to_wall_time: ClockConversion::default(),
            },
            sources: sources
                .map(|(source_id, row_count)| SourceRows {
                    source_id,
                    row_count,
                })
                .collect(),
        });
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<MergedFile>> {
        if let Some(file) = self.current.take() {
            self.end(file)?;
        }
        Ok(self.done)
    }
}

fn count_sources(rows: &RecordBatch, counts: &mut BTreeMap<i64, u64>) {
    let column = rows.column_by_name(SOURCE);
    let Some(ids) = column.and_then(|ids| ids.as_primitive_opt::<Int64Type>()) else {
        return;
    };
    // Rows of a source lie together more often than not.
    for same in ids.values().chunk_by(|one, other| one == other) {
        if let Some(id) = same.first() {
            *counts.entry(*id).or_default() += same.len() as u64;
        }
    }
}

/// The rows of a file, or all but those, that are of some sources. Without such rows, no file.
pub(super) fn part_by_source(
    part: &Part,
    table: &str,
    sources: &[i64],
    is_of: bool,
    names: &mut NewNames,
) -> Result<Vec<MergedFile>> {
    let mut out = SizedFiles {
        table,
        schema: Arc::clone(part.schema()),
        sorted_by: part.sorted_by.clone(),
        names,
        current: None,
        done: Vec::new(),
    };
    for batch in part.read()? {
        let batch = batch.map_err(|e| bad_rows(&part.path, e))?;
        let column = batch.column_by_name(SOURCE);
        let Some(ids) = column.and_then(|ids| ids.as_primitive_opt::<Int64Type>()) else {
            continue;
        };
        let chosen = ids
            .values()
            .iter()
            .map(|id| Some(sources.contains(id) == is_of));
        let rows = compute::filter_record_batch(&batch, &BooleanArray::from_iter(chosen))
            .map_err(|e| bad_rows(&part.path, e))?;
        if rows.num_rows() > 0 {
            out.write(&rows)?;
        }
    }
    out.finish()
}
