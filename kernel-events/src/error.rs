//! Why nothing can be recorded.

use std::fmt;

/// An error: what could not be done, why, and what would make it possible.
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
    /// The kernel does not describe its types, so programs cannot be fitted to it.
    NoBtf,
    /// The machine is none that the programs know.
    Architecture,
    /// This process may not load programs.
    Permission,
    /// The kernel forbids it to everybody.
    Lockdown,
    /// Memory that may be locked does not suffice.
    Memory,
    /// There is no such process.
    NoProcess,
    /// The kernel lacks what all programs need, or what was asked for.
    Kernel,
    /// What was asked for makes no sense.
    Settings,
    /// What the programs tell could not be read, or not be written on.
    Io,
}

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
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            message: message.into(),
            source: Some(source.into()),
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
        self.source.as_deref().map(|source| source as _)
    }
}
