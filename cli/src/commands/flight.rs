//! `kcorr record --keep`: a recording that goes on, of which the last minutes are kept, and a store for each time at
//! which something was too slow.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use kcorr_record::{
    Absence, Broker, Host, HttpTrigger, Place, Plan, Recorder, RingSettings, Window,
    WindowSettings, Windows,
};

use crate::commands::held::launcher;
use crate::commands::said::show_said;
use crate::exit::Status;
use crate::progress::StatusLine;
use crate::screen::Screen;
use crate::stop::{DumpSignals, Signals, ask_for_dump};

/// The time between looks at what is recorded.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The time between looks for a broker that was restarted.
const SEARCH_EVERY: Duration = Duration::from_secs(1);
/// What came until a moment is in the ring so much later.
const SETTLES_IN: Duration = Duration::from_secs(1);
/// Files that each ring is cut into.
const RING_FILES: u32 = 8;
/// The time after something was too slow that a store has.
const AFTER: Duration = Duration::from_secs(5);

/// How the last minutes are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct FlightSettings {
    /// The time that is kept.
    pub(super) keep: Duration,
    /// Bytes of all sources together at most.
    pub(super) most_bytes: u64,
    /// Stores of a day at most.
    pub(super) most_dumps: usize,
}

/// A recording that goes on.
pub(super) struct Flight<'a> {
    host: Host,
    plan: Plan,
    settings: FlightSettings,
    /// Where rings and raw dumps are.
    folder: PathBuf,
    /// The name that all stores begin with.
    store: PathBuf,
    windows: Windows,
    ingests: Ingests,
    screen: &'a Screen,
    line: StatusLine,
    is_whole: bool,
}

/// What asks for a store besides what is too slow.
struct Asked {
    signals: DumpSignals,
    http: Option<HttpTrigger>,
}

impl Asked {
    /// Why, each time that it was asked for since this was called last.
    fn take(&self) -> impl Iterator<Item = &'static str> {
        let counts = [
            ("a signal asked for it", self.signals.take()),
            (
                "a request asked for it",
                self.http.as_ref().map_or(0, HttpTrigger::take),
            ),
        ];
        let each = |(why, count): (&'static str, u64)| (0..count).map(move |_| why);
        counts.into_iter().flat_map(each)
    }
}

/// The recorder that runs for a store, by a file beside it that it holds locked.
struct Running(
    PathBuf,
    #[expect(dead_code, reason = "its lock says that a recorder runs")] File,
);

impl Running {
    fn path(store: &Path) -> PathBuf {
        let mut name = store.as_os_str().to_owned();
        name.push(".recorder");
        PathBuf::from(name)
    }

