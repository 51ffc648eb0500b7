//! A store of objects, whoever dies or writes at the same time.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::DateTime;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use kcorr_model::Output;
use kcorr_store::{Extent, Objects, Result, Store, StoreWriter};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult,
};

use crate::{add_all, begin, finish, pauses};

/// An object store between which and its user something goes wrong.
#[derive(Debug)]
struct Between {
    store: Arc<InMemory>,
    fault: Fault,
    /// Changes that were asked for so far.
    changes: AtomicUsize,
    /// Whether nothing can be read any more.
    is_silent: AtomicBool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Nothing is done from this change on: whoever asked for it died before.
    DiesBefore(usize),
    /// The same, and this change was done.
    DiesAfter(usize),
    /// A change is done, and its answer lost.
    LosesAnswer(usize),
    /// A manifest is put, its answer lost, and the put tried again after something else has happened: its condition
    /// does not hold any more.
    LosesManifest(Meanwhile),
    /// What is there already is replaced, whatever the condition.
    IgnoresCreate,
    /// What has changed is replaced, whatever the condition.
    IgnoresUpdate,
    /// All objects are old.
    Old,
}

/// What happens between a put and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    /// Another input is stored.
    Another,
    /// The same input is stored again.
    Again,
    /// The connection is lost: nothing can be read any more.
    Silence,
}

fn gone() -> Error {
    Error::Generic {
        store: "test",
        source: "the connection is gone".into(),
    }
}

impl Between {
    fn new(store: &Arc<InMemory>, fault: Fault) -> Arc<Self> {
        Arc::new(Self {
            store: Arc::clone(store),
            fault,
            changes: AtomicUsize::new(0),
            is_silent: AtomicBool::new(false),
        })
    }

    /// Whether a change is done, and whether its answer arrives.
    fn change(&self) -> (bool, bool) {
        let number = self.changes.fetch_add(1, SeqCst);
        match self.fault {
            Fault::DiesBefore(dead) => (number < dead, number < dead),
            Fault::DiesAfter(dead) => (number <= dead, number < dead),
            Fault::LosesAnswer(lost) => (true, number != lost),
            Fault::LosesManifest(_) | Fault::IgnoresCreate | Fault::IgnoresUpdate | Fault::Old => {
                (true, true)
            }
        }
    }

    /// Does what others do before an answer arrives.
    fn happens(&self, meanwhile: Meanwhile) {
        let name = match meanwhile {
            Meanwhile::Another => "c",
            Meanwhile::Again => "b",
            Meanwhile::Silence => return self.is_silent.store(true, SeqCst),
        };
        let store = Arc::clone(&self.store);
        // On a thread of its own: nothing is waited for in the middle of a request.
        let ingested = std::thread::spawn(move || ingest(objects(store), name, &[40]));
        ingested.join().expect("no panic").expect("stored");
    }

    fn is_dead(&self) -> bool {
        let changes = self.changes.load(SeqCst);
        match self.fault {
            Fault::DiesBefore(dead) | Fault::DiesAfter(dead) => changes > dead,
            Fault::LosesManifest(Meanwhile::Silence) => self.is_silent.load(SeqCst),
            _ => false,
        }
    }
}

impl fmt::Display for Between {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("between")
    }
}

#[async_trait]
impl ObjectStore for Between {
    async fn put_opts(
        &self,
        to: &Path,
        bytes: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        let options = match (self.fault, &options.mode) {
            (Fault::IgnoresCreate, PutMode::Create)
            | (Fault::IgnoresUpdate, PutMode::Update(_)) => PutOptions::from(PutMode::Overwrite),
            _ => options,
        };
        let (is_done, is_told) = self.change();
        if !is_done {
            return Err(gone());
        }
        let put = self.store.put_opts(to, bytes, options).await;
        if let Fault::LosesManifest(meanwhile) = self.fault
            && to.filename() == Some("manifest.json")
        {
            put?;
            self.happens(meanwhile);
            return Err(Error::Precondition {
                path: to.to_string(),
                source: "another was first".into(),
            });
        }
        if is_told { put } else { Err(gone()) }
    }

