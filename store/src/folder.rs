//! A store's folder: whose it is, its locks, and the data files in it.

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{self, Manifest};

const WRITER_LOCK: &str = "writer.lock";
const READERS_LOCK: &str = "readers.lock";

/// The one path of a store that exists, whatever `..` and links are in the one it is named by; as it is for one
/// that does not.
pub(super) fn canonical(folder: PathBuf) -> PathBuf {
    folder.canonicalize().unwrap_or(folder)
}

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
        if name != WRITER_LOCK && name != READERS_LOCK && name != manifest::STAGED {
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

/// The lock that readers share, and that a writer needs alone to remove files. A file that is opened for
/// reading can be locked too, so that a reader need not be allowed to write. `None` when there is none, and
/// none can be made: then no writer has ever looked at the store where it is now.
pub(super) fn readers_lock(folder: &Path) -> Result<Option<File>> {
    let path = folder.join(READERS_LOCK);
    let writable = File::options().create(true).append(true).open(&path);
    let unwritable = match writable {
        Ok(file) => return Ok(Some(file)),
        Err(e) => e,
    };
    match File::open(&path) {
        Ok(file) => Ok(Some(file)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let cannot_create = [
                io::ErrorKind::PermissionDenied,
                io::ErrorKind::ReadOnlyFilesystem,
            ];
            if cannot_create.contains(&unwritable.kind()) {
                Ok(None)
            } else {
                Err(Error::io("cannot create", &path, unwritable))
            }
        }
        Err(e) => Err(Error::io("cannot open", &path, e)),
    }
}

/// Removes data files that are no part of the store, unless somebody is reading it: a reader may use
/// files that were replaced since it opened the store. Links are not followed: what they lead to is
/// somebody else's.
pub(super) fn remove_unnamed_files(folder: &Path, manifest: &Manifest) -> Result<()> {
    let readers = readers_lock(folder)?;
    if readers.is_none_or(|readers| readers.try_lock().is_err()) {
        return Ok(());
    }
    let named: HashSet<PathBuf> = manifest
        .file_paths()
        .map(|path| folder.join(path))
        .collect();
    let remove = || -> io::Result<()> {
        for file in data_files(folder)? {
            if !named.contains(&file) {
                fs::remove_file(file)?;
            }
        }
        Ok(())
    };
    remove().map_err(|e| Error::io("cannot clean", folder, e))
}

/// The highest number that files of later generations have in their names, `<source>-<generation>-<number>-…`: an ingest that died may have left some, and while somebody reads the store they
/// stay.
pub(super) fn last_number(folder: &Path, generation: u64) -> Result<u32> {
    let files = data_files(folder).map_err(|e| Error::io("cannot read", folder, e))?;
    let numbers = files.iter().filter_map(|file| {
        let mut numbers = file.file_stem()?.to_str()?.split('-').skip(1);
        let of: u64 = numbers.next()?.parse().ok()?;
        let number: u32 = numbers.next()?.parse().ok()?;
        (of > generation).then_some(number)
    });
    Ok(numbers.max().unwrap_or(0))
}

/// Files that are named like those of tables, in folders of the store itself.
fn data_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for table in read_dir_if_any(&folder.join("data"))? {
        let in_table = read_dir_if_any(&table)?.into_iter();
        files.extend(in_table.filter(|file| is_data_file(file)));
    }
    Ok(files)
}

/// Where a table's files go, which is made if it is not there. Must be a folder of the store itself: files
/// that are written through a link would never be removed.
pub(super) fn table_folder(folder: &Path, table: &str) -> Result<PathBuf> {
    let data = folder.join("data");
    let table = data.join(table);
    fs::create_dir_all(&table).map_err(|e| Error::io("cannot create", &table, e))?;
    for inner in [data, table.clone()] {
        if inner.is_symlink() {
            let message = format!(
                "{} is a symbolic link, and a store's folders are its own: move it there",
                inner.display()
            );
            return Err(Error::new(ErrorKind::Store, message));
        }
    }
    Ok(table)
}

/// Makes the names of new files durable before the manifest refers to them.
pub(super) fn sync_folders(folder: &Path) -> Result<()> {
    let data = folder.join("data");
    let sync = || -> io::Result<()> {
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

/// Whether a path below a store is one of a data file: `data/<table>/<numbers>.parquet`.
pub(super) fn is_data_path(path: &Path) -> bool {
    let names: Vec<Component<'_>> = path.components().collect();
    match names[..] {
        [
            Component::Normal(data),
            Component::Normal(_),
            Component::Normal(_),
        ] => data == "data" && is_data_file(path),
        _ => false,
    }
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

/// What is in a folder; nothing when there is none, or a link in its place.
fn read_dir_if_any(folder: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::symlink_metadata(folder).is_ok_and(|metadata| metadata.is_dir()) {
        return Ok(Vec::new());
    }
    match fs::read_dir(folder) {
        Ok(entries) => entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}
