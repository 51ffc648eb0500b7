//! What `kcorr live` does until it is ended: it records a broker, over its restarts, and takes each window out of the ring.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kcorr_live::{Access, Due, Endpoint, Recorded, Schedule, ScheduleSettings};
use kcorr_record::{
    Absence, Broker, Host, Place, Plan, Recorder, RingSettings, Said, Stretch, Summary,
};

use crate::commands::held::launcher;
use crate::commands::live_ledger::Ledger;
use crate::commands::live_settings::LiveSettings;
use crate::commands::live_shown::now_ns;
use crate::commands::said::show_said;
use crate::exit::Status;
use crate::stop::{DumpSignals, Signals};

/// The time between looks at what is recorded.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long notices may take at the end.
const NOTICE_PATIENCE: Duration = Duration::from_secs(60);
/// The time between looks for a broker that was restarted.
const SEARCH_EVERY: Duration = Duration::from_secs(1);
/// What came until a moment is in the ring so much later.
const SETTLES_IN: Duration = Duration::from_secs(1);
/// How long after a start all sources are started again when one has ended; twice as long each time, at most an hour.
const UNTIL_AGAIN: Duration = Duration::from_secs(30);
const LONGEST_UNTIL_AGAIN: Duration = Duration::from_secs(3600);
/// Files of a source's ring: the recording of a window has whole ones.
const RING_FILES: u32 = 64;

/// Accounts of a broker until they are ended.
pub(super) struct LiveRun<'a> {
    host: Host,
    plan: Plan,
    settings: LiveSettings,
    ledger: Ledger<'a>,
    #[expect(dead_code, reason = "answers until it is dropped")]
    endpoint: Endpoint,
    schedule: Option<Schedule>,
    dumps: DumpSignals,
    /// How long sources have recorded at least before they are started again when one has ended.
    start_again_after: Duration,
}

/// Why a recording ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// A source of it ended by itself.
    Source,
    /// The broker did, or a signal asked for it.
    Otherwise,
}

impl<'a> LiveRun<'a> {
    /// Opens the folder, says what an earlier run has left, and shows metrics at an address.
    pub(super) fn begin(
        host: Host,
        plan: Plan,
        settings: LiveSettings,
        ledger: Ledger<'a>,
        (address, access): (SocketAddr, Access),
    ) -> anyhow::Result<Self> {
        let pages = ledger.pages(&settings)?.router();
        let endpoint = Endpoint::listen_with(address, access, ledger.page(), pages)?;
        let url = endpoint.url();
        ledger.screen.note(&format!("metrics: {url}/metrics"));
        ledger.screen.note(&match endpoint.shows_pages() {
            true => format!("page: {url}/"),
            false => {
                "no page: beyond loopback it wants --token-file and --tls-certificate".to_owned()
            }
        });
        Ok(Self {
            host,
            plan,
            settings,
            ledger,
            endpoint,
            schedule: None,
            dumps: DumpSignals::watch()?,
            start_again_after: UNTIL_AGAIN,
        })
    }

    /// Accounts until a signal asks to end.
    pub(super) fn run(mut self, broker: Broker) -> anyhow::Result<Status> {
        let signals = Signals::watch_recording(self.ledger.screen)?;
        let goes_on = || !signals.stop().is_asked();
        let mut broker = Some(broker);
        while let Some(now) = broker.take().filter(|_| goes_on()) {
            if self.one_life(&now, &goes_on)? == Ended::Source {
                self.ledger
                    .warn("a source has ended: all are started again");
                broker = Some(now);
                continue;
            }
            while goes_on() && broker.is_none() {
                self.ledger.line.say("waiting for the broker");
                self.look();
                std::thread::sleep(SEARCH_EVERY);
                broker = self.again(&now);
            }
        }
        signals.reading_ended();
        self.ledger.line.say("accounting for the last windows");
        while self.ledger.is_busy() {
            self.look();
            std::thread::sleep(LOOK_EVERY);
        }
        self.end_notices();
        self.ledger.line.finish();
        let windows = self.ledger.shown().metrics.windows;
        let share = windows.missing_ratio();
        if share > 0.0 {
            self.ledger.screen.warning(&format!(
                "{} windows were skipped and {} failed, of {}: {:.1} %",
                windows.skipped,
                windows.failed,
                windows.skipped + windows.failed + windows.accounted,
                100.0 * share
            ));
        }
        let is_whole = self.ledger.is_whole && share == 0.0;
        Ok(match is_whole {
            true => Status::Done,
            false => Status::DoneWithLoss,
        })
    }

