//! The contract between a decoder and whoever feeds it.
//!
//! A decoder does no IO. It is pushed bytes in any split, or handed the whole input when it is
//! memory-mapped, and answers with record batches of model tables. The same calls drive files,
//! pipes, tests and fuzzers.

use std::fmt;

use arrow::record_batch::RecordBatch;

use crate::{BatchError, ClockAnchor, ClockKind, Limit, Loss, Position, Table};

/// Takes the batches that a decoder yields.
pub trait Output {
    /// Takes one batch. Its schema is `table.schema()`; its times are readings of the source's
    /// declared clock.
    fn batch(&mut self, table: &'static Table, batch: RecordBatch) -> Result<(), Error>;

    /// Is told how many more bytes of a whole input ([`Decoder::push_whole`]) are decoded.
    fn progress(&mut self, _bytes: u64) {}
}

impl Output for Vec<(&'static Table, RecordBatch)> {
    fn batch(&mut self, table: &'static Table, batch: RecordBatch) -> Result<(), Error> {
        self.push((table, batch));
        Ok(())
    }
}

/// Turns the bytes of one input into rows.
///
/// A bad record is a [`Loss`], never an error: decoding goes on behind it. An [`Error`] means that
/// the input is not of this decoder's format at all, or that the output failed; the decoder is not
/// used any more after one. Memory held between calls does not grow with the input's size.
pub trait Decoder: Send {
    /// Says which file the bytes that follow come from, for formats in which the path says what is in
    /// the file. Called before the first bytes of each file.
    fn file(&mut self, _path: &str) {}

    /// Takes the next bytes. However an input is split, the rows are the same.
    fn push(&mut self, bytes: &[u8], output: &mut dyn Output) -> Result<(), Error>;

    /// Whether the decoder gains from a memory map of the whole input ([`push_whole`](Self::push_whole))
    /// over pieces of it. Most do not: pieces stay in the cache, and the map counts as memory used.
    fn wants_whole(&self) -> bool {
        false
    }

    /// Takes the whole input at once, as a memory map. Called at most once, before any `push`.
    fn push_whole(&mut self, bytes: &[u8], output: &mut dyn Output) -> Result<(), Error> {
        self.push(bytes, output)
    }

    /// The bytes that follow come from the next file of the same recording, such as a rotated
    /// capture: what goes across files (connections, clocks) is kept.
    fn next_file(&mut self, _output: &mut dyn Output) -> Result<(), Error> {
        Err(Error::unsupported(
            Position::Whole,
            "this format cannot be continued in another file",
        ))
    }

    /// Ends the input: yields what is still held, and tells what was read.
    fn finish(&mut self, output: &mut dyn Output) -> Result<Summary, Error>;
}

/// What a decoder knows of its input at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The format in words, with its version: `pcapng 1.0, Ethernet`, `JFR 2.1, JDK`.
    pub format: String,
    /// The clock that the times of all batches were read on.
    pub clock: ClockKind,
    /// Instants seen on two clocks, in input order; decoders keep a bounded number.
    pub anchors: Vec<ClockAnchor>,
    /// What could not be read.
    pub losses: Vec<Loss>,
    /// What the recording could not show.
    pub limits: Vec<Limit>,
}

/// Why decoding stopped.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    position: Position,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The kinds of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input is not of the decoder's format.
    Unrecognised,
    /// The format is known, but nothing of it can be read (for example a version from the future).
    Unsupported,
    /// The output did not take a batch.
    Output,
    /// A bug: the decoder built a batch that is not of its table.
    Batch,
}

impl Error {
    /// The input is not of the expected format; the message says what was expected and found.
    pub fn unrecognised(position: Position, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unrecognised, position, message)
    }

    /// The format is known but cannot be read.
    pub fn unsupported(position: Position, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, position, message)
    }

    /// The output failed.
    pub fn output(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            kind: ErrorKind::Output,
            position: Position::Whole,
            message: "cannot write rows".to_owned(),
            source: Some(source.into()),
        }
    }

    fn new(kind: ErrorKind, position: Position, message: impl Into<String>) -> Self {
        Self {
            kind,
            position,
            message: message.into(),
            source: None,
        }
    }

    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Where in the input it was met.
    pub fn position(&self) -> Position {
        self.position
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Position::Whole => f.write_str(&self.message),
            position => write!(f, "at {position}: {}", self.message),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<BatchError> for Error {
    fn from(error: BatchError) -> Self {
        Self::new(ErrorKind::Batch, Position::Whole, error.to_string())
    }
}
