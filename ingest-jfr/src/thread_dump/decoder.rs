//! The decoder of thread dumps.

use std::collections::HashSet;

use kcorr_model::{
    ClockKind, Decoder, Error, LossKind, LossLedger, Output, Position, Severity, SourceId, Summary,
};

use crate::rows::batch::BATCH_ROWS;
use crate::thread_dump::line::{Line, ThreadLine, line};
use crate::thread_dump::rows::{LockRows, Thread, ThreadRows};

/// A thread's line cannot be read.
pub(crate) const BAD_THREAD: LossKind = LossKind {
    name: "thread_dump_unreadable_thread",
    severity: Severity::Warning,
    doc: "A line starts like a thread's but has no `nid`; the thread is missing.",
};

/// A line is too long.
pub(crate) const LONG_LINE: LossKind = LossKind {
    name: "thread_dump_long_line",
    severity: Severity::Warning,
    doc: "A line is longer than 64 KiB; only its beginning was read.",
};

/// The dump is not UTF-8.
pub(crate) const NOT_UTF8: LossKind = LossKind {
    name: "thread_dump_not_utf8",
    severity: Severity::Info,
    doc: "A line is not UTF-8; the bytes that are not became replacement characters.",
};

const MAX_LINE: usize = 64 << 10;
/// Threads remembered, so that each is told once however many dumps a file holds.
const MAX_THREADS: usize = 1 << 20;

/// Decodes thread dumps, one or several in a file, into `threads` (each thread as it was in the
/// first dump that has it) and `thread_dump_locks` (of every dump).
#[derive(Debug)]
pub struct ThreadDumpDecoder {
    source: SourceId,
    line: Vec<u8>,
    line_is_long: bool,
    line_number: u64,
    version: Option<String>,
    pid: Option<i32>,
    dump: i32,
    /// The thread whose lines are being read, and whether it is to become a row.
    thread: Option<Thread>,
    frame: Option<String>,
    in_deadlocks: bool,
    known: HashSet<(Option<i32>, Option<i64>, String)>,
    threads: ThreadRows,
    locks: LockRows,
    losses: LossLedger,
    found: bool,
}

impl ThreadDumpDecoder {
    /// A decoder for one file.
    pub fn new(source: SourceId) -> Self {
        Self {
            source,
            line: Vec::new(),
            line_is_long: false,
            line_number: 0,
            version: None,
            pid: None,
            dump: 0,
            thread: None,
            frame: None,
            in_deadlocks: false,
            known: HashSet::new(),
            threads: ThreadRows::default(),
            locks: LockRows::default(),
            losses: LossLedger::default(),
            found: false,
        }
    }

    fn append(&mut self, bytes: &[u8]) {
        let room = MAX_LINE.saturating_sub(self.line.len());
        self.line_is_long |= bytes.len() > room;
        let taken = bytes.get(..bytes.len().min(room)).unwrap_or_default();
        self.line.extend_from_slice(taken);
    }

    fn end_line(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        self.line_number += 1;
        let position = Position::Line(self.line_number);
        let bytes = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.line_is_long) {
            self.losses
                .record(&LONG_LINE, position, || "longer than 65536 bytes".into());
        } else if std::str::from_utf8(&bytes).is_err() {
            self.losses
                .record(&NOT_UTF8, position, || "not UTF-8".into());
        }
        let text = String::from_utf8_lossy(&bytes);
        self.take_line(line(text.trim_end_matches('\r')), position);
        if self.threads.rows >= BATCH_ROWS {
            self.threads.flush(self.source, output)?;
        }
        if self.locks.rows >= BATCH_ROWS {
            self.locks.flush(self.source, output)?;
        }
        self.line = bytes;
        self.line.clear();
        Ok(())
    }

    fn take_line(&mut self, line: Line<'_>, position: Position) {
        match line {
            Line::Start(version) => {
                self.end_thread();
                self.found = true;
                self.dump = self.dump.saturating_add(1);
                self.in_deadlocks = false;
                self.version = version.map(str::to_owned).or(self.version.take());
            }
            // Only above a dump: a frame or a name never looks like this.
            Line::Pid(pid) if self.thread.is_none() => self.pid = Some(pid),
            Line::Thread(thread) => self.start_thread(&thread),
            Line::BrokenThread if !self.in_deadlocks => {
                self.end_thread();
                self.losses.record(&BAD_THREAD, position, || {
                    "a line that starts with a quote has no nid".into()
                });
            }
            Line::State(state) => {
                if let Some(thread) = &mut self.thread {
                    state.clone_into(&mut thread.state);
                }
            }
            Line::Frame(frame) => self.frame = Some(frame.to_owned()),
            Line::Lock(lock) if !self.in_deadlocks => {
                if let Some(thread) = &self.thread {
                    self.locks
                        .push(self.dump.max(1), thread, &lock, self.frame.as_deref());
                }
            }
            Line::Synchronizers => self.frame = None,
            Line::Deadlock => {
                self.end_thread();
                self.in_deadlocks = true;
            }
            Line::Pid(_) | Line::BrokenThread | Line::Lock(_) | Line::Other => {}
        }
    }

    fn start_thread(&mut self, thread: &ThreadLine<'_>) {
        self.end_thread();
        self.found = true;
        self.in_deadlocks = false;
        self.thread = Some(Thread {
            name: thread.name.to_owned(),
            java_thread_id: thread.java_thread_id,
            tid: thread.tid,
            state: thread.condition.to_owned(),
        });
    }

    fn end_thread(&mut self) {
        self.frame = None;
        let Some(thread) = self.thread.take() else {
            return;
        };
        let key = (thread.tid, thread.java_thread_id, thread.name.clone());
        let is_new = match self.known.len() < MAX_THREADS {
            true => self.known.insert(key),
            false => !self.known.contains(&key),
        };
        if is_new {
            self.threads.push(self.pid, &thread);
        }
    }
}

impl Decoder for ThreadDumpDecoder {
    fn push(&mut self, bytes: &[u8], output: &mut dyn Output) -> Result<(), Error> {
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (before, after) = rest.split_at(end);
            self.append(before);
            self.end_line(output)?;
            rest = after.get(1..).unwrap_or_default();
        }
        self.append(rest);
        Ok(())
    }

    fn finish(&mut self, output: &mut dyn Output) -> Result<Summary, Error> {
        if !self.line.is_empty() {
            self.end_line(output)?;
        }
        self.end_thread();
        if !self.found {
            return Err(Error::unrecognised(
                Position::Whole,
                format!(
                    "a thread dump has a line \"Full thread dump …\" or lines like \
                     \"name\" #1 prio=5 tid=0x… nid=0x…; none of {} lines is one",
                    self.line_number
                ),
            ));
        }
        self.threads.flush(self.source, output)?;
        self.locks.flush(self.source, output)?;
        let version = self.version.take();
        Ok(Summary {
            format: version.map_or("thread dump".into(), |v| format!("thread dump, JDK {v}")),
            // No row has a time.
            clock: ClockKind::Realtime,
            anchors: Vec::new(),
            losses: std::mem::take(&mut self.losses).into_losses(),
            limits: Vec::new(),
        })
    }
}