    /// Waits until notices are sent, and says which are not.
    fn end_notices(&mut self) {
        self.ledger.line.say("sending the last notices");
        let begun = Instant::now();
        while self.ledger.waiting_notices() > 0 && begun.elapsed() < NOTICE_PATIENCE {
            self.look();
            std::thread::sleep(LOOK_EVERY);
        }
        // What was said of the last of them.
        self.look();
        let waiting = self.ledger.waiting_notices();
        if waiting > 0 {
            let words = format!("{waiting} notices were not sent: the target takes too long");
            self.ledger.warn(&words);
        }
    }

    /// The broker after a restart, once it takes connections.
    fn again(&self, before: &Broker) -> Option<Broker> {
        let broker = before.successor(&self.host)?;
        if broker.listeners.is_empty() {
            return None;
        }
        let Ledger { line, screen, .. } = &self.ledger;
        let words = format!("the broker is process {} now", broker.pid);
        line.aside(|| screen.note(&words));
        Some(broker)
    }

    /// Records a broker until it ends, a signal asks to end, or a source has ended that should begin anew.
    fn one_life(&mut self, broker: &Broker, goes_on: &dyn Fn() -> bool) -> anyhow::Result<Ended> {
        let ScheduleSettings {
            window_ns,
            lag_ns,
            lead_ns,
            longest_ns,
        } = self.settings.schedule;
        // What the recording of a window has at most, and time to take it.
        let keep_ns = longest_ns.max(lead_ns) + 2 * window_ns + lag_ns + 10_000_000_000;
        let place = Place {
            folder: self.ledger.archive.work(),
            launcher: launcher()?,
            ring: Some(RingSettings {
                keep: Duration::from_nanos(keep_ns.unsigned_abs()),
                most_bytes: self.settings.ring_bytes,
                files: RING_FILES,
            }),
        };
        let ledger = &self.ledger;
        let (line, screen) = (&ledger.line, ledger.screen);
        line.say("starting");
        let mut say = |said: Said| {
            let (source, is_up) = match &said {
                Said::Started(source) => (source, true),
                Said::LeftOut(absence) => (&absence.source, false),
                _ => return,
            };
            let sources = &mut ledger.shown().standing.sources;
            sources.insert(source.clone(), is_up);
            line.aside(|| show_said(&said, screen));
        };
        let mut recorder =
            Recorder::start(&self.host, broker, &self.plan, place, goes_on, &mut say)?;
        line.aside(|| screen.note("accounting"));
        let begun_ns = now_ns();
        self.ledger.begin(begun_ns);
        self.schedule = Some(Schedule::new(self.settings.schedule, begun_ns));
        let mut ended = Ended::Otherwise;
        let mut now = begun_ns;
        while goes_on() && recorder.is_broker_running() {
            recorder.tick(SystemTime::now());
            if self.watch(&mut recorder) && recorder.time() >= self.start_again_after {
                ended = Ended::Source;
                // One that ends again and again is not started all the time.
                self.start_again_after = (self.start_again_after * 2).min(LONGEST_UNTIL_AGAIN);
                break;
            }
            let before = std::mem::replace(&mut now, now_ns());
            if self.schedule.as_ref().is_some_and(|it| it.is_ahead_of(now)) {
                self.clock_was_set_back(&mut recorder, before, now, keep_ns);
            }
            if !self.plan.triggers.take().is_empty()
                && self.ledger.is_quiet()
                && let Some(schedule) = &mut self.schedule
            {
                schedule.end_early(now);
            }
            let due = self.schedule.as_mut().and_then(|it| it.due(now));
            if let Some(due) = due {
                self.close(&mut recorder, due, now, keep_ns);
            }
            if self.dumps.take() > 0 {
                self.dump(&mut recorder, now, keep_ns);
            }
            self.look();
            self.ledger.line.say(&self.ledger.progress());
            std::thread::sleep(LOOK_EVERY);
        }
        if !recorder.is_broker_running() {
            let Ledger { line, screen, .. } = &self.ledger;
            line.aside(|| screen.warning("the broker has ended"));
        }
        let ended_ns = now_ns();
        std::thread::sleep(SETTLES_IN.min(Duration::from_nanos(lag_ns.unsigned_abs())));
        self.close_all(&mut recorder, ended_ns, keep_ns);
        let summary = recorder.stop()?;
        for (source, report) in &summary.reports {
            for trouble in &report.troubles {
                self.ledger.warn(&format!("{source}: {trouble}"));
            }
        }
        self.ledger.is_whole &= summary.is_whole();
        self.ledger.end();
        Ok(ended)
    }

    /// Closes the window whose rows were waited for, and the rest.
    fn close_all(&mut self, recorder: &mut Recorder, ended_ns: i64, keep_ns: i64) {
        while let Some(due) = self.schedule.as_mut().and_then(|it| it.end(ended_ns)) {
            self.close(recorder, due, ended_ns, keep_ns);
        }
    }

