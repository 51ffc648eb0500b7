//! Why a worker could not be started or asked.

/// An error of a worker, or of who asks workers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was asked for is not done, such as to be reached by everybody.
    #[error("{0}")]
    Refused(String),
    /// A file or an address could not be had.
    #[error("{0}")]
    Io(String, #[source] std::io::Error),
    /// A worker did not answer, or not to the end.
    #[error("the worker {worker} did not answer: {why}")]
    Lost {
        /// Its URL.
        worker: String,
        /// What happened.
        why: String,
    },
    /// A worker was not asked for so long that it has forgotten the session.
    #[error("the worker {worker} has forgotten the session")]
    Forgotten {
        /// Its URL.
        worker: String,
    },
    /// What a worker says is wrong with what it was asked.
    #[error("the worker {worker} says: {message}")]
    Said {
        /// Its URL.
        worker: String,
        /// What it says.
        message: String,
    },
}

/// What this crate's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A worker that did not answer; `why` with what caused it.
    pub(crate) fn lost(worker: &str, why: &dyn std::error::Error) -> Self {
        let mut text = why.to_string();
        let mut cause = why.source();
        while let Some(why) = cause {
            let why_text = why.to_string();
            if !text.contains(&why_text) {
                text.push_str(": ");
                text.push_str(&why_text);
            }
            cause = why.source();
        }
        Self::Lost {
            worker: worker.to_owned(),
            why: text,
        }
    }

    /// Whether another worker may still do it.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self, Self::Lost { .. })
    }
}

impl From<Error> for kcorr_engine::Error {
    fn from(error: Error) -> Self {
        Self::new(kcorr_engine::ErrorKind::Worker, error.to_string())
    }
}
