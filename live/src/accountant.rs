//! Has windows accounted for one after another, each by a process of its own: what a query takes is given back with it,
//! and the recorder stays small over weeks.
//!
//! A window's recording lies in a folder that is whole once it has its name, and stays there until its account is done: one that
//! was killed leaves it to the next start.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::account::WindowAccount;
use crate::error::{Error, Result};
use crate::limits::files;
use crate::own_cost::peak_memory_bytes;
use crate::period::Period;

/// The file that says of which window a recording is.
const WINDOW_FILE: &str = ".window.json";

/// Recordings that wait for their account. What comes then is skipped: those that wait have the begin of what is slow.
const MOST_WAITING: usize = 3;

/// The recording of a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The window.
    pub period: Period,
    /// The folder with its recordings.
    pub folder: PathBuf,
}

impl Recorded {
    /// A folder for the recording of a window, which is not whole yet.
    pub fn begin(work: &Path, period: Period) -> Self {
        let folder = work.join(format!("{}.part", period.name()));
        let _ = fs::remove_dir_all(&folder);
        Self { period, folder }
    }

    /// All of it is there.
    ///
    /// # Errors
    /// When that cannot be said.
    pub fn finish(self) -> Result<Self> {
        let text = serde_json::to_vec(&self.period)?;
        let cannot = |e| Error::file("cannot write", &self.folder, e);
        fs::write(self.folder.join(WINDOW_FILE), text).map_err(cannot)?;
        let folder = self.folder.with_extension("raw");
        let _ = fs::remove_dir_all(&folder);
        fs::rename(&self.folder, &folder).map_err(cannot)?;
        Ok(Self { folder, ..self })
    }

    /// Those that were recorded and have no account; what is not whole is removed.
    pub fn left(work: &Path) -> Vec<Self> {
        let mut left = Vec::new();
        for folder in files(work) {
            let is_raw = folder.extension().is_some_and(|it| it == "raw");
            let text = fs::read(folder.join(WINDOW_FILE)).unwrap_or_default();
            match serde_json::from_slice(&text) {
                Ok(period) if is_raw => left.push(Self { period, folder }),
                _ if folder.is_dir() => drop(fs::remove_dir_all(folder)),
                _ => drop(fs::remove_file(folder)),
            }
        }
        left
    }

    /// Where the store of it is made.
    pub fn store(&self) -> PathBuf {
        self.folder.with_extension("kcorr")
    }

    /// Where its account is written.
    pub fn result(&self) -> PathBuf {
        self.folder.with_extension("json")
    }

    /// Takes away all that is left of it.
    pub fn remove(&self) {
        let _ = fs::remove_dir_all(&self.folder);
        let _ = fs::remove_dir_all(self.store());
        for ending in ["json", "said"] {
            let _ = fs::remove_file(self.folder.with_extension(ending));
        }
    }
}

/// The command that makes the store and the account of a recording.
pub type AccountCommand = Box<dyn Fn(&Recorded) -> Command>;

/// A window whose account is done, or never will be.
#[derive(Debug)]
pub struct Done {
    /// Its recording, with its store.
    pub recorded: Recorded,
    /// Its account, or why there is none.
    pub account: Result<WindowAccount, String>,
}

struct Running {
    child: Child,
    recorded: Recorded,
    begun: Instant,
}

/// The windows that wait, and the one that is accounted for.
pub struct Accountant {
    command: AccountCommand,
    patience: Duration,
    waiting: VecDeque<Recorded>,
    running: Option<Running>,
    peak_memory_bytes: u64,
}

impl Accountant {
    /// One that runs such commands; what takes longer than `patience` is ended.
    pub fn new(command: AccountCommand, patience: Duration) -> Self {
        Self {
            command,
            patience,
            waiting: VecDeque::new(),
            running: None,
            peak_memory_bytes: 0,
        }
    }

    /// Whether there is room for one more.
    pub fn has_room(&self) -> bool {
        self.waiting.len() < MOST_WAITING
    }

    /// Adds one.
    pub fn add(&mut self, recorded: Recorded) {
        self.waiting.push_back(recorded);
    }

    /// How many have no account yet.
    pub fn waiting(&self) -> usize {
        self.waiting.len() + usize::from(self.running.is_some())
    }

    /// The end of the last of these.
    pub fn last_end_ns(&self) -> Option<i64> {
        let running = self.running.as_ref().map(|it| &it.recorded);
        let all = self.waiting.iter().chain(running);
        all.map(|it| it.period.to_ns).max()
    }

    /// Resident memory of the last account, at most.
    pub fn peak_memory_bytes(&self) -> u64 {
        self.peak_memory_bytes
    }

