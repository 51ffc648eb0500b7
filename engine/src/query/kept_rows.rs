//! Rows of steps, kept beside the store from one run to the next.
//!
//! `blame`, `causes` and a report rest on the same steps. Their rows lie in the store's folder `steps/`, one
//! file for each query and values of its parameters:
//!
//! ```text
//! steps/<state>-<query>-<values>.rows           XXH3 of the rest (8 bytes), then an Arrow IPC stream
//! steps/<state>-<broker>-<query>-<values>.rows  the same of one broker's part of a store of several
//! ```
//!
//! `state` is a hash of what the store holds, of all canned queries and of the program, so that rows of
//! another state of the store, or of other rules, are never found. Nothing here is part of the store: the
//! folder can be deleted at any time, what cannot be read or written is computed again, and the oldest files
//! go when there are more than fit a bound. Two processes may write one file: each writes its own and puts it
//! in the place of the other's, with the same rows.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::ipc::reader::StreamReader;
use datafusion::arrow::ipc::writer::StreamWriter;
use datafusion::common::ScalarValue;
use datafusion::common::utils::memory::RecordBatchMemoryCounter;
use kcorr_store::Store;
use xxhash_rust::xxh3::Xxh3;

use super::canned;

/// What all files take together, at most.
const FOLDER_BYTES: u64 = 512 << 20;

/// Rows of a query that take more in memory are not kept.
const QUERY_BYTES: usize = 128 << 20;

/// What the names of files with rows end in, and of those that are being written.
const ROWS: &str = "rows";
const NEW: &str = "new";

/// Nobody writes longer at one file.
const LONGEST_WRITE: Duration = Duration::from_secs(3600);

const HASH_BYTES: u64 = 8;

/// What is hashed at a time.
const BLOCK_BYTES: usize = 256 << 10;

/// Where rows are kept, and of which state of the store.
#[derive(Debug, Clone)]
pub(super) struct KeptRows {
    folder: PathBuf,
    state: u64,
    /// Whose rows: of a broker's part of the store, or of all of it.
    part: String,
    /// When the state was read: what is written later may be of a later one.
    since: SystemTime,
}

/// What there is of a query's rows.
pub(super) enum Kept {
    /// A file with all of them.
    Rows(KeptFile),
    /// A file that is not as it was written.
    Damaged(PathBuf),
    /// None.
    Nothing,
}

/// A file with rows, whose bytes are as they were written.
pub(super) struct KeptFile {
    reader: StreamReader<BufReader<File>>,
}

impl KeptRows {
    /// Rows of a store as it is. Those of a store of objects are not kept.
    pub(super) fn of(store: &Store) -> Option<Self> {
        let manifest = store.manifest().digest()?;
        let program = PROGRAM.as_deref()?;
        Some(Self::of_state(store.folder()?, manifest, program))
    }

    /// Rows of the part of the store that is of one broker.
    pub(super) fn of_broker(&self, broker: Option<i32>) -> Self {
        let broker = broker.map_or("unnamed".to_owned(), |broker| broker.to_string());
        Self {
            part: format!("{broker}-"),
            ..self.clone()
        }
    }

    /// Rows of what a store holds, as a program computes them.
    fn of_state(store_folder: &Path, manifest: u128, program: &str) -> Self {
        let mut state = Xxh3::new();
        state.update(&manifest.to_le_bytes());
        state.update(program.as_bytes());
        for text in canned::texts() {
            state.update(text.as_bytes());
            state.update(&[0xff]);
        }
        Self {
            folder: store_folder.join("steps"),
            state: state.digest(),
            part: String::new(),
            since: SystemTime::now(),
        }
    }

    /// The rows of a query with these values.
    pub(super) fn find(&self, query: &str, values: &[(String, ScalarValue)]) -> Kept {
        let path = self.path(query, values);
        let Ok(file) = File::open(&path) else {
            return Kept::Nothing;
        };
        match KeptFile::checked(file) {
            Some(rows) => Kept::Rows(rows),
            None => Kept::Damaged(path),
        }
    }

    /// Keeps the rows of a query. What cannot be written is not kept: neither a store that may only be read
    /// nor a full disk is an error.
    pub(super) fn keep(
        &self,
        query: &str,
        values: &[(String, ScalarValue)],
        schema: &SchemaRef,
        batches: &[RecordBatch],
    ) {
        let mut counter = RecordBatchMemoryCounter::new();
        let bytes = batches.iter().map(|batch| counter.count_batch(batch));
        if bytes.sum::<usize>() <= QUERY_BYTES {
            let _ = self.write(&self.path(query, values), schema, batches);
        }
    }

    fn path(&self, query: &str, values: &[(String, ScalarValue)]) -> PathBuf {
        let mut hash = Xxh3::new();
        for (name, value) in values {
            hash.update(format!("{name}={value:?};").as_bytes());
        }
        let (state, part, values) = (self.state, &self.part, hash.digest());
        let name = format!("{state:016x}-{part}{query}-{values:016x}.{ROWS}");
        self.folder.join(name)
    }

