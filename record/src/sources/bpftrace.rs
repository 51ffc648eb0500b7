//! Kernel events by bpftrace, with the scripts of `probes/`: one process a script.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kcorr_probes::{BpftraceVersion, ProbeParameters, by_name};

use super::kernel::{BpfEngine, KernelEvents};
use crate::broker::Broker;
use crate::child::{Child, Observer, in_path};
use crate::host::Host;
use crate::kept::Kept;
use crate::place::{Place, size};
use crate::ring::Framing;
use crate::source::{Report, Source, State};
use crate::stretch::Stretch;
use crate::trigger::Triggers;
use crate::whole_lines::WholeLines;

/// How long a script may take until it is attached.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of a line that are looked at; what bpftrace says of losses is short.
const MOST_LINE_BYTES: usize = 256;
/// Pages of the buffer of each CPU.
const BUFFER_PAGES: &str = "1024";

/// bpftrace as it is installed here.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bpftrace {
    /// What file operations are compared with.
    pub(crate) triggers: Option<Triggers>,
}

/// What this machine's bpftrace says its version is, if there is one.
pub(crate) fn version_text() -> Option<String> {
    let output = Command::new(in_path("bpftrace")?)
        .arg("--version")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned())
}

/// The version of this machine's bpftrace, if there is one.
fn installed() -> Option<BpftraceVersion> {
    version_text()?.parse().ok()
}

impl BpfEngine for Bpftrace {
    fn sources(&self, _: &Host, broker: &Broker, events: &[KernelEvents]) -> Vec<Box<dyn Source>> {
        let version = installed();
        let mut sources: Vec<Box<dyn Source>> = Vec::new();
        for event in events {
            let triggers = self
                .triggers
                .as_ref()
                .filter(|_| event.probe == "file-writes");
            let observer = triggers.and_then(Triggers::writes);
            sources.push(Box::new(Script::new(broker, *event, version, observer)));
        }
        sources
    }
}

/// One script.
struct Script {
    events: KernelEvents,
    /// What bpftrace is told, or why it cannot run the script.
    ready: Result<Ready, String>,
    pid: Option<u32>,
    observer: Option<Box<dyn Observer>>,
    running: Option<Child>,
    begun: Instant,
    told: Arc<Told>,
    kept: Kept,
}

/// A script with its parameters in place, and the environment in which bpftrace runs it.
#[derive(Debug, Clone)]
struct Ready {
    script: String,
    environment: Vec<(&'static str, String)>,
}

/// What the lines of a script tell besides events.
#[derive(Debug, Default)]
struct Told {
    is_attached: AtomicBool,
    lost: AtomicU64,
}

impl Script {
    fn new(
        broker: &Broker,
        events: KernelEvents,
        version: Option<BpftraceVersion>,
        observer: Option<Box<dyn Observer>>,
    ) -> Self {
        let needs_libjvm = by_name(events.probe).is_some_and(|probe| probe.needs_libjvm);
        Self {
            events,
            ready: text(broker, events, version),
            pid: needs_libjvm.then_some(broker.pid),
            observer,
            running: None,
            begun: Instant::now(),
            told: Arc::default(),
            kept: Kept::default(),
        }
    }

    fn file_name(&self) -> String {
        format!("{}.jsonl", self.events.probe)
    }

    /// What bpftrace said when it ended before it was asked to.
    fn ended_early(child: &Child) -> String {
        let lines = child.last_words();
        let is_noise =
            |line: &&String| line.contains("RLIMIT_MEMLOCK") || line.starts_with("WARNING");
        let error = lines.iter().find(|line| line.contains("ERROR"));
        let text = error.or_else(|| lines.iter().rev().find(|line| !is_noise(line)));
        let text = text.map_or("it said nothing", String::as_str);
        let text = text.trim_start_matches("ERROR: ");
        let lower = text.to_lowercase();
        let advice = if lower.contains("root user") || lower.contains("not permitted") {
            ": run as root"
        } else if lower.contains("tracefs")
            || lower.contains("debugfs")
            || lower.contains("tracing")
        {
            ": mount -t tracefs tracefs /sys/kernel/tracing; mount -t debugfs debugfs /sys/kernel/debug"
        } else {
            ""
        };
        format!("bpftrace ended: {text}{advice}")
    }
}

/// The script for a broker, and the environment in which bpftrace runs it.
fn text(
    broker: &Broker,
    events: KernelEvents,
    version: Option<BpftraceVersion>,
) -> Result<Ready, String> {
    let version = version.ok_or_else(|| {
        "bpftrace is not installed here: install it (package bpftrace)".to_owned()
    })?;
    let probe =
        by_name(events.probe).ok_or_else(|| format!("there is no probe {}", events.probe))?;
    let libjvm = broker.jvm.libjvm.as_deref();
    // bpftrace reads the library itself, so its path is this machine's.
    let libjvm = libjvm.map(|path| broker.outside(path).display().to_string());
    let threshold = events
        .threshold
        .map(|it| u64::try_from(it.as_nanos()).unwrap_or(u64::MAX));
    let parameters = ProbeParameters {
        pid: Some(broker.pid),
        threshold_ns: threshold,
        libjvm: libjvm.filter(|_| probe.needs_libjvm),
        bpftrace: Some(version),
    };
    let script = probe
        .render(&parameters)
        .map_err(|error| error.to_string())?;
    let mut environment = vec![("BPFTRACE_PERF_RB_PAGES", BUFFER_PAGES.to_owned())];
    if !script.contains("max_strlen") {
        // Of the JVM's probes the names of collections fill the stack otherwise.
        let bytes = if events.probe == "pauses" {
            "64"
        } else {
            "128"
        };
        environment.push(("BPFTRACE_STRLEN", bytes.to_owned()));
    }
    Ok(Ready {
        script,
        environment,
    })
}

impl Source for Script {
    fn name(&self) -> &str {
        self.events.probe
    }

