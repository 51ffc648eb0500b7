//! Maps at the end of bpftrace's output. Those keyed by a stack become `stack_samples` without a time;
//! other maps and histograms have no table and are counted.
//!
//! ```text
//! @offcpu_us[
//!     __schedule+1560
//!     schedule+35
//! ]: 17374
//! @offcpu_us[
//!     schedule+35
//! , java, 4242]: 12
//! ```

use kcorr_model::lines::start_of;

use crate::findings::Findings;
use crate::losses::{BPF_CUT_LINE, BPF_SUMMARY_SKIPPED};
use crate::rows::rows_of_source::AnyRow;
use crate::rows::stack_sample::StackSample;
use crate::rows::{NO_I32, NO_I64};
use crate::stacks::text::{frame, state_of};

/// Bytes of a key that are held at most; a stack of 127 frames is far below.
const MAX_KEY_BYTES: usize = 1 << 20;

/// A map entry whose key is not closed yet.
#[derive(Debug, Default)]
pub(crate) struct OpenEntry {
    name: String,
    key: String,
    first_line: u64,
}

/// Whether a line is the first of a map entry or the title of a histogram, as bpftrace prints them:
/// `@name[key`, `@name: value`, `@name:`, the name possibly empty. Bytes that are no text are not, so that
/// a file of anything is not taken for a trace because a line of it begins with `@`.
pub(crate) fn is_map(line: &[u8]) -> bool {
    let Ok(line) = std::str::from_utf8(line) else {
        return false;
    };
    let Some(rest) = line.strip_prefix('@') else {
        return false;
    };
    let behind_name = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let is_name = !rest.starts_with(|c: char| c.is_ascii_digit());
    let is_text = !line.contains(|c: char| c.is_control() && c != '\t');
    is_name && is_text && behind_name.starts_with(['[', ':'])
}

/// Reads `@name…`, the first line of a map entry. What it returns takes the lines that follow.
pub(crate) fn open(line: &str, findings: &mut Findings) -> Option<OpenEntry> {
    let opened = line.strip_prefix('@').and_then(|rest| rest.split_once('['));
    match opened {
        Some((name, key)) if !key.contains("]:") => Some(OpenEntry {
            name: name.to_owned(),
            key: format!("{key}\n"),
            first_line: findings.line,
        }),
        _ => {
            findings.loss(&BPF_SUMMARY_SKIPPED, || start_of(line.as_bytes()));
            None
        }
    }
}

impl OpenEntry {
    /// Takes the next line. False when the entry has ended with it; an entry that grows without an end
    /// is given up.
    pub(crate) fn push(&mut self, line: &str, findings: &mut Findings) -> bool {
        // The key ends at the last `]: ` of a line that is no frame: frames are indented.
        let is_frame = line.starts_with([' ', '\t']);
        match line.rsplit_once("]: ") {
            Some((rest, value)) if !is_frame => {
                self.key.push_str(rest);
                entry(&self.name, &self.key, value.trim(), findings);
                false
            }
            _ if self.key.len().saturating_add(line.len()) > MAX_KEY_BYTES => {
                self.cut(findings);
                false
            }
            _ => {
                self.key.push_str(line);
                self.key.push('\n');
                true
            }
        }
    }

    /// Counts the entry as lost: the input ends inside it.
    pub(crate) fn cut(&self, findings: &mut Findings) {
        findings.ledger.record(
            &BPF_CUT_LINE,
            kcorr_model::Position::Line(self.first_line),
            || format!("the entry of map @{} has no end", self.name),
        );
    }
}

/// Takes one entry of a map: its name without `@`, its key as bpftrace prints it, and its value.
pub(crate) fn entry(name: &str, key: &str, value: &str, findings: &mut Findings) {
    let mut frames = Vec::new();
    let mut parts: Vec<&str> = Vec::new();
    for line in key.split('\n') {
        if line.starts_with([' ', '\t']) {
            frames.extend(frame(line));
        } else {
            parts.extend(
                line.split(',')
                    .map(str::trim)
                    .filter(|part| !part.is_empty()),
            );
        }
    }
    let (Some(value), false) = (Sum::from_text(value), frames.is_empty()) else {
        findings.loss(&BPF_SUMMARY_SKIPPED, || {
            start_of(format!("@{name}[{key}]: {value}").as_bytes())
        });
        return;
    };
    let lower = name.to_ascii_lowercase();
    let state = if lower.contains("off") || lower.contains("block") {
        "off_cpu"
    } else {
        state_of(&frames)
    };
    let (count, weight) = match (value, unit_of(&lower)) {
        (Sum::Plain(sum), Some(unit)) => (1, sum.saturating_mul(unit)),
        (Sum::Plain(count), None) => (count, NO_I64),
        (Sum::Stats { count, total }, unit) => {
            let weight = unit.map_or(NO_I64, |unit| total.saturating_mul(unit));
            (count, weight)
        }
    };
    // Of what stands beside the stack, a number is a thread and the rest its name.
    let tid = parts.iter().find_map(|part| part.parse::<i32>().ok());
    let thread = parts.iter().find(|part| part.parse::<i64>().is_err());
    let rows = &mut findings.rows;
    let stack_id = rows.stack_samples.stack_id(&frames, false);
    let sample = StackSample {
        time: NO_I64,
        state: rows.labels.intern(state.as_bytes()),
        tid: tid.unwrap_or(NO_I32),
        thread_name: thread.map_or(0, |name| rows.labels.intern(name.as_bytes())),
        count,
        weight,
        stack_id,
    };
    rows.push(AnyRow::StackSample(sample));
}

enum Sum {
    Plain(i64),
    Stats { count: i64, total: i64 },
}

impl Sum {
    /// `17374`, or `count 3, average 5, total 15` of `stats()`.
    fn from_text(text: &str) -> Option<Self> {
        if let Ok(sum) = text.parse() {
            return Some(Sum::Plain(sum));
        }
        let field = |name: &str| {
            text.split(',')
                .find_map(|part| part.trim().strip_prefix(name)?.trim().parse::<i64>().ok())
        };
        Some(Sum::Stats {
            count: field("count")?,
            total: field("total")?,
        })
    }
}

/// Ns of the unit that the map's name ends in, if it ends in one.
fn unit_of(name: &str) -> Option<i64> {
    match name.rsplit('_').next()? {
        "ns" | "nsecs" => Some(1),
        "us" | "usecs" => Some(1_000),
        "ms" | "msecs" => Some(1_000_000),
        "s" | "secs" => Some(1_000_000_000),
        _ => None,
    }
}
