//! Events as the JSON lines that kcorr's bpftrace scripts print, so that what reads those reads these.
//!
//! `probes/README.md` lists the events and their keys.

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::clock::ClockReading;
use crate::event::{
    BlockRequest, Call, ConnectionThread, Event, File, FileOperation, Frames, Function,
    RunQueueWait, Standing, StandingFile, Task,
};
use crate::recorder::Loss;
use crate::settings::Settings;
use crate::symbols::Symbols;

/// Frames of a stack that are printed: what the scripts print.
const STACK_FRAMES: usize = 16;
const WAKER_FRAMES: usize = 12;
/// The tracer's own frames in front of them are no more than these.
const TRACER_FRAMES: usize = 4;
/// How long a stack or a file's name that was printed is referred to, before it is printed again.
const TELL_AGAIN: Duration = Duration::from_secs(30);
/// How many of each are known at once.
const MAX_TOLD: usize = 1 << 15;
/// How often the clocks are read.
const CLOCK_INTERVAL: Duration = Duration::from_secs(5);
/// Bytes that are kept until [`JsonLines::flush`], or until there are so many.
const BUFFER_BYTES: usize = 1 << 16;

/// A writer of lines. An error of the output is kept, and returned by [`Self::flush`].
pub struct JsonLines<W> {
    output: W,
    buffer: Vec<u8>,
    failure: Option<io::Error>,
    settings: Settings,
    symbols: Symbols,
    /// Numbers of stacks that were printed, by the frames, and a waker's: these are cut earlier.
    stacks: HashMap<Vec<u8>, u64>,
    waker_stacks: HashMap<Vec<u8>, u64>,
    next_stack: u64,
    /// Files whose names were printed, by all that is known of them.
    files: HashSet<Vec<u8>>,
    /// Such a key, being made.
    file_key: Vec<u8>,
    told_since: Instant,
    clock_read: Instant,
}

