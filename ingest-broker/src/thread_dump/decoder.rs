//! The decoder of thread dumps.

use std::collections::HashSet;

use kcorr_model::lines::Extent;
use kcorr_model::{ClockKind, Decoder, Error, LossLedger, Output, Position, SourceId, Summary};

use super::line::{Line, ThreadLine, line};
use super::losses::{BAD_THREAD, CUT_DUMP, DAMAGED_LINE, LONG_LINE, MISSING_THREADS, NOT_UTF8};
use super::prefix::LearnedPrefix;
use super::rows::{LockRows, Thread, ThreadRows};
use crate::program_lines::ProgramLines;
use crate::unwrapper::{Unwrapped, is_damaged};

const MOST_LINE_BYTES: usize = 64 << 10;
/// Rows of a record batch.
const MOST_ROWS: usize = 8192;
/// Threads remembered, so that each is told once however many dumps a file holds.
const MOST_THREADS: usize = 1 << 20;

/// Decodes thread dumps, one or several in a file, into `threads` (each thread as it was in the
/// first dump that has it; under another name it is another) and `thread_dump_locks` (of every dump).
#[derive(Debug)]
pub struct ThreadDumpDecoder {
    lines: ProgramLines,
    dumps: Dumps,
}

/// What goes from line to line.
#[derive(Debug)]
struct Dumps {
    source: SourceId,
    prefix: LearnedPrefix,
    version: Option<String>,
    pid: Option<i32>,
    dump: i32,
    /// What the dump that is being read says of itself; `None` between dumps.
    open: Option<OpenDump>,
    /// The thread whose lines are being read, and whether it is to become a row.
    thread: Option<Thread>,
    frame: Option<String>,
    in_deadlocks: bool,
    known: HashSet<(Option<i32>, Option<i64>, String)>,
    threads: ThreadRows,
    locks: LockRows,
    losses: LossLedger,
    found: bool,
    /// Lines of a dump of `Thread.dump_to_file`.
    other_dump: Option<&'static str>,
}

/// A dump that has begun.
#[derive(Debug)]
struct OpenDump {
    position: Position,
    /// Java threads by its own list.
    expected: Option<u64>,
    /// Java threads that had a first line, or a loss for it.
    told: u64,
}

impl ThreadDumpDecoder {
    /// A decoder for one file.
    pub fn new(source: SourceId) -> Self {
        Self {
            lines: ProgramLines::new(MOST_LINE_BYTES),
            dumps: Dumps {
                source,
                prefix: LearnedPrefix::default(),
                version: None,
                pid: None,
                dump: 0,
                open: None,
                thread: None,
                frame: None,
                in_deadlocks: false,
                known: HashSet::new(),
                threads: ThreadRows::default(),
                locks: LockRows::default(),
                losses: LossLedger::default(),
                found: false,
                other_dump: None,
            },
        }
    }
}

/// Whether an input is a thread dump, by its first bytes; the answer names the format.
pub fn recognise_thread_dump(head: &[u8]) -> Option<&'static str> {
    let mut decoder = ThreadDumpDecoder::new(SourceId(0));
    let mut rows = Vec::new();
    let _pushed = decoder.push(head, &mut rows);
    let _ended = decoder.end_file(&mut rows);
    decoder.dumps.found.then_some("thread dump")
}

impl Dumps {
    fn line(&mut self, unwrapped: &Unwrapped<'_>, output: &mut dyn Output) -> Result<(), Error> {
        let position = unwrapped.position;
        if unwrapped.extent == Extent::Start {
            if let Line::OtherDump(name) = line(unwrapped.text) {
                self.other_dump = Some(name);
            }
            self.losses
                .record(&LONG_LINE, position, || unwrapped.shown());
            return Ok(());
        }
        let own = unwrapped.own();
        if own.contains(char::REPLACEMENT_CHARACTER) {
            self.losses
                .record(&NOT_UTF8, position, || unwrapped.shown());
        }
        let is_in_dump = self.open.is_some();
        if is_in_dump && is_damaged(own) {
            self.losses
                .record(&DAMAGED_LINE, position, || unwrapped.shown());
        }
        let mut text = self.prefix.strip(own);
        let mut read = line(text);
        if matches!(read, Line::Other) {
            self.prefix.learn(own);
            text = self.prefix.strip(own);
            read = line(text);
        }
        self.take(&read, unwrapped);
        if self.threads.rows >= MOST_ROWS {
            self.threads.flush(self.source, output)?;
        }
        if self.locks.rows >= MOST_ROWS {
            self.locks.flush(self.source, output)?;
        }
        Ok(())
    }

