//! The machine that is looked at: its `/proc` and `/sys`, or files that stand for them.

use std::io;
use std::path::{Path, PathBuf};

/// Bytes of a file of `/proc` or `/sys` that are read; the largest (`maps`, `net/tcp`) are far below.
const MOST_BYTES: u64 = 64 << 20;

/// A machine, by the files in which its kernel tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    root: PathBuf,
}

impl Host {
    /// This machine.
    pub fn here() -> Self {
        Self::at("/")
    }

    /// A machine whose files lie below `root`, for tests.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Whether it is this machine, on which processes can be started and asked.
    pub fn is_here(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Where a file of it lies. `path` is absolute.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The text of a file; bytes that are no UTF-8 are replaced.
    ///
    /// # Errors
    /// When it is not there, or may not be read.
    pub fn text(&self, path: impl AsRef<Path>) -> io::Result<String> {
        let bytes = self.bytes(path)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The bytes of a file, 64 MiB at most.
    ///
    /// # Errors
    /// When it is not there, or may not be read.
    pub fn bytes(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        use std::io::Read;
        let file = std::fs::File::open(self.path(path))?;
        let mut bytes = Vec::new();
        file.take(MOST_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The text of a file without the blanks around it, if it can be read.
    pub fn word(&self, path: impl AsRef<Path>) -> Option<String> {
        self.text(path).ok().map(|text| text.trim().to_owned())
    }

    /// Names in a folder, in order; none when it cannot be read.
    pub fn names(&self, folder: impl AsRef<Path>) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(folder)).into_iter().flatten();
        let names = entries.flatten().map(|entry| entry.file_name());
        let mut names: Vec<String> = names.filter_map(|name| name.into_string().ok()).collect();
        names.sort();
        names
    }

    /// Puts a file into a machine that is made for a test.
    #[cfg(test)]
    pub(crate) fn put(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Where a link points, if it is one that can be read.
    pub fn link(&self, path: impl AsRef<Path>) -> Option<PathBuf> {
        std::fs::read_link(self.path(path)).ok()
    }
}