impl<W: Write> JsonLines<W> {
    /// Begins an output: what is recorded, and the clock.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn begin(output: W, settings: &Settings) -> io::Result<Self> {
        let now = Instant::now();
        let mut lines = Self {
            output,
            buffer: Vec::with_capacity(BUFFER_BYTES),
            failure: None,
            settings: settings.clone(),
            symbols: Symbols::of_this_kernel(),
            stacks: HashMap::new(),
            waker_stacks: HashMap::new(),
            next_stack: 1,
            files: HashSet::new(),
            file_key: Vec::new(),
            told_since: now,
            clock_read: now,
        };
        lines.head();
        lines.flush()?;
        Ok(lines)
    }

    /// Goes on in another output, which can be read without the first: the head is printed again, and so is whatever
    /// rows refer to. Returns the first output.
    ///
    /// # Errors
    /// The first output could not be written to its end, or the second not begun.
    pub fn go_on_in(&mut self, output: W) -> io::Result<W> {
        self.flush()?;
        let first = std::mem::replace(&mut self.output, output);
        self.forget();
        self.head();
        self.flush()?;
        Ok(first)
    }

    /// The output.
    pub fn output(&self) -> &W {
        &self.output
    }

    /// Writes what is held, and the clock when it is time.
    ///
    /// # Errors
    /// The output cannot be written, or could not before.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.clock_read.elapsed() >= CLOCK_INTERVAL {
            self.clock();
        }
        self.write_out();
        match self.failure.take() {
            Some(error) => Err(error),
            None => self.output.flush(),
        }
    }

    /// Writes events that were lost. Their time is that of the lines around them.
    pub fn losses(&mut self, losses: &[Loss]) {
        for loss in losses {
            let probe = loss.probe.map_or("", |probe| probe.name());
            let mut line = Line::new(&mut self.buffer, "lost");
            line.number("count", loss.count);
            line.text("probe", probe.as_bytes());
            line.number("since_ns", loss.since_ns);
            line.number("until_ns", loss.until_ns);
            line.end();
        }
    }

    /// Writes an event.
    pub fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::FileOperation(operation) => self.file_operation(operation),
            Event::Call(call) => self.call(call),
            Event::RunQueueWait(wait) => self.run_queue_wait(wait),
            Event::Standing(standing) => self.standing(standing),
            Event::BlockRequest(request) => self.block_request(request),
            Event::ConnectionThread(thread) => self.connection_thread(thread),
        }
        if self.buffer.len() >= BUFFER_BYTES {
            self.write_out();
        }
    }

    fn write_out(&mut self) {
        // After an error nothing is written: what comes behind a gap would be taken for whole.
        if self.failure.is_none()
            && let Err(error) = self.output.write_all(&self.buffer)
        {
            self.failure = Some(error);
        }
        self.buffer.clear();
    }

    fn head(&mut self) {
        for &probe in self.settings.thresholds.keys() {
            let mut line = Line::new(&mut self.buffer, "probe");
            line.text("name", probe.name().as_bytes());
            let is_of_all = probe.is_of_every_process();
            line.number("pid", if is_of_all { 0 } else { self.settings.pid });
            line.number("threshold_ns", self.settings.threshold_ns(probe));
            line.end();
        }
        self.clock();
    }

    fn clock(&mut self) {
        let reading = ClockReading::now();
        let wall = format!(
            "{}.{:09}",
            reading.realtime_ns.div_euclid(1_000_000_000),
            reading.realtime_ns.rem_euclid(1_000_000_000)
        );
        let mut line = Line::new(&mut self.buffer, "clock");
        line.number("mono_ns", reading.monotonic_ns);
        line.text("wall", wall.as_bytes());
        line.end();
        self.clock_read = Instant::now();
    }

    fn file_operation(&mut self, operation: &FileOperation<'_>) {
        let mut line = Line::new(&mut self.buffer, "write");
        line.text("op", operation.operation.name().as_bytes());
        line.span(operation.start_ns, operation.end_ns);
        line.task(&operation.task);
        match operation.offset {
            Some(offset) => {
                line.number("bytes", operation.result);
                line.number("offset", offset);
            }
            None => line.number("ret", operation.result),
        }
        if let Some(file) = &operation.file {
            line.file(file);
            line.number("fs_magic", file.file_system);
        }
        line.end();
    }

    fn call(&mut self, call: &Call<'_>) {
        let (event, function) = match call.function {
            Function::Commit => ("journal_commit", None),
            Function::Handle => ("journal_wait", None),
            function => ("call", Some(function.name())),
        };
        let mut line = Line::new(&mut self.buffer, event);
        if let Some(function) = function {
            line.text("function", function.as_bytes());
        }
        line.span(call.start_ns, call.end_ns);
        // A commit is of no process.
        if !call.function.is_of_commit() {
            line.number("pid", call.task.pid);
        }
        line.number("tid", call.task.tid);
        line.text("comm", call.task.comm);
        if let Some(device) = call.device {
            line.number("dev", device);
        }
        if let Some(transaction) = call.transaction {
            line.number("transaction", transaction);
        }
        line.end();
    }

    fn run_queue_wait(&mut self, wait: &RunQueueWait<'_>) {
        let mut line = Line::new(&mut self.buffer, "run_queue_wait");
        line.span(wait.start_ns, wait.end_ns);
        line.task(&wait.task);
        line.end();
    }

    fn block_request(&mut self, request: &BlockRequest<'_>) {
        let mut line = Line::new(&mut self.buffer, "block_io");
        line.span(request.start_ns, request.end_ns);
        if let Some(queued) = request.queued_ns {
            line.number("queue_ns", request.start_ns.saturating_sub(queued));
        }
        line.text("op", request.flags.letters().as_bytes());
        line.number("dev", request.device);
        line.number("sector", request.sector);
        line.number("bytes", request.bytes);
        line.number("tid", request.task.tid);
        line.text("comm", request.task.comm);
        line.end();
    }

    fn connection_thread(&mut self, thread: &ConnectionThread<'_>) {
        let mut line = Line::new(&mut self.buffer, "connection_thread");
        line.number("time_ns", thread.time_ns);
        line.task(&thread.task);
        line.address("peer", "peer_port", thread.peer);
        line.address("local", "local_port", thread.local);
        line.end();
    }

    fn standing(&mut self, standing: &Standing<'_>) {
        self.forget_in_time();
        let stack = self.stack(standing.stack, false);
        let waker_stack = self.stack(standing.waker_stack, true);
        if let Some(file) = &standing.file {
            self.file_name(file);
        }
        let file = standing.file.as_ref();
        let mut line = Line::new(&mut self.buffer, "standing");
        line.number("start_ns", standing.start_ns.unwrap_or(0));
        line.number("woken_ns", standing.woken_ns.unwrap_or(0));
        line.number("end_ns", standing.end_ns);
        line.task(&standing.task);
        line.number("state", standing.state);
        line.number("stack", stack);
        line.number("call", standing.call.unwrap_or(-1));
        line.number("argument", standing.argument);
        line.number("timed", u8::from(standing.is_timed));
        line.number("dev", file.map_or(0, |file| file.device));
        line.number("ino", file.map_or(0, |file| file.inode));
        line.number("gen", file.map_or(0, |file| file.generation));
        if let Some(is_throttled) = standing.is_throttled {
            line.number("throttled", u8::from(is_throttled));
        }
        line.number("waker_tid", standing.waker_tid);
        line.text("waker_comm", standing.waker_comm);
        line.number("waker_stack", waker_stack);
        line.number("ran_tid", standing.ran_tid);
        line.text("ran_comm", standing.ran_comm);
        line.end();
    }

    fn forget_in_time(&mut self) {
        let is_old = self.told_since.elapsed() >= TELL_AGAIN;
        let told = [self.stacks.len(), self.waker_stacks.len(), self.files.len()];
        if is_old || told.into_iter().any(|count| count >= MAX_TOLD) {
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.stacks.clear();
        self.waker_stacks.clear();
        self.files.clear();
        self.told_since = Instant::now();
    }

    /// The number of a stack, which is printed if it was not. 0 where there is none.
    fn stack(&mut self, frames: Frames<'_>, is_waker: bool) -> u64 {
        if frames.is_empty() {
            return 0;
        }
        let known = match is_waker {
            true => &mut self.waker_stacks,
            false => &mut self.stacks,
        };
        if let Some(&number) = known.get(frames.bytes()) {
            return number;
        }
        let number = self.next_stack;
        self.next_stack += 1;
        known.insert(frames.bytes().to_vec(), number);
        let mut texts: Vec<(String, bool)> = Vec::with_capacity(STACK_FRAMES);
        for address in frames.addresses() {
            texts.push(match self.symbols.find(address) {
                Some(symbol) => (
                    format!("{}+{}", symbol.function, symbol.offset),
                    is_of_tracer(symbol.function),
                ),
                None => (format!("{address:#x}"), false),
            });
        }
        // What is called by the tracepoint is no part of what was traced.
        let innermost = texts.get(..TRACER_FRAMES.min(texts.len()));
        let own = innermost.and_then(|frames| frames.iter().rposition(|(_, is_own)| *is_own));
        let first = own.map_or(0, |last| last + 1);
        let depth = if is_waker { WAKER_FRAMES } else { STACK_FRAMES };
        let mut text = String::from("\n");
        for (frame, _) in texts.iter().skip(first).take(depth) {
            text.push_str(frame);
            text.push('\n');
        }
        let mut line = Line::new(&mut self.buffer, "kernel_stack");
        line.number("id", number);
        line.number("depth", u32::try_from(depth).unwrap_or(0));
        line.text("stack", text.as_bytes());
        line.end();
        number
    }

    fn file_name(&mut self, file: &StandingFile<'_>) {
        let name = &file.name;
        let key = &mut self.file_key;
        key.clear();
        key.extend(file.device.to_ne_bytes());
        key.extend(file.inode.to_ne_bytes());
        key.extend(file.generation.to_ne_bytes());
        key.extend(name.directory);
        // No name has one.
        key.push(b'/');
        key.extend(name.name);
        if self.files.contains(key) {
            return;
        }
        self.files.insert(key.clone());
        let mut line = Line::new(&mut self.buffer, "file_name");
        line.number("dev", file.device);
        line.number("ino", file.inode);
        line.number("gen", file.generation);
        line.number("dir_len", name.directory_bytes);
        line.text("dir", name.directory);
        line.text("file", name.name);
        line.end();
    }
}

