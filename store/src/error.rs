//! Why the store could not do what was asked.

use std::fmt;
use std::path::Path;

/// An error of the store: what was being done, and why it failed.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Cause>,
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file could not be read or written.
    Io,
    /// The store is missing, or is not one that this version can read.
    Store,
    /// An input is not one that can be read.
    Input,
}

/// What the store's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    pub(crate) fn because(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<Cause>,
    ) -> Self {
        Self {
            kind,
            message: message.into(),
            source: Some(source.into()),
        }
    }

    /// An IO error, with what was being done (`cannot open`) to which file.
    pub(crate) fn io(doing: &str, path: &Path, source: std::io::Error) -> Self {
        Self::because(ErrorKind::Io, format!("{doing} {}", path.display()), source)
    }

    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What was being done, and what it failed on, for an error of another kind to be made of it.
    pub fn into_parts(self) -> (String, Option<Cause>) {
        (self.message, self.source)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