    /// Writes a file beside its place, so that readers find all of it or none, and makes room.
    fn write(&self, path: &Path, schema: &SchemaRef, batches: &[RecordBatch]) -> io::Result<()> {
        match fs::create_dir(&self.folder) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            // What a link leads to is somebody else's.
            _ if !is_folder(&self.folder) => return Err(io::ErrorKind::NotADirectory.into()),
            _ => {}
        }
        let mut file = new_file().tempfile_in(&self.folder)?;
        file.write_all(&0_u64.to_le_bytes())?;
        let hash = write_rows(file.as_file_mut(), schema, batches)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&hash.to_le_bytes())?;
        file.persist(path).map_err(|e| e.error)?;
        self.make_room(path)
    }

    /// Removes what was of another state of the store before this one was read, then the oldest files until the
    /// rest fits.
    fn make_room(&self, newest: &Path) -> io::Result<()> {
        let of_state = format!("{:016x}-", self.state);
        let mut files = Vec::new();
        let mut total = 0;
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let path = entry.path();
            // Another process may have removed it.
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            let ends_in = |ending: &str| path.extension().is_some_and(|found| found == ending);
            let written = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            if ends_in(NEW) && written.elapsed().is_ok_and(|age| age > LONGEST_WRITE) {
                // Whoever wrote it was killed.
                let _ = fs::remove_file(&path);
            }
            if !ends_in(ROWS) || !metadata.is_file() {
                continue;
            }
            let is_own = entry.file_name().to_string_lossy().starts_with(&of_state);
            if !is_own && written <= self.since {
                let _ = fs::remove_file(path);
                continue;
            }
            total += metadata.len();
            if path != newest {
                files.push((written, metadata.len(), path));
            }
        }
        files.sort();
        for (_, bytes, path) in files {
            if total <= FOLDER_BYTES {
                break;
            }
            match fs::remove_file(path) {
                // Another process may have done it.
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
                _ => total -= bytes,
            }
        }
        Ok(())
    }
}

impl KeptFile {
    /// A file whose bytes have the hash at its beginning.
    fn checked(mut file: File) -> Option<Self> {
        let mut expected = [0; size_of::<u64>()];
        file.read_exact(&mut expected).ok()?;
        let mut hash = Xxh3::new();
        let mut block = vec![0; BLOCK_BYTES];
        loop {
            match file.read(&mut block) {
                Ok(0) => break,
                Ok(read) => hash.update(block.get(..read)?),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        if expected != hash.digest().to_le_bytes() {
            return None;
        }
        file.seek(SeekFrom::Start(HASH_BYTES)).ok()?;
        let reader = StreamReader::try_new(BufReader::new(file), None).ok()?;
        Some(Self { reader })
    }

    pub(super) fn schema(&self) -> SchemaRef {
        self.reader.schema()
    }

    pub(super) fn batches(
        self,
    ) -> impl Iterator<Item = Result<RecordBatch, datafusion::arrow::error::ArrowError>> {
        self.reader
    }
}

/// The program, as far as it computes rows: its version, and which file it runs from, for while it is
/// developed the version stays. `None` where that cannot be told: then nothing is kept.
static PROGRAM: LazyLock<Option<String>> = LazyLock::new(|| {
    let file = std::env::current_exe().and_then(fs::metadata).ok()?;
    let of = (file.len(), file.modified().ok()?);
    Some(format!("{} {of:?}", env!("CARGO_PKG_VERSION")))
});

/// Writes rows; answers the hash of what was written.
fn write_rows(file: &mut File, schema: &SchemaRef, batches: &[RecordBatch]) -> io::Result<u64> {
    let hashed = Hashed {
        inner: BufWriter::new(file),
        hash: Xxh3::new(),
    };
    let mut writer = StreamWriter::try_new(hashed, schema).map_err(io::Error::other)?;
    for batch in batches {
        writer.write(batch).map_err(io::Error::other)?;
    }
    let mut hashed = writer.into_inner().map_err(io::Error::other)?;
    hashed.flush()?;
    Ok(hashed.hash.digest())
}

/// How a new file is made: whoever may read the store may read it.
fn new_file() -> tempfile::Builder<'static, 'static> {
    let mut file = tempfile::Builder::new();
    file.suffix(".new");
    #[cfg(unix)]
    file.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    file
}

/// Whether it is a folder, and no link to one.
fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// Hashes what is written.
struct Hashed<W> {
    inner: W,
    hash: Xxh3,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or(bytes));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::Int64Array;
    use datafusion::arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    fn rows() -> (SchemaRef, Vec<RecordBatch>) {
        let field = Field::new("request_id", DataType::Int64, false);
        let schema = Arc::new(Schema::new(vec![field]));
        let column = Arc::new(Int64Array::from(vec![1, 2, 3]));
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![column]).unwrap();
        (schema, vec![batch])
    }

