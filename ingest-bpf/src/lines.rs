//! The lines of one input, one after another: what each is and who reads it.
//!
//! A line is taken for what it looks like, whatever the lines before it were: people concatenate
//! the output of several tools, and scripts print JSON between bpftrace's own text. What terminals and
//! collectors put around a line is taken away where the line cannot be read with it.

use kcorr_model::lines::{clean, unwrap};

use crate::findings::{BPFTRACE_TEXT, Findings};
use crate::json::event;
use crate::json::fast_line;
use crate::json::layout::Layouts;
use crate::json::object_lines::ObjectLines;
use crate::json::object_reader::ObjectReader;
use crate::options::BpfOptions;
use crate::outcome::Outcome::{self, Printed, Read, Unread};
use crate::stacks::lines::{Measure, TextStacks};
use crate::stacks::map::{self, OpenEntry};
use crate::text::local_time::LocalClock;
use crate::text::own_line::{self, OwnLines};
use crate::text::table::TextTable;

/// Bytes of a line that is no JSON: a deep folded stack is far below.
const MAX_TEXT_BYTES: usize = 256 << 10;
/// Bytes of printed text without a line end that are held at most.
const MAX_PRINTED_BYTES: usize = 1 << 20;
/// State between lines.
#[derive(Debug)]
pub(crate) struct Lines {
    open_entry: Option<OpenEntry>,
    objects: ObjectLines,
    reader: ObjectReader,
    stacks: TextStacks,
    table: Option<TextTable>,
    file_system: Option<&'static str>,
    own_lines: OwnLines,
    /// Text that a script printed inside `bpftrace -f json`, up to its next line end.
    printed: String,
    /// Whether a collector's prefix stands before lines.
    is_wrapped: bool,
    /// How lines of the fast path were laid out so far.
    layouts: Layouts,
}

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
            objects: ObjectLines::default(),
            reader: ObjectReader {
                field_map: options.field_map,
                local: LocalClock::new(options.date),
            },
            stacks: TextStacks::new(format),
            table,
            file_system,
            own_lines: OwnLines::default(),
            printed: String::new(),
            is_wrapped: false,
            layouts: Layouts::default(),
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
            && self.objects.are_idle()
            && !self.stacks.is_open()
            && self.own_lines.is_idle()
    }

    /// Takes a line that the fast path can read.
    #[inline]
    fn fast(&mut self, line: &[u8], findings: &mut Findings) -> bool {
        if !self.has_fast_path() {
            return false;
        }
        let Some(row) = fast_line::read(line, &mut findings.rows.labels, &mut self.layouts) else {
            return false;
        };
        self.objects.end_broken(findings);
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
            findings.cut_line(findings.line, line);
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
        if let Some(outcome) = self.objects.go_on(line, &mut self.reader, findings) {
            return outcome;
        }
        let text = line.trim_ascii();
        match text.first() {
            None => {
                self.own_lines.blank();
                self.stacks.close(findings);
                Read
            }
            Some(_) if self.objects.have(text) => {
                self.objects
                    .line(line, is_whole, &mut self.reader, findings)
            }
            Some(_) if !is_whole => {
                // A number or name at the end may be cut.
                findings.cut_line(findings.line, line);
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
            self.reader.local.begin();
            return Read;
        }
        if let Some(table) = &self.table
            && table.row(&line, &mut self.reader.local, findings)
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
        self.reader.field_map.is_none()
    }

    /// Ends a file of the input.
    pub(crate) fn end_file(&mut self, findings: &mut Findings) {
        self.objects.end_file(findings);
    }

    /// Ends the input.
    pub(crate) fn finish(&mut self, findings: &mut Findings) {
        self.end_file(findings);
        if let Some(entry) = self.open_entry.take() {
            entry.cut(findings);
        }
        self.stacks.finish(findings);
        if let Some(step) = self.reader.local.finish() {
            findings.clock_step(step);
        }
        if !self.printed.trim().is_empty() {
            let printed = std::mem::take(&mut self.printed);
            findings.cut_line(findings.line, printed.as_bytes());
        }
    }
}

/// The JSON object that a line ends in, behind something else.
fn object_behind(line: &[u8]) -> Option<&[u8]> {
    let line = line.trim_ascii();
    let start = memchr::memmem::find(line, b"{\"").filter(|&start| start > 0)?;
    line.get(start..).filter(|behind| behind.ends_with(b"}"))
}
