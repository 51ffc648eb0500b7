//! Steps whose rows one session keeps for the next.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use kcorr_engine::{GivenParameters, Session, SessionOptions, Step};
use kcorr_store::Store;

use crate::case::Case;

const SLOW: &str = "SELECT COUNT(*) AS n FROM accounted_requests WHERE is_slow";

const REQUESTS: &str = "\
table requests
request_id | connection_id | api     | arrival_time | read_time    | end_time
1          | 1             | Produce | 10:00:00.000 | 10:00:00.000 | 10:00:00.080
2          | 2             | Produce | 10:00:00.000 | 10:00:00.000 | 10:00:00.120
";

const OTHERS: &str = "\
table requests
request_id | connection_id | api     | arrival_time | read_time    | end_time
3          | 3             | Produce | 11:00:00.000 | 11:00:00.000 | 11:00:00.090
";

struct Room {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Room {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("case.kcorr");
        Case::parse(REQUESTS).expect("a case").store(&path);
        Self {
            _folder: folder,
            path,
        }
    }

    /// How many requests are slow, and the steps that were run to tell.
    async fn slow(&self, slo_ms: &str, options: &SessionOptions) -> (i64, Vec<Step>) {
        let store = Store::open(&self.path).expect("the store");
        let session = Session::open_with(&store, options)
            .await
            .expect("a session");
        let given = GivenParameters::from([("slo_ms".to_owned(), slo_ms.to_owned())]);
        let planned = session.plan(SLOW, &given).await.expect("a plan").remove(0);
        let stream = planned.run().await.expect("a stream");
        let batches = datafusion::physical_plan::common::collect(stream);
        let batches = batches.await.expect("rows");
        let found = batches[0].column(0).as_primitive::<Int64Type>().value(0);
        (found, session.take_steps())
    }

    async fn is_kept(&self, slo_ms: &str, expected: i64) -> bool {
        let (found, steps) = self.slow(slo_ms, &SessionOptions::default()).await;
        assert_eq!(found, expected, "at {slo_ms} ms");
        steps.iter().all(|step| step.is_kept)
    }

    fn kept(&self) -> Vec<PathBuf> {
        files(&self.path.join("steps"))
    }
}

/// The state of the store that rows were kept of: what their file's name begins with.
fn state_of(path: &Path) -> String {
    let name = path.file_name().expect("a name").to_string_lossy();
    name.split('-').next().unwrap_or_default().to_owned()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

#[tokio::test]
async fn a_session_takes_the_steps_of_an_earlier_one_with_the_same_parameters() {
    let room = Room::new();
    assert!(!room.is_kept("65", 2).await);
    assert!(room.is_kept("65", 2).await);
    assert!(!room.is_kept("100", 1).await);
    assert!(room.is_kept("100", 1).await);
    assert!(room.is_kept("65", 2).await);
}

#[tokio::test]
async fn what_is_ingested_later_is_in_the_answer() {
    let room = Room::new();
    assert!(!room.is_kept("65", 2).await);
    Case::parse(OTHERS)
        .expect("a case")
        .store_as(&room.path, "others");
    assert!(!room.is_kept("65", 3).await);
    assert!(room.is_kept("65", 3).await);
    // What was kept of the store as it was is of no use any more.
    let states: BTreeSet<_> = room.kept().iter().map(|path| state_of(path)).collect();
    assert_eq!(states.len(), 1, "{:?}", room.kept());
}

#[tokio::test]
async fn a_damaged_file_is_told_and_its_rows_are_computed_again() {
    let room = Room::new();
    assert!(!room.is_kept("65", 2).await);
    for file in room.kept() {
        let mut bytes = std::fs::read(&file).expect("a file");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&file, bytes).expect("written");
    }
    let (found, steps) = room.slow("65", &SessionOptions::default()).await;
    assert_eq!(found, 2);
    // Parts of steps are kept in no file.
    let mut whole = steps.iter().filter(|step| !step.name.contains('.'));
    assert!(whole.all(|step| step.damaged.is_some()), "{steps:?}");
    assert!(room.is_kept("65", 2).await);
}

#[tokio::test]
async fn two_sessions_at_once_have_the_same_answer() {
    let room = Room::new();
    let options = SessionOptions::default();
    let (one, other) = tokio::join!(room.slow("65", &options), room.slow("65", &options));
    assert_eq!((one.0, other.0), (2, 2));
    assert!(room.is_kept("65", 2).await);
}

#[tokio::test]
async fn the_folder_can_be_deleted_at_any_time() {
    let room = Room::new();
    assert!(!room.is_kept("65", 2).await);
    std::fs::remove_dir_all(room.path.join("steps")).expect("removed");
    assert!(!room.is_kept("65", 2).await);
    assert!(room.is_kept("65", 2).await);
}

#[tokio::test]
async fn a_session_that_may_change_tables_or_is_fresh_keeps_nothing() {
    let room = Room::new();
    for allows_files in [true, false] {
        let mut options = SessionOptions::default();
        options.allows_files = allows_files;
        options.is_fresh = !allows_files;
        assert_eq!(room.slow("65", &options).await.0, 2);
        assert!(room.kept().is_empty(), "{:?}", room.kept());
    }
}