    fn start(&mut self, place: &Place) -> Result<(), String> {
        let Ready {
            script,
            environment,
        } = self.ready.clone()?;
        let name = self.file_name();
        let (sink, kept) = place.keep(&name, Framing::Lines { head: 2 })?;
        let mut arguments: Vec<OsString> = vec!["-q".into()];
        if let Some(pid) = self.pid {
            arguments.extend(["-p".into(), pid.to_string().into()]);
        }
        arguments.extend(["-e".into(), script.into()]);
        let told = Lines::new(Arc::clone(&self.told));
        let mut observers: Vec<Box<dyn Observer>> = vec![Box::new(told)];
        observers.extend(self.observer.take());
        let child = Child::start(
            &place.launcher,
            "bpftrace",
            &arguments,
            &environment,
            sink,
            observers,
        );
        self.running = Some(child.map_err(|error| format!("bpftrace does not start: {error}"))?);
        self.begun = Instant::now();
        self.kept = kept;
        Ok(())
    }

    fn state(&mut self) -> State {
        let Some(child) = &self.running else {
            return State::Ended("it was not started".to_owned());
        };
        if !child.is_running() {
            return State::Ended(Self::ended_early(child));
        }
        if self.told.is_attached.load(Ordering::Relaxed) {
            return State::Recording;
        }
        if self.begun.elapsed() > PATIENCE {
            return State::Ended(format!("bpftrace was not attached after {PATIENCE:?}"));
        }
        State::Starting
    }

    fn warning(&self) -> Option<String> {
        self.kept.warning()
    }

    fn bytes(&self) -> u64 {
        self.running
            .as_ref()
            .map_or(0, |child| child.counts.bytes.load(Ordering::Relaxed))
    }

    fn stop(&mut self) -> Report {
        let Some(child) = self.running.take() else {
            return Report::default();
        };
        let early = (!child.is_running()).then(|| Self::ended_early(&child));
        let messages = Arc::clone(&child.messages);
        let ended = child.stop();
        // Newer versions say it among their messages.
        let said: u64 = messages
            .lines()
            .iter()
            .filter_map(|line| lost_in(line))
            .sum();
        let lost = self.told.lost.load(Ordering::Relaxed).saturating_add(said);
        let mut troubles: Vec<String> = early.into_iter().collect();
        if ended.is_killed {
            troubles.push("bpftrace had to be killed: its last events are missing".to_owned());
        }
        if let Some(failure) = ended.failure {
            troubles.push(format!("events were not all written: {failure}"));
        }
        if lost > 0 {
            troubles.push(format!(
                "{lost} events were lost, because bpftrace's buffers were full"
            ));
        }
        troubles.extend(self.kept.emptied());
        let files = self.kept.files();
        Report {
            bytes: files.iter().map(|file| size(file)).sum(),
            files,
            lost: Some(lost),
            cpu: ended.cpu,
            troubles,
        }
    }

    fn dump(&mut self, stretch: Stretch, folder: &Path) -> Result<Vec<PathBuf>, String> {
        self.kept.dump(stretch, folder)
    }
}

/// Looks for what a script says besides its events.
struct Lines {
    told: Arc<Told>,
    lines: WholeLines,
}

impl Lines {
    fn new(told: Arc<Told>) -> Self {
        Self {
            told,
            lines: WholeLines::of(MOST_LINE_BYTES),
        }
    }
}

impl Observer for Lines {
    fn see(&mut self, bytes: &[u8]) {
        let Self { told, lines } = self;
        lines.take(bytes, |line| {
            if line.starts_with("{\"ev\":\"clock\"") {
                told.is_attached.store(true, Ordering::Relaxed);
            } else if let Some(count) = lost_in(line) {
                told.lost.fetch_add(count, Ordering::Relaxed);
            }
        });
    }
}

/// `Lost 12 events`, alone in a line or behind a word of warning.
fn lost_in(line: &str) -> Option<u64> {
    let line = line.trim();
    let behind = line
        .strip_prefix("WARNING: ")
        .unwrap_or(line)
        .strip_prefix("Lost ")?;
    let (count, what) = behind.split_once(' ')?;
    what.starts_with("event").then(|| count.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_and_the_first_clock_are_seen_however_the_bytes_come() {
        let text = "Attaching 9 probes...\n{\"ev\":\"probe\",\"name\":\"x\"}\n{\"ev\":\"clock\",\"mono_ns\":1}\n\
                    Lost 12 events\n{\"ev\":\"write\",\"file\":\"Lost 5 events\"}\nLost 1 event\n";
        for size in [1, 7, 1000] {
            let told = Arc::<Told>::default();
            let mut lines = Lines::new(Arc::clone(&told));
            for piece in text.as_bytes().chunks(size) {
                lines.see(piece);
            }
            assert!(told.is_attached.load(Ordering::Relaxed));
            assert_eq!(told.lost.load(Ordering::Relaxed), 13, "{size}");
        }
        assert_eq!(lost_in("WARNING: Lost 7 events"), Some(7));
        assert_eq!(lost_in("Lost events"), None);
    }
}
