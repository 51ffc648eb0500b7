//! The manifest: which files make up a store. Replacing it is what commits an ingest.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::source_entry::SourceEntry;

const FILE: &str = "manifest.json";

/// Written into every manifest; a reader refuses a store with a later layout. The second added files
/// with rows of several sources, which a reader of the first would leave out.
const LAYOUT_VERSION: u32 = 2;

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
}

/// A Parquet file of one table, with rows of one or more sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergedFile {
    /// The file.
    #[serde(flatten)]
    pub file: FileEntry,
    /// Whose rows it has, by number.
    pub sources: Vec<SourceRows>,
}

/// How many rows of a merged file are of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRows {
    /// The source.
    pub source_id: i64,
    /// Rows in it.
    pub row_count: u64,
}

/// A Parquet file of one table and source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// The table.
    pub table: String,
    /// Path below the store's folder.
    pub path: String,
    /// Rows in it.
    pub row_count: u64,
    /// Its length.
    pub size_bytes: u64,
}

impl Manifest {
    /// The manifest of an empty store.
    pub(crate) fn empty() -> Self {
        Self {
            layout_version: LAYOUT_VERSION,
            generation: 0,
            next_source_id: 1,
            sources: Vec::new(),
            merged: Vec::new(),
        }
    }

    /// Reads the manifest of a store, or `None` when the folder has none.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io("cannot read", &path, e)),
        };
        let mut manifest: Self = serde_json::from_slice(&text).map_err(|e| {
            let message = format!("{} is not a kcorr manifest", path.display());
            Error::because(ErrorKind::Store, message, e)
        })?;
        if !(1..=LAYOUT_VERSION).contains(&manifest.layout_version) {
            let message = format!(
                "{} has store layout {}, this kcorr reads layouts up to {LAYOUT_VERSION}: ingest the recordings again into a new store",
                folder.display(),
                manifest.layout_version,
            );
            return Err(Error::new(ErrorKind::Store, message));
        }
        manifest.layout_version = LAYOUT_VERSION;
        Ok(Some(manifest))
    }

    /// Replaces the manifest of a store in one step: before it, readers see the old store, after it
    /// the new one, whenever the process dies.
    pub(crate) fn replace(&self, folder: &Path) -> Result<()> {
        let path = folder.join(FILE);
        let staged = folder.join("manifest.json.new");
        let text = serde_json::to_vec_pretty(self)
            .map_err(|e| Error::because(ErrorKind::Store, "cannot encode the manifest", e))?;
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&staged)?;
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
