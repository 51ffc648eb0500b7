//! The lines of one input, one after another: what each is and who reads it.
//!
//! A line is taken for what it looks like, whatever the lines before it were: people concatenate
//! the output of several tools, and scripts print JSON between bpftrace's own text. What terminals and
//! collectors put around a line is taken away where the line cannot be read with it.

use kcorr_model::Position;
use kcorr_model::lines::{clean, start_of, unwrap};
use serde_json::Value;

use crate::findings::{BPFTRACE_TEXT, Findings};
use crate::json::bpftrace;
use crate::json::event;
use crate::json::fast_line;
use crate::json::text::{Grown, OpenObject, collected, value_from_line};
use crate::losses::{BPF_BAD_LINE, BPF_CUT_LINE};
use crate::options::BpfOptions;
use crate::stacks::lines::{Measure, TextStacks};
use crate::stacks::map::{self, OpenEntry};
use crate::text::local_time::LocalClock;
use crate::text::own_line::{self, OwnLines};
use crate::text::table::TextTable;

/// Bytes of a line that is no JSON: a deep folded stack is far below.
const MAX_TEXT_BYTES: usize = 256 << 10;
/// Bytes of printed text without a line end that are held at most.
const MAX_PRINTED_BYTES: usize = 1 << 20;
/// Bytes of a line that ends inside of a name with a line end in it that are held.
const MAX_BROKEN_BYTES: usize = 64 << 10;

/// State between lines.
#[derive(Debug)]
pub(crate) struct Lines {
    options: BpfOptions,
    open_entry: Option<OpenEntry>,
    open_object: Option<OpenObject>,
    /// Whether the objects are those of an array over several lines.
    is_array: bool,
    /// A line that ends inside of a string, and its number.
    broken: Option<(Vec<u8>, u64)>,
    stacks: TextStacks,
    table: Option<TextTable>,
    file_system: Option<&'static str>,
    own_lines: OwnLines,
    local: LocalClock,
    /// Text that a script printed inside `bpftrace -f json`, up to its next line end.
    printed: String,
    /// Whether a collector's prefix stands before lines.
    is_wrapped: bool,
}

/// What became of a line.
#[derive(Debug)]
enum Outcome {
    /// It was read, or counted as what it is.
    Read,
    /// It carries text that a script printed.
    Printed(String),
    /// It is none of what this expected.
    Unread(&'static str),
}

use Outcome::{Printed, Read, Unread};

impl Lines {
    pub(crate) fn new(options: BpfOptions, findings: &mut Findings) -> Self {
        let format = options.format;
        let mut table = format
            .and_then(|format| format.header())
            .and_then(TextTable::from_header);
        let file_system = format.and_then(|format| format.file_system());
        if let Some(table) = &mut table {
            table.file_system = file_system;
        }
        if let Some(format) = format {
            findings.recognised_as(format.name());
        }
        Self {
            open_entry: None,
            open_object: None,
            is_array: false,
            broken: None,
            stacks: TextStacks::new(format),
            table,
            file_system,
            own_lines: OwnLines::default(),
            local: LocalClock::new(options.date),
            printed: String::new(),
            is_wrapped: false,
            options,
        }
    }

    /// Takes one line without its end. `is_whole` is false for bytes behind the last line end, whose
    /// numbers and names may be cut.
    pub(crate) fn line(&mut self, line: &[u8], is_whole: bool, findings: &mut Findings) {
        if line.is_empty() && self.is_idle() {
            return;
        }
        // First of all, so that it does not matter where it is read: an event is an event, even
        // between the lines of a map.
        if self.fast(line, findings) {
            return;
        }
        let cleaned = clean(line);
        let line = cleaned.as_ref();
        let printed = self.wrapped_line(line, is_whole, findings);
        let Some(printed) = printed else { return };
        self.printed.push_str(&printed);
        if printed.contains('\n') {
            self.printed_lines(findings);
        } else if self.printed.len() > MAX_PRINTED_BYTES {
            let printed = std::mem::take(&mut self.printed);
            findings.bad_line(printed.as_bytes(), "a line end in printed text");
        }
    }

    /// Whether a blank line ends nothing.
    fn is_idle(&self) -> bool {
        self.open_entry.is_none()
            && self.open_object.is_none()
            && self.broken.is_none()
            && !self.stacks.is_open()
            && self.own_lines.is_idle()
    }

