//! Programs that record, as children: what they print goes to a sink, and none outlives the recorder.
//!
//! A child is started through a keeper, the recorder's own program, which asks the kernel to kill it when the
//! thread that started it ends, and then becomes the program that was asked for. So a recorder that is
//! killed leaves nobody behind. Children have a process group of their own: Ctrl-C comes to the recorder alone.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::sink::Sink;

/// How long a child may take to end when it was asked to; then it is killed. bpftrace prints its maps meanwhile.
const PATIENCE: Duration = Duration::from_secs(15);
/// Bytes that are read at once.
const PIECE: usize = 256 << 10;
/// Lines of its messages that are kept, and bytes of one.
const MOST_MESSAGES: usize = 64;
const MOST_MESSAGE_BYTES: u64 = 4 << 10;

/// How children are started.
#[derive(Debug, Clone, Default)]
pub struct Launcher {
    keeper: Option<(PathBuf, Vec<OsString>)>,
}

impl Launcher {
    /// Through a program that calls [`become_child`] with the arguments behind `arguments`.
    pub fn through(program: impl Into<PathBuf>, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(OsString::from).collect();
        Self {
            keeper: Some((program.into(), arguments)),
        }
    }

    /// As they are: a recorder that is killed leaves them running until they print something.
    pub fn direct() -> Self {
        Self::default()
    }

    fn command(&self, program: &OsStr) -> Command {
        let Some((keeper, arguments)) = &self.keeper else {
            return Command::new(program);
        };
        let mut command = Command::new(keeper);
        command.args(arguments);
        command.arg(std::process::id().to_string());
        command.arg(program);
        command
    }
}

/// Becomes the program of `words` (the recorder's process id, the program, its arguments), to be killed when the
/// recorder ends. Returns only when it cannot. To be called on the process's first thread: `/proc` says for a moment
/// that a process has ended of which another thread becomes a program.
pub fn become_child(words: &[OsString]) -> std::io::Error {
    let [recorder, program, arguments @ ..] = words else {
        return std::io::Error::other("expected a process id and a program");
    };
    if let Err(error) = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL) {
        return error.into();
    }
    // It may have ended before the kernel was asked.
    if recorder.to_str() != Some(&nix::unistd::getppid().to_string()) {
        return std::io::Error::other("the recorder has ended");
    }
    Command::new(program).args(arguments).exec()
}

/// Looks at what a child prints, besides the sink.
pub(crate) trait Observer: Send {
    /// Sees the next bytes.
    fn see(&mut self, bytes: &[u8]);
}

/// What is known of a child's output while it runs.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Bytes that it printed.
    pub(crate) bytes: AtomicU64,
    /// Whether a sink failed, so that what came since is not kept.
    pub(crate) is_failed: AtomicBool,
    failure: Mutex<Option<String>>,
}

/// The last lines that a child said to people.
#[derive(Debug, Default)]
pub(crate) struct Messages(Mutex<VecDeque<String>>);

