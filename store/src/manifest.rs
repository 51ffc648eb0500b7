//! The manifest: which files make up a store. Replacing it is what commits an ingest.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::error::{Error, ErrorKind, Result};
use crate::file_entry::{FileEntry, MergedFile};
use crate::source_entry::SourceEntry;

/// The manifest's name below a store.
pub(crate) const FILE: &str = "manifest.json";
pub(crate) const STAGED: &str = "manifest.json.new";

/// Written into every manifest; a reader refuses a store with a later layout. The second added files
/// with rows of several sources, which a reader of the first would leave out; the third hashes, which a
/// writer of the second would not keep; the fourth brokers, which a reader of the third would take for one.
const LAYOUT_VERSION: u32 = 4;

/// The layout of a store without brokers, which earlier readers read as it is.
const LAYOUT_WITHOUT_BROKERS: u32 = 3;

/// From this layout on a manifest has its own hash.
const HASHED_VERSION: u32 = 3;

/// What stands in the hash's place while it is computed.
const NO_HASH: &str = "00000000000000000000000000000000";

/// The manifest's text begins with this, and then comes the hash.
const BEFORE_HASH: &[u8] = b"{\n  \"hash\": \"";
const HASH_PLACE: Range<usize> = BEFORE_HASH.len()..BEFORE_HASH.len() + NO_HASH.len();

/// The manifest as it is written: with the hash (XXH3, 128 bits) of its text, in which zeros stand for the
/// hash itself.
#[derive(Serialize)]
struct Hashed<'a> {
    hash: &'static str,
    #[serde(flatten)]
    manifest: &'a Manifest,
}

/// What is read first of a manifest.
#[derive(Deserialize)]
struct Layout {
    layout_version: u32,
}

/// Whether a manifest's text has the hash that is in it.
fn is_as_written(text: &[u8]) -> bool {
    let Some(found) = text.get(HASH_PLACE) else {
        return false;
    };
    let mut hash = Xxh3::new();
    hash.update(&text[..HASH_PLACE.start]);
    hash.update(NO_HASH.as_bytes());
    hash.update(&text[HASH_PLACE.end..]);
    text.starts_with(BEFORE_HASH) && found == format!("{:032x}", hash.digest128()).as_bytes()
}

/// The broker that recordings tell of, if it is one: then those that tell of none are its, too.
pub fn only_broker(told: impl Iterator<Item = Option<i32>>) -> Option<i32> {
    let named: BTreeSet<i32> = told.flatten().collect();
    let mut named = named.into_iter();
    named.next().filter(|_| named.next().is_none())
}

/// Everything a store knows besides its Parquet files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the store's layout.
    pub layout_version: u32,
    /// Number of commits so far; names of data files carry it, so they are never used twice.
    pub generation: u64,
    /// The number that the next new source gets; numbers are not used again.
    pub next_source_id: i64,
    /// The sources, by number.
    pub sources: Vec<SourceEntry>,
    /// Files that a compaction made, with rows of one or more sources.
    #[serde(default)]
    pub merged: Vec<MergedFile>,
    /// Of a store of objects: files that are no part of it any more, and stay for those who read it as it was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) retired: Vec<RetiredFile>,
}

/// A file that is no part of the store any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RetiredFile {
    /// Path below the store.
    pub(crate) path: String,
    /// Since when, in seconds since 1970.
    pub(crate) since_s: i64,
}

impl Manifest {
    /// A hash of all that it says: of two states of a store it is not the same.
    pub fn digest(&self) -> Option<u128> {
        Some(xxh3_128(&serde_json::to_vec(self).ok()?))
    }

    /// The manifest of an empty store.
    pub(crate) fn empty() -> Self {
        Self {
            layout_version: LAYOUT_WITHOUT_BROKERS,
            generation: 0,
            next_source_id: 1,
            sources: Vec::new(),
            merged: Vec::new(),
            retired: Vec::new(),
        }
    }

