//! Kernel events by kcorr's own BPF programs, which need neither bpftrace nor clang: one recorder of all of them, in a
//! thread of this process, with which they end.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use kcorr_kernel_events::{JsonLines, Loss, Probe, Recorder, Settings};

use super::bpftrace::Bpftrace;
use super::kernel::{BpfEngine, KernelEvents};
use crate::broker::Broker;
use crate::child::{Observer, cpu_of_this_thread};
use crate::host::Host;
use crate::kept::Kept;
use crate::place::{Place, size};
use crate::ring::Framing;
use crate::sink::Sink;
use crate::source::{Report, Source, State};
use crate::stretch::Stretch;
use crate::trigger::Triggers;

/// The name of the source.
pub(crate) const SOURCE: &str = "kernel-events";
/// The file of all events.
const FILE: &str = "kernel-events.jsonl";
/// How long events lie in the kernel's ring.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// kcorr's own programs; what they do not have (probes of the JVM), or the kernel does not take, is left to bpftrace.
#[derive(Debug, Clone, Default)]
pub(crate) struct OwnPrograms {
    /// What file operations are compared with.
    pub(crate) triggers: Triggers,
}

impl OwnPrograms {
    /// Whether this machine lets this process load them.
    pub(crate) fn are_taken(broker: &Broker) -> bool {
        Recorder::start(&Settings::of_probes(broker.pid, [Probe::RunQueue])).is_ok()
    }
}

impl BpfEngine for OwnPrograms {
    fn sources(
        &self,
        host: &Host,
        broker: &Broker,
        events: &[KernelEvents],
    ) -> Vec<Box<dyn Source>> {
        let mut settings = Settings::of_probes(broker.pid, []);
        for event in events {
            if let Ok(probe) = event.probe.parse::<Probe>() {
                let threshold = event.threshold.unwrap_or(probe.usual_threshold());
                settings = settings.with_threshold(probe, threshold);
            }
        }
        // What the kernel refuses of them (tracepoints of a module) is known when they have been loaded.
        if let Ok(recorder) = Recorder::start(&settings) {
            for left in recorder.left_out().iter().filter(|left| left.is_all) {
                settings.thresholds.remove(&left.probe);
            }
        }
        let is_other = |event: &&KernelEvents| {
            let probe = event.probe.parse::<Probe>();
            !probe.is_ok_and(|probe| settings.thresholds.contains_key(&probe))
        };
        let others: Vec<KernelEvents> = events.iter().filter(is_other).copied().collect();
        let mut sources: Vec<Box<dyn Source>> = Vec::new();
        if !settings.thresholds.is_empty() {
            sources.push(Box::new(Programs::new(settings, self.triggers.writes())));
        }
        let bpftrace = Bpftrace {
            triggers: Some(self.triggers.clone()),
        };
        sources.extend(bpftrace.sources(host, broker, &others));
        sources
    }
}

/// Whether a probe is one of the own programs.
pub(crate) fn is_own(probe: &str) -> bool {
    probe.parse::<Probe>().is_ok()
}

/// What the thread tells while it runs and at its end.
#[derive(Debug, Default)]
struct Told {
    is_asked_to_end: AtomicBool,
    bytes: AtomicU64,
    lost: AtomicU64,
}

/// How the thread ended.
#[derive(Debug, Default)]
struct Ended {
    cpu: Duration,
    failure: Option<String>,
}

/// All programs.
struct Programs {
    settings: Settings,
    observer: Option<Box<dyn Observer>>,
    running: Option<JoinHandle<Ended>>,
    told: Arc<Told>,
    left_out: Vec<String>,
    kept: Kept,
}

impl Programs {
    fn new(settings: Settings, observer: Option<Box<dyn Observer>>) -> Self {
        Self {
            settings,
            observer,
            running: None,
            told: Arc::default(),
            left_out: Vec::new(),
            kept: Kept::default(),
        }
    }
}

/// The sink of a source, as what lines are written to.
struct Output {
    sink: Box<dyn Sink>,
    observer: Option<Box<dyn Observer>>,
    told: Arc<Told>,
}

impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.told
            .bytes
            .fetch_add(bytes.len() as u64, Ordering::Relaxed);
        if let Some(observer) = &mut self.observer {
            observer.see(bytes);
        }
        self.sink.take(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Records until it is asked to end. `started` is told what is left out, or why nothing is recorded.
fn record(
    settings: &Settings,
    output: Output,
    started: &mpsc::Sender<Result<Vec<String>, String>>,
) -> Ended {
    let told = Arc::clone(&output.told);
    let mut ended = Ended::default();
    let begun = Recorder::start(settings).map_err(|error| error.to_string());
    let begun = begun.and_then(|recorder| {
        let lines = JsonLines::begin(output, settings);
        let lines = lines.map_err(|error| format!("cannot write {FILE}: {error}"))?;
        Ok((recorder, lines))
    });
    let (mut recorder, mut lines) = match begun {
        Ok((recorder, lines)) => {
            let left_out = recorder.left_out().iter();
            let words = left_out.map(|it| format!("{} is left out: {}", it.probe, it.reason));
            // Whoever started it may have given up.
            let _ = started.send(Ok(words.collect()));
            (recorder, lines)
        }
        Err(why) => {
            let _ = started.send(Err(why));
            return ended;
        }
    };
    let count = |losses: &[Loss]| {
        let lost = losses.iter().map(|loss| loss.count).sum();
        told.lost.fetch_add(lost, Ordering::Relaxed);
    };
    let mut failure = None;
    while !told.is_asked_to_end.load(Ordering::Relaxed) && failure.is_none() {
        recorder.read(&mut |event| lines.event(event), LOOK_EVERY);
        match recorder.losses() {
            Ok(losses) => {
                count(&losses);
                lines.losses(&losses);
            }
            Err(error) => failure = Some(error.to_string()),
        }
        if let Err(error) = lines.flush() {
            failure = Some(format!("events were not all written: {error}"));
        }
    }
    match recorder.stop(&mut |event| lines.event(event)) {
        Ok(losses) => {
            count(&losses);
            lines.losses(&losses);
        }
        Err(error) => failure = failure.or(Some(error.to_string())),
    }
    if let Err(error) = lines.flush() {
        failure = failure.or(Some(format!("events were not all written: {error}")));
    }
    ended.failure = failure;
    ended.cpu = cpu_of_this_thread();
    ended
}

impl Source for Programs {
    fn name(&self) -> &str {
        SOURCE
    }

    fn start(&mut self, place: &Place) -> Result<(), String> {
        // Lines of each probe, and one of the clock.
        let head = self.settings.thresholds.len() + 1;
        let (sink, kept) = place.keep(FILE, Framing::Lines { head })?;
        let output = Output {
            sink,
            observer: self.observer.take(),
            told: Arc::clone(&self.told),
        };
        let (sender, started) = mpsc::channel();
        let settings = self.settings.clone();
        let thread = std::thread::spawn(move || record(&settings, output, &sender));
        match started.recv() {
            Ok(Ok(left_out)) => self.left_out = left_out,
            Ok(Err(why)) => return Err(why),
            Err(_) => return Err("the recorder of kernel events has ended".to_owned()),
        }
        self.running = Some(thread);
        self.kept = kept;
        Ok(())
    }

    fn state(&mut self) -> State {
        match &self.running {
            Some(thread) if !thread.is_finished() => State::Recording,
            _ => State::Ended("the recorder of kernel events has ended".to_owned()),
        }
    }

    fn warning(&self) -> Option<String> {
        self.kept.warning()
    }

    fn bytes(&self) -> u64 {
        self.told.bytes.load(Ordering::Relaxed)
    }

    fn stop(&mut self) -> Report {
        let Some(thread) = self.running.take() else {
            return Report::default();
        };
        self.told.is_asked_to_end.store(true, Ordering::Relaxed);
        let ended = thread.join().unwrap_or_else(|_| Ended {
            failure: Some("the recorder of kernel events did not end as it should".to_owned()),
            ..Ended::default()
        });
        let lost = self.told.lost.load(Ordering::Relaxed);
        let mut troubles = std::mem::take(&mut self.left_out);
        troubles.extend(ended.failure);
        troubles.extend(self.kept.emptied());
        if lost > 0 {
            troubles.push(format!(
                "{lost} events were lost, because the ring was full"
            ));
        }
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

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Child, Command, Stdio};
    use std::time::SystemTime;

    use super::*;
    use crate::child::Launcher;
    use crate::plan::{Engine, Plan};
    use crate::recorder::{Recorder as Recording, Summary};
    use crate::ring::RingSettings;

    /// A process that writes when it gets a line, and ends with the next.
    fn writer(folder: &Path) -> Child {
        let script = "mkdir orders-3; read line; \
                      for n in 1 2 3 4 5; do echo $n >> orders-3/00000000000000000000.log; done; read line";
        Command::new("sh")
            .args(["-c", script])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .spawn()
            .expect("a process")
    }

    /// What is recorded of such a process, and its lines; none where programs cannot be loaded.
    fn recorded(ring: Option<RingSettings>) -> Option<(Summary, String)> {
        let folder = tempfile::tempdir().expect("a folder");
        let mut process = writer(folder.path());
        let host = Host::here();
        let broker = Broker::of(&host, process.id()).expect("a process");
        if !OwnPrograms::are_taken(&broker) {
            println!("left out: this process may load no BPF programs");
            process.kill().expect("its end");
            process.wait().expect("its end");
            return None;
        }
        let plan = Plan {
            only: vec!["file-writes".to_owned()],
            engine: Engine::Auto,
            ..Plan::default()
        };
        let place = Place {
            folder: folder.path().join("recording"),
            launcher: Launcher::direct(),
            ring,
        };
        let mut recording = Recording::start(&host, &broker, &plan, place, &|| true, &mut |_| {})
            .expect("a recording");
        let from = SystemTime::now();
        let mut input = process.stdin.take().expect("an input");
        input.write_all(b"go\n").expect("a line");
        std::thread::sleep(Duration::from_millis(600));
        let to = SystemTime::now();
        let dumped = folder.path().join("dump");
        std::fs::create_dir(&dumped).expect("a folder");
        let stretch = Stretch { from, to };
        let dump = ring.map(|_| recording.dump(stretch, &dumped).expect("a dump"));
        let mut summary = recording.stop().expect("an end");
        drop(input);
        process.wait().expect("its end");
        if let Some(dump) = dump {
            summary.reports = dump.reports;
        }
        let files = summary.reports.iter().flat_map(|(_, report)| &report.files);
        let text: String = files
            .filter(|file| file.to_string_lossy().contains("kernel"))
            .map(|file| std::fs::read_to_string(file).expect("a file"))
            .collect();
        Some((summary, text))
    }

    #[test]
    fn own_programs_record_what_a_process_writes() {
        let Some((summary, text)) = recorded(None) else {
            return;
        };
        assert!(summary.is_whole(), "{summary:?}");
        let reports: Vec<&str> = summary
            .reports
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(reports, [SOURCE]);
        assert_eq!(text.matches("\"dir\":\"orders-3\"").count(), 5, "{text}");
        assert!(
            text.starts_with("{\"ev\":\"probe\",\"name\":\"file-writes\""),
            "{text}"
        );
        let (_, report) = &summary.reports[0];
        assert_eq!(report.lost, Some(0));
        assert!(report.cpu > Duration::ZERO && report.cpu < Duration::from_secs(5));
    }

    #[test]
    fn what_is_kept_of_them_can_be_dumped() {
        let settings = RingSettings {
            keep: Duration::from_secs(60),
            most_bytes: 1 << 26,
            files: 8,
        };
        let Some((_, text)) = recorded(Some(settings)) else {
            return;
        };
        assert_eq!(text.matches("\"dir\":\"orders-3\"").count(), 5, "{text}");
        assert!(
            text.starts_with("{\"ev\":\"probe\",\"name\":\"file-writes\""),
            "{text}"
        );
    }
}
