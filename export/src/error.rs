//! Why an export failed.

/// Why an export failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A canned query could not be run.
    #[error("{0}")]
    Engine(#[from] kcorr_engine::Error),
    /// A canned query ended early.
    #[error("{0}")]
    Query(#[from] datafusion::error::DataFusionError),
    /// The output could not be written.
    #[error("cannot write the export: {0}")]
    Io(#[from] std::io::Error),
    /// The format's library refused a value.
    #[error("cannot encode the export: {0}")]
    Encode(String),
}

/// What this crate's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