    /// Whether a folder has one.
    pub(crate) fn is_in(folder: &Path) -> bool {
        folder.join(FILE).is_file()
    }

    /// Reads the manifest of a store, or `None` when the folder has none.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io("cannot read", &path, e)),
        };
        Self::parsed(&text, &path).map(Some)
    }

    /// What a manifest's text says, which is named so to people.
    pub(crate) fn parsed(text: &[u8], path: &Path) -> Result<Self> {
        let not_one = |e| {
            let message = format!("{} is not a kcorr manifest", path.display());
            Error::because(ErrorKind::Store, message, e)
        };
        // The version first: what a later one says otherwise need not be understood.
        let Layout { layout_version } = serde_json::from_slice(text).map_err(not_one)?;
        if !(1..=LAYOUT_VERSION).contains(&layout_version) {
            let message = format!(
                "{} has store layout {layout_version}, this kcorr reads layouts up to {LAYOUT_VERSION}: ingest the recordings again into a new store",
                path.parent().unwrap_or(path).display(),
            );
            return Err(Error::new(ErrorKind::Store, message));
        }
        // One flipped bit may have made the version an earlier one.
        let is_hashed = layout_version >= HASHED_VERSION || text.starts_with(BEFORE_HASH);
        if is_hashed && !is_as_written(text) {
            let message = format!(
                "{} is damaged: its text does not have the hash that is in it: ingest the recordings again into a new store",
                path.display()
            );
            return Err(Error::new(ErrorKind::Store, message));
        }
        let mut manifest: Self = serde_json::from_slice(text).map_err(not_one)?;
        manifest.layout_version = LAYOUT_WITHOUT_BROKERS;
        Ok(manifest)
    }

    /// Its text.
    pub(crate) fn encoded(&self) -> Result<Vec<u8>> {
        let mut manifest = self.clone();
        if manifest
            .sources
            .iter()
            .any(|source| source.broker.is_some())
        {
            manifest.layout_version = LAYOUT_VERSION;
        }
        let hashed = Hashed {
            hash: NO_HASH,
            manifest: &manifest,
        };
        let mut text = serde_json::to_vec_pretty(&hashed)
            .map_err(|e| Error::because(ErrorKind::Store, "cannot encode the manifest", e))?;
        let hash = format!("{:032x}", xxh3_128(&text));
        text[HASH_PLACE].copy_from_slice(hash.as_bytes());
        Ok(text)
    }

    /// Replaces the manifest of a store in one step: before it, readers see the old store, after it
    /// the new one, whenever the process dies.
    pub(crate) fn replace(&self, folder: &Path) -> Result<()> {
        let path = folder.join(FILE);
        let staged = folder.join(STAGED);
        let text = self.encoded()?;
        let write = || -> std::io::Result<()> {
            // What a writer that died has left; a link is removed, not what it leads to.
            match fs::remove_file(&staged) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
                _ => {}
            }
            let mut file = File::create_new(&staged)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&staged, &path)?;
            File::open(folder)?.sync_all()
        };
        write().map_err(|e| Error::io("cannot write", &path, e))
    }

    /// All files, over all tables.
    pub fn files(&self) -> impl Iterator<Item = &FileEntry> {
        let own = self.sources.iter().flat_map(|source| &source.files);
        own.chain(self.merged.iter().map(|merged| &merged.file))
    }

    /// The files of a table, over all sources.
    pub fn files_of(&self, table: &str) -> impl Iterator<Item = &FileEntry> {
        self.files().filter(move |file| file.table == table)
    }

    /// Rows of all files.
    pub fn row_count(&self) -> u64 {
        self.files().map(|file| file.row_count).sum()
    }

    /// Paths of all files, below the store's folder.
    pub(crate) fn file_paths(&self) -> impl Iterator<Item = PathBuf> {
        self.files().map(|file| PathBuf::from(&file.path))
    }

    /// The rows of a source, by table and file.
    pub fn rows_of(&self, source_id: i64) -> impl Iterator<Item = (&str, u64)> {
        let is_it = move |source: &&SourceEntry| source.source_id == source_id;
        let own = self.sources.iter().filter(is_it).flat_map(|source| {
            let files = source.files.iter();
            files.map(|file| (file.table.as_str(), file.row_count))
        });
        let merged = self.merged.iter().flat_map(move |merged| {
            let rows = merged.sources.iter();
            rows.filter(move |rows| rows.source_id == source_id)
                .map(|rows| (merged.file.table.as_str(), rows.row_count))
        });
        own.chain(merged)
    }

    /// Rows of a source over all tables.
    pub fn row_count_of(&self, source_id: i64) -> u64 {
        self.rows_of(source_id).map(|(_, count)| count).sum()
    }

    /// The brokers that recordings were taken of, each once, in order; first `None` when some tell of none.
    /// Recordings that tell of none are of the only broker that others tell of.
    pub fn brokers(&self) -> Vec<Option<i32>> {
        let told = || self.sources.iter().map(|source| source.broker);
        let only = only_broker(told());
        let brokers: BTreeSet<Option<i32>> = told().map(|broker| broker.or(only)).collect();
        brokers.into_iter().collect()
    }

    /// What it says of one broker's recordings. No file has rows of two brokers.
    pub(crate) fn of_broker(&self, broker: Option<i32>) -> Self {
        let mut part = self.clone();
        part.sources.retain(|source| source.broker == broker);
        let is_its = |id: i64| part.sources.iter().any(|source| source.source_id == id);
        part.merged
            .retain(|merged| merged.sources.iter().all(|rows| is_its(rows.source_id)));
        part
    }

    /// The broker of a source.
    pub(crate) fn broker_of(&self, source_id: i64) -> Option<i32> {
        let mut sources = self.sources.iter();
        sources.find(|source| source.source_id == source_id)?.broker
    }

    /// A source's paths and number.
    pub(crate) fn source_name(&self, source_id: i64) -> String {
        let mut sources = self.sources.iter();
        let source = sources.find(|source| source.source_id == source_id);
        match source.map(|source| &source.paths[..]) {
            Some([path]) => format!("{path} (source {source_id})"),
            Some([first, rest @ ..]) => {
                format!("{first} and {} more (source {source_id})", rest.len())
            }
            _ => format!("source {source_id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source_entry::test_source;

    #[test]
    fn no_flipped_bit_of_a_manifest_is_believed() {
        let folder = tempfile::tempdir().unwrap();
        let mut manifest = Manifest::empty();
        manifest.sources.push(test_source(1));
        manifest.replace(folder.path()).unwrap();
        assert!(Manifest::read(folder.path()).unwrap().is_some());
        let path = folder.path().join(FILE);
        let text = fs::read(&path).unwrap();
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut flipped = text.clone();
                flipped[at] ^= 1 << bit;
                fs::write(&path, flipped).unwrap();
                assert!(
                    Manifest::read(folder.path()).is_err(),
                    "byte {at}, bit {bit}"
                );
            }
        }
    }

    #[test]
    fn a_manifest_of_before_there_were_hashes_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"layout_version": 2, "generation": 4, "next_source_id": 2, "sources": []}"#;
        fs::write(folder.path().join(FILE), text).unwrap();
        let manifest = Manifest::read(folder.path()).unwrap().unwrap();
        assert_eq!(manifest.generation, 4);
    }

    #[test]
    fn a_later_layout_is_refused_whatever_else_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"layout_version": 5, "sources": {"elsewhere": true}}"#;
        fs::write(folder.path().join(FILE), text).unwrap();
        let error = Manifest::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("has store layout 5"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_place_of_a_new_manifest_is_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("other");
        fs::write(&other, "stays").unwrap();
        std::os::unix::fs::symlink(&other, folder.path().join(STAGED)).unwrap();
        Manifest::empty().replace(folder.path()).unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "stays");
    }
}
