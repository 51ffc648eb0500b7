//! What is entered of windows while `kcorr live` runs, and what is kept, shown and told of it.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kcorr_live::{
    Accountant, Archive, Books, Done, Episodes, Feed, Form, Metrics, NoticeOptions, Notifier,
    Outcome, OwnCost, Page, Period, Recorded, Rollup, Standing, Target, Verdict, WindowAccount,
};

use crate::commands::live_notices::Notices;
use crate::commands::live_page::LivePage;
use crate::commands::live_process::{account_command, report_command};
use crate::commands::live_settings::LiveSettings;
use crate::commands::live_shown::{Shown, now_ns};
use crate::progress::StatusLine;
use crate::screen::Screen;

/// The time between looks at what is kept.
const TIDY_EVERY: Duration = Duration::from_secs(60);
/// The time between words about windows that are skipped.
const SAY_EVERY: Duration = Duration::from_secs(60);
/// An account that takes longer than so many windows is ended.
const PATIENCE_IN_WINDOWS: u32 = 20;

/// The accounts of a broker.
pub(super) struct Ledger<'a> {
    pub(super) archive: Archive,
    pub(super) accountant: Accountant,
    books: Books,
    episodes: Episodes,
    notices: Notices,
    shown: Arc<Mutex<Shown>>,
    settled: Vec<(Period, Option<i64>)>,
    pub(super) screen: &'a Screen,
    pub(super) line: StatusLine,
    pub(super) is_whole: bool,
    tidied: Option<Instant>,
    said_skipped: Option<Instant>,
}

impl<'a> Ledger<'a> {
    /// Opens the folder, and says what an earlier run has left.
    pub(super) fn open(
        settings: &LiveSettings,
        folder: &Path,
        notices: Option<(Target, NoticeOptions)>,
        screen: &'a Screen,
    ) -> anyhow::Result<Self> {
        let mut archive = Archive::open(folder, settings.keeping)?;
        let mut books = Books::default();
        let recent = archive.recent();
        for (_, verdict) in &recent {
            books.remember(verdict);
        }
        let episodes = || Episodes::new(settings.episode_requests, settings.schedule.window_ns);
        let mut feed = Feed::of_earlier(archive.take_rollups());
        let mut earlier = episodes();
        archive.each_entered(|window, verdicts| {
            feed.enter_earlier(&window, &verdicts, &mut earlier);
        });
        feed.end_earlier();
        let window = Duration::from_nanos(settings.schedule.window_ns.unsigned_abs());
        let patience = (window * PATIENCE_IN_WINDOWS).max(Duration::from_secs(120));
        let command = account_command(&settings.given, settings.memory_limit)?;
        let notifier = notices.map(|(target, options)| Notifier::start(target, options));
        let mut ledger = Self {
            archive,
            accountant: Accountant::new(command, patience),
            books,
            episodes: episodes(),
            notices: Notices::new(notifier, settings),
            shown: Arc::new(Mutex::new(Shown {
                feed,
                metrics: Metrics::new(settings.metrics.clone()),
                standing: Standing::default(),
            })),
            settled: Vec::new(),
            screen,
            line: StatusLine::new(screen),
            is_whole: true,
            tidied: None,
            said_skipped: None,
        };
        ledger.take_up();
        Ok(ledger)
    }

    /// The page of metrics.
    pub(super) fn page(&self) -> Page {
        let shown = Arc::clone(&self.shown);
        Arc::new(move |form: Form| {
            let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
            let Shown {
                metrics, standing, ..
            } = &mut *shown;
            metrics.page(form, standing)
        })
    }

    /// The pages for people.
    pub(super) fn pages(&self, settings: &LiveSettings) -> anyhow::Result<LivePage> {
        let report = report_command(&settings.given, settings.memory_limit, false)?;
        let of = (
            settings.metrics.broker.clone(),
            settings.metrics.objective_ms,
        );
        let shown = Arc::clone(&self.shown);
        Ok(LivePage::new(shown, self.archive.evidence(), report, of))
    }

    /// Says something that does not end it, and that somebody should look at.
    pub(super) fn warn(&mut self, words: &str) {
        self.is_whole = false;
        self.line.aside(|| self.screen.warning(words));
    }

