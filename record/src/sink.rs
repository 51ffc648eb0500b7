//! Where the bytes of a source go.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Takes the bytes of one source, in order.
pub(crate) trait Sink: Send {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// When they cannot be kept; what comes later will not be given any more.
    fn take(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Ends the recording of the source.
    ///
    /// # Errors
    /// When what was taken cannot be kept.
    fn end(&mut self) -> io::Result<()>;
}

/// One file that has all of it.
#[derive(Debug)]
pub(crate) struct WholeFile(File);

impl WholeFile {
    /// Makes the file; an older one of that name is replaced.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        File::create(path).map(Self)
    }
}

impl Sink for WholeFile {
    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn end(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
