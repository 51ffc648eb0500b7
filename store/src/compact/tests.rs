//! A compaction changes files and nothing else, whatever comes before and after it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, TimestampNanosecondArray};
use arrow::datatypes::{Int64Type, TimestampNanosecondType};
use kcorr_model::{BatchBuilder, ClockConversion, ClockKind, Output, Summary, tables};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Extent, own_files};
use crate::alignment::Alignment;
use crate::files::Files;
use crate::merge::{self, NewNames, Part};
use crate::{Manifest, StoreWriter, table_file};

use crate::writer::InputIdentity;

/// A pause's id and its start, ns.
type Row = (i64, i64);

fn batch(source_id: i64, rows: &[Row]) -> RecordBatch {
    let numbers = |of: fn(&Row) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(rows.iter().map(of)))
    };
    let times = |by: i64| -> ArrayRef {
        let times = rows.iter().map(|row| row.1 + by);
        Arc::new(TimestampNanosecondArray::from_iter_values(times).with_timezone("UTC"))
    };
    BatchBuilder::new(&tables::PAUSES, rows.len())
        .set("pause_id", numbers(|row| row.0))
        .set(
            "source_id",
            Arc::new(Int64Array::from_value(source_id, rows.len())),
        )
        .set("start_time", times(0))
        .set("end_time", times(5))
        .set("duration_ns", numbers(|_| 5))
        .set("kind", labels("gc", rows.len()))
        .set("name", labels("G1", rows.len()))
        .finish()
        .unwrap()
}

fn labels(label: &str, count: usize) -> ArrayRef {
    use arrow::array::DictionaryArray;
    use arrow::datatypes::Int32Type;
    let labels = std::iter::repeat_n(Some(label), count);
    Arc::new(labels.collect::<DictionaryArray<Int32Type>>())
}

/// Ingests rows as the input of a name.
fn ingest(store: &Path, name: &str, rows: &[Row]) {
    let mut writer = StoreWriter::open(store, || {}).unwrap();
    let mut source = writer.begin(InputIdentity {
        kind: "jfr".to_owned(),
        paths: vec![name.to_owned()],
    });
    let id = source.id().0;
    for rows in rows.chunks(3) {
        source.batch(&tables::PAUSES, batch(id, rows)).unwrap();
    }
    let summary = Summary {
        format: "test".to_owned(),
        clock: ClockKind::Realtime,
        anchors: Vec::new(),
        losses: Vec::new(),
        limits: Vec::new(),
    };
    writer.finish(source, summary, 1, format!("{name} {rows:?}"));
    let mut commit = writer.begin_commit();
    for source in commit.take_staged() {
        let alignment = Alignment {
            offset_ns: Some(0),
            uncertainty_ns: None,
            basis: "wall time".to_owned(),
        };
        commit.add(source, alignment).unwrap();
    }
    commit.publish(&[]).unwrap();
}

fn compact(store: &Path, extent: Extent) -> usize {
    let writer = StoreWriter::open(store, || {}).unwrap();
    writer.compact(extent).unwrap().len()
}

fn manifest(store: &Path) -> Manifest {
    Manifest::read(store).unwrap().unwrap()
}

/// The rows of a file: source, id, start; in order.
fn read(path: &Path) -> Vec<(i64, i64, i64)> {
    let file = std::fs::File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let mut rows = Vec::new();
    for batch in reader.build().unwrap() {
        let batch = batch.unwrap();
        let numbers = |name: &str| {
            let column = batch.column_by_name(name).unwrap();
            column.as_primitive::<Int64Type>().values().to_vec()
        };
        let times = batch.column_by_name("start_time").unwrap();
        let times = times.as_primitive::<TimestampNanosecondType>();
        let ids = numbers("source_id").into_iter().zip(numbers("pause_id"));
        rows.extend(
            ids.zip(times.values())
                .map(|((source, id), time)| (source, id, *time)),
        );
    }
    rows
}

/// All rows of the store, after checks of what its manifest says of its files.
fn rows(store: &Path) -> BTreeMap<String, Vec<Row>> {
    let manifest = manifest(store);
    let mut found: BTreeMap<i64, Vec<Row>> = BTreeMap::new();
    for file in manifest.files() {
        let rows = read(&store.join(&file.path));
        assert_eq!(rows.len() as u64, file.row_count);
        assert!(rows.is_sorted_by_key(|row| row.2), "{}", file.path);
        for (source, id, time) in rows {
            found.entry(source).or_default().push((id, time));
        }
    }
    let mut named = BTreeMap::new();
    for source in &manifest.sources {
        let mut rows = found.remove(&source.source_id).unwrap_or_default();
        rows.sort_unstable();
        assert_eq!(manifest.row_count_of(source.source_id), rows.len() as u64);
        named.insert(source.paths[0].clone(), rows);
    }
    assert!(found.is_empty(), "rows of no source: {found:?}");
    named
}

