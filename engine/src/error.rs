//! Why the engine could not do what was asked.

use std::fmt;
use std::path::Path;

/// An error of the engine: what was being done, and why it failed.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A file could not be read or written.
    Io,
    /// The store is missing, or is not one that this version can read.
    Store,
    /// An input is not of the format it was given as.
    Input,
    /// The input was not read to its end because that was asked for.
    Stopped,
    /// A query could not be planned or run, or a parameter is missing or wrong.
    Query,
    /// A process that was to run a part of a query did not, or not to its end.
    Worker,
}

/// What the engine's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error that says what went wrong.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    /// An error with what caused it.
    pub fn because(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
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

impl From<kcorr_store::Error> for Error {
    fn from(error: kcorr_store::Error) -> Self {
        let kind = match error.kind() {
            kcorr_store::ErrorKind::Store => ErrorKind::Store,
            kcorr_store::ErrorKind::Input => ErrorKind::Input,
            _ => ErrorKind::Io,
        };
        let (message, source) = error.into_parts();
        Self {
            kind,
            message,
            source,
        }
    }
}

impl From<datafusion::error::DataFusionError> for Error {
    fn from(error: datafusion::error::DataFusionError) -> Self {
        Self::new(ErrorKind::Query, error.strip_backtrace())
    }
}
