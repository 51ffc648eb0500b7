//! async-profiler in the running broker, when its library is given: CPU samples, wall-clock samples and locks.
//!
//! The library is loaded by the JVM itself (HotSpot's `load`), as `asprof` does it. There is never a second one beside one
//! that is loaded, for both would take the same signals: the one that is there is used when it does not record, and
//! else left alone. Its recording grows until it is stopped, so it is none of the last minutes.

use std::path::{Path, PathBuf};

use crate::attach::{can_attach, load_agent};
use crate::broker::{Broker, Jvm};
use crate::host::Host;
use crate::place::{Place, size};
use crate::source::{Report, Source, State};
use crate::stretch::Stretch;

/// The name of the source.
pub(crate) const NAME: &str = "profiler";
/// The file of the recording.
const FILE: &str = "profiler.jfr";
/// What is recorded: samples of threads on a CPU, of all threads, and lock waits from 100 µs on.
const EVENTS: &str = "event=cpu,interval=10ms,wall=100ms,lock=100us,jfr";

/// Records with async-profiler.
pub(crate) struct Profiler {
    host: Host,
    broker: Broker,
    library: PathBuf,
    file: PathBuf,
    is_started: bool,
}

impl Profiler {
    /// Of a library, by its path as the broker sees it.
    pub(crate) fn new(host: &Host, broker: &Broker, library: &Path) -> Self {
        Self {
            host: host.clone(),
            broker: broker.clone(),
            library: library.to_owned(),
            file: PathBuf::new(),
            is_started: false,
        }
    }

    /// A file in the JVM's own `/tmp`: its path there, and here. Nobody else's file is there afterwards.
    fn inner(&self, ending: &str) -> (String, PathBuf) {
        let inside = format!("/tmp/kcorr-{}-profiler.{ending}", self.broker.pid);
        let outside = self.broker.outside(Path::new(&inside));
        (inside, outside)
    }

    /// Gives the agent a command; what it printed.
    fn command(&self, command: &str) -> Result<String, String> {
        let (inside, outside) = self.inner("txt");
        let _ = std::fs::remove_file(&outside);
        let library = self.library.to_string_lossy();
        let done = load_agent(&self.broker, &library, &format!("{command},log={inside}"));
        let text = std::fs::read_to_string(&outside).unwrap_or_default();
        let _ = std::fs::remove_file(&outside);
        done.map_err(|error| match text.trim() {
            "" => error,
            text => format!("async-profiler: {text}"),
        })?;
        Ok(text)
    }

    /// Ends a recording that a killed recorder left; others are not ours to end.
    fn make_free(&self) -> Result<(), String> {
        let (_, outside) = self.inner("jfr");
        let (inside_status, status) = self.inner("status");
        let _ = std::fs::remove_file(&status);
        self.command(&format!("status,file={inside_status}"))?;
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let _ = std::fs::remove_file(&status);
        if !text.contains("is running") {
            return Ok(());
        }
        if outside.exists() {
            self.command("stop")?;
            let _ = std::fs::remove_file(outside);
            return Ok(());
        }
        Err("async-profiler records already, for somebody else: give that recording to kcorr ingest".to_owned())
    }
}

/// Whether a library may be loaded into a JVM.
///
/// # Errors
/// Why not: another is loaded.
pub(crate) fn may_load(jvm: &Jvm, library: &Path) -> Result<(), String> {
    match &jvm.profiler {
        Some(loaded) if loaded != library => Err(format!(
            "{} is loaded already, and there may be no second one: name it, or give its recording to kcorr ingest",
            loaded.display()
        )),
        _ => Ok(()),
    }
}

impl Source for Profiler {
    fn name(&self) -> &str {
        NAME
    }

    fn start(&mut self, place: &Place) -> Result<(), String> {
        if place.ring.is_some() {
            return Err(
                "async-profiler's recording has no bound: record it with --for, or rely on the JVM's own".to_owned(),
            );
        }
        can_attach(&self.host, &self.broker)?;
        may_load(&self.broker.jvm, &self.library)?;
        if !self.broker.outside(&self.library).is_file() {
            return Err(format!(
                "the broker sees no {}: give the path of libasyncProfiler.so as the broker sees it",
                self.library.display()
            ));
        }
        if self.broker.jvm.profiler.is_some() {
            self.make_free()?;
        }
        let (inside, outside) = self.inner("jfr");
        // Never through a link that somebody else has put there.
        let _ = std::fs::remove_file(&outside);
        self.command(&format!("start,{EVENTS},file={inside}"))?;
        self.is_started = true;
        self.file = place.file(FILE);
        Ok(())
    }

    fn state(&mut self) -> State {
        if self.broker.is_running(&self.host) {
            State::Recording
        } else {
            State::Ended("the broker's process has ended".to_owned())
        }
    }

    fn bytes(&self) -> u64 {
        if self.is_started {
            size(&self.inner("jfr").1)
        } else {
            0
        }
    }

    fn stop(&mut self) -> Report {
        let mut report = Report::default();
        if !std::mem::take(&mut self.is_started) {
            return report;
        }
        let (_, outside) = self.inner("jfr");
        // What a broker that has ended left is whole up to the last chunk.
        let stopped = self.command("stop");
        if let Err(trouble) = stopped {
            report.troubles.push(trouble);
        }
        let copied = std::fs::copy(&outside, &self.file);
        let _ = std::fs::remove_file(&outside);
        match copied {
            Ok(bytes) => {
                report.bytes = bytes;
                report.files.push(self.file.clone());
            }
            Err(error) => report.troubles.push(format!(
                "cannot take async-profiler's recording from {}: {error}",
                outside.display()
            )),
        }
        report
    }

    fn dump(&mut self, _: Stretch, _: &Path) -> Result<Vec<PathBuf>, String> {
        Err("async-profiler's recording is none of the last minutes".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_never_a_second_one_beside_one_that_is_loaded() {
        let library = Path::new("/opt/ap/lib/libasyncProfiler.so");
        let mut jvm = Jvm::default();
        assert_eq!(may_load(&jvm, library), Ok(()));
        jvm.profiler = Some(library.to_owned());
        assert_eq!(may_load(&jvm, library), Ok(()));
        jvm.profiler = Some(PathBuf::from("/opt/apm/libasyncProfiler.so"));
        let why = may_load(&jvm, library).unwrap_err();
        assert!(why.contains("/opt/apm/libasyncProfiler.so"), "{why}");
    }
}
