//! A store opened for reading.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::file_entry::FileEntry;
use crate::files::Files;
use crate::folder;
use crate::manifest::Manifest;
use crate::objects::{Objects, Place};
use crate::source_entry::SourceEntry;

/// A store opened for reading: what it held at that moment, whatever is ingested meanwhile.
#[derive(Debug, Clone)]
pub struct Store {
    files: Files,
    manifest: Arc<Manifest>,
    /// Held, shared with other readers, while files that are replaced meanwhile must stay.
    _readers: Option<Arc<File>>,
}

impl Store {
    /// Opens an existing store, in a folder or behind a URL. Fails when a file of a folder is missing or has
    /// another length than it was written with; that its bytes are the same is checked as they are read. Of a store
    /// of objects the manifest alone is read, and what is wrong with a file is told when that is read.
    pub fn open(place: impl Into<PathBuf>) -> Result<Self> {
        let store = Self::read(place.into())?;
        if store.folder().is_some() {
            store.check_sizes()?;
        }
        Ok(store)
    }

    /// Opens an existing store of objects.
    pub fn open_objects(objects: Objects) -> Result<Self> {
        let Some(found) = objects.manifest()? else {
            let message = format!(
                "the store {} does not exist, or its bucket does not: make one with `kcorr ingest`, or name another \
                 with --store",
                objects.url()
            );
            return Err(Error::new(ErrorKind::Store, message));
        };
        Ok(Self {
            files: Files::Objects {
                objects,
                here: None,
            },
            manifest: Arc::new(found.manifest),
            _readers: None,
        })
    }

    /// Whether a folder is a store's. Touches nothing in it.
    pub fn is_in(folder: &Path) -> bool {
        Manifest::is_in(folder)
    }

    /// Opens a store whose files may be damaged.
    pub(crate) fn read(place: PathBuf) -> Result<Self> {
        let folder = match Place::of(place)? {
            Place::Folder(folder) => folder::canonical(folder),
            Place::Objects(objects) => return Self::open_objects(objects),
        };
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
            files: Files::Folder(folder),
            manifest: Arc::new(manifest),
            _readers: readers.map(Arc::new),
        })
    }

    /// What a store will hold once a manifest is in place; its files are there already. Only for its
    /// writer, which nobody removes files from.
    pub(crate) fn of_manifest(files: &Files, manifest: &Manifest) -> Self {
        Self {
            files: files.clone(),
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
        self.files.check_size(file)
    }

    /// Reads a whole file and fails when a byte is not as it was written.
    pub(crate) fn check_bytes(&self, file: &FileEntry) -> Result<()> {
        self.files.check(file)
    }

    pub(crate) fn files(&self) -> &Files {
        &self.files
    }

    /// The store's folder, if it is in one.
    pub fn folder(&self) -> Option<&Path> {
        match &self.files {
            Files::Folder(folder) => Some(folder),
            Files::Objects { .. } => None,
        }
    }

    /// Where the store is: its folder, or its URL.
    pub fn name(&self) -> String {
        match &self.files {
            Files::Folder(folder) => folder.display().to_string(),
            Files::Objects { objects, .. } => objects.url().to_owned(),
        }
    }

    /// Where a file of it is: its path, or its URL.
    pub fn path_of(&self, file: &FileEntry) -> PathBuf {
        self.files.shown(&file.path)
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