    /// Takes a line that the fast path can read.
    #[inline]
    fn fast(&mut self, line: &[u8], findings: &mut Findings) -> bool {
        if !self.has_fast_path() {
            return false;
        }
        let Some(row) = fast_line::read(line, &mut findings.rows.labels) else {
            return false;
        };
        if self.broken.is_some() {
            self.end_broken(findings);
        }
        findings.recognised_as(event::FORMAT);
        findings.has_boot_times = true;
        findings.push(row, row.end());
        true
    }

    /// Takes a line that a collector's prefix may stand before.
    fn wrapped_line(
        &mut self,
        line: &[u8],
        is_whole: bool,
        findings: &mut Findings,
    ) -> Option<String> {
        let inside = unwrap(line);
        let has_prefix = inside.collector.is_some();
        if self.is_wrapped && has_prefix {
            if self.fast(inside.line, findings) {
                return None;
            }
            return match self.dispatch(inside.line, is_whole, findings) {
                Read => None,
                Printed(text) => Some(text),
                // Lines that begin with their own time look wrapped.
                Unread(expected) => match self.dispatch(line, is_whole, findings) {
                    Read => None,
                    Printed(text) => Some(text),
                    Unread(_) => {
                        findings.bad_line(line, expected);
                        None
                    }
                },
            };
        }
        let expected = match self.dispatch(line, is_whole, findings) {
            Read => return None,
            Printed(text) => return Some(text),
            Unread(expected) => expected,
        };
        let behind = match has_prefix {
            true => Some(inside.line),
            false => object_behind(line),
        };
        if let Some(behind) = behind {
            match self.dispatch(behind, is_whole, findings) {
                Read => {
                    self.is_wrapped |= has_prefix;
                    return None;
                }
                Printed(text) => {
                    self.is_wrapped |= has_prefix;
                    return Some(text);
                }
                Unread(_) => {}
            }
        }
        if is_whole {
            findings.bad_line(line, expected);
        } else {
            cut(line, findings);
        }
        None
    }

    /// Reads the whole lines of what a script printed.
    fn printed_lines(&mut self, findings: &mut Findings) {
        let Some(end) = self.printed.rfind('\n') else {
            return;
        };
        let mut printed = std::mem::take(&mut self.printed);
        self.printed = printed.split_off(end.saturating_add(1));
        for line in printed.split('\n') {
            if self.fast(line.as_bytes(), findings) {
                continue;
            }
            // What is printed inside of what is printed is text of the script: no second layer.
            let nested = self.wrapped_line(line.as_bytes(), true, findings);
            if nested.is_some() {
                findings.bad_line(line.as_bytes(), "one layer of bpftrace JSON");
            }
        }
    }

    /// Takes a line as it stands.
    fn dispatch(&mut self, line: &[u8], is_whole: bool, findings: &mut Findings) -> Outcome {
        if let Some(entry) = &mut self.open_entry {
            // A value may be cut: `finish` counts the entry.
            if is_whole && !entry.push(&String::from_utf8_lossy(line), findings) {
                self.open_entry = None;
            }
            return Read;
        }
        if self.open_object.is_some() {
            return self.object_line(line, findings);
        }
        let text = line.trim_ascii();
        if self.broken.is_some()
            && let Some(outcome) = self.after_broken(line, findings)
        {
            return outcome;
        }
        match text.first() {
            None => {
                self.own_lines.blank();
                self.stacks.close(findings);
                Read
            }
            Some(b'{') => self.json(line, is_whole, findings),
            Some(b'[') if is_array_start(text) => self.json(line, is_whole, findings),
            Some(b']' | b',') if self.is_array && is_array_end(text) => {
                self.is_array &= text.first() == Some(&b',');
                Read
            }
            Some(_) if !is_whole => {
                // A number or name at the end may be cut.
                cut(line, findings);
                Read
            }
            Some(b'@') => {
                if map::is_map(text) {
                    findings.recognised_as(BPFTRACE_TEXT);
                }
                self.open_entry = map::open(&String::from_utf8_lossy(line), findings);
                Read
            }
            Some(_) => self.text(line, findings),
        }
    }

