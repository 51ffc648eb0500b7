//! What became of a line.

/// Whether a line was read by whoever it was given to.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It was read, or counted as what it is.
    Read,
    /// It carries text that a script printed.
    Printed(String),
    /// It is none of what this expected.
    Unread(&'static str),
}