    async fn put_multipart_opts(
        &self,
        to: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(to, options).await
    }

    async fn get_opts(&self, from: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        if self.is_dead() {
            return Err(gone());
        }
        self.store.get_opts(from, options).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        let (is_done, _) = self.change();
        if is_done {
            return self.store.delete_stream(paths);
        }
        paths.map(|_| Err(gone())).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        let is_old = self.fault == Fault::Old;
        let found = self.store.list(prefix);
        let seen = move |object: ObjectMeta| ObjectMeta {
            last_modified: match is_old {
                true => DateTime::UNIX_EPOCH,
                false => object.last_modified,
            },
            ..object
        };
        found.map_ok(seen).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(
        &self,
        from: &Path,
        to: &Path,
        options: CopyOptions,
    ) -> object_store::Result<()> {
        self.store.copy_opts(from, to, options).await
    }
}

/// Requests by which a writer looks whether conditions are heeded.
const LOOKS: usize = 5;

fn objects(store: Arc<dyn ObjectStore>) -> Objects {
    Objects::new(store, "mem://bucket/s.kcorr", Path::from("bucket/s.kcorr"))
}

/// A writer that has read pauses as the input of a name, and is to commit them.
fn prepared(objects: Objects, name: &str, starts: &[i64]) -> Result<StoreWriter> {
    let mut writer = StoreWriter::open_objects(objects)?;
    stage(&mut writer, name, starts);
    Ok(writer)
}

/// Has a writer read pauses as the input of a name.
fn stage(writer: &mut StoreWriter, name: &str, starts: &[i64]) {
    let mut source = begin(writer, name);
    let rows = pauses(source.id(), starts);
    source
        .batch(&kcorr_model::tables::PAUSES, rows)
        .expect("staged");
    finish(writer, source, name);
}

fn commit(writer: &mut StoreWriter) -> Result<()> {
    let mut commit = writer.begin_commit();
    add_all(&mut commit, 0)?;
    commit.publish(&[]).map(|_| ())
}

fn ingest(objects: Objects, name: &str, starts: &[i64]) -> Result<()> {
    commit(&mut prepared(objects, name, starts)?)
}

/// Rows of the store, all of whose files have been read and are as they were written.
#[allow(
    clippy::single_range_in_vec_init,
    reason = "ranges are what is asked for"
)]
fn whole(store: &Store) -> Result<u64> {
    for file in store.manifest().files() {
        let all: [Range<u64>; 1] = [0..file.size_bytes];
        store.read_ranges(file, &all)?;
    }
    Ok(store.row_count("pauses"))
}

fn rows(store: &Arc<InMemory>) -> u64 {
    let opened = Store::open_objects(objects(Arc::clone(store) as _)).expect("a store");
    whole(&opened).expect("whole files")
}

/// Names of the data files that there are.
fn files(store: &InMemory) -> Vec<String> {
    names(store, "/data")
}

/// Names of all objects below a path of the store.
fn names(store: &InMemory, below: &str) -> Vec<String> {
    let prefix = Path::from(format!("bucket/s.kcorr{below}"));
    let found = store.list(Some(&prefix)).try_collect::<Vec<_>>();
    let found = done(found).expect("a list");
    found.iter().map(|it| it.location.to_string()).collect()
}

/// What comes of something that is not waited for.
fn done<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime").block_on(work)
}

fn copy(store: &InMemory) -> Arc<InMemory> {
    Arc::new(store.fork())
}

#[test]
fn a_store_of_objects_is_written_read_changed_and_merged() {
    let store = Arc::new(InMemory::new());
    let here = || objects(Arc::clone(&store) as _);
    assert!(Store::open_objects(here()).is_err(), "there is none yet");
    ingest(here(), "a", &[10, 20]).expect("stored");
    ingest(here(), "b", &[15]).expect("stored");
    assert_eq!(rows(&store), 3);
    ingest(here(), "a", &[10, 20, 30]).expect("replaced");
    assert_eq!(rows(&store), 4);
    let writer = StoreWriter::open_objects(here()).expect("a writer");
    let merged = writer.compact(Extent::All).expect("merged");
    assert_eq!((merged.len(), rows(&store)), (1, 4));
    let opened = Store::open_objects(here()).expect("a store");
    assert_eq!(opened.manifest().files().count(), 1);
    let writer = StoreWriter::open_objects(here()).expect("a writer");
    let removed = writer.remove(&[1]).expect("removed");
    assert_eq!((removed[0].row_count, rows(&store)), (3, 1));
}

