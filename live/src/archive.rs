//! The folder of a broker's accounts: what is kept for how long.
//!
//! | | what | kept |
//! |---|---|---|
//! | `rollups/DAY.jsonl` | a line a window: what became of it, counts by API, topic, cause and reason; of days that are over compressed (`.jsonl.zst`) | a year, and no more bytes than it may have |
//! | `accounts/HOUR.jsonl` | a line a slow request: its row of `blame` | 7 days, and no more bytes |
//! | `evidence/WINDOW.kcorr` | the stores of windows with slow requests | as it is asked for |
//! | `reports/WINDOW.html` | reports of these that somebody opened | as long as their stores, and [`REPORT_BYTES`] at most |
//! | `settings/ID.json` | what the broker ran on and with, by which lines of `rollups` are marked | for good: a new one is there only after a change |
//! | `work/` | recordings that have no account yet | until they have one |
//!
//! A window's line in `rollups` is written last: a window with a line is accounted for, and one without is not, whatever
//! was killed when. The end of the last one is where the next start goes on.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::evidence::Evidence;
use crate::limits::{age_out, bytes_of, files};
use crate::line_files::{append, compress, cut};
use crate::period::Period;
use crate::rollup::Rollup;
use crate::rollup_days::{days, rollups_of_day};
use crate::settings::{self, Settings};
use crate::verdict::Verdict;

/// Windows that are told of after a start.
pub const MOST_RECENT: usize = 360;
/// Bytes of accounts that episodes of earlier starts are made of.
const EPISODE_BYTES: u64 = 64 << 20;
/// Windows with a line that are known.
const MOST_LINES: usize = 20_000;
/// Bytes of reports at most.
const REPORT_BYTES: u64 = 128 << 20;
const DAY_NS: i64 = 86_400_000_000_000;
/// How long after a day its last windows may have their lines: they wait for their accounts.
const LATE_LINES_NS: i64 = DAY_NS / 24;

/// For how long, and how much, is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    /// Roll-ups, in ns.
    pub rollups_ns: i64,
    /// Their bytes at most.
    pub rollups_bytes: u64,
    /// Accounts, in ns.
    pub accounts_ns: i64,
    /// Their bytes at most.
    pub accounts_bytes: u64,
    /// Stores, in ns.
    pub evidence_ns: i64,
    /// Their bytes at most.
    pub evidence_bytes: u64,
}

impl Default for Keeping {
    fn default() -> Self {
        Self {
            rollups_ns: 365 * DAY_NS,
            rollups_bytes: 1 << 30,
            accounts_ns: 7 * DAY_NS,
            accounts_bytes: 512 << 20,
            evidence_ns: DAY_NS / 24,
            evidence_bytes: 2 << 30,
        }
    }
}

/// A line of an account.
#[derive(Debug, Serialize, Deserialize)]
struct AccountLine {
    /// The window whose account has it.
    window: Period,
    /// The folder of its store, while that is kept.
    evidence: String,
    #[serde(flatten)]
    verdict: Verdict,
}

/// What of a line tells episodes apart.
#[derive(Debug, Deserialize)]
struct EpisodeLine {
    window: Period,
    #[serde(default)]
    root: Option<String>,
    #[serde(default)]
    cause: Option<String>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    api: Option<String>,
    #[serde(default)]
    topic: Option<String>,
    #[serde(default)]
    latency_ms: Option<f64>,
    #[serde(default)]
    waited_ms: Option<f64>,
    #[serde(default)]
    request_id: Option<i64>,
    end_ns: i64,
}

impl EpisodeLine {
    fn parts(self) -> (Period, Verdict) {
        let columns = [
            ("root", self.root.into()),
            ("cause", self.cause.into()),
            ("reason", self.reason.into()),
            ("api", self.api.into()),
            ("topic", self.topic.into()),
            ("latency_ms", self.latency_ms.into()),
            ("waited_ms", self.waited_ms.into()),
            ("request_id", self.request_id.into()),
            ("end_ns", self.end_ns.into()),
        ];
        let columns = columns.map(|(name, value): (&str, Value)| (name.to_owned(), value));
        (self.window, Verdict(columns.into_iter().collect()))
    }
}

