//! Why the client cannot measure.

use std::path::Path;

use rdkafka::error::KafkaError;

/// Why the client cannot measure.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The plan cannot be used; where and why. It has no value of a property in it.
    #[error("{0}")]
    Plan(String),
    /// A file or a folder; what was to be done with it.
    #[error("{0}: {1}")]
    File(String, #[source] std::io::Error),
    /// What librdkafka says; of a property only its name.
    #[error("{0}")]
    Kafka(String),
    /// The figures that were kept cannot be read.
    #[error("{0}: {1}")]
    State(String, #[source] serde_json::Error),
}

impl Error {
    pub(crate) fn file(what: &str, path: &Path, error: std::io::Error) -> Self {
        Self::File(format!("{what} {}", path.display()), error)
    }

    /// What librdkafka says, without the values of properties, which may be secrets.
    pub(crate) fn kafka(what: &str, error: &KafkaError) -> Self {
        let words = match error {
            KafkaError::ClientConfig(_, _, name, _) => {
                format!("{name} is no property of librdkafka here, or cannot have this value")
            }
            other => other.to_string(),
        };
        Self::Kafka(format!("{what}: {words}"))
    }
}

/// What this crate's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
