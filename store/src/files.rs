//! The files of a store: in its folder, or objects of which a writer has some in a folder of its own.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::block_hashes::{BLOCK_BYTES, how_to_mend};
use crate::error::{Error, ErrorKind, Result};
use crate::file_entry::FileEntry;
use crate::folder;
use crate::objects::{Blocks, Objects};

/// Blocks of a file that are fetched at once, when all of them are.
const BLOCKS_AT_ONCE: usize = 16;

/// Where the files of a store are.
#[derive(Debug, Clone)]
pub(crate) enum Files {
    /// In the store's folder.
    Folder(PathBuf),
    /// In an object store; those of a writer that are new, or were fetched, in a folder too.
    Objects {
        objects: Objects,
        here: Option<PathBuf>,
    },
}

impl Files {
    /// How a file is named to people.
    pub(crate) fn shown(&self, path: &str) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.join(path),
            Self::Objects { objects, .. } => objects.shown(path),
        }
    }

    /// Where a file is or would be on this host.
    fn here(&self, path: &str) -> Option<PathBuf> {
        match self {
            Self::Folder(folder) => Some(folder.join(path)),
            Self::Objects { here, .. } => {
                let path = here.as_ref()?.join(path);
                path.is_file().then_some(path)
            }
        }
    }

    /// A file on this host; an object is fetched, all of it, unless it has been. Bytes that are not as they were
    /// written are an error.
    pub(crate) fn fetched(&self, file: &FileEntry) -> Result<PathBuf> {
        if let Some(path) = self.here(&file.path) {
            if let Some(hashes) = &file.hashes {
                hashes.check_file(&path, file.size_bytes)?;
            }
            return Ok(path);
        }
        let (Self::Objects { here, .. }, below) = (self, Path::new(&file.path)) else {
            return Err(self.unlike(file, "missing"));
        };
        let folder = here.as_ref().ok_or_else(|| {
            let message = format!("{} is read only", self.shown("").display());
            Error::new(ErrorKind::Store, message)
        })?;
        // The manifest may be anybody's: what it names must not be written elsewhere.
        if !folder::is_data_path(below) {
            return Err(self.unlike(file, "not named as a store's files are"));
        }
        folder::table_folder(folder, &file.table)?;
        let path = folder.join(below);
        let mut parts = tempfile::NamedTempFile::new_in(folder)
            .map_err(|e| Error::io("cannot create a file in", folder, e))?;
        self.each_block(file, |bytes| {
            io::Write::write_all(&mut parts, bytes).map_err(|e| Error::io("cannot write", &path, e))
        })?;
        parts
            .persist(&path)
            .map_err(|e| Error::io("cannot write", &path, e.error))?;
        Ok(path)
    }

    /// Reads a whole file and fails when a byte is not as it was written.
    pub(crate) fn check(&self, file: &FileEntry) -> Result<()> {
        match (self.here(&file.path), &file.hashes) {
            (_, None) => Ok(()),
            (Some(path), Some(hashes)) => hashes.check_file(&path, file.size_bytes),
            (None, Some(_)) => self.each_block(file, |_| Ok(())),
        }
    }

    /// Fails when a file is missing or cut.
    pub(crate) fn check_size(&self, file: &FileEntry) -> Result<()> {
        let size = match (self.here(&file.path), self) {
            (None, Self::Objects { objects, .. }) => objects.size(&file.path)?,
            (path, _) => {
                let path = path.unwrap_or_default();
                match fs::metadata(&path) {
                    Ok(metadata) => Some(metadata.len()),
                    Err(e) if e.kind() == io::ErrorKind::NotFound => None,
                    Err(e) => return Err(Error::io("cannot open", &path, e)),
                }
            }
        };
        match size {
            Some(size) if size == file.size_bytes => Ok(()),
            Some(size) => {
                let is = format!("{size} bytes long, not {}", file.size_bytes);
                Err(self.unlike(file, &is))
            }
            None => Err(self.unlike(file, "missing")),
        }
    }

    /// Reads ranges of a file, each as long as it is asked for.
    pub(crate) fn read(&self, file: &FileEntry, ranges: Vec<Range<u64>>) -> Result<Vec<Bytes>> {
        let lengths: Vec<u64> = ranges.iter().map(|range| range.end - range.start).collect();
        let read = match (self.here(&file.path), self) {
            (None, Self::Objects { objects, .. }) => objects.read(&file.path, ranges)?,
            (path, _) => read(&path.unwrap_or_default(), ranges)?,
        };
        let read = read.ok_or_else(|| self.unlike(file, "missing"))?;
        let found = read.iter().map(|bytes| bytes.len() as u64);
        if !found.eq(lengths) {
            return Err(self.unlike(file, "cut"));
        }
        Ok(read)
    }

    /// What is kept of a file that was read; of one that is on this host the system does it.
    pub(crate) fn kept(&self, file: &FileEntry) -> Option<&Blocks> {
        match self {
            Self::Objects { objects, .. } if self.here(&file.path).is_none() => {
                Some(objects.blocks())
            }
            _ => None,
        }
    }

    /// Reads a whole file in pieces, which are compared with their hashes.
    fn each_block(
        &self,
        file: &FileEntry,
        mut done: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut first = 0;
        while first < file.size_bytes {
            let ends = (1..=BLOCKS_AT_ONCE as u64).map(|n| first + n * BLOCK_BYTES);
            let blocks: Vec<Range<u64>> = ends
                .map(|end| end - BLOCK_BYTES..end.min(file.size_bytes))
                .take_while(|block| block.start < block.end)
                .collect();
            let number = first / BLOCK_BYTES;
            for (number, bytes) in (number..).zip(self.read(file, blocks)?) {
                self.check_block(file, number, &bytes)?;
                done(&bytes)?;
            }
            first += BLOCKS_AT_ONCE as u64 * BLOCK_BYTES;
        }
        Ok(())
    }

    /// Fails when a block is not as it was written.
    pub(crate) fn check_block(&self, file: &FileEntry, block: u64, bytes: &[u8]) -> Result<()> {
        match &file.hashes {
            Some(hashes) if !hashes.matches(block, bytes) => {
                let path = self.shown(&file.path);
                Err(crate::block_hashes::changed(&path, block, file.size_bytes))
            }
            _ => Ok(()),
        }
    }

    /// What is said of a file that is not as the manifest says.
    pub(crate) fn unlike(&self, file: &FileEntry, is: &str) -> Error {
        let path = self.shown(&file.path);
        let message = format!(
            "the store's file {} is {is}: {}",
            path.display(),
            how_to_mend(&path)
        );
        Error::new(ErrorKind::Store, message)
    }
}