#[test]
fn whoever_dies_at_any_request_leaves_all_or_nothing() {
    let base = Arc::new(InMemory::new());
    ingest(objects(Arc::clone(&base) as _), "a", &[10, 20]).expect("stored");
    for dies in [Fault::DiesBefore as fn(usize) -> Fault, Fault::DiesAfter] {
        let mut seen = Vec::new();
        for number in 0.. {
            let store = copy(&base);
            let between = Between::new(&store, dies(number));
            let stored = ingest(objects(between), "b", &[30]);
            let count = rows(&store);
            assert!(
                count == 2 || count == 3,
                "{count} rows after request {number}"
            );
            assert!(
                stored.is_err() || count == 3,
                "told to be stored, and is not"
            );
            seen.push(count);
            // Whoever comes next finds nothing in the way.
            ingest(objects(Arc::clone(&store) as _), "b", &[30, 40]).expect("stored");
            assert_eq!(rows(&store), 4);
            if stored.is_ok() {
                break;
            }
        }
        assert!(seen.contains(&2) && seen.contains(&3), "{seen:?}");
    }
}

#[test]
fn a_first_ingest_that_dies_at_any_request_leaves_no_store_or_all_of_it() {
    for number in 0.. {
        let store = Arc::new(InMemory::new());
        let between = Between::new(&store, Fault::DiesBefore(number));
        let stored = ingest(objects(between), "a", &[10, 20]);
        let opened = Store::open_objects(objects(Arc::clone(&store) as _));
        assert_eq!(opened.is_ok(), stored.is_ok(), "request {number}");
        ingest(objects(Arc::clone(&store) as _), "a", &[10, 20]).expect("stored");
        assert_eq!(rows(&store), 2);
        if stored.is_ok() {
            assert!(number > LOOKS + 1, "files, the manifest");
            break;
        }
    }
}

#[test]
fn an_answer_that_is_lost_does_not_lose_what_was_stored() {
    let base = Arc::new(InMemory::new());
    ingest(objects(Arc::clone(&base) as _), "a", &[10, 20]).expect("stored");
    // The one file is the first request after those that look whether conditions are heeded, the manifest the second.
    let store = copy(&base);
    let between = Between::new(&store, Fault::LosesAnswer(LOOKS + 1));
    ingest(objects(between), "b", &[30]).expect("stored");
    assert_eq!(rows(&store), 3);
    let store = copy(&base);
    let between = Between::new(&store, Fault::LosesAnswer(LOOKS));
    assert!(ingest(objects(between), "b", &[30]).is_err());
    assert_eq!((rows(&store), files(&store).len()), (2, 1));
}

#[test]
fn what_was_stored_stays_when_another_went_on_from_it_before_the_answer_came() {
    for (meanwhile, expected) in [(Meanwhile::Another, 4), (Meanwhile::Again, 3)] {
        for is_first in [true, false] {
            let store = Arc::new(InMemory::new());
            if !is_first {
                ingest(objects(Arc::clone(&store) as _), "a", &[10, 20]).expect("stored");
            }
            let between = Between::new(&store, Fault::LosesManifest(meanwhile));
            let mut writer = prepared(objects(between), "b", &[30]).expect("a writer");
            commit(&mut writer).expect("stored");
            assert_eq!(rows(&store), expected - 2 * u64::from(is_first));
            // What it knows of the store is not what the store is: the other's commit is not undone.
            stage(&mut writer, "d", &[50]);
            let error = commit(&mut writer).expect_err("another has written");
            let error = error.to_string();
            assert!(error.contains("another process has written"), "{error}");
        }
    }
}

