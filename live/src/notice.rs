//! Tells somebody of an episode: a command that gets a notice on its standard input, or a URL that it is posted to.
//!
//! A thread of its own does it, so that nobody waits for who is told. A notice that is not taken is tried again, each time
//! after twice as long; more of an hour than the limit are held back, and counted. What a notice has of a broker is what
//! its account has: names of topics, clients and files, and no record.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::target::Target;

/// Notices that wait to be sent.
const MOST_WAITING: usize = 16;
/// How often one is tried.
const MOST_TRIES: u32 = 5;
/// How long after its first failure a notice is tried again.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// How long the end of a command is waited for.
const UNTIL_ENDED: Duration = Duration::from_secs(5);
const HOUR: Duration = Duration::from_secs(3600);

/// How notices are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoticeOptions {
    /// Notices of an hour at most.
    pub most_an_hour: usize,
    /// How long after its first failure a notice is tried again.
    pub first_wait: Duration,
}

impl NoticeOptions {
    /// So many notices an hour at most.
    pub fn with_most(most_an_hour: usize) -> Self {
        Self {
            most_an_hour,
            first_wait: FIRST_WAIT,
        }
    }
}

/// What became of notices, and what was said of those that failed.
#[derive(Debug, Default)]
struct Told {
    counts: BTreeMap<&'static str, u64>,
    words: VecDeque<String>,
    /// Notices that came and of which nothing has become yet.
    waiting: usize,
}

/// Sends notices until it is dropped; what waits then is not sent, and the command that runs then is ended.
#[derive(Debug)]
pub struct Notifier {
    notices: SyncSender<(String, bool)>,
    told: Arc<Mutex<Told>>,
    is_ended: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Notifier {
    /// Tells a target.
    pub fn start(target: Target, options: NoticeOptions) -> Self {
        let (notices, received) = sync_channel(MOST_WAITING);
        let told = Arc::<Mutex<Told>>::default();
        let theirs = Arc::clone(&told);
        let is_ended = Arc::<AtomicBool>::default();
        let asked = Arc::clone(&is_ended);
        let send = move || send_all(&target, options, &received, &theirs, &asked);
        Self {
            notices,
            told,
            is_ended,
            thread: std::thread::spawn(send),
        }
    }

    /// Sends a text: JSON, or Markdown.
    pub fn send(&self, text: String, is_json: bool) {
        lock(&self.told).waiting += 1;
        if self.notices.try_send((text, is_json)).is_err() {
            let words = format!("{MOST_WAITING} notices wait to be sent, and another is dropped");
            count(&self.told, "dropped", Some(words));
            lock(&self.told).waiting -= 1;
        }
    }

    /// Notices of which nothing has become yet.
    pub fn waiting(&self) -> usize {
        lock(&self.told).waiting
    }

    /// What became of notices so far.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.told).counts.clone()
    }