    fn begin(store: &Path) -> anyhow::Result<Self> {
        let path = Self::path(store);
        let opened = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path);
        let mut file = opened.with_context(|| format!("cannot write {}", path.display()))?;
        if file.try_lock().is_err() {
            bail!(
                "another kcorr records for {}: end it, or name another --store",
                store.display()
            );
        }
        file.set_len(0)?;
        file.rewind()?;
        write!(file, "{}", std::process::id())?;
        Ok(Self(path, file))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Asks the recorder that runs for a store to make one of the last minutes.
pub(super) fn dump(store: &Path) -> anyhow::Result<()> {
    let path = Running::path(store);
    let none = || format!("no kcorr record --keep runs for {}", store.display());
    let mut file = File::open(&path).with_context(none)?;
    if file.try_lock_shared().is_ok() {
        bail!("{}", none());
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let pid: i32 = text.trim().parse().with_context(none)?;
    ask_for_dump(pid)
}

impl<'a> Flight<'a> {
    pub(super) fn new(
        host: Host,
        plan: Plan,
        settings: FlightSettings,
        folder: PathBuf,
        store: PathBuf,
        screen: &'a Screen,
    ) -> Self {
        let windows = Windows::new(WindowSettings {
            before: settings.keep,
            after: AFTER,
            most_a_day: settings.most_dumps,
        });
        Self {
            host,
            plan,
            settings,
            folder,
            store,
            windows,
            ingests: Ingests::default(),
            screen,
            line: StatusLine::new(screen),
            is_whole: true,
        }
    }

    /// Records until a signal asks to end.
    pub(super) fn run(
        mut self,
        broker: Broker,
        http: Option<HttpTrigger>,
    ) -> anyhow::Result<Status> {
        let running = Running::begin(&self.store)?;
        let signals = Signals::watch_recording(self.screen)?;
        if let Some(http) = &http {
            let words = format!("POST http://{}/dump asks for a store", http.address());
            self.screen.note(&words);
        }
        let asked = Asked {
            signals: DumpSignals::watch()?,
            http,
        };
        let goes_on = || !signals.stop().is_asked();
        let mut broker = Some(broker);
        while let Some(now) = broker.take().filter(|_| goes_on()) {
            self.one_life(&now, &goes_on, &asked)?;
            while goes_on() && broker.is_none() {
                self.line.say("waiting for the broker");
                self.ingests.look(self.screen, &self.line);
                std::thread::sleep(SEARCH_EVERY);
                broker = self.again(&now);
            }
        }
        signals.reading_ended();
        self.line.say("putting the last minutes into a store");
        self.ingests.finish(self.screen, &self.line);
        self.line.finish();
        let not_made = asked.take().count();
        if not_made > 0 {
            self.is_whole = false;
            self.screen.warning(&format!(
                "a store was asked for {not_made} times when no broker ran; there is none"
            ));
        }
        let left_out = self.windows.left_out();
        if left_out > 0 {
            self.screen.warning(&format!(
                "{left_out} times something was too slow when there were enough stores for a day (--max-dumps)"
            ));
        }
        let _ = std::fs::remove_dir_all(&self.folder);
        drop(running);
        let is_whole = self.is_whole && self.ingests.failed == 0 && left_out == 0;
        Ok(if is_whole {
            Status::Done
        } else {
            Status::DoneWithLoss
        })
    }

    /// The broker after a restart, once it takes connections.
    fn again(&self, before: &Broker) -> Option<Broker> {
        let broker = before.successor(&self.host)?;
        if broker.listeners.is_empty() {
            return None;
        }
        self.line.aside(|| {
            self.screen
                .note(&format!("the broker is process {} now", broker.pid))
        });
        Some(broker)
    }

    /// Records a broker until it ends, or a signal asks to end.
    fn one_life(
        &mut self,
        broker: &Broker,
        goes_on: &dyn Fn() -> bool,
        asked: &Asked,
    ) -> anyhow::Result<()> {
        let place = Place {
            folder: self.folder.clone(),
            launcher: launcher()?,
            ring: Some(RingSettings {
                // What is before a stall and the stall itself.
                keep: self.settings.keep * 2,
                most_bytes: self.settings.most_bytes,
                files: RING_FILES,
            }),
        };
        let (line, screen) = (&self.line, self.screen);
        line.say("starting");
        let mut say = |said| line.aside(|| show_said(&said, screen));
        let mut recorder =
            Recorder::start(&self.host, broker, &self.plan, place, goes_on, &mut say)?;
        let mut ended: Vec<Absence> = Vec::new();
        while goes_on() && recorder.is_broker_running() {
            let now = SystemTime::now();
            recorder.tick(now);
            for absence in recorder.ended() {
                if !ended.contains(&absence) && recorder.is_broker_running() {
                    let words = format!("{}: {}", absence.source, absence.why);
                    self.line.aside(|| self.screen.warning(&words));
                    self.is_whole = false;
                    ended.push(absence);
                }
            }
            for Absence { source, why } in recorder.warnings() {
                let words = format!("{source}: {why}");
                self.line.aside(|| self.screen.warning(&words));
                self.is_whole = false;
            }
            self.fire(asked, now);
            if let Some(window) = self.windows.due(now.checked_sub(SETTLES_IN).unwrap_or(now)) {
                self.dump(&mut recorder, &window);
            }
            self.ingests.look(self.screen, &self.line);
            self.line.say(&self.progress(&recorder));
            std::thread::sleep(LOOK_EVERY);
        }
        let now = SystemTime::now();
        // What was asked for just before the end, and was promised.
        self.fire(asked, now);
        if !recorder.is_broker_running() {
            self.line
                .aside(|| self.screen.warning("the broker has ended"));
            // Why it did may be in the last minutes.
            self.windows
                .fire(now, Duration::ZERO, "the broker has ended");
        }
        for window in self.windows.rest(now) {
            self.dump(&mut recorder, &window);
        }
        let summary = recorder.stop()?;
        for (source, report) in &summary.reports {
            for trouble in &report.troubles {
                let words = format!("{source}: {trouble}");
                self.line.aside(|| self.screen.warning(&words));
            }
        }
        self.is_whole &= summary.is_whole();
        Ok(())
    }

    /// Marks what was too slow, and each time that a store was asked for, since the last look.
    fn fire(&mut self, asked: &Asked, now: SystemTime) {
        for firing in self.plan.triggers.take() {
            self.windows
                .fire(firing.time, firing.took, &firing.to_string());
        }
        for why in asked.take() {
            self.windows.fire(now, Duration::ZERO, why);
        }
    }

    fn progress(&self, recorder: &Recorder) -> String {
        let minutes = recorder.time().as_secs() / 60;
        format!(
            "recording for {minutes} min, keeping {} s; {} stores",
            self.settings.keep.as_secs(),
            self.ingests.done
        )
    }

    /// Writes what there is of a stretch, which then becomes a store.
    fn dump(&mut self, recorder: &mut Recorder, window: &Window) {
        let time: DateTime<Utc> = window.stretch.to.into();
        let stamp = time.format("%Y%m%dT%H%M%S").to_string();
        let (raw, store) = named(&self.store, &self.folder, &stamp);
        let more = match window.count {
            1 => String::new(),
            count => format!(", and {} others", count - 1),
        };
        self.line.aside(|| {
            self.screen
                .note(&format!("{}{more}: {}", window.why, store.display()));
        });
        match recorder.dump(window.stretch, &raw) {
            Ok(summary) => {
                for Absence { source, why } in &summary.absent {
                    self.line
                        .aside(|| self.screen.detail(&format!("{source}: {why}")));
                }
                self.ingests.add(raw, store);
            }
            Err(error) => {
                self.is_whole = false;
                self.line.aside(|| self.screen.error(&error.into()));
            }
        }
    }
}

/// A raw dump and its store, with a time in their names: `monday.kcorr` becomes `monday-20261129T212233.kcorr`.
fn named(store: &Path, folder: &Path, stamp: &str) -> (PathBuf, PathBuf) {
    let stem = store.file_stem().unwrap_or_default().to_string_lossy();
    let ending = store
        .extension()
        .map_or("kcorr".into(), |it| it.to_string_lossy());
    let mut number = 1;
    loop {
        let nth = if number == 1 {
            String::new()
        } else {
            format!("-{number}")
        };
        let raw = folder.join(format!("dump-{stamp}{nth}"));
        let path = store.with_file_name(format!("{stem}-{stamp}{nth}.{ending}"));
        // One that waits for its ingest has its raw dump alone.
        if !raw.exists() && !path.exists() {
            return (raw, path);
        }
        number += 1;
    }
}

/// Raw dumps that become stores, one after another, each by a process of its own: the recorder stays small.
#[derive(Default)]
struct Ingests {
    waiting: VecDeque<(PathBuf, PathBuf)>,
    running: Option<(Child, PathBuf, PathBuf)>,
    done: u64,
    failed: u64,
}

impl Ingests {
    fn add(&mut self, raw: PathBuf, store: PathBuf) {
        self.waiting.push_back((raw, store));
    }

    /// Starts the next, and looks whether the one that runs has ended.
    fn look(&mut self, screen: &Screen, line: &StatusLine) {
        if let Some((child, raw, store)) = &mut self.running {
            match child.try_wait() {
                Ok(None) => return,
                // 1: something in it was lost, as the store says.
                Ok(Some(status)) if matches!(status.code(), Some(0 | 1)) => {
                    self.done += 1;
                    let _ = std::fs::remove_dir_all(raw);
                }
                _ => {
                    self.failed += 1;
                    let kept = store.with_extension("raw");
                    // On another device it stays where it is.
                    let kept = std::fs::rename(&raw, &kept).map_or(raw.clone(), |()| kept);
                    line.aside(|| {
                        screen.warning(&format!(
                            "{} is no whole store; the raw files are in {}",
                            store.display(),
                            kept.display()
                        ));
                    });
                }
            }
            self.running = None;
        }
        let Some((raw, store)) = self.waiting.pop_front() else {
            return;
        };
        let started = std::env::current_exe().and_then(|program| {
            let mut command = Command::new(program);
            command
                .arg("--quiet")
                .arg("--store")
                .arg(&store)
                .arg("ingest")
                .arg(&raw);
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            // A Ctrl-C is the recorder's.
            std::os::unix::process::CommandExt::process_group(&mut command, 0);
            command.spawn()
        });
        match started {
            Ok(child) => self.running = Some((child, raw, store)),
            Err(error) => {
                self.failed += 1;
                line.aside(|| screen.error(&error.into()));
            }
        }
    }

    /// Waits for all.
    fn finish(&mut self, screen: &Screen, line: &StatusLine) {
        while self.running.is_some() || !self.waiting.is_empty() {
            self.look(screen, line);
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_called_after_its_time_and_never_as_one_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("monday.kcorr");
        let (raws, stamp) = (folder.path().join("raw"), "20261129T212233");
        let named = || named(&store, &raws, stamp);
        let (raw, first) = named();
        assert_eq!(raw, raws.join("dump-20261129T212233"));
        assert_eq!(first, folder.path().join("monday-20261129T212233.kcorr"));
        std::fs::create_dir(&first).unwrap();
        let (raw, second) = named();
        assert_eq!(second, folder.path().join("monday-20261129T212233-2.kcorr"));
        // It waits for its ingest.
        std::fs::create_dir_all(raw).unwrap();
        let (_, third) = named();
        assert_eq!(third, folder.path().join("monday-20261129T212233-3.kcorr"));
    }

    #[test]
    fn one_recorder_runs_for_a_store_and_is_found_by_its_lock() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("monday.kcorr");
        assert!(dump(&store).is_err());
        let running = Running::begin(&store).unwrap();
        assert!(Running::begin(&store).is_err());
        drop(running);
        // One that was killed leaves the file, and not the lock.
        std::fs::write(Running::path(&store), "1").unwrap();
        assert!(dump(&store).is_err());
        assert!(Running::begin(&store).is_ok());
    }
}