    /// Starts the next, and takes the one that has ended.
    pub fn look(&mut self) -> Option<Done> {
        if let Some(done) = self.ended() {
            return Some(done);
        }
        if self.running.is_none()
            && let Some(recorded) = self.waiting.pop_front()
        {
            match self.start(&recorded) {
                Ok(child) => {
                    self.peak_memory_bytes = 0;
                    self.running = Some(Running {
                        child,
                        recorded,
                        begun: Instant::now(),
                    });
                }
                Err(error) => {
                    let account = Err(format!("no account can be started: {error}"));
                    return Some(Done { recorded, account });
                }
            }
        }
        None
    }

    fn start(&self, recorded: &Recorded) -> std::io::Result<Child> {
        // Of one that was killed.
        let _ = fs::remove_dir_all(recorded.store());
        let mut command = (self.command)(recorded);
        let said = File::create(recorded.folder.with_extension("said"))?;
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said);
        // A Ctrl-C is the recorder's.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.spawn()
    }

    fn ended(&mut self) -> Option<Done> {
        let running = self.running.as_mut()?;
        if let Some(peak) = peak_memory_bytes(running.child.id()) {
            self.peak_memory_bytes = self.peak_memory_bytes.max(peak);
        }
        let why = match running.child.try_wait() {
            Ok(None) if running.begun.elapsed() < self.patience => return None,
            Ok(None) => {
                let _ = running.child.kill();
                let _ = running.child.wait();
                Some(format!("it was ended after {} s", self.patience.as_secs()))
            }
            // 1: something in it was lost, as the account says.
            Ok(Some(status)) if matches!(status.code(), Some(0 | 1)) => None,
            Ok(Some(status)) => Some(format!("it ended with {status}")),
            Err(error) => Some(error.to_string()),
        };
        let Running { recorded, .. } = self.running.take()?;
        let account = match why {
            None => read(&recorded.result()),
            Some(why) => {
                let said = fs::read_to_string(recorded.folder.with_extension("said"));
                let said = said.unwrap_or_default();
                let said = said.lines().find(|line| line.starts_with("error"));
                Err(format!("{why}: {}", said.unwrap_or("it said nothing")))
            }
        };
        Some(Done { recorded, account })
    }
}

impl Drop for Accountant {
    fn drop(&mut self) {
        if let Some(running) = &mut self.running {
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }
}

fn read(path: &Path) -> Result<WindowAccount, String> {
    let text = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(number: i64) -> Period {
        Period {
            from_ns: number * 1_000_000_000,
            to_ns: (number + 1) * 1_000_000_000,
        }
    }

    fn recorded(work: &Path, number: i64) -> Recorded {
        let recorded = Recorded::begin(work, window(number));
        fs::create_dir_all(&recorded.folder).unwrap();
        recorded.finish().unwrap()
    }

    fn shell(script: &'static str) -> AccountCommand {
        Box::new(move |recorded| {
            let mut command = Command::new("sh");
            command.args(["-c", script, "sh"]).arg(recorded.result());
            command
        })
    }

    fn done(accountant: &mut Accountant) -> Done {
        let begun = Instant::now();
        loop {
            if let Some(done) = accountant.look() {
                return done;
            }
            assert!(begun.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn windows_are_accounted_for_in_turn_and_what_fails_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let account = serde_json::to_string(&WindowAccount::default()).unwrap();
        let path = folder.path().join("account");
        fs::write(&path, account).unwrap();
        let script = "case $1 in *000001*) echo 'error: no room' >&2; exit 2 ;; *) cp ${1%/*}/account $1 ;; esac";
        let mut accountant = Accountant::new(shell(script), Duration::from_secs(60));
        for number in 0..3 {
            assert!(accountant.has_room());
            accountant.add(recorded(folder.path(), number));
        }
        assert!(!accountant.has_room());
        let first = done(&mut accountant);
        assert_eq!(first.recorded.period, window(0));
        assert!(first.account.is_ok());
        let second = done(&mut accountant);
        assert!(second.account.unwrap_err().ends_with("2: error: no room"));
        second.recorded.remove();
        assert!(!second.recorded.folder.exists());
        assert!(done(&mut accountant).account.is_ok());
        assert_eq!(accountant.waiting(), 0);
    }

    #[test]
    fn one_that_takes_too_long_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let mut accountant = Accountant::new(shell("exec sleep 300"), Duration::from_millis(50));
        accountant.add(recorded(folder.path(), 0));
        let why = done(&mut accountant).account.unwrap_err();
        assert!(why.starts_with("it was ended after"), "{why}");
    }

    #[test]
    fn a_killed_one_leaves_what_is_whole_to_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let whole = recorded(folder.path(), 4);
        let half = Recorded::begin(folder.path(), window(5));
        fs::create_dir_all(&half.folder).unwrap();
        fs::create_dir_all(whole.store()).unwrap();
        fs::write(whole.result(), "{").unwrap();
        assert_eq!(Recorded::left(folder.path()), std::slice::from_ref(&whole));
        assert!(!half.folder.exists() && !whole.store().exists() && !whole.result().exists());
    }
}
