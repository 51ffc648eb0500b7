//! What every source of a recording can do.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::place::Place;
use crate::stretch::Stretch;

/// Something that records one kind of evidence of a broker.
///
/// A source that cannot run says so once, in [`Source::start`] or [`Source::state`], and is left out; the others go
/// on. None stops the broker, slows it by signals or restarts it.
pub trait Source: Send {
    /// Its name: `packets`, `file-writes`, `jvm`.
    fn name(&self) -> &str;

    /// Begins to record.
    ///
    /// # Errors
    /// Why it cannot and what would make it run, in one sentence.
    fn start(&mut self, place: &Place) -> Result<(), String>;

    /// Whether it records yet, or not any more.
    fn state(&mut self) -> State {
        State::Recording
    }

    /// Does what is due: samples, marks. Called about five times a second.
    fn tick(&mut self, _now: SystemTime) {}

    /// What went wrong since this was asked last, in one sentence, although it goes on.
    fn warning(&self) -> Option<String> {
        None
    }

    /// Bytes that were recorded so far.
    fn bytes(&self) -> u64;

    /// Ends the recording, and says what came of it.
    fn stop(&mut self) -> Report;

    /// Of a recording that goes on: writes what it has of a stretch of time into a folder.
    ///
    /// # Errors
    /// Why it has none, or cannot write it, in one sentence.
    fn dump(&mut self, stretch: Stretch, folder: &Path) -> Result<Vec<PathBuf>, String>;
}

/// What a source is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It gets ready.
    Starting,
    /// It records.
    Recording,
    /// It ended by itself; why.
    Ended(String),
}

/// What came of a source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Files that hold it.
    pub files: Vec<PathBuf>,
    /// Their bytes.
    pub bytes: u64,
    /// Events or packets that were lost, if the source counts them.
    pub lost: Option<u64>,
    /// CPU time that its own processes used; what they cost the broker and the kernel is not in it.
    pub cpu: Duration,
    /// What went wrong, a sentence each: then what is recorded is not all that was asked for.
    pub troubles: Vec<String>,
}