impl Messages {
    /// The lines, oldest first.
    pub(crate) fn lines(&self) -> Vec<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect()
    }

    fn add(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= MOST_MESSAGES {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

/// A running child.
#[derive(Debug)]
pub(crate) struct Child {
    process: std::process::Child,
    pub(crate) counts: Arc<Counts>,
    pub(crate) messages: Arc<Messages>,
    threads: Vec<JoinHandle<()>>,
}

/// How a child ended.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    /// CPU time that it used.
    pub(crate) cpu: Duration,
    /// Whether it had to be killed.
    pub(crate) is_killed: bool,
    /// Why what it printed was not kept to its end.
    pub(crate) failure: Option<String>,
}

impl Child {
    /// Starts a program whose output goes to `sink` and to observers.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(
        launcher: &Launcher,
        program: &str,
        arguments: &[OsString],
        environment: &[(&str, String)],
        sink: Box<dyn Sink>,
        observers: Vec<Box<dyn Observer>>,
    ) -> std::io::Result<Self> {
        let program =
            in_path(program).ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))?;
        let mut command = launcher.command(program.as_os_str());
        command.args(arguments);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.process_group(0);
        let mut process = command.spawn()?;
        let (counts, messages) = (Arc::<Counts>::default(), Arc::<Messages>::default());
        let mut threads = Vec::new();
        if let Some(output) = process.stdout.take() {
            let counts = Arc::clone(&counts);
            threads.push(std::thread::spawn(move || {
                pump(output, sink, observers, &counts)
            }));
        }
        if let Some(errors) = process.stderr.take() {
            let messages = Arc::clone(&messages);
            threads.push(std::thread::spawn(move || listen(errors, &messages)));
        }
        Ok(Self {
            process,
            counts,
            messages,
            threads,
        })
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&self) -> bool {
        times(self.process.id()).is_some_and(|(is_running, _)| is_running)
    }

    /// What it said last, once it has ended.
    pub(crate) fn last_words(&self) -> Vec<String> {
        let begun = Instant::now();
        while !self.threads.iter().all(JoinHandle::is_finished)
            && begun.elapsed() < Duration::from_secs(1)
        {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.messages.lines()
    }

    /// CPU time that it has used.
    pub(crate) fn cpu(&self) -> Duration {
        times(self.process.id()).map_or(Duration::ZERO, |(_, cpu)| cpu)
    }

    /// Asks it to end, as Ctrl-C does, and waits for what it still prints.
    pub(crate) fn stop(mut self) -> Ended {
        self.signal(Signal::SIGINT);
        let begun = Instant::now();
        let mut is_killed = false;
        while self.is_running() {
            if begun.elapsed() > PATIENCE && !is_killed {
                is_killed = true;
                self.signal(Signal::SIGKILL);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let cpu = self.cpu();
        // It has ended; this collects it.
        let _ = self.process.wait();
        for thread in self.threads.drain(..) {
            // One that panicked has said so.
            let _ = thread.join();
        }
        let failure = self.counts.failure.lock();
        let failure = failure.unwrap_or_else(PoisonError::into_inner).take();
        Ended {
            cpu,
            is_killed,
            failure,
        }
    }

    fn signal(&self, signal: Signal) {
        if let Ok(pid) = i32::try_from(self.process.id()) {
            // It may have ended by itself; it is not collected yet, so the id is still its own.
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.threads.is_empty() {
            return;
        }
        self.signal(Signal::SIGKILL);
        let _ = self.process.wait();
    }
}

/// Where a program lies, by `PATH` and the folders of root's, which a user's `PATH` may lack.
pub(crate) fn in_path(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path);
    let roots = ["/usr/sbin", "/sbin", "/usr/bin"].map(PathBuf::from);
    let mut files = folders.chain(roots).map(|folder| folder.join(program));
    files.find(|file| file.is_file())
}

/// CPU time that the calling thread has used.
pub(crate) fn cpu_of_this_thread() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/stat");
    let times = text.ok().and_then(|text| times_in(&text));
    times.map_or(Duration::ZERO, |(_, cpu)| cpu)
}

/// Whether a process runs, and the CPU time that it used, by `/proc/PID/stat`.
fn times(pid: u32) -> Option<(bool, Duration)> {
    times_in(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn times_in(text: &str) -> Option<(bool, Duration)> {
    let (_, behind) = text.rsplit_once(')')?;
    let mut fields = behind.split_ascii_whitespace();
    let is_running = !matches!(fields.next()?, "Z" | "X");
    let mut ticks = fields.skip(10).take(2).map(|it| it.parse::<u64>().ok());
    let (user, system) = (ticks.next()??, ticks.next()??);
    // The kernel tells them in hundredths of a second, whatever its own ticks are (USER_HZ).
    let cpu = Duration::from_millis((user + system).saturating_mul(10));
    Some((is_running, cpu))
}

fn pump(
    mut output: impl Read,
    mut sink: Box<dyn Sink>,
    mut observers: Vec<Box<dyn Observer>>,
    counts: &Counts,
) {
    let mut buffer = vec![0; PIECE];
    loop {
        let count = match output.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => {
                counts.fail(&error);
                break;
            }
        };
        let bytes = buffer.get(..count).unwrap_or_default();
        counts.bytes.fetch_add(count as u64, Ordering::Relaxed);
        for observer in &mut observers {
            observer.see(bytes);
        }
        // A child is read on, so that it can say what it lost and end by itself.
        if !counts.is_failed.load(Ordering::Relaxed)
            && let Err(error) = sink.take(bytes)
        {
            counts.fail(&error);
        }
    }
    if let Err(error) = sink.end() {
        counts.fail(&error);
    }
}

impl Counts {
    fn fail(&self, error: &std::io::Error) {
        self.is_failed.store(true, Ordering::Relaxed);
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert_with(|| error.to_string());
    }
}

fn listen(errors: impl Read, messages: &Messages) {
    let mut lines = BufReader::new(errors);
    loop {
        let mut line = Vec::new();
        let mut bounded = (&mut lines).take(MOST_MESSAGE_BYTES);
        match bounded.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim();
        if !line.is_empty() {
            messages.add(line.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::WholeFile;

    fn start(script: &str, file: &std::path::Path) -> Child {
        // Where the tests run in the background of a script, SIGINT is ignored, and a shell cannot trap it then.
        let arguments = ["--default-signal=INT", "sh", "-c", script].map(OsString::from);
        let sink = Box::new(WholeFile::create(file).unwrap());
        let launcher = Launcher::direct();
        Child::start(&launcher, "env", &arguments, &[], sink, Vec::new()).unwrap()
    }

    #[test]
    fn what_a_child_prints_until_it_is_stopped_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("out");
        let child = start(
            "trap 'echo last; echo counted >&2; exit 0' INT; echo first; while :; do sleep 0.01; done",
            &file,
        );
        while child.counts.bytes.load(Ordering::Relaxed) == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(child.is_running());
        let messages = Arc::clone(&child.messages);
        let ended = child.stop();
        assert!(!ended.is_killed && ended.failure.is_none());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "first\nlast\n");
        assert_eq!(messages.lines(), ["counted"]);
    }

    #[test]
    fn a_child_that_ends_by_itself_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let child = start(
            "echo no such device >&2; exit 3",
            &folder.path().join("out"),
        );
        while child.is_running() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let messages = Arc::clone(&child.messages);
        child.stop();
        assert_eq!(messages.lines(), ["no such device"]);
    }

    #[test]
    fn a_program_that_is_not_there_is_no_child() {
        let sink = Box::new(WholeFile::create(std::path::Path::new("/dev/null")).unwrap());
        let started = Child::start(
            &Launcher::direct(),
            "no-such-tracer",
            &[],
            &[],
            sink,
            Vec::new(),
        );
        assert_eq!(started.unwrap_err().kind(), std::io::ErrorKind::NotFound);
    }
}