    /// Whether nothing goes on that anybody was told of.
    pub(super) fn is_quiet(&self) -> bool {
        self.episodes.roots().is_empty()
    }

    /// A recording begins.
    pub(super) fn begin(&mut self, now_ns: i64) {
        self.gap_until(now_ns);
        self.books.begin(now_ns);
    }

    /// A recording has ended: what goes on in the next is something else.
    pub(super) fn end(&mut self) {
        self.episodes.end();
        self.shown().feed.end();
    }

    /// Whether any window is not done.
    pub(super) fn is_busy(&self) -> bool {
        self.accountant.waiting() > 0
    }

    /// Notices of which nobody knows yet whether somebody was told.
    pub(super) fn waiting_notices(&self) -> usize {
        self.notices.waiting()
    }

    /// What an earlier run recorded and did not account for; and says when it ended.
    fn take_up(&mut self) {
        let (left, done): (Vec<_>, Vec<_>) = Recorded::left(&self.archive.work())
            .into_iter()
            .partition(|recorded| !self.archive.has(&recorded.period));
        for recorded in done {
            recorded.remove();
        }
        let last = self.archive.last_end_ns();
        if let Some(last_ns) = last {
            let words = match left.len() {
                0 => String::new(),
                count => format!("; {count} more were recorded, and are accounted for now"),
            };
            self.screen.note(&format!(
                "the last window that was accounted for ended {:.0} s ago{words}",
                seconds(now_ns().saturating_sub(last_ns).max(0))
            ));
        }
        for recorded in left {
            let from_ns = recorded.period.from_ns;
            self.books.begin(last.map_or(from_ns, |it| it.min(from_ns)));
            self.accountant.add(recorded);
        }
    }

    /// What the page of metrics shows.
    pub(super) fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is no time for a window.
    pub(super) fn skip(&mut self, period: Period) {
        let windows = {
            let mut shown = self.shown();
            shown.metrics.windows.skipped += 1;
            shown.metrics.windows
        };
        if self
            .said_skipped
            .is_none_or(|said| said.elapsed() >= SAY_EVERY)
        {
            self.said_skipped = Some(Instant::now());
            let words = format!(
                "windows skipped: {}, {:.1} % of all: an account takes longer than a window; a longer --window costs \
                 less, and so do fewer sources (--without)",
                windows.skipped,
                100.0 * windows.missing_ratio()
            );
            self.line.aside(|| self.screen.warning(&words));
        }
        self.write(&Rollup::without(period, Outcome::Skipped), &[]);
    }

    /// A window has no account; why.
    pub(super) fn failed(&mut self, period: Period, why: &str) {
        self.shown().metrics.windows.failed += 1;
        let words = format!("window {}: no account: {why}", period.name());
        self.line.aside(|| self.screen.warning(&words));
        self.write(&Rollup::without(period, Outcome::Failed), &[]);
    }

    /// Shows a window and writes its lines. What cannot be written is said: a disk that is full must not end what goes on.
    fn write(&mut self, rollup: &Rollup, verdicts: &[Verdict]) {
        let open = self.episodes.open();
        self.shown().feed.enter(rollup.clone(), &open);
        if let Err(error) = self.archive.write(rollup, verdicts) {
            self.is_whole = false;
            let words = format!("window {}: {error}", rollup.period.name());
            self.line.aside(|| self.screen.warning(&words));
        }
    }

    /// Windows that are accounted for since this was asked last; and since when the oldest request was open at the end of
    /// each.
    pub(super) fn take_settled(&mut self) -> Vec<(Period, Option<i64>)> {
        std::mem::take(&mut self.settled)
    }

    /// Time until now in which nothing was recorded.
    fn gap_until(&mut self, now_ns: i64) {
        // What waits for its account is no gap.
        let last = self
            .archive
            .last_end_ns()
            .max(self.accountant.last_end_ns());
        let Some(last) = last else {
            return;
        };
        if last < now_ns {
            let gap = Period {
                from_ns: last,
                to_ns: now_ns,
            };
            self.shown().metrics.add_gap(now_ns - last);
            let words = format!("{:.1} s before this have no account", gap.seconds());
            self.line.aside(|| self.screen.note(&words));
            self.write(&Rollup::without(gap, Outcome::Gap), &[]);
        }
    }