    fn text(&mut self, line: &[u8], findings: &mut Findings) -> Outcome {
        if line.len() > MAX_TEXT_BYTES {
            return Unread("a line of text of at most 256 KiB");
        }
        let line = String::from_utf8_lossy(line);
        if self.own_lines.read(&line, findings) {
            if let Some(measure) = Measure::of_own_line(&line) {
                self.stacks.told(measure, findings);
            }
            if let Some(name) = own_line::file_system(&line) {
                self.file_system = Some(name);
            }
            return Read;
        }
        if let Some(mut table) = TextTable::from_header(&line) {
            table.file_system = self.file_system;
            findings.recognised_as(table.format());
            self.table = Some(table);
            self.local.begin();
            return Read;
        }
        if let Some(table) = &self.table
            && table.row(&line, &mut self.local, findings)
        {
            return Read;
        }
        if line.starts_with([' ', '\t']) {
            if self.table.is_none() || self.stacks.is_open() {
                return match self.stacks.line(&line, findings) {
                    true => Read,
                    false => Unread("a stack of at most 1024 lines"),
                };
            }
            if self.table.as_ref().is_some_and(TextTable::has_stacks) {
                findings.stack_of_call(&line);
                return Read;
            }
        }
        if self.stacks.folded(&line, findings) {
            findings.recognised_as("folded stacks");
            return Read;
        }
        match self.table {
            Some(_) => Unread("a row of the table above"),
            None => Unread("an event"),
        }
    }

    /// Whether lines that the fast path can read are what they seem.
    pub(crate) fn has_fast_path(&self) -> bool {
        self.options.field_map.is_none()
    }

    /// Ends a file of the input.
    pub(crate) fn end_file(&mut self, findings: &mut Findings) {
        self.end_broken(findings);
        if let Some(object) = self.open_object.take() {
            cut_at(object.first_line, object.text(), findings);
        }
        self.is_array = false;
    }

    /// Ends the input.
    pub(crate) fn finish(&mut self, findings: &mut Findings) {
        self.end_file(findings);
        if let Some(entry) = self.open_entry.take() {
            entry.cut(findings);
        }
        self.stacks.finish(findings);
        if let Some(step) = self.local.finish() {
            findings.clock_step(step);
        }
        if !self.printed.trim().is_empty() {
            let printed = std::mem::take(&mut self.printed);
            cut(printed.as_bytes(), findings);
        }
    }

    fn json(&mut self, line: &[u8], is_whole: bool, findings: &mut Findings) -> Outcome {
        let mut text = line.trim_ascii();
        if let Some(object) = OpenObject::from_line(line, findings.line).filter(|_| is_whole) {
            self.is_array |= text.starts_with(b"[");
            self.open_object = Some(object);
            return Read;
        }
        let value = value_from_line(text);
        if value.is_err() {
            // A line of an array: `[{…},`, `{…},`, `{…}]`.
            let behind = text.strip_prefix(b"[").unwrap_or(text).trim_ascii();
            let opens = behind.len() < text.len();
            let body = behind
                .strip_suffix(b",")
                .or_else(|| behind.strip_suffix(b"]"))
                .map_or(behind, <[u8]>::trim_ascii_end);
            if opens && body.is_empty() {
                self.is_array = true;
                return Read;
            }
            if (opens || self.is_array) && body.len() < text.len() {
                self.is_array = !text.ends_with(b"]");
                text = body;
            }
        }
        match value.or_else(|_| value_from_line(text)) {
            Ok(Value::Object(object)) => return self.object(&object, text, findings),
            Ok(Value::Array(values)) => {
                for value in values {
                    match value {
                        Value::Object(object) => {
                            if let Printed(_) | Unread(_) = self.object(&object, text, findings) {
                                findings.bad_line(text, "an array of events");
                            }
                        }
                        _ => findings.bad_line(text, "an array of JSON objects"),
                    }
                }
            }
            Ok(_) => findings.bad_line(text, "a JSON object"),
            Err(_) if !is_whole => cut(text, findings),
            Err(error) => match bpftrace::printf_text(text) {
                Some(printed) => {
                    findings.recognised_as(bpftrace::FORMAT);
                    return Printed(printed);
                }
                None if error.is_eof() && text.len() <= MAX_BROKEN_BYTES => {
                    self.broken = Some((line.to_vec(), findings.line));
                }
                None => findings.bad_line(text, &format!("a JSON object ({error})")),
            },
        }
        Read
    }