/// Reads ranges of a file of this host; `None` when there is none.
fn read(path: &Path, ranges: Vec<Range<u64>>) -> Result<Option<Vec<Bytes>>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Error::io("cannot open", path, e)),
    };
    let read = ranges.into_iter().map(|range| {
        let length = range.end.saturating_sub(range.start);
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        file.seek(SeekFrom::Start(range.start))?;
        (&mut file).take(length).read_to_end(&mut bytes)?;
        Ok(Bytes::from(bytes))
    });
    let read: io::Result<Vec<Bytes>> = read.collect();
    read.map(Some)
        .map_err(|e| Error::io("cannot read", path, e))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::memory::InMemory;

    use super::*;

    #[test]
    fn a_manifest_of_somebody_names_no_file_outside_the_writer_s_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let objects = Objects::new(Arc::new(InMemory::new()), "mem://s", Default::default());
        let files = Files::Objects {
            objects,
            here: Some(folder.path().to_owned()),
        };
        for path in [
            "../1-1-1.parquet",
            "data/../../1-1-1.parquet",
            "/data/a/1.parquet",
        ] {
            let file = FileEntry {
                table: "a".to_owned(),
                path: path.to_owned(),
                row_count: 1,
                size_bytes: 1,
                hashes: None,
                to_wall_time: Default::default(),
            };
            let error = files.fetched(&file).expect_err(path).to_string();
            assert!(error.contains("not named as"), "{error}");
        }
    }
}
