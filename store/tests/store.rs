//! A store's folder, whatever else is in it and whoever else uses it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int64Array, TimestampNanosecondArray};
use arrow::datatypes::Int32Type;
use kcorr_model::{BatchBuilder, ClockKind, Output, Summary, tables};
use kcorr_store::{Alignment, ErrorKind, InputIdentity, Result, Store, StoreWriter, check};

/// Stores pauses that start at some times, as the input of a name.
fn ingest(store: &Path, name: &str, starts: &[i64]) -> Result<()> {
    let mut writer = StoreWriter::open(store, || {})?;
    let mut source = writer.begin(InputIdentity {
        kind: "jfr".to_owned(),
        paths: vec![name.to_owned()],
    });
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
    let rows = BatchBuilder::new(&tables::PAUSES, count)
        .set("pause_id", Arc::new(Int64Array::from_iter_values(ids)))
        .set("source_id", numbers(source.id().0))
        .set("start_time", times(0))
        .set("end_time", times(5))
        .set("duration_ns", numbers(5))
        .set("kind", label("gc"))
        .set("name", label("G1"))
        .finish()
        .expect("rows");
    source.batch(&tables::PAUSES, rows).expect("taken");
    let summary = Summary {
        format: "test".to_owned(),
        clock: ClockKind::Realtime,
        anchors: Vec::new(),
        losses: Vec::new(),
        limits: Vec::new(),
    };
    writer.finish(source, summary, 1, name.to_owned());
    let mut commit = writer.begin_commit();
    for source in commit.take_staged() {
        let alignment = Alignment {
            offset_ns: Some(0),
            uncertainty_ns: None,
            basis: "wall time".to_owned(),
        };
        commit.add(source, alignment)?;
    }
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