    /// Takes the line behind one that ends inside of a string: a name may hold a line end. None when the
    /// line is none of it. The frames of a stack are a line each.
    fn after_broken(&mut self, line: &[u8], findings: &mut Findings) -> Option<Outcome> {
        let (mut joined, number) = self.broken.take()?;
        let starts_anew = matches!(line.trim_ascii().first(), Some(b'{' | b'[' | b'@'));
        if matches!(line.first(), Some(b' ' | b'\t')) && goes_on(&joined, line) {
            joined.push(b'\n');
            joined.extend_from_slice(line);
            self.broken = Some((joined, number));
            return Some(Read);
        }
        if !starts_anew && line.trim_ascii_end().ends_with(b"}") {
            joined.push(b'\n');
            joined.extend_from_slice(line);
            if let Ok(Value::Object(object)) = value_from_line(joined.trim_ascii()) {
                return Some(self.object(&object, &joined, findings));
            }
            joined.truncate(joined.len().saturating_sub(line.len().saturating_add(1)));
        }
        bad_line_at(number, &joined, findings);
        None
    }

    fn end_broken(&mut self, findings: &mut Findings) {
        if let Some((line, number)) = self.broken.take() {
            bad_line_at(number, &line, findings);
        }
    }

    /// Takes a line of an object over several.
    fn object_line(&mut self, line: &[u8], findings: &mut Findings) -> Outcome {
        let Some(mut object) = self.open_object.take() else {
            return Unread("a JSON object");
        };
        match object.push(line) {
            Grown::Open => {
                self.open_object = Some(object);
                Read
            }
            Grown::Whole(text) => match value_from_line(&text) {
                Ok(Value::Object(value)) => self.object(&value, &text, findings),
                _ => {
                    bad_line_at(object.first_line, &text, findings);
                    Read
                }
            },
            Grown::Broken(text) => {
                bad_line_at(object.first_line, &text, findings);
                self.json(line, true, findings)
            }
        }
    }

    fn object(&mut self, object: &event::Object, line: &[u8], findings: &mut Findings) -> Outcome {
        if let Some(line) = collected(object) {
            let end = if line.ends_with('\n') { "" } else { "\n" };
            return Printed(format!("{line}{end}"));
        }
        if let Some(map) = &self.options.field_map {
            map.read(object, line, &mut self.local, findings);
            return Read;
        }
        if let Some(event) = object.get("ev").and_then(Value::as_str) {
            event::read(object, event, line, findings);
            return Read;
        }
        match bpftrace::read(object, line, findings) {
            Some(text) => Printed(text),
            None => {
                findings.bad_line(line, "a JSON object with `ev`, or with `type` and `data`");
                Read
            }
        }
    }
}

/// Whether a line is a frame of the stack that the lines before it began; frames are indented.
fn goes_on(joined: &[u8], line: &[u8]) -> bool {
    memchr::memmem::find(joined, b"\"stack\":\"").is_some()
        && !line.trim_ascii_end().ends_with(b"}")
        && joined.len().saturating_add(line.len()) < MAX_BROKEN_BYTES
}

/// Whether text may be the start of an array of objects, and no bar of a histogram.
fn is_array_start(text: &[u8]) -> bool {
    let behind = text.strip_prefix(b"[").unwrap_or(text).trim_ascii();
    behind.is_empty() || behind.starts_with(b"{") || behind == b"]"
}

fn is_array_end(text: &[u8]) -> bool {
    text.iter().all(|byte| b"], ".contains(byte))
}

/// The JSON object that a line ends in, behind something else.
fn object_behind(line: &[u8]) -> Option<&[u8]> {
    let line = line.trim_ascii();
    let start = memchr::memmem::find(line, b"{\"").filter(|&start| start > 0)?;
    line.get(start..).filter(|behind| behind.ends_with(b"}"))
}

fn cut(line: &[u8], findings: &mut Findings) {
    cut_at(findings.line, line, findings);
}

fn cut_at(number: u64, line: &[u8], findings: &mut Findings) {
    findings
        .ledger
        .record(&BPF_CUT_LINE, Position::Line(number), || {
            format!("the input ends inside the line: {}", start_of(line))
        });
}

fn bad_line_at(number: u64, line: &[u8], findings: &mut Findings) {
    findings
        .ledger
        .record(&BPF_BAD_LINE, Position::Line(number), || {
            format!("expected a JSON object, found: {}", start_of(line))
        });
}