    fn values(slo_ms: f64) -> Vec<(String, ScalarValue)> {
        vec![("slo_ms".to_owned(), ScalarValue::Float64(Some(slo_ms)))]
    }

    fn of(folder: &tempfile::TempDir, manifest: u128) -> KeptRows {
        KeptRows::of_state(folder.path(), manifest, "1.0")
    }

    fn found(
        kept: &KeptRows,
        query: &str,
        values: &[(String, ScalarValue)],
    ) -> Option<Vec<RecordBatch>> {
        match kept.find(query, values) {
            Kept::Rows(file) => Some(file.batches().map(Result::unwrap).collect()),
            _ => None,
        }
    }

    #[test]
    fn rows_are_found_for_the_same_state_program_query_and_values_only() {
        let folder = tempfile::tempdir().unwrap();
        let kept = of(&folder, 1);
        let (schema, batches) = rows();
        kept.keep("own_writes", &values(65.0), &schema, &batches);
        assert_eq!(found(&kept, "own_writes", &values(65.0)), Some(batches));
        assert_eq!(found(&kept, "own_writes", &values(66.0)), None);
        assert_eq!(found(&kept, "near_writes", &values(65.0)), None);
        assert_eq!(found(&of(&folder, 2), "own_writes", &values(65.0)), None);
        let later = KeptRows::of_state(folder.path(), 1, "1.1");
        assert_eq!(found(&later, "own_writes", &values(65.0)), None);
    }

    #[test]
    fn rows_of_a_broker_are_found_for_that_broker_only() {
        let folder = tempfile::tempdir().unwrap();
        let kept = of(&folder, 1);
        let (schema, batches) = rows();
        kept.of_broker(Some(3))
            .keep("own_writes", &[], &schema, &batches);
        let found_for = |broker| found(&kept.of_broker(broker), "own_writes", &[]).is_some();
        assert!(found_for(Some(3)));
        assert!(!found_for(Some(1)) && !found_for(None));
        assert_eq!(found(&kept, "own_writes", &[]), None);
    }

    #[test]
    fn a_file_with_a_flipped_or_cut_byte_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let kept = of(&folder, 1);
        let (schema, batches) = rows();
        kept.keep("own_writes", &[], &schema, &batches);
        let path = kept.path("own_writes", &[]);
        let whole = fs::read(&path).unwrap();
        let is_damaged = || matches!(kept.find("own_writes", &[]), Kept::Damaged(_));
        assert!(!is_damaged());
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x10;
            fs::write(&path, &flipped).unwrap();
            assert!(is_damaged(), "byte {at}");
            fs::write(&path, &whole[..at]).unwrap();
            assert!(is_damaged(), "cut at {at}");
        }
    }

    #[test]
    fn rows_of_another_state_go_when_new_ones_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (schema, batches) = rows();
        let earlier = of(&folder, 1);
        earlier.keep("own_writes", &[], &schema, &batches);
        let later = of(&folder, 2);
        later.keep("own_writes", &[], &schema, &batches);
        assert_eq!(found(&earlier, "own_writes", &[]), None);
        assert!(found(&later, "own_writes", &[]).is_some());
        assert_eq!(
            fs::read_dir(folder.path().join("steps")).unwrap().count(),
            1
        );
    }

    #[test]
    fn what_was_kept_of_a_later_state_stays_when_a_session_of_an_earlier_one_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let (schema, batches) = rows();
        let earlier = of(&folder, 1);
        // File systems note times to a few milliseconds.
        std::thread::sleep(Duration::from_millis(50));
        let later = of(&folder, 2);
        later.keep("own_writes", &[], &schema, &batches);
        earlier.keep("own_writes", &[], &schema, &batches);
        assert!(found(&earlier, "own_writes", &[]).is_some());
        assert!(found(&later, "own_writes", &[]).is_some());
        std::thread::sleep(Duration::from_millis(50));
        let latest = of(&folder, 3);
        latest.keep("own_writes", &[], &schema, &batches);
        assert_eq!(
            fs::read_dir(folder.path().join("steps")).unwrap().count(),
            1
        );
    }

    #[test]
    fn a_folder_that_cannot_be_written_keeps_nothing() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("steps"), "a file").unwrap();
        let kept = of(&folder, 1);
        let (schema, batches) = rows();
        kept.keep("own_writes", &[], &schema, &batches);
        assert_eq!(found(&kept, "own_writes", &[]), None);
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_kept_or_removed_where_a_link_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::write(elsewhere.path().join("mine.rows"), "mine").unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("steps")).unwrap();
        let (schema, batches) = rows();
        of(&folder, 1).keep("own_writes", &[], &schema, &batches);
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1);
    }
}
