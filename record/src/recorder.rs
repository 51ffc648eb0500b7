//! A recording: its sources from the first that is started to the last that is stopped.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::broker::Broker;
use crate::error::Error;
use crate::host::Host;
use crate::place::Place;
use crate::plan::{Engine, Plan};
use crate::source::{Report, Source, State};
use crate::sources::{
    BpfEngine, Bpftrace, CONTEXT_FILE, Fact, OwnPrograms, Wanted, all, context_lines,
    events_by_need,
};
use crate::stretch::Stretch;

/// The time between looks at a source that gets ready.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A source that does not record, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absence {
    /// Its name.
    pub source: String,
    /// Why, and what would make it run, in one sentence.
    pub why: String,
}

/// Something that the user may want to know while it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Said {
    /// A source records.
    Started(String),
    /// A source does not, or not any more.
    LeftOut(Absence),
}

/// What came of a recording.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Each source that recorded.
    pub reports: Vec<(String, Report)>,
    /// Each that did not.
    pub absent: Vec<Absence>,
    /// How long all of them recorded.
    pub time: Duration,
}

impl Summary {
    /// Whether all that was asked for was recorded, and nothing of it lost.
    pub fn is_whole(&self) -> bool {
        self.absent.is_empty()
            && self
                .reports
                .iter()
                .all(|(_, report)| report.troubles.is_empty())
    }
}

/// A running recording.
pub struct Recorder {
    host: Host,
    broker: Broker,
    place: Place,
    sources: Vec<Box<dyn Source>>,
    absent: Vec<Absence>,
    begun: Instant,
}

impl Recorder {
    /// Starts all sources, one after another, and returns when each records or is left out. `goes_on` is asked
    /// meanwhile: when it says no, no more are started.
    ///
    /// # Errors
    /// When the folder of the recording cannot be made.
    pub fn start(
        host: &Host,
        broker: &Broker,
        plan: &Plan,
        place: Place,
        goes_on: &dyn Fn() -> bool,
        say: &mut dyn FnMut(Said),
    ) -> Result<Self, Error> {
        std::fs::create_dir_all(&place.folder).map_err(|e| Error::output(&place.folder, e))?;
        let is_own = match plan.engine {
            Engine::Bpftrace => false,
            Engine::Own => true,
            Engine::Auto => OwnPrograms::are_taken(broker),
        };
        let engine: Box<dyn BpfEngine> = if is_own {
            Box::new(OwnPrograms {
                triggers: plan.triggers.clone(),
            })
        } else {
            Box::new(Bpftrace {
                triggers: Some(plan.triggers.clone()),
            })
        };
        let events = plan.events(events_by_need(host, broker));
        let wanted = Wanted {
            snap_length: plan.snap_length,
            topics_only: plan.topics_only,
            profiler: plan.profiler.as_deref(),
            triggers: &plan.triggers,
        };
        let mut sources = all(host, broker, &*engine, &events, &wanted);
        sources.retain(|source| plan.wants(source.name()));
        let mut recorder = Self {
            host: host.clone(),
            broker: broker.clone(),
            place,
            sources: Vec::new(),
            absent: Vec::new(),
            begun: Instant::now(),
        };
        for source in sources {
            if !goes_on() {
                break;
            }
            recorder.begin(source, goes_on, say);
        }
        recorder.begun = Instant::now();
        Ok(recorder)
    }

    /// Starts a source, and waits until it records.
    fn begin(
        &mut self,
        mut source: Box<dyn Source>,
        goes_on: &dyn Fn() -> bool,
        say: &mut dyn FnMut(Said),
    ) {
        let mut why = source.start(&self.place).err();
        while why.is_none() {
            match source.state() {
                State::Recording => break,
                State::Ended(told) => why = Some(told),
                State::Starting if goes_on() => {
                    self.tick(SystemTime::now());
                    std::thread::sleep(LOOK_EVERY);
                }
                State::Starting => break,
            }
        }
        let name = source.name().to_owned();
        match why {
            None => {
                say(Said::Started(name));
                self.sources.push(source);
            }
            Some(why) => {
                let report = source.stop();
                // Its file has nothing of use.
                for file in report.files {
                    let _ = std::fs::remove_file(file);
                }
                let absence = Absence { source: name, why };
                say(Said::LeftOut(absence.clone()));
                self.absent.push(absence);
            }
        }
    }