/// Whether a function is one that runs the programs, not one that was traced.
fn is_of_tracer(function: &str) -> bool {
    ["bpf_prog_", "bpf_trace_run", "__bpf_trace_", "__traceiter_"]
        .iter()
        .any(|prefix| function.starts_with(prefix))
}

/// An object being written.
struct Line<'b> {
    buffer: &'b mut Vec<u8>,
}

impl<'b> Line<'b> {
    fn new(buffer: &'b mut Vec<u8>, event: &str) -> Self {
        buffer.extend_from_slice(b"{\"ev\":\"");
        buffer.extend_from_slice(event.as_bytes());
        buffer.push(b'"');
        Self { buffer }
    }

    fn end(self) {
        self.buffer.extend_from_slice(b"}\n");
    }

    fn key(&mut self, key: &str) {
        self.buffer.extend_from_slice(b",\"");
        self.buffer.extend_from_slice(key.as_bytes());
        self.buffer.extend_from_slice(b"\":");
    }

    fn number(&mut self, key: &str, number: impl Into<i128>) {
        self.key(key);
        let number: i128 = number.into();
        if number < 0 {
            self.buffer.push(b'-');
        }
        // All that there are fit 64 bits.
        let mut rest = u64::try_from(number.unsigned_abs()).unwrap_or(u64::MAX);
        let mut digits = [0_u8; 20];
        let mut first = digits.len();
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            first -= 1;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.buffer.extend(digits.get(first..).unwrap_or_default());
    }

