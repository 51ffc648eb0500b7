//! Why a recording cannot be taken at all. What one source lacks is no error: the others go on.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why nothing can be recorded.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<std::io::Error>,
}

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The process is not there, or may not be looked at, or none was found.
    Process,
    /// A file or folder of the recording cannot be written.
    Output,
    /// An address cannot be listened on.
    Address,
}

impl Error {
    /// The process cannot be recorded.
    pub(crate) fn process(message: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Process,
            message: message.into(),
            source: None,
        }
    }

    /// A file of the recording cannot be written.
    pub(crate) fn output(path: &Path, source: std::io::Error) -> Self {
        let path: PathBuf = path.to_owned();
        Self {
            kind: ErrorKind::Output,
            message: format!("cannot write {}", path.display()),
            source: Some(source),
        }
    }

    /// An address cannot be listened on.
    pub(crate) fn address(message: String, source: Option<std::io::Error>) -> Self {
        Self {
            kind: ErrorKind::Address,
            message,
            source,
        }
    }

    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
