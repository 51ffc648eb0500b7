//! `kcorr record`

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use kcorr_record::{
    Absence, Broker, Condition, Engine, Host, HttpTrigger, Place, Plan, Recorder, SOURCES, Summary,
    Triggers,
};

use kcorr_store::{check_place, is_remote};

use crate::commands::Global;
use crate::commands::broker_process::{BrokerProcess, device_of, log_devices};
use crate::commands::flight::{self, Flight, FlightSettings};
use crate::commands::held::launcher;
use crate::commands::ingest::Ingest;
use crate::commands::memory::{Memory, size};
use crate::commands::said::show_said;
use crate::duration::duration;
use crate::exit::Status;
use crate::progress::StatusLine;
use crate::screen::Screen;
use crate::stop::Signals;

/// The time between looks at what is recorded.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Record a broker: its packets, kernel events, JVM, files and host
///
/// Whatever cannot be recorded here is left out, and said with what would help (see kcorr doctor). The broker is
/// never stopped, signalled to stop, or restarted. Ctrl-C (or TERM) ends the recording, and what there is becomes
/// a store all the same.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kcorr record --for 60s --store monday.kcorr            everything for a minute, then it is a store: query, report
  kcorr record --pid 4242 --for 60s --raw monday/        the raw files instead, to carry elsewhere: kcorr ingest monday/
  kcorr record --for 60s --only packets,jvm              some sources alone
  kcorr record --for 60s --probe monitors                and what is not recorded by itself
  kcorr record --keep 5m --when 'produce > 500ms' --store monday.kcorr
                                                         the last minutes, and a store (monday-20261129T212233.kcorr)
                                                         each time that a request takes longer
  kcorr record --dump --store monday.kcorr               asks that recorder for a store now
  kcorr record --keep 5m --trigger-http 127.0.0.1:9099   so does curl -X POST http://127.0.0.1:9099/dump

Exit status: 0 done, 1 something that was asked for was not recorded, or was lost, 2 failed.")]
pub(crate) struct Record {
    /// The broker's process; auto is the one that runs here
    #[arg(long, value_name = "PID|auto", default_value = "auto")]
    pid: BrokerProcess,

    /// Record for so long; without it, until Ctrl-C
    #[arg(long = "for", value_name = "TIME", value_parser = recording_time)]
    time: Option<Duration>,

    /// Leave the raw files in this folder, and make no store of them
    #[arg(long, value_name = "FOLDER")]
    raw: Option<PathBuf>,

    /// Record on and keep only so much time, until something asks for a store of it
    #[arg(long, value_name = "TIME", value_parser = recording_time, conflicts_with_all = ["time", "raw"])]
    keep: Option<Duration>,

    /// What asks for a store: a request on the wire, or a write, that takes longer: produce > 500ms, fetch > 1s,
    /// request > 2s, write > 200ms; what a request asked to wait does not count
    #[arg(long, value_name = "CONDITION", requires = "keep")]
    when: Vec<Condition>,

    /// Disk space for what is kept, of all sources together
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "2GiB", requires = "keep")]
    max_size: usize,

    /// Stores in 24 hours at most
    #[arg(long, value_name = "COUNT", default_value_t = 24, requires = "keep")]
    max_dumps: usize,

    /// Listen for POST /dump on this address of loopback, which asks for a store
    #[arg(long, value_name = "127.0.0.1:PORT", requires = "keep")]
    trigger_http: Option<SocketAddr>,

    /// Ask the recorder that runs for this --store for a store of its last minutes, as signal USR1 does
    #[arg(long, conflicts_with_all = ["time", "raw", "keep"])]
    dump: bool,

    #[command(flatten)]
    sources: Sources,

    #[command(flatten)]
    memory: Memory,
}

/// What is recorded.
#[derive(Debug, Args)]
pub(super) struct Sources {
    /// Record only these sources
    #[arg(long, value_name = "SOURCE", value_delimiter = ',', help = format!("Record only these sources: {}, kernel (all kernel events), or a probe's name", SOURCES.join(", ")))]
    only: Vec<String>,

    /// Leave these sources out
    #[arg(long, value_name = "SOURCE", value_delimiter = ',')]
    without: Vec<String>,

    /// Record this probe of `kcorr probes` too, such as monitors or pauses
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    probe: Vec<String>,

    /// Record kernel events only from this length on
    #[arg(long, value_name = "MS")]
    min_ms: Option<u64>,

    /// Bytes of each packet that are recorded; 0: all, which message ids need, 256: no records
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    snap_length: u32,

