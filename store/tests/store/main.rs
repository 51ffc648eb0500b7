//! A store's folder, whatever else is in it and whoever else uses it.

mod objects;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, DictionaryArray, Int64Array, RecordBatch, TimestampNanosecondArray,
};
use arrow::datatypes::{Int32Type, TimestampNanosecondType};
use kcorr_model::{BatchBuilder, ClockConversion, ClockKind, Output, SourceId, Summary, tables};
use kcorr_store::{
    Alignment, ClockFitEntry, ClockMove, Commit, ErrorKind, InputIdentity, Result, SourceWriter,
    Store, StoreWriter, check,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// Rows of pauses that start at some times.
fn pauses(source: SourceId, starts: &[i64]) -> RecordBatch {
    let count = starts.len();
    let numbers = |value| -> ArrayRef { Arc::new(Int64Array::from_value(value, count)) };
    let times = |by: i64| -> ArrayRef {
        let times = starts.iter().map(|start| start + by);
        Arc::new(TimestampNanosecondArray::from_iter_values(times).with_timezone("UTC"))
    };
    let label = |label: &str| -> ArrayRef {
        let labels = std::iter::repeat_n(Some(label), count);
        Arc::new(labels.collect::<DictionaryArray<Int32Type>>())
    };
    let ids = (0..).zip(starts).map(|(id, _)| id);
    BatchBuilder::new(&tables::PAUSES, count)
        .set("pause_id", Arc::new(Int64Array::from_iter_values(ids)))
        .set("source_id", numbers(source.0))
        .set("start_time", times(0))
        .set("end_time", times(5))
        .set("duration_ns", numbers(5))
        .set("kind", label("gc"))
        .set("name", label("G1"))
        .finish()
        .expect("rows")
}

/// Begins to store an input of a name.
fn begin(writer: &mut StoreWriter, name: &str) -> SourceWriter {
    writer.begin(InputIdentity {
        kind: "jfr".to_owned(),
        paths: vec![name.to_owned()],
    })
}

/// Ends an input of a name.
fn finish(writer: &mut StoreWriter, source: SourceWriter, name: &str) {
    let summary = Summary {
        format: "test".to_owned(),
        clock: ClockKind::Realtime,
        anchors: Vec::new(),
        losses: Vec::new(),
        limits: Vec::new(),
    };
    writer.finish(source, summary, 1, name.to_owned());
}

/// Adds what was stored, with a clock that is so far behind wall time.
fn add_all(commit: &mut Commit<'_>, offset_ns: i64) -> Result<()> {
    for source in commit.take_staged() {
        let alignment = Alignment {
            offset_ns: Some(offset_ns),
            uncertainty_ns: None,
            basis: "wall time".to_owned(),
        };
        commit.add(source, alignment)?;
    }
    Ok(())
}

/// Stores pauses that start at some times, as the input of a name.
fn ingest(store: &Path, name: &str, starts: &[i64]) -> Result<()> {
    let mut writer = StoreWriter::open(store, || {})?;
    let mut source = begin(&mut writer, name);
    let rows = pauses(source.id(), starts);
    source.batch(&tables::PAUSES, rows).expect("taken");
    finish(&mut writer, source, name);
    let mut commit = writer.begin_commit();
    add_all(&mut commit, 0)?;
    commit.publish(&[]).map(|_| ())
}

fn files(store: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(store.join("data/pauses")).expect("a folder");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    files
}

#[test]
fn what_a_killed_ingest_left_does_not_make_the_next_fail_while_somebody_reads() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("store");
    ingest(&store, "a", &[1, 2]).expect("stored");
    let reader = Store::open(&store).expect("opened");
    // As the next ingest would name them.
    let leftover = store.join("data/pauses/2-2-1-1.parquet");
    fs::write(&leftover, "half a file").expect("written");
    ingest(&store, "b", &[3]).expect("stored all the same");
    assert!(leftover.exists(), "somebody reads the store");
    drop(reader);
    ingest(&store, "b", &[3]).expect("stored");
    assert!(!leftover.exists());
    assert_eq!(Store::open(&store).expect("opened").row_count("pauses"), 3);
}