    /// Windows of the time that comes once more are others: those until then end here.
    fn clock_was_set_back(
        &mut self,
        recorder: &mut Recorder,
        before_ns: i64,
        now_ns: i64,
        keep_ns: i64,
    ) {
        let by = Duration::from_nanos(before_ns.saturating_sub(now_ns).unsigned_abs());
        self.ledger.warn(&format!(
            "the clock was set back by {:.1} s: windows begin anew",
            by.as_secs_f64()
        ));
        self.close_all(recorder, before_ns, keep_ns);
        self.ledger.end();
        self.ledger.begin(now_ns);
        self.schedule = Some(Schedule::new(self.settings.schedule, now_ns));
    }

    /// Enters what is done, so that the next window knows what was open.
    fn look(&mut self) {
        self.ledger.look();
        for (period, open_since_ns) in self.ledger.take_settled() {
            if let Some(schedule) = &mut self.schedule {
                schedule.settled(period, open_since_ns);
            }
        }
    }

    /// Writes all that the ring has to a folder of its own, for whoever asked by a signal.
    fn dump(&mut self, recorder: &mut Recorder, now_ns: i64, keep_ns: i64) {
        let stretch = Stretch {
            from: time(now_ns.saturating_sub(keep_ns)),
            to: time(now_ns),
        };
        let Ledger { line, screen, .. } = &self.ledger;
        let folder = match self.ledger.archive.dump(now_ns) {
            Ok(folder) => folder,
            Err(error) => return line.aside(|| screen.error(&error.into())),
        };
        match recorder.dump(stretch, &folder) {
            Ok(_) => {
                let words = format!("asked for by a signal: kcorr ingest {}", folder.display());
                line.aside(|| screen.note(&words));
            }
            Err(error) => line.aside(|| screen.error(&error.into())),
        }
    }

    /// Says what went wrong in sources; whether one has ended by itself that recorded.
    fn watch(&mut self, recorder: &mut Recorder) -> bool {
        let ended = recorder.ended();
        let has_ended = !ended.is_empty() && recorder.is_broker_running();
        for Absence { source, why } in ended {
            let was_up = {
                let sources = &mut self.ledger.shown().standing.sources;
                sources.insert(source.clone(), false)
            };
            if was_up == Some(true) && recorder.is_broker_running() {
                self.ledger.warn(&format!("{source}: {why}"));
            }
        }
        for Absence { source, why } in recorder.warnings() {
            self.ledger.warn(&format!("{source}: {why}"));
        }
        has_ended
    }

    /// A window is over: its recording is taken, or it is skipped.
    fn close(&mut self, recorder: &mut Recorder, due: Due, now_ns: i64, keep_ns: i64) {
        let period = due.period;
        if now_ns.saturating_sub(period.from_ns) > keep_ns {
            // Nothing is kept of it.
            self.ledger
                .warn("the clock was set forward, or the machine slept: windows begin anew");
            self.ledger.begin(now_ns);
            self.schedule = Some(Schedule::new(self.settings.schedule, now_ns));
            return;
        }
        if !self.ledger.accountant.has_room() {
            return self.ledger.skip(period);
        }
        let recorded = Recorded::begin(&self.ledger.archive.work(), period);
        let stretch = Stretch {
            from: time(due.recorded.from_ns),
            to: time(due.recorded.to_ns),
        };
        let dumped = recorder.dump(stretch, &recorded.folder);
        let whole = dumped.map_err(anyhow::Error::from).and_then(|summary| {
            self.show_sources(&summary, &recorder.ended());
            Ok(recorded.finish()?)
        });
        match whole {
            Ok(recorded) => self.ledger.accountant.add(recorded),
            Err(error) => self.ledger.failed(period, &format!("{error:#}")),
        }
    }

    /// Shows which sources had something to give, and which not; of those that have ended a ring has the last minutes.
    fn show_sources(&self, summary: &Summary, ended: &[Absence]) {
        let there = summary.reports.iter().map(|(name, _)| (name, true));
        let absent = summary.absent.iter().chain(ended);
        let absent = absent.map(|it| (&it.source, false));
        for (source, is_up) in there.chain(absent) {
            let sources = &mut self.ledger.shown().standing.sources;
            sources.insert(source.clone(), is_up);
        }
        let Ledger { line, screen, .. } = &self.ledger;
        for Absence { source, why } in &summary.absent {
            line.aside(|| screen.detail(&format!("{source}: {why}")));
        }
    }
}

fn time(ns: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(ns.unsigned_abs())
}
