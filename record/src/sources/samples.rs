//! What is looked at again and again, as text in one file.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::kept::Kept;
use crate::place::{Place, size};
use crate::ring::Framing;
use crate::sink::Sink;
use crate::source::Report;
use crate::stretch::Stretch;

/// The samples of a source.
pub(super) struct Samples {
    file: &'static str,
    every: Duration,
    last: Option<SystemTime>,
    sink: Option<Box<dyn Sink>>,
    kept: Kept,
    failure: Option<String>,
}

impl Samples {
    /// Samples in a file of that name, so long after each other.
    pub(super) fn new(file: &'static str, every: Duration) -> Self {
        Self {
            file,
            every,
            last: None,
            sink: None,
            kept: Kept::default(),
            failure: None,
        }
    }

    pub(super) fn start(&mut self, place: &Place) -> Result<(), String> {
        let (sink, kept) = place.keep(self.file, Framing::Lines { head: 0 })?;
        self.sink = Some(sink);
        self.kept = kept;
        Ok(())
    }

    /// Whether all of them are kept.
    pub(super) fn are_whole(&self) -> bool {
        self.kept.is_whole()
    }

    /// Whether the next one is due; it is taken now, then.
    pub(super) fn are_due(&mut self, now: SystemTime) -> bool {
        let is_due = self.last.is_none_or(|last| {
            now.duration_since(last)
                .is_ok_and(|since| since >= self.every)
        });
        if is_due {
            self.last = Some(now);
        }
        is_due
    }

    pub(super) fn write(&mut self, text: &str) {
        if let Some(sink) = &mut self.sink
            && let Err(error) = sink.take(text.as_bytes())
        {
            self.fail(error.to_string());
        }
    }

    /// Notes what went wrong, if it is the first such.
    pub(super) fn fail(&mut self, why: String) {
        self.failure.get_or_insert(why);
    }

    pub(super) fn warning(&self) -> Option<String> {
        self.kept.warning()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.kept.files().iter().map(|file| size(file)).sum()
    }

    pub(super) fn stop(&mut self) -> Report {
        if let Some(mut sink) = self.sink.take()
            && let Err(error) = sink.end()
        {
            self.fail(error.to_string());
        }
        let mut troubles: Vec<String> = self.failure.take().into_iter().collect();
        troubles.extend(self.kept.emptied());
        Report {
            bytes: self.bytes(),
            files: self.kept.files(),
            troubles,
            ..Report::default()
        }
    }

    pub(super) fn dump(&self, stretch: Stretch, folder: &Path) -> Result<Vec<PathBuf>, String> {
        self.kept.dump(stretch, folder)
    }
}