    /// Does what is due in all sources. Called about ten times a second.
    pub fn tick(&mut self, now: SystemTime) {
        for source in &mut self.sources {
            source.tick(now);
        }
    }

    /// Sources that have ended by themselves, with why; each time all of them.
    pub fn ended(&mut self) -> Vec<Absence> {
        let mut ended = Vec::new();
        for source in &mut self.sources {
            if let State::Ended(why) = source.state() {
                let source = source.name().to_owned();
                ended.push(Absence { source, why });
            }
        }
        ended
    }

    /// What went wrong in sources that go on, since this was asked last.
    pub fn warnings(&self) -> Vec<Absence> {
        let warnings = self.sources.iter().filter_map(|source| {
            Some(Absence {
                source: source.name().to_owned(),
                why: source.warning()?,
            })
        });
        warnings.collect()
    }

    /// Whether the broker still runs.
    pub fn is_broker_running(&self) -> bool {
        self.broker.is_running(&self.host)
    }

    /// How long all sources have recorded.
    pub fn time(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Bytes that each source has recorded so far.
    pub fn bytes(&self) -> Vec<(&str, u64)> {
        self.sources
            .iter()
            .map(|source| (source.name(), source.bytes()))
            .collect()
    }

    /// Writes what all sources have of a stretch of time into a folder, as a recording of its own; what is not in
    /// it.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn dump(&mut self, stretch: Stretch, folder: &Path) -> Result<Summary, Error> {
        std::fs::create_dir_all(folder).map_err(|error| Error::output(folder, error))?;
        let mut summary = Summary {
            absent: self.absent.clone(),
            time: stretch.to.duration_since(stretch.from).unwrap_or_default(),
            ..Summary::default()
        };
        for source in &mut self.sources {
            let name = source.name().to_owned();
            match source.dump(stretch, folder) {
                Ok(files) => {
                    let bytes = files.iter().map(|file| crate::place::size(file)).sum();
                    let report = Report {
                        files,
                        bytes,
                        ..Report::default()
                    };
                    summary.reports.push((name, report));
                }
                Err(why) => summary.absent.push(Absence { source: name, why }),
            }
        }
        tell(folder, &summary)?;
        Ok(summary)
    }

    /// Stops all sources at once, and says what came of them.
    ///
    /// # Errors
    /// When what came of them cannot be written beside it.
    pub fn stop(mut self) -> Result<Summary, Error> {
        let time = self.time();
        let stopped: Vec<(String, Report)> = std::thread::scope(|scope| {
            let running = self.sources.iter_mut().map(|source| {
                let name = source.name().to_owned();
                (name, scope.spawn(|| source.stop()))
            });
            let running: Vec<_> = running.collect();
            let ended = running.into_iter().map(|(name, thread)| {
                let report = thread.join().unwrap_or_else(|_| Report {
                    troubles: vec!["it did not end as it should".to_owned()],
                    ..Report::default()
                });
                (name, report)
            });
            ended.collect()
        });
        let summary = Summary {
            reports: stopped,
            absent: std::mem::take(&mut self.absent),
            time,
        };
        if self.place.ring.is_none() {
            tell(&self.place.folder, &summary)?;
        } else {
            let _ = std::fs::remove_dir_all(self.place.folder.join(".ring"));
        }
        Ok(summary)
    }
}

/// Adds to the context what the recording itself is: what came, what was lost, what was left out.
fn tell(folder: &Path, summary: &Summary) -> Result<(), Error> {
    let mut facts = vec![Fact::new(
        "recording",
        "",
        "time_ns",
        summary.time.as_nanos().to_string(),
    )];
    for (source, report) in &summary.reports {
        let mut add = |name: &str, value: String| {
            facts.push(Fact::new("recording", source.clone(), name, value));
        };
        add("bytes", report.bytes.to_string());
        add("cpu_ns", report.cpu.as_nanos().to_string());
        if let Some(lost) = report.lost {
            add("lost", lost.to_string());
        }
        for trouble in &report.troubles {
            add("trouble", trouble.clone());
        }
    }
    for Absence { source, why } in &summary.absent {
        facts.push(Fact::new(
            "recording",
            source.clone(),
            "left_out",
            why.clone(),
        ));
    }
    let path: PathBuf = folder.join(CONTEXT_FILE);
    let text = context_lines(&facts, SystemTime::now());
    let opened = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path);
    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| Error::output(&path, error))
}