/// The folder, which one process has at a time.
#[derive(Debug)]
pub struct Archive {
    folder: PathBuf,
    keeping: Keeping,
    last_end_ns: Option<i64>,
    /// Windows of the last two days that have a line.
    lines: BTreeSet<Period>,
    /// The last of them, until they are taken.
    recent: Vec<Rollup>,
    #[expect(dead_code, reason = "its lock says that somebody writes here")]
    lock: File,
}

impl Archive {
    /// Opens a folder, or makes it. What a killed process left half is taken away.
    ///
    /// # Errors
    /// When another process has it, or it cannot be read or written.
    pub fn open(folder: &Path, keeping: Keeping) -> Result<Self> {
        for name in [
            "rollups", "accounts", "evidence", "reports", "settings", "work",
        ] {
            let folder = folder.join(name);
            fs::create_dir_all(&folder).map_err(|e| Error::file("cannot make", &folder, e))?;
        }
        // Recordings have what clients sent.
        private(&folder.join("work"))?;
        private(&folder.join("reports"))?;
        let path = folder.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path);
        let lock = lock.map_err(|e| Error::file("cannot write", &path, e))?;
        if lock.try_lock().is_err() {
            return Err(Error::Refused(format!(
                "another kcorr live writes to {}: end it, or name another --dir",
                folder.display()
            )));
        }
        let mut archive = Self {
            folder: folder.to_owned(),
            keeping,
            last_end_ns: None,
            lines: BTreeSet::new(),
            recent: Vec::new(),
            lock,
        };
        archive.mend()?;
        Ok(archive)
    }

    /// Where recordings are that have no account yet.
    pub fn work(&self) -> PathBuf {
        self.folder.join("work")
    }

    /// A new folder for a dump that somebody asked for, for nobody else to read.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn dump(&self, now_ns: i64) -> Result<PathBuf> {
        let now = Period {
            from_ns: now_ns,
            to_ns: now_ns,
        };
        let folder = self.folder.join(format!("dump-{}", now.name()));
        fs::create_dir_all(&folder).map_err(|e| Error::file("cannot make", &folder, e))?;
        private(&folder)?;
        Ok(folder)
    }

    /// Where the store of a window is.
    pub fn store(&self, period: &Period) -> PathBuf {
        Evidence::of(&self.folder).store(&period.name())
    }

    /// Where the stores of windows are, for who looks one up by its name.
    pub fn evidence(&self) -> Evidence {
        Evidence::of(&self.folder)
    }

    /// The end of the last window that has a line.
    pub fn last_end_ns(&self) -> Option<i64> {
        self.last_end_ns
    }

    /// Whether a window has a line; of those of long ago nobody asks.
    pub fn has(&self, period: &Period) -> bool {
        self.lines.contains(period)
    }

    /// Cuts lines that are not whole, and accounts at the end of a window without a line.
    fn mend(&mut self) -> Result<()> {
        for path in days(&self.folder).iter().rev().take(2) {
            if path.extension().is_some_and(|it| it == "jsonl") {
                cut(path, |_| false)?;
            }
            for rollup in rollups_of_day(path)? {
                self.lines.insert(rollup.period);
                self.recent.push(rollup);
            }
        }
        self.recent.sort_by_key(|it| it.period);
        let more = self.recent.len().saturating_sub(MOST_RECENT);
        self.recent.drain(..more);
        self.last_end_ns = self.lines.iter().map(|it| it.to_ns).max();
        if let Some(path) = files(&self.folder.join("accounts")).last() {
            // Of windows before those that are known nothing can be said: their rows stay.
            let first = self.lines.first().copied();
            let has_no_line = |line: &[u8]| {
                let line = serde_json::from_slice::<AccountLine>(line);
                line.is_ok_and(|line| {
                    first.is_none_or(|first| first <= line.window)
                        && !self.lines.contains(&line.window)
                })
            };
            cut(path, has_no_line)?;
        }
        Ok(())
    }

    /// What was written of the last windows before this start, in their order, at most [`MOST_RECENT`]; once.
    pub fn take_rollups(&mut self) -> Vec<Rollup> {
        std::mem::take(&mut self.recent)
    }

    /// The slow requests that were entered last, each with its window, so that none is entered again.
    pub fn recent(&self) -> Vec<(Period, Verdict)> {
        // An hour may have begun with the last window.
        let hours = files(&self.folder.join("accounts"));
        let last = hours.len().saturating_sub(2);
        let opened = hours.iter().skip(last).map(File::open);
        let lines = opened
            .flatten()
            .flat_map(|file| BufReader::new(file).lines().map_while(|line| line.ok()));
        let lines = lines.filter_map(|line| serde_json::from_str::<AccountLine>(&line).ok());
        lines.map(|line| (line.window, line.verdict)).collect()
    }

    /// Shows the slow requests of the last windows that have an account, window by window in their order: what tells
    /// episodes apart of each. Of as many hours as have 64 MiB of them, and of the last two anyway.
    pub fn each_entered(&self, mut show: impl FnMut(Period, Vec<Verdict>)) {
        let mut hours = files(&self.folder.join("accounts"));
        let mut room = EPISODE_BYTES;
        let bytes = |path: &PathBuf| fs::metadata(path).map_or(0, |it| it.len());
        let fits = |path: &&PathBuf| {
            let left = room.checked_sub(bytes(path));
            room = left.unwrap_or(0);
            left.is_some()
        };
        let count = hours.iter().rev().take_while(fits).count();
        let count = count.max(2).min(hours.len());
        let mut window: Option<(Period, Vec<Verdict>)> = None;
        for path in hours.split_off(hours.len() - count) {
            let Ok(file) = File::open(path) else {
                continue;
            };
            for line in BufReader::new(file).lines().map_while(|line| line.ok()) {
                let Ok(line) = serde_json::from_str::<EpisodeLine>(&line) else {
                    continue;
                };
                let (period, verdict) = line.parts();
                match &mut window {
                    Some((last, verdicts)) if *last == period => verdicts.push(verdict),
                    _ => {
                        if let Some((last, verdicts)) = window.replace((period, vec![verdict])) {
                            show(last, verdicts);
                        }
                    }
                }
            }
        }
        if let Some((last, verdicts)) = window {
            show(last, verdicts);
        }
    }

    /// A window's line with the mark of what its broker ran on and with, which is written down if it is new.
    ///
    /// # Errors
    /// When that cannot be written.
    pub fn marked(&self, rollup: Rollup, settings: &Settings) -> Result<Rollup> {
        settings::write(&self.folder.join("settings"), settings)?;
        Ok(Rollup {
            settings: settings::id_of(settings)?,
            ..rollup
        })
    }

    /// Writes what came of a window: the rows of its requests, then its line.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, rollup: &Rollup, verdicts: &[Verdict]) -> Result<()> {
        let period = rollup.period;
        if !verdicts.is_empty() {
            let mut text = Vec::new();
            for verdict in verdicts {
                let line = AccountLine {
                    window: period,
                    evidence: format!("evidence/{}.kcorr", period.name()),
                    verdict: verdict.clone(),
                };
                serde_json::to_writer(&mut text, &line)?;
                text.push(b'\n');
            }
            append(&self.folder.join("accounts"), "%Y%m%dT%H", period, &text)?;
        }
        let mut text = serde_json::to_vec(rollup)?;
        text.push(b'\n');
        append(&self.folder.join("rollups"), "%Y%m%d", period, &text)?;
        self.last_end_ns = self.last_end_ns.max(Some(period.to_ns));
        self.lines.insert(period);
        // Some hours of windows: only those of an earlier start are asked for.
        while self.lines.len() > MOST_LINES {
            self.lines.pop_first();
        }
        Ok(())
    }

    /// Compresses days that are over, and removes what is too old or too much; bytes of stores that are kept.
    ///
    /// # Errors
    /// When a day cannot be compressed.
    pub fn tidy(&self, now_ns: i64) -> Result<u64> {
        let rollups = self.folder.join("rollups");
        let keeping = self.keeping;
        age_out(&rollups, now_ns, keeping.rollups_ns, keeping.rollups_bytes);
        let accounts = self.folder.join("accounts");
        age_out(
            &accounts,
            now_ns,
            keeping.accounts_ns,
            keeping.accounts_bytes,
        );
        let evidence = self.folder.join("evidence");
        age_out(
            &evidence,
            now_ns,
            keeping.evidence_ns,
            keeping.evidence_bytes,
        );
        let reports = self.folder.join("reports");
        age_out(&reports, now_ns, keeping.evidence_ns, REPORT_BYTES);
        // Last: on a disk that is full there is room for it then.
        let last_day = DateTime::from_timestamp_nanos(now_ns.saturating_sub(LATE_LINES_NS));
        let last_day = last_day.format("%Y%m%d").to_string();
        let mut plain = files(&rollups);
        plain.retain(|it| it.extension().is_some_and(|it| it == "jsonl"));
        for path in plain {
            let is_over = |day: &OsStr| *day.to_string_lossy() < *last_day;
            if path.file_stem().is_some_and(is_over) {
                compress(&path).map_err(|e| Error::file("cannot compress", &path, e))?;
            }
        }
        Ok(bytes_of(&evidence))
    }
}

