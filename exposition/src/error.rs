//! Why a page cannot be shown.

/// Why a page cannot be shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An address cannot be had; which.
    #[error("{0}: {1}")]
    Address(String, #[source] std::io::Error),
    /// A certificate cannot be used; which, and why.
    #[error("{0}")]
    Certificate(String),
    /// Everybody could read there; what to do.
    #[error("{0}")]
    Refused(String),
}

/// What this crate's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
