//! Whether a store's files are as they were written.

use std::path::PathBuf;
use std::sync::Mutex;

use crate::error::{Error, ErrorKind, Result};
use crate::file_entry::FileEntry;
use crate::store::Store;

/// What a check of a store found.
#[derive(Debug, Default)]
pub struct Checked {
    /// Files that the manifest names.
    pub file_count: usize,
    /// Bytes in them.
    pub bytes: u64,
    /// Files that an earlier version wrote without hashes, of which only the length was compared.
    pub unhashed: usize,
    /// What is wrong, file by file, in the order of the manifest.
    pub damaged: Vec<Error>,
}

/// Reads all files of a store and compares them with their hashes, on all cores. The manifest's own hash is
/// compared whenever it is read: damage to that is an error.
pub fn check(place: impl Into<PathBuf>) -> Result<Checked> {
    let store = Store::read(place.into())?;
    let files: Vec<(usize, &FileEntry)> = store.manifest().files().enumerate().collect();
    let mut checked = Checked {
        file_count: files.len(),
        bytes: files.iter().map(|(_, file)| file.size_bytes).sum(),
        unhashed: files
            .iter()
            .filter(|(_, file)| file.hashes.is_none())
            .count(),
        damaged: Vec::new(),
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let queue = Mutex::new(files.into_iter());
    let next = || queue.lock().ok()?.next();
    let mut damaged = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut damaged = Vec::new();
                    while let Some((number, file)) = next() {
                        let found = store.check_size(file);
                        if let Err(error) = found.and_then(|()| store.check_bytes(file)) {
                            damaged.push((number, error));
                        }
                    }
                    damaged
                })
            })
            .collect();
        let found = threads.into_iter().map(|thread| thread.join());
        let stopped = |_| Error::new(ErrorKind::Io, "checking a file stopped on a bug");
        let found: Result<Vec<_>> = found.map(|found| found.map_err(stopped)).collect();
        found.map(|found| found.into_iter().flatten().collect::<Vec<_>>())
    })?;
    damaged.sort_by_key(|(number, _)| *number);
    checked.damaged = damaged.into_iter().map(|(_, error)| error).collect();
    Ok(checked)
}