    /// What went wrong since this was asked last, in sentences.
    pub fn words(&self) -> Vec<String> {
        lock(&self.told).words.drain(..).collect()
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        self.is_ended.store(true, Ordering::Relaxed);
        let begun = Instant::now();
        // A command ends at once. A connection ends with the process.
        while lock(&self.told).waiting > 0
            && !self.thread.is_finished()
            && begun.elapsed() < UNTIL_ENDED
        {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn lock(told: &Mutex<Told>) -> MutexGuard<'_, Told> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

fn count(told: &Mutex<Told>, outcome: &'static str, words: Option<String>) {
    let mut told = lock(told);
    *told.counts.entry(outcome).or_default() += 1;
    if let Some(words) = words.filter(|_| told.words.len() < MOST_WAITING) {
        told.words.push_back(words);
    }
}

fn send_all(
    target: &Target,
    options: NoticeOptions,
    notices: &Receiver<(String, bool)>,
    told: &Mutex<Told>,
    is_ended: &AtomicBool,
) {
    let mut lately: VecDeque<Instant> = VecDeque::new();
    for (text, is_json) in notices {
        if is_ended.load(Ordering::Relaxed) {
            break;
        }
        let mut send = || target.send(&text, is_json, is_ended);
        send_one(&mut send, options, &mut lately, told, is_ended);
        lock(told).waiting -= 1;
    }
}

/// Sends a notice, or says why not.
fn send_one(
    send: &mut dyn FnMut() -> Result<(), String>,
    options: NoticeOptions,
    lately: &mut VecDeque<Instant>,
    told: &Mutex<Told>,
    is_ended: &AtomicBool,
) {
    while lately.front().is_some_and(|it| it.elapsed() >= HOUR) {
        lately.pop_front();
    }
    if lately.len() >= options.most_an_hour {
        let words = format!(
            "{} notices were sent in an hour, and this one is not",
            lately.len()
        );
        count(told, "limited", Some(words));
        return;
    }
    lately.push_back(Instant::now());
    let mut wait = options.first_wait;
    for tried in 1..=MOST_TRIES {
        match send() {
            Ok(()) => {
                count(told, "sent", None);
                break;
            }
            Err(why) if tried == MOST_TRIES || is_ended.load(Ordering::Relaxed) => {
                let words = format!("a notice was tried {tried} times and not taken: {why}");
                count(told, "failed", Some(words));
            }
            Err(why) => {
                count(
                    told,
                    "retried",
                    Some(format!("a notice was not taken: {why}")),
                );
                std::thread::sleep(wait);
                wait *= 2;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(most_an_hour: usize) -> NoticeOptions {
        NoticeOptions {
            most_an_hour,
            first_wait: Duration::from_millis(1),
        }
    }

    /// What became of all that was sent.
    fn counts(notifier: &Notifier) -> BTreeMap<&'static str, u64> {
        let begun = Instant::now();
        while notifier.waiting() > 0 {
            assert!(begun.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(5));
        }
        notifier.counts()
    }

    #[test]
    fn a_command_has_the_notice_on_its_standard_input_and_more_than_the_limit_is_held_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("told");
        let target = Target::parse(&format!("cat >> '{}'", file.display())).unwrap();
        let notifier = Notifier::start(target, options(2));
        for number in 0..3 {
            notifier.send(format!("{number}\n"), true);
        }
        let counts = counts(&notifier);
        assert_eq!(counts, BTreeMap::from([("limited", 1), ("sent", 2)]));
        assert_eq!(std::fs::read_to_string(file).unwrap(), "0\n1\n");
    }

    #[test]
    fn what_is_not_taken_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tried");
        let script = format!(
            "echo x >> '{0}'; [ $(wc -l < '{0}') -ge 3 ]",
            file.display()
        );
        let notifier = Notifier::start(Target::Command(script), options(9));
        notifier.send("a".to_owned(), true);
        assert_eq!(
            counts(&notifier),
            BTreeMap::from([("retried", 2), ("sent", 1)])
        );
        let failing = Notifier::start(Target::Command("exit 3 # secret".to_owned()), options(9));
        failing.send("a".to_owned(), true);
        assert_eq!(counts(&failing)["failed"], 1);
        let words = failing.words();
        assert!(
            words.len() == 5 && !words.concat().contains("secret"),
            "{words:?}"
        );
    }

    #[test]
    fn a_command_that_stands_still_is_ended_with_all() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = format!("echo $$ > '{}'; sleep 300", file.display());
        let notifier = Notifier::start(Target::Command(script), options(9));
        notifier.send("a".to_owned(), true);
        let begun = Instant::now();
        let process = loop {
            let pid = std::fs::read_to_string(&file).unwrap_or_default();
            if let Some(pid) = pid.strip_suffix('\n') {
                break std::path::Path::new("/proc").join(pid);
            }
            assert!(begun.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(5));
        };
        assert!(process.exists());
        drop(notifier);
        assert!(!process.exists());
    }

    #[test]
    fn what_does_not_come_to_be_sent_is_said() {
        let notifier = Notifier::start(Target::Command("sleep 1".to_owned()), options(99));
        for _ in 0..MOST_WAITING + 2 {
            notifier.send("a".to_owned(), true);
        }
        assert!(notifier.counts()["dropped"] >= 1 && notifier.waiting() >= MOST_WAITING);
        assert!(notifier.words().iter().any(|it| it.contains("dropped")));
    }
}