#[test]
fn files_stay_when_nobody_can_tell_whether_a_manifest_names_them() {
    let store = Arc::new(InMemory::new());
    ingest(objects(Arc::clone(&store) as _), "a", &[10, 20]).expect("stored");
    let between = Between::new(&store, Fault::LosesManifest(Meanwhile::Silence));
    let error = ingest(objects(between), "b", &[30]).expect_err("nothing can be read");
    let error = error.to_string();
    assert!(error.contains("cannot tell"), "{error}");
    assert_eq!(rows(&store), 3);
}

#[test]
fn of_two_writers_at_once_the_second_fails_says_so_and_leaves_nothing() {
    let store = Arc::new(InMemory::new());
    let here = || objects(Arc::clone(&store) as _);
    for (round, rows_before) in [(0, 0), (1, 1)] {
        let names = [format!("a{round}"), format!("b{round}")];
        let mut first = prepared(here(), &names[0], &[10]).expect("a writer");
        let mut second = prepared(here(), &names[1], &[20, 30]).expect("a writer");
        commit(&mut first).expect("stored");
        let before = files(&store);
        let error = commit(&mut second)
            .expect_err("another was first")
            .to_string();
        assert!(
            error.contains("another process has written to mem://bucket/s.kcorr"),
            "{error}"
        );
        assert_eq!((rows(&store), files(&store)), (rows_before + 1, before));
        drop(second);
    }
    ingest(here(), "b", &[20, 30]).expect("stored");
    assert_eq!(rows(&store), 4);
}

#[test]
fn of_writers_that_put_their_manifests_at_the_same_time_none_undoes_another() {
    let store = Arc::new(InMemory::new());
    let names: Vec<String> = (0..8).map(|number| number.to_string()).collect();
    std::thread::scope(|scope| {
        for name in &names {
            let here = || objects(Arc::clone(&store) as _);
            scope.spawn(move || {
                while let Err(error) = ingest(here(), name, &[10, 20]) {
                    let error = error.to_string();
                    let is_another = error.contains("another process has written");
                    assert!(is_another, "{error}");
                }
            });
        }
    });
    assert_eq!(rows(&store), 16);
}

#[test]
fn who_reads_goes_on_reading_what_the_store_was() {
    let store = Arc::new(InMemory::new());
    let here = || objects(Arc::clone(&store) as _);
    ingest(here(), "a", &[10, 20]).expect("stored");
    let reader = Store::open_objects(here()).expect("a store");
    ingest(here(), "a", &[30]).expect("replaced");
    // Whatever its age: what was in the store a moment ago may be read.
    let old = Between::new(&store, Fault::Old);
    ingest(objects(old), "b", &[40]).expect("stored");
    assert_eq!(whole(&reader).expect("whole files"), 2);
    assert_eq!(rows(&store), 2);
}

#[test]
fn what_a_dead_writer_left_goes_when_it_is_old() {
    let store = Arc::new(InMemory::new());
    let here = || objects(Arc::clone(&store) as _);
    ingest(here(), "a", &[10]).expect("stored");
    let dead = Between::new(&store, Fault::DiesBefore(LOOKS + 1));
    assert!(ingest(objects(dead), "b", &[20]).is_err());
    assert_eq!(files(&store).len(), 2);
    let dead = Between::new(&store, Fault::DiesBefore(1));
    assert!(ingest(objects(dead), "b", &[20]).is_err());
    assert_eq!(
        names(&store, "").len(),
        4,
        "two files, a manifest, and a probe"
    );
    ingest(here(), "c", &[30]).expect("stored");
    assert_eq!(files(&store).len(), 3, "it may be about to be named");
    let old = Between::new(&store, Fault::Old);
    ingest(objects(old), "d", &[40]).expect("stored");
    assert_eq!((files(&store).len(), rows(&store)), (3, 3));
    assert_eq!(names(&store, "").len(), 4);
}