#[test]
fn replaced_files_go_at_once_when_nobody_reads() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("store");
    ingest(&store, "a", &[1, 2]).expect("stored");
    let replaced = files(&store);
    ingest(&store, "a", &[1, 2]).expect("stored");
    assert_eq!(files(&store).len(), 1);
    assert_ne!(files(&store), replaced);
}

#[cfg(unix)]
#[test]
fn links_in_a_store_are_neither_cleaned_nor_written_through() {
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("store");
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("a folder");
    let precious = elsewhere.join("1-1-1-1.parquet");
    fs::write(&precious, "precious").expect("written");
    ingest(&store, "a", &[1]).expect("stored");
    symlink(&elsewhere, store.join("data/writes")).expect("a link");
    ingest(&store, "a", &[1]).expect("stored");
    assert!(precious.exists());

    let own = store.join("data/pauses");
    fs::rename(&own, folder.path().join("moved")).expect("moved");
    symlink(folder.path().join("moved"), &own).expect("a link");
    let error = ingest(&store, "b", &[2]).expect_err("a link");
    assert!(error.to_string().contains("is a symbolic link"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Store);
}

#[test]
fn a_store_without_hashes_opens_and_the_check_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("store");
    ingest(&store, "a", &[1, 2]).expect("stored");
    // As an earlier version wrote it.
    let path = store.join("manifest.json");
    let text = fs::read_to_string(&path).expect("text");
    let is_old = |line: &&str| !line.contains("\"hash\"") && !line.contains("\"hashes\"");
    let lines: Vec<&str> = text.lines().filter(is_old).collect();
    let text = lines
        .join("\n")
        .replace("\"layout_version\": 3", "\"layout_version\": 2");
    fs::write(&path, remove_trailing_commas(&text)).expect("written");
    assert_eq!(Store::open(&store).expect("opened").row_count("pauses"), 2);
    let found = check(&store).expect("checked");
    assert_eq!(
        (found.file_count, found.unhashed, found.damaged.len()),
        (1, 1, 0)
    );
    ingest(&store, "a", &[1, 2]).expect("stored again");
    assert_eq!(check(&store).expect("checked").unhashed, 0);
}

fn remove_trailing_commas(text: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for place in 1..lines.len() {
        if lines[place].trim_start().starts_with(['}', ']']) {
            let before = lines[place - 1].trim_end_matches(',').to_owned();
            if !before.trim_start().starts_with(['}', ']']) {
                lines[place - 1] = before;
            }
        }
    }
    lines.join("\n")
}

/// A clock that the data show to be so far off.
fn moved_by(offset_ns: i64) -> ClockMove {
    let conversion = ClockConversion::fixed(offset_ns);
    ClockMove {
        conversion,
        clock: Some(conversion),
        uncertainty_ns: None,
        basis: "the data".to_owned(),
        fit: ClockFitEntry {
            declared_offset_ns: None,
            declared_uncertainty_ns: None,
            declared_basis: "wall time".to_owned(),
            refined_ns: Some(offset_ns),
            drift_ppb: 0,
            uncertainty_ns: None,
            reference_source_id: None,
            verdict: "contradicts".to_owned(),
            detail: String::new(),
        },
        checks: Vec::new(),
    }
}

/// All starts of a store's pauses.
fn starts(store: &Path) -> Vec<i64> {
    let mut starts = Vec::new();
    for file in files(store) {
        let file = fs::File::open(file).expect("a file");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
        for batch in reader.build().expect("a reader") {
            let batch = batch.expect("rows");
            let column = batch.column_by_name("start_time").expect("the column");
            let times = column.as_primitive::<TimestampNanosecondType>();
            starts.extend(times.values().iter().copied());
        }
    }
    starts.sort_unstable();
    starts
}