    /// Record with async-profiler too, by its library's path as the broker sees it
    #[arg(long, value_name = "LIBRARY")]
    profiler: Option<PathBuf>,

    /// What takes kernel events
    #[arg(long, value_enum, default_value_t = BpfEngine::Auto, value_name = "ENGINE")]
    bpf_engine: BpfEngine,
}

/// What takes kernel events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum BpfEngine {
    /// kcorr's own BPF programs where the kernel takes them, else bpftrace
    Auto,
    /// bpftrace, as it is installed
    Bpftrace,
    /// kcorr's own BPF programs, which cost less and need no bpftrace; bpftrace for probes that they do not have
    Kcorr,
}

impl Sources {
    /// What they ask to be recorded.
    pub(super) fn plan(&self) -> anyhow::Result<Plan> {
        let plan = Plan {
            only: self.only.clone(),
            without: self.without.clone(),
            probes: self.probe.clone(),
            threshold: self.min_ms.map(Duration::from_millis),
            snap_length: self.snap_length,
            profiler: self.profiler.clone(),
            engine: match self.bpf_engine {
                BpfEngine::Auto => Engine::Auto,
                BpfEngine::Bpftrace => Engine::Bpftrace,
                BpfEngine::Kcorr => Engine::Own,
            },
            ..Plan::default()
        };
        if let Some(name) = plan.unknown_name() {
            bail!(
                "there is no source or probe {name}: sources are {}, kernel, and what kcorr probes lists",
                SOURCES.join(", ")
            );
        }
        Ok(plan)
    }
}

impl Record {
    pub(crate) fn run(&self, global: &Global, screen: &Screen) -> anyhow::Result<Status> {
        if (self.dump || self.keep.is_some()) && is_remote(&global.store) {
            // What is secret in a URL is not repeated.
            check_place(&global.store)?;
            bail!(
                "{}: a recorder that goes on makes stores in folders: name one with --store, and copy them",
                global.store.display()
            );
        }
        if self.dump {
            flight::dump(&global.store)?;
            return Ok(Status::Done);
        }
        let host = Host::here();
        let broker = self.pid.broker(&host)?;
        let mut plan = self.sources.plan()?;
        if let Some(keep) = self.keep {
            let http = self.trigger_http.map(HttpTrigger::listen).transpose()?;
            plan.triggers = Triggers::new(self.when.clone());
            let settings = FlightSettings {
                keep,
                most_bytes: self.max_size as u64,
                most_dumps: self.max_dumps,
            };
            let folder = self
                .folder(global, &host, &broker, screen)?
                .path()
                .to_owned();
            let store = global.store.clone();
            let flight = Flight::new(host, plan, settings, folder, store, screen);
            return flight.run(broker, http);
        }
        let folder = self.folder(global, &host, &broker, screen)?;
        let signals = Signals::watch_recording(screen)?;
        let goes_on = || !signals.stop().is_asked();
        let place = Place {
            folder: folder.path().to_owned(),
            launcher: launcher()?,
            ring: None,
        };
        let line = StatusLine::new(screen);
        line.say("starting");
        let mut say = |said| line.aside(|| show_said(&said, screen));
        let mut recorder = Recorder::start(&host, &broker, &plan, place, &goes_on, &mut say)?;
        let mut ended: Vec<Absence> = Vec::new();
        while goes_on() && self.time.is_none_or(|time| recorder.time() < time) {
            recorder.tick(SystemTime::now());
            for absence in recorder.ended() {
                if !ended.contains(&absence) {
                    let words = format!("{}: {}", absence.source, absence.why);
                    line.aside(|| screen.warning(&words));
                    ended.push(absence);
                }
            }
            if !recorder.is_broker_running() {
                line.aside(|| screen.warning("the broker has ended, and the recording with it"));
                break;
            }
            line.say(&progress(&recorder, self.time));
            std::thread::sleep(LOOK_EVERY);
        }
        line.say("ending");
        let summary = recorder.stop()?;
        signals.reading_ended();
        line.finish();
        show(&summary, screen);
        let mut status = if summary.is_whole() && ended.is_empty() {
            Status::Done
        } else {
            Status::DoneWithLoss
        };
        let has_files = summary.reports.iter().any(|(_, report)| report.bytes > 0);
        if !has_files {
            bail!("nothing was recorded; kcorr doctor says what is missing");
        }
        match &folder {
            Folder::Kept(folder) => {
                screen.note(&format!("next: kcorr ingest {}", folder.display()));
            }
            Folder::Passing(folder) => {
                let ingest = Ingest::of(vec![folder.path().to_owned()], self.memory.clone());
                match ingest.run(global, screen) {
                    Ok(Status::Done) => {}
                    Ok(Status::DoneWithLoss) => status = Status::DoneWithLoss,
                    Ok(other) => return Ok(self.kept(folder, other, screen)),
                    Err(error) => {
                        self.kept(folder, Status::Failed, screen);
                        return Err(error);
                    }
                }
                // Only what is in the store by now.
                let _ = std::fs::remove_dir_all(folder.path());
            }
        }
        Ok(status)
    }