    /// Bytes that are no UTF-8 are replaced, as every reader of JSON would.
    fn text(&mut self, key: &str, text: &[u8]) {
        self.key(key);
        self.buffer.push(b'"');
        let is_plain =
            |&byte: &u8| byte.is_ascii() && byte >= 0x20 && byte != b'"' && byte != b'\\';
        if text.iter().all(is_plain) {
            self.buffer.extend_from_slice(text);
            self.buffer.push(b'"');
            return;
        }
        for character in String::from_utf8_lossy(text).chars() {
            match character {
                '"' => self.buffer.extend_from_slice(b"\\\""),
                '\\' => self.buffer.extend_from_slice(b"\\\\"),
                '\n' => self.buffer.extend_from_slice(b"\\n"),
                control if u32::from(control) < 0x20 => {
                    let _ = write!(self.buffer, "\\u{:04x}", u32::from(control));
                }
                other => {
                    let mut bytes = [0; 4];
                    let bytes = other.encode_utf8(&mut bytes).as_bytes();
                    self.buffer.extend_from_slice(bytes);
                }
            }
        }
        self.buffer.push(b'"');
    }

    fn span(&mut self, start_ns: u64, end_ns: u64) {
        self.number("start_ns", start_ns);
        self.number("end_ns", end_ns);
    }

    fn task(&mut self, task: &Task<'_>) {
        self.number("pid", task.pid);
        self.number("tid", task.tid);
        self.text("comm", task.comm);
    }

    fn file(&mut self, file: &File<'_>) {
        self.text("dir", file.directory);
        self.number("dir_len", file.directory_bytes);
        self.text("file", file.name);
        self.number("file_len", file.name_bytes);
    }

    fn address(&mut self, key: &str, port: &str, address: SocketAddr) {
        self.text(key, address.ip().to_string().as_bytes());
        self.number(port, address.port());
    }
}
