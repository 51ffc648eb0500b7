//! The store: a folder of Parquet files and the manifest that names them.
//!
//! ```text
//! incident.kcorr/
//!   manifest.json                 what the store holds; replaced in one step
//!   writer.lock                   held by the one process that ingests
//!   readers.lock                  shared by those that read; nothing is removed meanwhile
//!   data/<table>/<source>-….parquet   rows of one source
//!   data/<table>/0-….parquet          rows of one or more, merged
//! ```
//!
//! A file that the manifest does not name is no part of the store: an ingest that dies leaves such
//! files behind, and the next one removes them. Files are never changed once written.

mod compact;
mod folder;
mod manifest;
mod merge;
mod realign;
mod source_report;
mod staging;
mod table_file;
mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use compact::{Compacted, Extent};
pub(crate) use manifest::{AnchorEntry, ClockCheckEntry, ClockFitEntry, Manifest, SourceEntry};
pub use source_report::SourceReport;
pub use writer::{InputIdentity, SourceWriter, StoreWriter};

use crate::error::{Error, ErrorKind, Result};

/// A store opened for reading: what it held at that moment, whatever is ingested meanwhile.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
    manifest: Manifest,
    /// Held, shared with other readers, while files that are replaced meanwhile must stay.
    _readers: Option<Arc<File>>,
}

impl Store {
    /// Opens an existing store.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self> {
        let folder = folder.into();
        folder::refuse_file(&folder)?;
        // Locked before the manifest is read, so that what it names stays. A store that cannot be
        // written to has no writers to keep from it.
        let readers = if folder.exists() {
            folder::readers_lock(&folder).ok()
        } else {
            None
        };
        if let Some(readers) = &readers {
            readers
                .lock_shared()
                .map_err(|e| Error::io("cannot lock", &folder, e))?;
        }
        let Some(manifest) = Manifest::read(&folder)? else {
            let what = if folder.exists() {
                "is not a kcorr store (it has no manifest.json)"
            } else {
                "does not exist"
            };
            let message = format!(
                "the store {} {what}: make one with `kcorr ingest`, or name another with --store",
                folder.display()
            );
            return Err(Error::new(ErrorKind::Store, message));
        };
        let store = Self {
            folder,
            manifest,
            _readers: readers.map(Arc::new),
        };
        store.check_files()?;
        Ok(store)
    }

    /// What a store will hold once a manifest is in place; its files are there already. Only for its
    /// writer, which nobody removes files from.
    pub(crate) fn of_manifest(folder: &Path, manifest: &Manifest) -> Self {
        Self {
            folder: folder.to_owned(),
            manifest: manifest.clone(),
            _readers: None,
        }
    }

    /// A data file that is missing or cut would read as no rows.
    fn check_files(&self) -> Result<()> {
        for file in self.manifest.files() {
            let path = self.folder.join(&file.path);
            let size = std::fs::metadata(&path).map(|metadata| metadata.len()).ok();
            if size != Some(file.size_bytes) {
                let message = format!(
                    "the store's file {} is {}: ingest its recording again",
                    path.display(),
                    match size {
                        Some(size) => format!("{size} bytes long, not {}", file.size_bytes),
                        None => "missing".to_owned(),
                    }
                );
                return Err(Error::new(ErrorKind::Store, message));
            }
        }
        Ok(())
    }

    /// The store's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Rows of a table, over all sources.
    pub fn row_count(&self, table: &str) -> u64 {
        match table {
            "sources" => self.manifest.sources.len() as u64,
            "losses" => self.count(|source| source.losses.len()),
            "limits" => self.count(|source| source.limits.len()),
            "clock_anchors" => self.count(|source| source.anchors.len()),
            "clock_fits" => self.count(|source| usize::from(source.clock_fit.is_some())),
            "clock_checks" => self.count(|source| source.clock_checks.len()),
            _ => self
                .manifest
                .files_of(table)
                .map(|file| file.row_count)
                .sum(),
        }
    }

    /// Names of the stored tables that are no part of the model: events that were asked for by name.
    pub fn extra_tables(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .manifest
            .files()
            .filter(|file| kcorr_model::tables::by_name(&file.table).is_none())
            .map(|file| file.table.clone())
            .collect();
        names.sort();
        names.dedup();
        names
    }

    pub(crate) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn count(&self, of_source: impl Fn(&SourceEntry) -> usize) -> u64 {
        self.manifest
            .sources
            .iter()
            .map(|source| of_source(source) as u64)
            .sum()
    }
}

/// A source that a test fills in.
#[cfg(test)]
pub(crate) fn test_source(source_id: i64) -> SourceEntry {
    let text = format!(
        r#"{{"source_id": {source_id}, "kind": "pcap", "paths": [], "format": "pcap", "size_bytes": 0,
        "content_hash": "", "clock": "realtime", "clock_offset_ns": 0, "clock_uncertainty_ns": 0,
        "clock_basis": "", "first_time_ns": null, "last_time_ns": null, "anchors": [], "losses": [],
        "limits": [], "files": []}}"#
    );
    serde_json::from_str(&text).expect("an entry")
}
