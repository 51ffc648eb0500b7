//! The names of the JVM's threads, by its own dump of them, at the begin and at the end.

use std::path::{Path, PathBuf};

use crate::attach::{can_attach, jcmd};
use crate::broker::Broker;
use crate::host::Host;
use crate::place::{Place, size};
use crate::source::{Report, Source};
use crate::stretch::Stretch;

/// Records thread dumps.
pub(crate) struct Threads {
    host: Host,
    broker: Broker,
    folder: PathBuf,
    files: Vec<PathBuf>,
}

impl Threads {
    pub(crate) fn new(host: &Host, broker: &Broker) -> Self {
        Self {
            host: host.clone(),
            broker: broker.clone(),
            folder: PathBuf::new(),
            files: Vec::new(),
        }
    }

    fn take(&self, file: PathBuf) -> Result<PathBuf, String> {
        let dump = jcmd(&self.broker, "Thread.print")?;
        std::fs::write(&file, dump)
            .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
        Ok(file)
    }
}

impl Source for Threads {
    fn name(&self) -> &str {
        "threads"
    }

    fn start(&mut self, place: &Place) -> Result<(), String> {
        can_attach(&self.host, &self.broker)?;
        self.folder.clone_from(&place.folder);
        if place.ring.is_none() {
            self.files = vec![self.take(self.folder.join("threads-begin.txt"))?];
        }
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.files.iter().map(|file| size(file)).sum()
    }

    fn stop(&mut self) -> Report {
        let mut report = Report::default();
        if !self.files.is_empty() {
            match self.take(self.folder.join("threads-end.txt")) {
                Ok(file) => self.files.push(file),
                Err(trouble) => report.troubles.push(trouble),
            }
        }
        report.bytes = self.bytes();
        report.files = std::mem::take(&mut self.files);
        report
    }

    fn dump(&mut self, _: Stretch, folder: &Path) -> Result<Vec<PathBuf>, String> {
        Ok(vec![self.take(folder.join("threads.txt"))?])
    }
}