#[derive(Debug, Clone)]
enum Step {
    Ingest(u8, Vec<Row>),
    Compact,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let rows = vec((0..1000_i64, 0..200_i64), 0..12);
    let ingest = (0..5_u8, rows).prop_map(|(name, rows)| Step::Ingest(name, rows));
    vec(prop_oneof![3 => ingest, 1 => Just(Step::Compact)], 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_ingest_replaces_its_own_rows_and_no_others_whatever_was_merged(steps in steps()) {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("s.kcorr");
        let mut expected: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Ingest(name, mut given) => {
                    ingest(&store, &name.to_string(), &given);
                    given.sort_unstable();
                    expected.insert(name.to_string(), given);
                }
                Step::Compact => {
                    compact(&store, Extent::All);
                    let files = manifest(&store).files().count();
                    prop_assert!(files <= 1, "{files} files are left");
                }
            }
            prop_assert_eq!(&rows(&store), &expected);
        }
    }
}

#[test]
fn many_small_files_are_merged_unasked_and_few_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("s.kcorr");
    for number in 0..63 {
        ingest(&store, &number.to_string(), &[(number, 100 - number)]);
    }
    assert_eq!(compact(&store, Extent::PiledUp), 0);
    ingest(&store, "63", &[(63, 7)]);
    let before = rows(&store);
    assert_eq!(compact(&store, Extent::PiledUp), 1);
    assert_eq!(rows(&store), before);
    assert_eq!(manifest(&store).files().count(), 1);
    let left = std::fs::read_dir(store.join("data/pauses")).unwrap();
    assert_eq!(left.count(), 1, "files that were merged are removed");
    assert_eq!(
        compact(&store, Extent::All),
        0,
        "there is nothing left to do"
    );
}

#[test]
fn files_that_somebody_reads_stay() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("s.kcorr");
    ingest(&store, "a", &[(1, 10)]);
    ingest(&store, "b", &[(2, 20)]);
    let reader = crate::Store::open(&store).unwrap();
    assert_eq!(compact(&store, Extent::All), 1);
    for file in reader.manifest().files() {
        assert_eq!(read(&store.join(&file.path)).len(), 1);
    }
    drop(reader);
    ingest(&store, "c", &[(3, 30)]);
    assert_eq!(
        std::fs::read_dir(store.join("data/pauses"))
            .unwrap()
            .count(),
        2
    );
}

#[test]
fn a_source_can_be_moved_after_it_was_merged() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("s.kcorr");
    ingest(&store, "a", &[(1, 10), (2, 30)]);
    ingest(&store, "b", &[(3, 20)]);
    compact(&store, Extent::All);
    let before = rows(&store);
    let mut changed = manifest(&store);
    let mut names = NewNames::new(Files::Folder(store.clone()), &store, "0-9-1".to_owned());
    own_files(&mut changed, 1, &mut names).unwrap();
    changed.replace(&store).unwrap();
    assert_eq!(rows(&store), before);
    let files = &changed.sources[0].files;
    assert_eq!(files.len(), 1);
    let moved = store.join("moved.parquet");
    let by = ClockConversion::fixed(5);
    table_file::write_moved(&store.join(&files[0].path), &moved, &by).unwrap();
    assert_eq!(read(&moved), [(1, 1, 15), (1, 2, 35)]);
}

#[test]
fn more_files_at_one_time_than_are_opened_at_once_are_merged_in_passes() {
    let folder = tempfile::tempdir().unwrap();
    let mut parts = Vec::new();
    let mut expected = Vec::new();
    for number in 0..300 {
        let path: PathBuf = folder.path().join(format!("{number}.parquet"));
        let rows: Vec<Row> = (0..20).map(|row| (row, number + row * 1000)).collect();
        expected.extend(rows.iter().map(|row| (number, row.0, row.1)));
        table_file::write(&path, &tables::PAUSES, vec![batch(number, &rows)], 0).unwrap();
        parts.push(Part::open(path).unwrap());
    }
    expected.sort_by_key(|row| row.2);
    let mut names = NewNames::new(
        Files::Folder(folder.path().to_owned()),
        folder.path(),
        "0-1-1".to_owned(),
    );
    let merged = merge::merge("pauses", parts, &mut names).unwrap();
    assert_eq!(merged.len(), 1);
    assert_eq!(read(&folder.path().join(&merged[0].file.path)), expected);
    assert_eq!(merged[0].sources.len(), 300);
    let left = std::fs::read_dir(folder.path().join("data/pauses")).unwrap();
    assert_eq!(left.count(), 1, "files of the first pass are removed");
}
