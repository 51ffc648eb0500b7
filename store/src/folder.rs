//! A store's folder: whose it is, its locks, and the data files in it.

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::manifest::Manifest;
use crate::error::{Error, ErrorKind, Result};

const WRITER_LOCK: &str = "writer.lock";
const READERS_LOCK: &str = "readers.lock";

/// A path that is a file can be no store.
pub(super) fn refuse_file(folder: &Path) -> Result<()> {
    if folder.is_file() {
        let message = format!(
            "{} is a file, and a store is a folder: name another with --store",
            folder.display()
        );
        return Err(Error::new(ErrorKind::Store, message));
    }
    Ok(())
}

/// Whether a folder without a manifest is empty, or became a store only so far that it was locked.
pub(super) fn is_ours(folder: &Path) -> Result<bool> {
    let entries = fs::read_dir(folder).map_err(|e| Error::io("cannot read", folder, e))?;
    for entry in entries {
        let entry = entry.map_err(|e| Error::io("cannot read", folder, e))?;
        let name = entry.file_name();
        if name != WRITER_LOCK && name != READERS_LOCK && name != "manifest.json.new" {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The lock of the one writer. When another process has it, calls `on_wait` once and waits.
pub(super) fn writer_lock(folder: &Path, on_wait: impl FnOnce()) -> Result<File> {
    let path = folder.join(WRITER_LOCK);
    let file = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(|e| Error::io("cannot open", &path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            on_wait();
            file.lock()
                .map_err(|e| Error::io("cannot lock", &path, e))?;
            Ok(file)
        }
        Err(TryLockError::Error(e)) => Err(Error::io("cannot lock", &path, e)),
    }
}

/// The lock that readers share, and that a writer needs alone to remove files.
pub(super) fn readers_lock(folder: &Path) -> Result<File> {
    let path = folder.join(READERS_LOCK);
    File::options()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(|e| Error::io("cannot open", &path, e))
}

/// Removes data files that are no part of the store, unless somebody is reading it: a reader may use
/// files that were replaced since it opened the store.
pub(super) fn remove_unnamed_files(folder: &Path, manifest: &Manifest) -> Result<()> {
    let readers = readers_lock(folder)?;
    if readers.try_lock().is_err() {
        return Ok(());
    }
    let named: HashSet<PathBuf> = manifest
        .file_paths()
        .map(|path| folder.join(path))
        .collect();
    let remove = || -> std::io::Result<()> {
        for table in read_dir_if_any(&folder.join("data"))? {
            for file in read_dir_if_any(&table)? {
                if is_data_file(&file) && !named.contains(&file) {
                    fs::remove_file(file)?;
                }
            }
        }
        Ok(())
    };
    remove().map_err(|e| Error::io("cannot clean", folder, e))
}

/// Makes the names of new files durable before the manifest refers to them.
pub(super) fn sync_folders(folder: &Path) -> Result<()> {
    let data = folder.join("data");
    let sync = || -> std::io::Result<()> {
        for table in read_dir_if_any(&data)? {
            File::open(table)?.sync_all()?;
        }
        if data.exists() {
            File::open(&data)?.sync_all()?;
        }
        Ok(())
    };
    sync().map_err(|e| Error::io("cannot sync", &data, e))
}

/// Whether a file is named as a store names its data files: numbers with dashes between.
fn is_data_file(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    name.strip_suffix(".parquet").is_some_and(|stem| {
        stem.bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-')
    })
}

fn read_dir_if_any(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect(),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}
