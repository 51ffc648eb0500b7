//! Why something of the accounts by window failed.

use std::path::Path;

/// Why something of the accounts by window failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A query could not be run.
    #[error("{0}")]
    Engine(#[from] kcorr_engine::Error),
    /// A query ended early.
    #[error("{0}")]
    Query(#[from] datafusion::error::DataFusionError),
    /// Rows could not be made text.
    #[error("cannot encode rows: {0}")]
    Arrow(#[from] datafusion::arrow::error::ArrowError),
    /// A text that should be an account is none.
    #[error("cannot read an account: {0}")]
    Json(#[from] serde_json::Error),
    /// The page of metrics cannot be shown.
    #[error("{0}")]
    Page(#[from] kcorr_exposition::Error),
    /// A file or a folder; what was to be done with it.
    #[error("{0}: {1}")]
    File(String, #[source] std::io::Error),
    /// An address, a target or a folder cannot be used; why.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    pub(crate) fn file(what: &str, path: &Path, error: std::io::Error) -> Self {
        Self::File(format!("{what} {}", path.display()), error)
    }
}

/// What this crate's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