#[test]
fn a_server_that_ignores_conditions_is_not_written_to() {
    let store = Arc::new(InMemory::new());
    for (fault, condition) in [
        (Fault::IgnoresCreate, "(If-None-Match)"),
        (Fault::IgnoresUpdate, "(If-Match)"),
    ] {
        let deaf = Between::new(&store, fault);
        let error =
            ingest(objects(deaf), "a", &[10]).expect_err("two writers would undo each other");
        let error = error.to_string();
        assert!(error.contains("ignores the conditions"), "{error}");
        assert!(error.contains(condition), "{error}");
        assert!(Store::open_objects(objects(Arc::clone(&store) as _)).is_err());
        assert_eq!(names(&store, ""), [""; 0], "nothing is left");
    }
    // Nor is one to which a store was copied.
    ingest(objects(Arc::clone(&store) as _), "a", &[10]).expect("stored");
    for fault in [Fault::IgnoresCreate, Fault::IgnoresUpdate] {
        let before = names(&store, "");
        let error =
            ingest(objects(Between::new(&store, fault)), "b", &[20]).expect_err("not written");
        assert!(
            error.to_string().contains("ignores the conditions"),
            "{error}"
        );
        assert_eq!((names(&store, ""), rows(&store)), (before, 1));
    }
}

#[test]
fn a_prefix_with_other_objects_is_not_written_to() {
    let store = Arc::new(InMemory::new());
    let photo = Path::from("bucket/s.kcorr/data/photos/a.jpg");
    let put = store.put_opts(&photo, PutPayload::from_static(b"x"), PutOptions::default());
    done(put).expect("put");
    let error = ingest(objects(Arc::clone(&store) as _), "a", &[10]).expect_err("not empty");
    assert!(error.to_string().contains("not a kcorr store"), "{error}");
}

#[test]
#[allow(
    clippy::single_range_in_vec_init,
    reason = "ranges are what is asked for"
)]
fn a_range_beyond_a_file_s_end_is_an_error_that_says_so() {
    let store = Arc::new(InMemory::new());
    ingest(objects(Arc::clone(&store) as _), "a", &[10, 20]).expect("stored");
    let folder = tempfile::tempdir().expect("a folder");
    crate::ingest(folder.path(), "a", &[10, 20]).expect("stored");
    for opened in [
        Store::open_objects(objects(Arc::clone(&store) as _)),
        Store::open(folder.path()),
    ] {
        let opened = opened.expect("a store");
        let file = opened.manifest().files().next().expect("a file");
        let size = file.size_bytes;
        for range in [
            0..size + 1,
            size..size + 1,
            size + (1 << 20)..size + (2 << 20),
        ] {
            for ranges in [&[range.clone()][..], &[0..4, range.clone()]] {
                let error = opened
                    .read_ranges(file, ranges)
                    .expect_err("beyond the end");
                let error = error.to_string();
                let is_said = error.contains("shorter than its reader takes it to be");
                assert!(is_said, "{range:?}: {error}");
            }
        }
        assert_eq!(opened.read_ranges(file, &[0..4]).expect("bytes")[0], "PAR1");
    }
}

#[test]
fn a_changed_or_missing_object_is_an_error_that_names_it() {
    let store = Arc::new(InMemory::new());
    let here = || objects(Arc::clone(&store) as _);
    ingest(here(), "a", &[10, 20]).expect("stored");
    let file = Path::from(files(&store).remove(0));
    let get = async {
        let found = store.get_opts(&file, GetOptions::default()).await?;
        found.bytes().await
    };
    let bytes = done(get).expect("bytes");
    let put = |bytes: Vec<u8>| {
        let put = store.put_opts(&file, Bytes::from(bytes).into(), PutOptions::default());
        done(put).expect("put");
    };
    let said = || {
        let opened = Store::open_objects(here()).expect("a store");
        whole(&opened).expect_err("damage").to_string()
    };
    let mut flipped = bytes.to_vec();
    flipped[100] ^= 1;
    put(flipped);
    assert!(said().contains("mem://bucket/s.kcorr/data/pauses/") && said().contains("is damaged"));
    put(bytes[..bytes.len() - 1].to_vec());
    assert!(said().contains("is cut"), "{}", said());
    let gone = futures::stream::iter([Ok(file.clone())]).boxed();
    let gone = store.delete_stream(gone).try_collect::<Vec<_>>();
    done(gone).expect("deleted");
    assert!(said().contains("is missing"), "{}", said());
}