    /// Enters what is done, and looks after what is kept.
    pub(super) fn look(&mut self) {
        if let Some(Done { recorded, account }) = self.accountant.look() {
            match account {
                Ok(account) => self.enter(&recorded, account),
                Err(why) => self.failed(recorded.period, &why),
            }
            recorded.remove();
        }
        for words in self.notices.look() {
            self.line.aside(|| self.screen.warning(&words));
        }
        let is_due = self.tidied.is_none_or(|it| it.elapsed() >= TIDY_EVERY);
        if is_due {
            self.tidied = Some(Instant::now());
            match self.archive.tidy(now_ns()) {
                Ok(bytes) => self.shown().standing.evidence_bytes = bytes,
                Err(error) => self.line.aside(|| self.screen.warning(&error.to_string())),
            }
        }
        let cost = OwnCost::now(self.accountant.peak_memory_bytes());
        let (waiting, notices) = (self.accountant.waiting(), self.notices.counts());
        let open_episodes = self.episodes.roots();
        let mut shown = self.shown();
        let standing = &mut shown.standing;
        (standing.cost, standing.waiting) = (cost, waiting);
        (standing.notices, standing.open_episodes) = (notices, open_episodes);
    }

    /// Enters what an account says, keeps its store if anything was slow, and tells of what began.
    fn enter(&mut self, recorded: &Recorded, account: WindowAccount) {
        let period = recorded.period;
        self.settled.push((period, account.open_since_ns));
        let (entered, rollup) = {
            let counts = account.clone();
            let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
            let metrics = &mut shown.metrics;
            let episodes = &mut self.episodes;
            let entered = self
                .books
                .enter(period, account, metrics, episodes, now_ns());
            let rollup = Rollup::of(period, &counts, &entered.verdicts, metrics.bounds());
            let rollup = Rollup {
                objective_ms: Some(metrics.objective_ms()),
                api_objectives_ms: metrics.api_objectives_ms().clone(),
                ..rollup
            };
            (entered, self.marked(rollup, &counts))
        };
        if !entered.verdicts.is_empty() {
            let kept = self.archive.store(&period);
            // Of one that was killed before the window had its line.
            let _ = std::fs::remove_dir_all(&kept);
            if let Err(error) = std::fs::rename(recorded.store(), &kept) {
                let words = format!("cannot keep {}: {error}", kept.display());
                self.line.aside(|| self.screen.warning(&words));
            }
        }
        self.write(&rollup, &entered.verdicts);
        if !entered.verdicts.is_empty() {
            let words = window_words(&rollup);
            self.line.aside(|| self.screen.note(&words));
        }
        for episode in entered.begun {
            self.notices
                .tell(episode, period, self.archive.store(&period));
        }
    }

    /// A window's line with what its broker ran on and with.
    fn marked(&self, rollup: Rollup, account: &WindowAccount) -> Rollup {
        match self.archive.marked(rollup.clone(), &account.settings) {
            Ok(marked) => marked,
            Err(error) => {
                self.line.aside(|| self.screen.warning(&error.to_string()));
                rollup
            }
        }
    }

    /// How far it is, in a line.
    pub(super) fn progress(&self) -> String {
        let windows = self.shown().metrics.windows;
        format!(
            "{} windows accounted for, {} skipped, {} wait",
            windows.accounted,
            windows.skipped,
            self.accountant.waiting()
        )
    }
}

/// What a window with slow requests had, in a line.
fn window_words(rollup: &Rollup) -> String {
    let mut causes: Vec<(u64, String)> = Vec::new();
    for series in rollup.series.iter().filter(|it| it.cause != "none") {
        let name = match series.reason.as_str() {
            "" => series.cause.clone(),
            reason => format!("{} ({reason})", series.cause),
        };
        match causes.iter_mut().find(|(_, it)| *it == name) {
            Some((count, _)) => *count += series.count,
            None => causes.push((series.count, name)),
        }
    }
    causes.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let causes: Vec<String> = causes
        .iter()
        .take(4)
        .map(|(count, name)| format!("{name} {count}"))
        .collect();
    format!(
        "{}, {:.1} s: {} slow requests: {}",
        rollup.from,
        rollup.period.seconds(),
        rollup.slow,
        causes.join(", ")
    )
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}
