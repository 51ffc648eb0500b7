//! The lines of a program, out of whatever is around them.

use kcorr_model::lines::{Line, Lines};
use kcorr_model::{Error, Position};

use crate::unwrapper::{Unwrapped, Unwrapper};

/// Cuts bytes into lines and takes what a collector or a JSON layout put around them away.
#[derive(Debug)]
pub(crate) struct ProgramLines {
    lines: Lines,
    unwrapper: Unwrapper,
}

impl ProgramLines {
    /// Lines of at most `most_bytes` bytes.
    pub(crate) fn new(most_bytes: usize) -> Self {
        Self {
            lines: Lines::new(most_bytes),
            unwrapper: Unwrapper::new(most_bytes),
        }
    }

    /// Takes the next bytes; `take` is told each line.
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        take: &mut dyn FnMut(&Unwrapped<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Self { lines, unwrapper } = self;
        let mut unwrap = |line: Line<'_>| unwrapper.line(line, take);
        lines.push(bytes, &mut unwrap)
    }

    /// Ends a file.
    pub(crate) fn finish(
        &mut self,
        take: &mut dyn FnMut(&Unwrapped<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Self { lines, unwrapper } = self;
        let mut unwrap = |line: Line<'_>| unwrapper.line(line, take);
        lines.finish(&mut unwrap)?;
        unwrapper.finish(Position::Whole, take)
    }

    /// Whether lines were messages in JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.unwrapper.is_json
    }

    /// The error of an input that is not what was expected.
    pub(crate) fn unrecognised(&self, expected: &str) -> Error {
        self.lines.unrecognised(expected)
    }
}