/// Leaves a folder to its owner.
fn private(folder: &Path) -> Result<()> {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    let set = fs::set_permissions(folder, mode);
    set.map_err(|e| Error::file("cannot set the mode of", folder, e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollup::Outcome;
    use serde_json::json;
    use std::os::unix::fs::PermissionsExt;

    const SECOND: i64 = 1_000_000_000;
    const NOON: i64 = 1_700_049_600 * SECOND;

    fn window(number: i64) -> Period {
        Period {
            from_ns: NOON + number * 10 * SECOND,
            to_ns: NOON + (number + 1) * 10 * SECOND,
        }
    }

    fn slow(number: i64) -> Verdict {
        let row = json!({ "request_id": number, "end_ns": window(number).from_ns });
        Verdict(row.as_object().unwrap().clone())
    }

    fn write(archive: &mut Archive, number: i64) {
        let rollup = Rollup::without(window(number), Outcome::Accounted);
        archive.write(&rollup, &[slow(number)]).unwrap();
    }

    #[test]
    fn a_start_goes_on_where_the_last_whole_window_ended() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Archive::open(folder.path(), Keeping::default());
        let mut archive = open().unwrap();
        assert_eq!(archive.last_end_ns(), None);
        for folder in [archive.work(), archive.dump(NOON).unwrap()] {
            let mode = fs::metadata(&folder).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{}", folder.display());
        }
        write(&mut archive, 0);
        write(&mut archive, 1);
        let said = open().unwrap_err().to_string();
        assert!(said.contains("another kcorr live"), "{said}");
        // Killed behind the rows of a window, and in its line.
        append(
            &folder.path().join("rollups"),
            "%Y%m%d",
            window(2),
            b"{\"from\":\"20",
        )
        .unwrap();
        let line = AccountLine {
            window: window(2),
            evidence: String::new(),
            verdict: slow(2),
        };
        let mut text = serde_json::to_vec(&line).unwrap();
        text.push(b'\n');
        append(
            &folder.path().join("accounts"),
            "%Y%m%dT%H",
            window(2),
            &text,
        )
        .unwrap();
        drop(archive);
        let mut archive = open().unwrap();
        assert_eq!(archive.last_end_ns(), Some(window(1).to_ns));
        assert!(archive.has(&window(1)) && !archive.has(&window(2)));
        let recent = archive.recent();
        assert_eq!(
            recent
                .iter()
                .map(|(_, it)| it.number("request_id").unwrap())
                .collect::<Vec<_>>(),
            [0, 1]
        );
        write(&mut archive, 2);
        assert_eq!(archive.recent().len(), 3);
    }

    #[test]
    fn a_start_takes_nothing_away_that_was_written_whole() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Archive::open(folder.path(), Keeping::default()).unwrap();
        let mut archive = open();
        write(&mut archive, 0);
        // A line that this version does not know, and days without a slow request.
        let (rollups, day) = (folder.path().join("rollups"), "%Y%m%d");
        append(&rollups, day, window(1), b"{\"of\":\"another version\"}\n").unwrap();
        for days in 0..3 {
            let rollup = Rollup::without(window(2 + days * 8640), Outcome::Accounted);
            archive.write(&rollup, &[]).unwrap();
        }
        drop(archive);
        let archive = open();
        assert!(!archive.has(&window(0)) && archive.has(&window(2 + 2 * 8640)));
        assert_eq!(archive.recent().len(), 1);
        let first_day = files(&rollups).remove(0);
        assert_eq!(fs::read_to_string(first_day).unwrap().lines().count(), 3);
    }

    #[test]
    fn what_was_entered_before_an_hour_ended_is_known_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = Archive::open(folder.path(), Keeping::default()).unwrap();
        for number in [0, 358, 359, 360] {
            write(&mut archive, number);
        }
        assert_eq!(files(&folder.path().join("accounts")).len(), 2);
        assert_eq!(archive.recent().len(), 4);
        // And what was entered long before, for episodes.
        let rollup = Rollup::without(window(2000), Outcome::Accounted);
        let both = [slow(1999), slow(2000)];
        archive.write(&rollup, &both).unwrap();
        assert_eq!(archive.recent().len(), 3);
        let mut seen = Vec::new();
        archive.each_entered(|period, verdicts| seen.push((period, verdicts)));
        let windows: Vec<Period> = seen.iter().map(|it| it.0).collect();
        assert_eq!(windows, [0, 358, 359, 360, 2000].map(window));
        let ends: Vec<i64> = seen[4].1.iter().map(Verdict::end_ns).collect();
        assert_eq!(ends, both.map(|it| it.end_ns()));
    }

    #[test]
    fn days_that_are_over_are_compressed_and_what_is_old_goes() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = Archive::open(folder.path(), Keeping::default()).unwrap();
        write(&mut archive, 0);
        let next_day = NOON + DAY_NS;
        archive.tidy(NOON).unwrap();
        assert!(folder.path().join("rollups/20231115.jsonl").exists());
        archive.tidy(next_day).unwrap();
        assert_eq!(
            files(&folder.path().join("rollups")),
            [folder.path().join("rollups/20231115.jsonl.zst")]
        );
        assert_eq!(files(&folder.path().join("accounts")).len(), 1);
        // A window of that day whose line comes then.
        write(&mut archive, 1);
        archive.tidy(next_day).unwrap();
        let days = files(&folder.path().join("rollups"));
        assert_eq!(days.len(), 1);
        let text = zstd::decode_all(File::open(&days[0]).unwrap()).unwrap();
        let lines = text.split(|&it| it == b'\n');
        let rollups = lines.filter_map(|line| serde_json::from_slice::<Rollup>(line).ok());
        let windows: Vec<_> = rollups.map(|it| it.period).collect();
        assert_eq!(windows, [window(0), window(1)]);
        drop(archive);
        let archive = Archive::open(folder.path(), Keeping::default()).unwrap();
        assert_eq!(archive.last_end_ns(), Some(window(1).to_ns));
        archive.tidy(NOON + 9 * DAY_NS).unwrap();
        assert_eq!(files(&folder.path().join("accounts")).len(), 0);
        archive.tidy(NOON + 367 * DAY_NS).unwrap();
        assert_eq!(files(&folder.path().join("rollups")).len(), 0);
    }
}