/// Rows that memory did not hold were written with the recording's own times: they stay as they are until
/// nothing can change their times any more.
#[test]
fn rows_that_memory_did_not_hold_are_written_again_once_or_not_at_all() {
    const ROWS: i64 = 100_000;
    for (offset_ns, move_ns) in [(0, 0), (1_000, 0), (1_000, 500), (1_000, -1_000)] {
        let folder = tempfile::tempdir().expect("a folder");
        let store = folder.path().join("store");
        let mut writer = StoreWriter::open(&store, || {}).expect("a store");
        let mut source = begin(&mut writer, "a");
        for batch in 0..8 {
            let times: Vec<i64> = (batch * ROWS..(batch + 1) * ROWS).collect();
            let rows = pauses(source.id(), &times);
            source.batch(&tables::PAUSES, rows).expect("taken");
        }
        finish(&mut writer, source, "a");
        let mut commit = writer.begin_commit();
        add_all(&mut commit, offset_ns).expect("added");
        // All but the last was written before.
        let added = files(&store);
        assert!(added.len() > 1, "{added:?}");
        let moves = [(1, moved_by(move_ns))].into_iter();
        let moves = moves.filter(|_| move_ns != 0).collect();
        let moved = commit.move_sources(&moves).expect("moved");
        assert_eq!(moved.len(), usize::from(move_ns != 0));
        commit.publish(&moved).expect("stored");
        drop(writer);
        let stored = files(&store);
        let kept = stored.iter().filter(|file| added.contains(file)).count();
        let expected = match (offset_ns, move_ns) {
            (0, 0) => added.len(),
            // The last file has wall time from the first.
            (_, 0) => 1,
            // The last one alone was put off by the declared clock, and back.
            (1_000, -1_000) => added.len() - 1,
            _ => 0,
        };
        assert_eq!(
            (kept, stored.len()),
            (expected, added.len()),
            "{offset_ns} and {move_ns}"
        );
        let first = offset_ns + move_ns;
        assert!(starts(&store).into_iter().eq(first..first + 8 * ROWS));
        let opened = Store::open(&store).expect("opened");
        let [source] = &opened.manifest().sources[..] else {
            panic!("one source");
        };
        let range = (first, first + 8 * ROWS - 1 + 5);
        assert_eq!(source.first_time_ns.zip(source.last_time_ns), Some(range));
        assert_eq!(check(&store).expect("checked").damaged.len(), 0);
    }
}

#[test]
fn a_source_that_is_taken_out_is_gone_and_the_others_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path();
    ingest(store, "a", &[10, 20]).expect("stored");
    ingest(store, "b", &[30]).expect("stored");
    // Rows of both are in one file then.
    let writer = StoreWriter::open(store, || {}).expect("a writer");
    writer.compact(kcorr_store::Extent::All).expect("merged");
    let before = Store::open(store).expect("a store");
    let ids: Vec<i64> = before
        .manifest()
        .sources
        .iter()
        .map(|s| s.source_id)
        .collect();
    assert_eq!(before.row_count("pauses"), 3);
    drop(before);

    let writer = StoreWriter::open(store, || {}).expect("a writer");
    let error = writer.remove(&[ids[0], 99]).expect_err("no such source");
    assert!(error.to_string().contains("no recording 99"), "{error}");
    assert_eq!(Store::open(store).expect("a store").row_count("pauses"), 3);

    let writer = StoreWriter::open(store, || {}).expect("a writer");
    let removed = writer.remove(&[ids[0]]).expect("taken out");
    assert_eq!(removed.len(), 1);
    assert_eq!(removed[0].row_count, 2);
    let after = Store::open(store).expect("a store");
    assert_eq!(after.row_count("pauses"), 1);
    let left: Vec<i64> = after
        .manifest()
        .sources
        .iter()
        .map(|s| s.source_id)
        .collect();
    assert_eq!(left, ids[1..]);
    // The same input again is a new source: its number is not used twice.
    drop(after);
    ingest(store, "a", &[10, 20]).expect("stored");
    let again = Store::open(store).expect("a store");
    assert_eq!(again.row_count("pauses"), 3);
    assert!(
        again
            .manifest()
            .sources
            .iter()
            .all(|s| s.source_id != ids[0])
    );
}