    fn take(&mut self, line: &Line<'_>, unwrapped: &Unwrapped<'_>) {
        let position = unwrapped.position;
        match line {
            Line::Start(version) => {
                self.end_dump();
                self.found = true;
                self.dump = self.dump.saturating_add(1);
                self.in_deadlocks = false;
                self.version = version.map(str::to_owned).or(self.version.take());
                self.open = Some(OpenDump {
                    position,
                    expected: None,
                    told: 0,
                });
            }
            Line::ThreadCount(count) => {
                if let Some(open) = &mut self.open {
                    open.expected = Some(*count);
                }
            }
            // Only above a dump: a frame or a name never looks like this.
            Line::Pid(pid) if self.thread.is_none() => self.pid = Some(*pid),
            Line::Thread(thread) => self.start_thread(thread),
            // A line of a console's log may begin with a quote; a dump's does not unless it is a thread's.
            Line::BrokenThread if self.open.is_some() && !self.in_deadlocks => {
                self.lose_thread(position, || unwrapped.shown());
            }
            Line::State(state) => {
                let has_none =
                    |thread: &&mut Thread| !thread.has_state && thread.java_thread_id.is_some();
                match self.thread.as_mut().filter(has_none) {
                    Some(thread) => {
                        (*state).clone_into(&mut thread.state);
                        thread.has_state = true;
                    }
                    None if !self.in_deadlocks => {
                        self.found = true;
                        self.lose_thread(position, || {
                            format!("a state without a thread: {}", unwrapped.shown())
                        });
                    }
                    None => {}
                }
            }
            Line::Frame(frame) => self.frame = Some((*frame).to_owned()),
            Line::Lock(lock) if !self.in_deadlocks => {
                if let Some(thread) = &self.thread {
                    self.locks
                        .push(self.dump.max(1), thread, lock, self.frame.as_deref());
                }
            }
            Line::Synchronizers => self.frame = None,
            Line::Deadlock => {
                self.end_thread();
                self.in_deadlocks = true;
            }
            Line::End => {
                self.end_thread();
                let open = self.open.take();
                self.count_threads(open.as_ref());
            }
            Line::OtherDump(name) => self.other_dump = Some(name),
            Line::Pid(_) | Line::BrokenThread | Line::Lock(_) | Line::Other => {}
        }
    }

    /// Ends a dump whose last line did not come.
    fn end_dump(&mut self) {
        self.end_thread();
        let Some(open) = self.open.take() else {
            return;
        };
        self.losses.record(&CUT_DUMP, open.position, || {
            format!("dump {} has no line `JNI global refs: …`", self.dump)
        });
        self.count_threads(Some(&open));
    }

    /// Compares the threads that were read with those that the dump says it has.
    fn count_threads(&mut self, open: Option<&OpenDump>) {
        let Some((open, expected)) = open.and_then(|open| Some((open, open.expected?))) else {
            return;
        };
        let missing = expected.saturating_sub(open.told);
        if missing > 0 {
            let dump = self.dump;
            let detail =
                || format!("dump {dump} lists {expected} Java threads, {missing} have no lines");
            self.losses
                .record_many(&MISSING_THREADS, missing, open.position, None, detail);
        }
    }

    fn lose_thread(&mut self, position: Position, detail: impl FnOnce() -> String) {
        self.end_thread();
        if let Some(open) = &mut self.open {
            open.told = open.told.saturating_add(1);
        }
        self.losses.record(&BAD_THREAD, position, detail);
    }

    fn start_thread(&mut self, thread: &ThreadLine<'_>) {
        self.end_thread();
        self.found = true;
        self.in_deadlocks = false;
        if let Some(open) = &mut self.open
            && thread.java_thread_id.is_some()
        {
            open.told = open.told.saturating_add(1);
        }
        self.thread = Some(Thread {
            name: thread.name.to_owned(),
            java_thread_id: thread.java_thread_id,
            tid: thread.tid,
            state: thread.condition.to_owned(),
            has_state: false,
        });
    }

    fn end_thread(&mut self) {
        self.frame = None;
        let Some(thread) = self.thread.take() else {
            return;
        };
        let key = (thread.tid, thread.java_thread_id, thread.name.clone());
        let is_new = match self.known.len() < MOST_THREADS {
            true => self.known.insert(key),
            false => !self.known.contains(&key),
        };
        if is_new {
            self.threads.push(self.pid, &thread);
        }
    }
}

impl ThreadDumpDecoder {
    fn end_file(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        let Self { lines, dumps } = self;
        lines.finish(&mut |line| dumps.line(line, output))?;
        dumps.end_dump();
        Ok(())
    }
}

impl Decoder for ThreadDumpDecoder {
    fn push(&mut self, bytes: &[u8], output: &mut dyn Output) -> Result<(), Error> {
        let Self { lines, dumps } = self;
        lines.push(bytes, &mut |line| dumps.line(line, output))
    }

    fn next_file(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        self.end_file(output)
    }

    fn finish(&mut self, output: &mut dyn Output) -> Result<Summary, Error> {
        self.end_file(output)?;
        let dumps = &mut self.dumps;
        if !dumps.found {
            if let Some(name) = dumps.other_dump {
                return Err(Error::unsupported(
                    Position::Whole,
                    format!(
                        "this is a thread dump of `jcmd PID Thread.dump_to_file` ({name}), which has no thread ids \
                         of the operating system, so nothing can be matched with it: \
                         take one with `jcmd PID Thread.print` or `jstack PID`"
                    ),
                ));
            }
            return Err(self.lines.unrecognised(
                "a thread dump (`jstack PID`, `jcmd PID Thread.print`, `kill -QUIT PID`: a line \"Full thread dump …\" \
                 or lines like \"name\" #1 prio=5 tid=0x… nid=0x…), plain or as kubectl, docker or journald stores it",
            ));
        }
        dumps.threads.flush(dumps.source, output)?;
        dumps.locks.flush(dumps.source, output)?;
        let version = dumps.version.take();
        Ok(Summary {
            format: version.map_or("thread dump".into(), |v| format!("thread dump, JDK {v}")),
            // No row has a time.
            clock: ClockKind::Realtime,
            anchors: Vec::new(),
            losses: std::mem::take(&mut dumps.losses).into_losses(),
            limits: Vec::new(),
        })
    }
}