    /// Says where the raw files are that did not all become a store.
    fn kept(&self, folder: &PassingFolder, status: Status, screen: &Screen) -> Status {
        screen.warning(&format!(
            "the raw files are kept in {}: kcorr ingest {0}",
            folder.path().display()
        ));
        status
    }

    /// Where the raw files go: the folder that was given, or one that is removed when they are in a store.
    fn folder(
        &self,
        global: &Global,
        host: &Host,
        broker: &Broker,
        screen: &Screen,
    ) -> anyhow::Result<Folder> {
        let logs = log_devices(host, broker);
        let warn = |path: &Path| {
            if device_of(path).is_some_and(|device| logs.contains(&device)) {
                screen.warning(&format!(
                    "{} is on the device of a log directory: what is recorded is written there too, and \
                     waits for it",
                    path.display()
                ));
            }
        };
        if let Some(folder) = &self.raw {
            let is_used = std::fs::read_dir(folder).is_ok_and(|mut it| it.next().is_some());
            if is_used {
                bail!("{} is not empty: give a new folder", folder.display());
            }
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
            warn(folder);
            return Ok(Folder::Kept(folder.clone()));
        }
        let beside = global
            .store
            .parent()
            .filter(|it| !it.as_os_str().is_empty() && !is_remote(&global.store));
        let beside = beside.unwrap_or(Path::new(".")).to_owned();
        let places = [
            beside.clone(),
            std::env::temp_dir(),
            PathBuf::from("/var/tmp"),
        ];
        let is_other =
            |place: &&PathBuf| device_of(place).is_some_and(|device| !logs.contains(&device));
        let place = places.iter().find(is_other).unwrap_or(&beside);
        warn(place);
        let made = tempfile::Builder::new()
            .prefix("kcorr-raw-")
            .tempdir_in(place);
        let made = made.with_context(|| format!("cannot make a folder in {}", place.display()))?;
        Ok(Folder::Passing(PassingFolder(made.keep())))
    }
}

/// How long is recorded. A number alone would be milliseconds elsewhere.
fn recording_time(text: &str) -> Result<Duration, String> {
    match duration(text) {
        Ok(time) if time >= Duration::from_secs(1) => Ok(time),
        Ok(_) => Err("expected a second at least, with its unit: 60s, 5m".to_owned()),
        Err(error) => Err(error),
    }
}

/// Where the raw files are.
enum Folder {
    /// Where they stay.
    Kept(PathBuf),
    /// Where they are until they are in a store.
    Passing(PassingFolder),
}

/// A folder of raw files, which is kept when anything goes wrong.
struct PassingFolder(PathBuf);

impl PassingFolder {
    fn path(&self) -> &Path {
        &self.0
    }
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Kept(folder) => folder,
            Self::Passing(folder) => folder.path(),
        }
    }
}

fn progress(recorder: &Recorder, time: Option<Duration>) -> String {
    let bytes: u64 = recorder.bytes().iter().map(|(_, bytes)| bytes).sum();
    let seconds = recorder.time().as_secs();
    let of = time.map_or(String::new(), |time| {
        format!(" of {}", time.as_secs_f64().ceil())
    });
    format!("recording: {seconds}{of} s, {}", megabytes(bytes))
}

/// What came of a recording, a line each.
fn show(summary: &Summary, screen: &Screen) {
    for (source, report) in &summary.reports {
        let mut words = format!("{source}: {}", megabytes(report.bytes));
        if let Some(lost) = report.lost {
            words.push_str(&format!(", {lost} lost"));
        }
        if !report.cpu.is_zero() {
            words.push_str(&format!(", {:.2} s of CPU", report.cpu.as_secs_f64()));
        }
        screen.note(&words);
        for trouble in &report.troubles {
            screen.warning(&format!("{source}: {trouble}"));
        }
    }
    let left_out: Vec<&str> = summary.absent.iter().map(|it| it.source.as_str()).collect();
    if !left_out.is_empty() {
        screen.note(&format!("left out: {}", left_out.join(", ")));
    }
}

/// Bytes for people.
fn megabytes(bytes: u64) -> String {
    match bytes {
        0 => "nothing".to_owned(),
        1..100_000 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}
