//! Stores of objects: the same answers, of no more bytes than they need.

use std::fmt::{self, Write};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use datafusion::object_store::memory::InMemory;
use datafusion::object_store::path::Path;
use datafusion::object_store::{
    CopyOptions, GetOptions, GetRange, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use futures::stream::BoxStream;
use kcorr_store::{Objects, Store, StoreWriter};

use crate::case::Case;

/// An object store that notes which bytes were asked for.
#[derive(Debug, Default)]
struct Counted {
    store: InMemory,
    asked: Mutex<Vec<(Path, u64)>>,
}

impl Counted {
    fn note(&self, path: &Path, bytes: u64) {
        let mut asked = self.asked.lock().expect("no panic");
        asked.push((path.clone(), bytes));
    }

    /// Bytes that were asked for of a table's files since the last time, and how often.
    fn take(&self, table: &str) -> (u64, usize) {
        let asked = std::mem::take(&mut *self.asked.lock().expect("no panic"));
        let of_table = asked
            .iter()
            .filter(|(path, _)| path.as_ref().contains(&format!("/{table}/")));
        let of_table: Vec<u64> = of_table.map(|(_, bytes)| *bytes).collect();
        (of_table.iter().sum(), of_table.len())
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("counted")
    }
}

#[async_trait]
impl ObjectStore for Counted {
    async fn put_opts(&self, to: &Path, bytes: PutPayload, how: PutOptions) -> Result<PutResult> {
        self.store.put_opts(to, bytes, how).await
    }

    async fn put_multipart_opts(
        &self,
        to: &Path,
        how: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(to, how).await
    }

    async fn get_opts(&self, from: &Path, how: GetOptions) -> Result<GetResult> {
        let bytes = match &how.range {
            Some(GetRange::Bounded(range)) => range.end - range.start,
            _ => 0,
        };
        self.note(from, bytes);
        self.store.get_opts(from, how).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, how: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, how).await
    }
}

/// Puts a case's tables into an object store.
fn objects(case: &Case, store: Arc<dyn ObjectStore>) -> Objects {
    let objects = Objects::new(store, "mem://case.kcorr", Path::from("case.kcorr"));
    let writer = StoreWriter::open_objects(objects.clone()).expect("a store");
    case.commit(writer, "case");
    objects
}

#[tokio::test]
async fn cases_give_their_rows_from_objects_too() {
    let mut failures = Vec::new();
    // Steps are not kept from one session to the next: all cases would take minutes.
    for file in crate::case_files().into_iter().step_by(4) {
        let text = std::fs::read_to_string(&file).expect("a case");
        let case = Case::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        if !case.has_tables() {
            continue;
        }
        let store = Store::open_objects(objects(&case, Arc::new(InMemory::new())));
        for (expected, found) in case.run_on(&store.expect("the store")).await {
            if expected != found {
                failures.push(format!(
                    "{}\nexpected:\n{expected}\nfound:\n{found}",
                    file.display()
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Writes over 10 minutes, one a millisecond, and one slow request at the end of which is a write of 120 ms.
fn long_recording() -> String {
    let mut text = String::from("# A long recording.\n\ntable writes\n");
    text.push_str(
        "write_id | operation | start_time | end_time | tid | bytes | file_offset | topic | partition | \
         segment_base_offset | base_offset | last_offset | file_kind\n",
    );
    // Numbers that compress badly.
    let mut noise = 1_u64;
    for ms in 0..600_000_u64 {
        noise = noise
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let (one, other) = (noise >> 24, noise >> 20);
        let time = |ms: u64| {
            let (minute, second) = (ms / 60_000, ms / 1_000 % 60);
            format!("17:{minute:02}:{second:02}.{:03}", ms % 1_000)
        };
        let (length, tid, topic) = match ms {
            200_000 => (120, 99, "slow"),
            _ => (1, 10 + one % 12, "orders"),
        };
        let _ = writeln!(
            text,
            "{} | write | {} | {} | {tid} | 1000 | {one} | {topic} | {} | {other} | {one} | {other} | log",
            ms + 1,
            time(ms),
            time(ms + length),
            tid % 3
        );
    }
    text.push_str(
        "
table requests
request_id | connection_id | api | arrival_time | read_time | response_time | end_time | latency_ns | acks
1 | 1 | Produce | 17:03:19.990 | 17:03:19.990 | 17:03:20.125 | 17:03:20.125 | 135000000 | 1

table request_partitions
request_id | arrival_time | topic | partition | records_bytes
1 | 17:03:19.990 | slow | 0 | 1000

query blame
latency_ms | cause
135.000 | slow_write
",
    );
    text
}

#[tokio::test]
async fn blame_over_a_long_recording_reads_what_is_near_its_slow_requests_once() {
    let case = Case::parse(&long_recording()).expect("a case");
    let counted = Arc::new(Counted::default());
    let objects = objects(&case, Arc::clone(&counted) as _);
    counted.take("writes");
    let store = Store::open_objects(objects).expect("the store");
    let writes = store.manifest().files_of("writes");
    let size: u64 = writes.map(|file| file.size_bytes).sum();
    assert_eq!(
        counted.take("writes"),
        (0, 0),
        "a store is opened by its manifest"
    );
    for (expected, found) in case.run_on(&store).await {
        assert_eq!(expected, found);
    }
    let (bytes, requests) = counted.take("writes");
    assert!(
        bytes > 0 && 2 * bytes < size,
        "{bytes} of {size} bytes were read"
    );
    assert!(requests < 40, "in {requests} requests");
    // What was read is kept for the next who asks the same store.
    case.run_on(&store).await;
    assert_eq!(counted.take("writes"), (0, 0));
}
