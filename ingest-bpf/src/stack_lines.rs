//! Stacks as bcc's and libbpf-tools' `profile` and `offcputime` print them: folded, one a line, or one
//! frame a line.
//!
//! ```text
//! java;[unknown];vfs_write;ext4_file_write_iter 12
//!
//!     finish_task_switch
//!     schedule
//!     -                java (4242)
//!         1500
//! ```

use crate::format::Format;
use crate::recording::{BPF_CUT_LINE, Recording};
use crate::rows::rows_of_source::AnyRow;
use crate::rows::stack_sample::StackSample;
use crate::rows::{NO_I32, NO_I64};
use crate::stack_text::{frame, frames_from_text, state_of};

/// Lines of one stack that are held at most.
const MAX_LINES: usize = 1024;

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
    pub(crate) fn of_format(format: Option<Format>) -> Option<Self> {
        match format? {
            Format::Profile | Format::ProfileFolded => Some(Measure::Samples),
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
}

/// Takes a folded stack: thread name first, then frames from the outermost in. False when the line is
/// none.
pub(crate) fn folded(line: &str, measure: Option<Measure>, recording: &mut Recording) -> bool {
    let Some((stack, value)) = line.trim_end().rsplit_once(' ') else {
        return false;
    };
    let (Some((comm, stack)), Ok(value)) = (stack.split_once(';'), value.parse::<u32>()) else {
        return false;
    };
    let mut frames = frames_from_text(stack);
    frames.reverse();
    sample(&frames, comm, None, i64::from(value), measure, recording);
    true
}

fn sample(
    frames: &[String],
    comm: &str,
    id: Option<i32>,
    value: i64,
    measure: Option<Measure>,
    recording: &mut Recording,
) {
    let measure = measure.unwrap_or_else(|| match state_of(frames) {
        "off_cpu" => Measure::OffCpu(1_000),
        _ => Measure::Samples,
    });
    // `profile` prints the id of the process, `offcputime` that of the thread.
    let (state, count, weight, tid) = match measure {
        Measure::Samples => ("on_cpu", value, NO_I64, None),
        Measure::OffCpu(unit) => ("off_cpu", 1, value.saturating_mul(unit), id),
    };
    let rows = &mut recording.rows;
    let stack_id = if frames.is_empty() {
        NO_I64
    } else {
        rows.stack_samples.stack_id(frames, false)
    };
    let sample = StackSample {
        time: NO_I64,
        state: rows.labels.intern(state.as_bytes()),
        tid: tid.unwrap_or(NO_I32),
        thread_name: rows.labels.intern(comm.as_bytes()),
        count,
        weight,
        stack_id,
    };
    rows.push(AnyRow::StackSample(sample));
}

/// A stack of one frame a line that is not complete yet.
#[derive(Debug, Default)]
pub(crate) struct OpenStack {
    lines: Vec<String>,
    first_line: u64,
}

impl OpenStack {
    /// Takes an indented line. False when there are too many for a stack.
    pub(crate) fn push(&mut self, line: &str, recording: &Recording) -> bool {
        if self.lines.is_empty() {
            self.first_line = recording.line;
        }
        if self.lines.len() >= MAX_LINES {
            return false;
        }
        self.lines.push(line.to_owned());
        true
    }

    /// Whether a stack is open.
    pub(crate) fn is_open(&self) -> bool {
        !self.lines.is_empty()
    }

    /// Ends the stack at a blank line. False when it was none.
    pub(crate) fn close(&mut self, measure: Option<Measure>, recording: &mut Recording) -> bool {
        let lines = std::mem::take(&mut self.lines);
        let mut from_end = lines.iter().rev();
        let value = from_end
            .next()
            .and_then(|line| line.trim().parse::<i64>().ok());
        let thread = from_end.next().and_then(|line| thread(line));
        let (Some(value), Some((comm, pid))) = (value.filter(|value| *value >= 0), thread) else {
            return false;
        };
        let above = lines.len().saturating_sub(2);
        let frames: Vec<String> = lines.iter().take(above).filter_map(|l| frame(l)).collect();
        sample(&frames, comm, pid, value, measure, recording);
        true
    }

    /// Counts the stack as cut, at the end of the input.
    pub(crate) fn cut(&mut self, recording: &mut Recording) {
        self.lines.clear();
        recording.ledger.record(
            &BPF_CUT_LINE,
            kcorr_model::Position::Line(self.first_line),
            || "a stack has no end".to_owned(),
        );
    }
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
