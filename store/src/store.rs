//! A store opened for reading.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::block_hashes::how_to_mend;
use crate::error::{Error, ErrorKind, Result};
use crate::file_entry::FileEntry;
use crate::folder;
use crate::manifest::Manifest;
use crate::source_entry::SourceEntry;

/// A store opened for reading: what it held at that moment, whatever is ingested meanwhile.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
    manifest: Arc<Manifest>,
    /// Held, shared with other readers, while files that are replaced meanwhile must stay.
    _readers: Option<Arc<File>>,
}

impl Store {
    /// Opens an existing store. Fails when one of its files is missing or has another length than it was
    /// written with; that its bytes are the same is checked as they are read.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self> {
        let store = Self::read(&folder.into())?;
        store.check_sizes()?;
        Ok(store)
    }

    /// Whether a folder is a store's. Touches nothing in it.
    pub fn is_in(folder: &Path) -> bool {
        Manifest::is_in(folder)
    }

    /// Opens a store whose files may be damaged.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let folder = folder::canonical(folder.to_owned());
        folder::refuse_file(&folder)?;
        // Locked before the manifest is read, so that what it names stays.
        let readers = if folder.exists() {
            folder::readers_lock(&folder)?
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
        Ok(Self {
            folder,
            manifest: Arc::new(manifest),
            _readers: readers.map(Arc::new),
        })
    }

    /// What a store will hold once a manifest is in place; its files are there already. Only for its
    /// writer, which nobody removes files from.
    pub(crate) fn of_manifest(folder: &Path, manifest: &Manifest) -> Self {
        Self {
            folder: folder.to_owned(),
            manifest: Arc::new(manifest.clone()),
            _readers: None,
        }
    }

    /// Fails when a file is missing or cut, which would read as no rows.
    pub fn check_sizes(&self) -> Result<()> {
        let mut files = self.manifest.files();
        files.try_for_each(|file| self.check_size(file))
    }

    pub(crate) fn check_size(&self, file: &FileEntry) -> Result<()> {
        let path = self.folder.join(&file.path);
        let is = match std::fs::metadata(&path) {
            Ok(metadata) if metadata.len() == file.size_bytes => return Ok(()),
            Ok(metadata) => format!("{} bytes long, not {}", metadata.len(), file.size_bytes),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => "missing".to_owned(),
            Err(e) => return Err(Error::io("cannot open", &path, e)),
        };
        let message = format!(
            "the store's file {} is {is}: {}",
            path.display(),
            how_to_mend(&path),
        );
        Err(Error::new(ErrorKind::Store, message))
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

    /// The part of it that is of one broker: a store that holds that broker's recordings alone.
    pub fn of_broker(&self, broker: Option<i32>) -> Self {
        Self {
            manifest: Arc::new(self.manifest.of_broker(broker)),
            ..self.clone()
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

    /// Which sources and files it holds.
    pub fn manifest(&self) -> &Manifest {
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
