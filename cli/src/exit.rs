//! Exit statuses.

use std::io;
use std::process::ExitCode;

/// What the process tells whoever started it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// Done.
    Done,
    /// Done, with data lost that the user should know of.
    DoneWithLoss,
    /// Done, and a condition that the user wants to be told of holds.
    ConditionHolds,
    /// Nothing, or not all of what was asked, was done.
    Failed,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        match status {
            Status::Done => ExitCode::SUCCESS,
            Status::DoneWithLoss => ExitCode::from(1),
            Status::Failed => ExitCode::from(2),
            Status::ConditionHolds => ExitCode::from(3),
        }
    }
}

/// Whether an error says that the reader of our output has gone, as in `kcorr query … | head`.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>();
        io.is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
            || cause.to_string().contains("Broken pipe")
    })
}
