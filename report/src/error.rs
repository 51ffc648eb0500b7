//! Why a report could not be made.

/// An answer that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{query}: {message}")]
pub struct Error {
    query: String,
    message: String,
}

impl Error {
    pub(crate) fn new(query: &str, message: impl std::fmt::Display) -> Self {
        Self {
            query: query.to_owned(),
            message: message.to_string(),
        }
    }
}
