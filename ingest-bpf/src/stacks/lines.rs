//! Stacks as text: of bcc's and libbpf-tools' `profile` and `offcputime`, folded, one a line, or one
//! frame a line; and async-profiler's collapsed ones.
//!
//! ```text
//! java;[unknown];vfs_write;ext4_file_write_iter 12
//!
//!     finish_task_switch
//!     #1  0xffffffff81a4b2e1 schedule+0x21            (-v)
//!     -                java (4242)
//!         1500
//! ```
//!
//! What the numbers are is the same for a whole file: samples, or µs off CPU. The tool's first line says
//! it, where it is there; otherwise the stacks do, all together, because stacks without a part in the
//! kernel look alike in both. So they are held until the file's end, or until there are very many.

use kcorr_model::Position;

use crate::findings::Findings;
use crate::format::Format;
use crate::losses::{BPF_CUT_LINE, BPF_UNKNOWN_MEASURE};
use crate::rows::rows_of_source::AnyRow;
use crate::rows::stack_sample::StackSample;
use crate::rows::{NO_I32, NO_I64};
use crate::stacks::text::{frame, frames_from_text, is_in_kernel, state_of};

/// Lines of one stack that are held at most.
const MAX_LINES: usize = 1024;
/// Bytes of stacks that are held before it is decided what they measure.
const MAX_HELD_BYTES: usize = 24 << 20;
/// Longest name of a thread, in bytes.
const MAX_COMM_BYTES: usize = 16;

/// What the numbers behind stacks are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Samples on CPU.
    Samples,
    /// Time off CPU, in units of so many ns.
    OffCpu(i64),
}

impl Measure {
    /// What a tool measures, where the format or its first line tells.
    fn of_format(format: Option<Format>) -> Option<Self> {
        match format? {
            Format::Profile | Format::ProfileFolded | Format::Collapsed => Some(Measure::Samples),
            Format::Offcputime | Format::OffcputimeFolded => Some(Measure::OffCpu(1_000)),
            _ => None,
        }
    }

    /// What a tool's first line says that it measures.
    pub(crate) fn of_own_line(line: &str) -> Option<Self> {
        if line.starts_with("Sampling at ") {
            return Some(Measure::Samples);
        }
        let unit = if line.contains("(ns)") {
            1
        } else if line.contains("(ms)") {
            1_000_000
        } else {
            1_000
        };
        line.starts_with("Tracing off-CPU time")
            .then_some(Measure::OffCpu(unit))
    }

    fn in_words(self) -> &'static str {
        match self {
            Measure::Samples => "samples on CPU",
            Measure::OffCpu(1) => "time off CPU in ns",
            Measure::OffCpu(1_000_000) => "time off CPU in ms",
            Measure::OffCpu(_) => "time off CPU in us",
        }
    }
}

/// A stack before it is known what its number is.
#[derive(Debug)]
struct HeldStack {
    /// What stands first in a folded stack, the thread of another.
    first: String,
    is_folded: bool,
    /// Innermost first.
    frames: Vec<String>,
    id: Option<i32>,
    value: i64,
}

/// What was decided of a file's stacks.
#[derive(Debug, Clone, Copy)]
struct Decision {
    measure: Measure,
    /// Whether folded stacks begin with a frame, not with a thread.
    is_collapsed: bool,
}

/// The stacks of a file, in text.
#[derive(Debug)]
pub(crate) struct TextStacks {
    /// What the tool or the user said.
    told: Option<Measure>,
    is_collapsed: bool,
    decision: Option<Decision>,
    held: Vec<HeldStack>,
    held_bytes: usize,
    first_line: u64,
    /// Stacks whose innermost frames are the scheduler's, and others in the kernel.
    in_scheduler: u64,
    elsewhere_in_kernel: u64,
    open: Vec<String>,
    open_line: u64,
}

impl TextStacks {
    pub(crate) fn new(format: Option<Format>) -> Self {
        Self {
            told: Measure::of_format(format),
            is_collapsed: format == Some(Format::Collapsed),
            decision: None,
            held: Vec::new(),
            held_bytes: 0,
            first_line: 0,
            in_scheduler: 0,
            elsewhere_in_kernel: 0,
            open: Vec::new(),
            open_line: 0,
        }
    }

    /// Takes what the tool's first line says. Stacks before it are another output's.
    pub(crate) fn told(&mut self, measure: Measure, findings: &mut Findings) {
        self.decide(findings);
        self.decision = None;
        self.told = Some(measure);
    }

    /// Takes a folded stack: thread name first, then frames from the outermost in. False when the line is
    /// none.
    pub(crate) fn folded(&mut self, line: &str, findings: &mut Findings) -> bool {
        let Some((stack, value)) = line.trim_end().rsplit_once(' ') else {
            return false;
        };
        let (Some((first, rest)), Some(value)) = (stack.split_once(';'), number(value)) else {
            return false;
        };
        let is_frame = is_java_frame(first) || thread_of_collapsed(first).is_some();
        // A thread's name is short; a time before it is a collector's.
        if first.len() > MAX_COMM_BYTES && !is_frame && first.contains(": ") {
            return false;
        }
        self.is_collapsed |= is_frame
            || first.chars().count() > MAX_COMM_BYTES
            || rest
                .split(';')
                .any(|frame| frame.ends_with("_[j]") || frame.ends_with("_[0]"));
        let mut frames = frames_from_text(rest);
        frames.reverse();
        let is_kernel = rest.contains("_[k]") || is_in_kernel(&frames);
        let stack = HeldStack {
            first: first.to_owned(),
            is_folded: true,
            frames,
            id: None,
            value,
        };
        self.take(stack, is_kernel, findings);
        true
    }

    /// Takes an indented line. False when there are too many for a stack.
    pub(crate) fn line(&mut self, line: &str, findings: &Findings) -> bool {
        if self.open.is_empty() {
            self.open_line = findings.line;
        }
        if self.open.len() >= MAX_LINES {
            self.open.clear();
            return false;
        }
        self.open.push(line.to_owned());
        true
    }

    /// Whether a stack is open.
    pub(crate) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Ends the open stack, if there is one, at a blank line.
    pub(crate) fn close(&mut self, findings: &mut Findings) {
        if self.is_open() && !self.close_open(findings) {
            findings.bad_line(b"", "a stack that ends in its thread and a number");
        }
    }

    fn close_open(&mut self, findings: &mut Findings) -> bool {
        let lines = std::mem::take(&mut self.open);
        let mut from_end = lines.iter().rev();
        let value = from_end.next().and_then(|line| number(line.trim()));
        let thread = from_end.next().and_then(|line| thread(line));
        let (Some(value), Some((comm, id))) = (value, thread) else {
            return false;
        };
        let above = lines.len().saturating_sub(2);
        let frames: Vec<String> = lines.iter().take(above).filter_map(|l| frame(l)).collect();
        let is_kernel = is_in_kernel(&frames);
        let stack = HeldStack {
            first: comm.to_owned(),
            is_folded: false,
            frames,
            id,
            value,
        };
        findings.recognised_as("stacks, text");
        self.take(stack, is_kernel, findings);
        true
    }

    fn take(&mut self, stack: HeldStack, is_kernel: bool, findings: &mut Findings) {
        if let Some(decision) = self.decision {
            emit(stack, decision, findings);
            return;
        }
        if state_of(&stack.frames) == "off_cpu" {
            self.in_scheduler = self.in_scheduler.saturating_add(1);
        } else if is_kernel {
            self.elsewhere_in_kernel = self.elsewhere_in_kernel.saturating_add(1);
        }
        if self.held.is_empty() {
            self.first_line = findings.line;
        }
        let bytes: usize = stack
            .frames
            .iter()
            .map(|frame| frame.len().saturating_add(32))
            .sum();
        self.held_bytes = self.held_bytes.saturating_add(bytes).saturating_add(128);
        self.held.push(stack);
        if self.held_bytes >= MAX_HELD_BYTES {
            self.decide(findings);
        }
    }

    /// Decides what the numbers are, and lets the stacks go.
    fn decide(&mut self, findings: &mut Findings) {
        if self.held.is_empty() {
            return;
        }
        let (measure, why) = match self.told {
            Some(measure) => (measure, "as told"),
            // Of `offcputime` every stack in the kernel is in the scheduler; `profile` meets it now
            // and then.
            None if self.in_scheduler > 0 && self.in_scheduler >= self.elsewhere_in_kernel => (
                Measure::OffCpu(1_000),
                "for stacks in the kernel end in the scheduler",
            ),
            None if self.elsewhere_in_kernel > 0 => (
                Measure::Samples,
                "for stacks in the kernel end outside of the scheduler",
            ),
            None => {
                let count = self.held.len() as u64;
                let position = Position::Line(self.first_line);
                findings
                    .ledger
                    .record_many(&BPF_UNKNOWN_MEASURE, count, position, None, || {
                        format!(
                            "{count} stacks, none with a part in the kernel, are taken for samples \
                             on CPU; say --bpf-format offcputime or offcputime-folded if they are \
                             time off CPU, profile, profile-folded or collapsed if they are samples"
                        )
                    });
                (Measure::Samples, "for nothing tells")
            }
        };
        findings.stacks_are(&format!("{}, {why}", measure.in_words()));
        let decision = Decision {
            measure,
            is_collapsed: self.is_collapsed,
        };
        self.decision = Some(decision);
        self.held_bytes = 0;
        for stack in std::mem::take(&mut self.held) {
            emit(stack, decision, findings);
        }
    }

    /// Ends the input.
    pub(crate) fn finish(&mut self, findings: &mut Findings) {
        if self.is_open() && !self.close_open(findings) {
            findings
                .ledger
                .record(&BPF_CUT_LINE, Position::Line(self.open_line), || {
                    "a stack has no end".to_owned()
                });
        }
        self.decide(findings);
    }
}

fn emit(stack: HeldStack, decision: Decision, findings: &mut Findings) {
    let HeldStack {
        first,
        is_folded,
        mut frames,
        id,
        value,
    } = stack;
    let mut id = id;
    let mut name = first.as_str();
    if is_folded && decision.is_collapsed {
        match thread_of_collapsed(&first) {
            Some((thread, tid)) => {
                name = thread;
                id = tid;
            }
            None => {
                name = "";
                frames.extend(frame(&first));
            }
        }
    }
    // `profile` prints the id of the process, `offcputime` that of the thread.
    let (state, count, weight, tid) = match decision.measure {
        Measure::Samples if is_folded => ("on_cpu", value, NO_I64, id),
        Measure::Samples => ("on_cpu", value, NO_I64, None),
        Measure::OffCpu(unit) => ("off_cpu", 1, value.saturating_mul(unit), id),
    };
    let rows = &mut findings.rows;
    let stack_id = if frames.is_empty() {
        NO_I64
    } else {
        rows.stack_samples.stack_id(&frames, false)
    };
    let thread_name = match name {
        "" => 0,
        name => rows.labels.intern(name.as_bytes()),
    };
    let sample = StackSample {
        time: NO_I64,
        state: rows.labels.intern(state.as_bytes()),
        tid: tid.unwrap_or(NO_I32),
        thread_name,
        count,
        weight,
        stack_id,
    };
    rows.push(AnyRow::StackSample(sample));
}

fn number(text: &str) -> Option<i64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// `-                java (4242)`: name and id of the thread; old versions print the name alone.
fn thread(line: &str) -> Option<(&str, Option<i32>)> {
    let line = line.trim();
    let Some(behind) = line.strip_prefix('-') else {
        return Some((line, None));
    };
    let (comm, id) = behind.trim_start().strip_suffix(')')?.rsplit_once('(')?;
    Some((comm.trim_end(), Some(id.parse().ok()?)))
}

/// `java/lang/Thread.run`, `java/lang/Thread.run_[j]`: a frame as async-profiler writes it, and no name
/// of a kernel thread (`kworker/0:1`).
fn is_java_frame(text: &str) -> bool {
    let Some((class, method)) = text.rsplit_once('.') else {
        return false;
    };
    class.contains('/') && !class.contains([' ', ':']) && !method.is_empty()
}

/// `[kafka-scheduler-1 tid=4242]`, as async-profiler writes threads first with `-t`.
fn thread_of_collapsed(text: &str) -> Option<(&str, Option<i32>)> {
    let inside = text.strip_prefix('[')?.strip_suffix(']')?;
    let (name, id) = inside.rsplit_once(" tid=")?;
    Some((name, Some(id.parse().ok()?)))
}
