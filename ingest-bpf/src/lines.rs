//! The lines of one input, one after another: what each is and who reads it.
//!
//! A line is taken for what it looks like, whatever the lines before it were: people concatenate
//! the output of several tools, and scripts print JSON between bpftrace's own text.

use serde_json::Value;

use crate::bpftrace_json;
use crate::fast_line;
use crate::json_event;
use crate::local_time::LocalClock;
use crate::options::BpfOptions;
use crate::own_line;
use crate::recording::{BPF_CUT_LINE, BPFTRACE_TEXT, Recording, start_of};
use crate::stack_lines::{self, Measure, OpenStack};
use crate::stack_map::{self, OpenEntry};
use crate::text_table::TextTable;

/// Bytes of a line that is no JSON: a deep folded stack is far below.
const MAX_TEXT_BYTES: usize = 256 << 10;
/// Bytes of printed text without a line end that are held at most.
const MAX_PRINTED_BYTES: usize = 1 << 20;

/// State between lines.
#[derive(Debug)]
pub(crate) struct Lines {
    options: BpfOptions,
    open_entry: Option<OpenEntry>,
    open_stack: OpenStack,
    table: Option<TextTable>,
    file_system: Option<&'static str>,
    measure: Option<Measure>,
    local: LocalClock,
    /// Text that a script printed inside `bpftrace -f json`, up to its next line end.
    printed: String,
}

impl Lines {
    pub(crate) fn new(options: BpfOptions, recording: &mut Recording) -> Self {
        let format = options.format;
        let mut table = format
            .and_then(|format| format.header())
            .and_then(TextTable::from_header);
        let file_system = format.and_then(|format| format.file_system());
        if let Some(table) = &mut table {
            table.file_system = file_system;
        }
        if let Some(format) = format {
            recording.recognised_as(format.name());
        }
        Self {
            open_entry: None,
            open_stack: OpenStack::default(),
            table,
            file_system,
            measure: Measure::of_format(format),
            local: LocalClock::new(options.date),
            printed: String::new(),
            options,
        }
    }

    /// Takes one line without its end. `is_whole` is false for bytes behind the last line end, whose
    /// numbers and names may be cut.
    pub(crate) fn line(&mut self, line: &[u8], is_whole: bool, recording: &mut Recording) {
        if let Some(printed) = self.line_of_tool(line, is_whole, recording) {
            self.printed.push_str(&printed);
            if printed.contains('\n') {
                self.printed_lines(recording);
            } else if self.printed.len() > MAX_PRINTED_BYTES {
                let printed = std::mem::take(&mut self.printed);
                recording.bad_line(printed.as_bytes(), "a line end in printed text");
            }
        }
    }

    /// Reads the whole lines of what a script printed.
    fn printed_lines(&mut self, recording: &mut Recording) {
        let Some(end) = self.printed.rfind('\n') else {
            return;
        };
        let mut printed = std::mem::take(&mut self.printed);
        self.printed = printed.split_off(end.saturating_add(1));
        for line in printed.split('\n') {
            // What is printed inside of what is printed is text of the script: no second layer.
            let nested = self.line_of_tool(line.as_bytes(), true, recording);
            if nested.is_some() {
                recording.bad_line(line.as_bytes(), "one layer of bpftrace JSON");
            }
        }
    }

    /// Takes a line, and returns text that it carries as `bpftrace -f json`.
    fn line_of_tool(
        &mut self,
        line: &[u8],
        is_whole: bool,
        recording: &mut Recording,
    ) -> Option<String> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // First of all, so that it does not matter where it is read: an event is an event, even
        // between the lines of a map.
        if self.has_fast_path()
            && let Some(row) = fast_line::read(line, &mut recording.rows.labels)
        {
            recording.recognised_as(json_event::FORMAT);
            recording.has_boot_times = true;
            recording.push(row, row.end());
            return None;
        }
        if let Some(entry) = &mut self.open_entry {
            // A value may be cut: `finish` counts the entry.
            if is_whole && !entry.push(&String::from_utf8_lossy(line), recording) {
                self.open_entry = None;
            }
            return None;
        }
        let text = line.trim_ascii();
        match text.first() {
            None => self.close_stack(recording),
            Some(b'{') => return self.json(text, is_whole, recording),
            Some(_) if !is_whole => cut(line, recording),
            Some(b'@') => {
                recording.recognised_as(BPFTRACE_TEXT);
                self.open_entry = stack_map::open(&String::from_utf8_lossy(line), recording);
            }
            Some(_) => self.text(line, recording),
        }
        None
    }

    fn text(&mut self, line: &[u8], recording: &mut Recording) {
        if line.len() > MAX_TEXT_BYTES {
            recording.bad_line(line, "a line of text of at most 256 KiB");
            return;
        }
        let line = String::from_utf8_lossy(line);
        if own_line::read(&line, recording) {
            if let Some(measure) = Measure::of_own_line(&line) {
                self.measure = Some(measure);
            }
            if let Some(name) = own_line::file_system(&line) {
                self.file_system = Some(name);
            }
            return;
        }
        if let Some(mut table) = TextTable::from_header(&line) {
            table.file_system = self.file_system;
            recording.recognised_as(table.format());
            self.table = Some(table);
            return;
        }
        if let Some(table) = &self.table
            && table.row(&line, &mut self.local, recording)
        {
            return;
        }
        let is_indented = line.starts_with([' ', '\t']);
        if is_indented && (self.table.is_none() || self.open_stack.is_open()) {
            if !self.open_stack.push(&line, recording) {
                self.open_stack = OpenStack::default();
                recording.bad_line(line.as_bytes(), "a stack of at most 1024 lines");
            }
            return;
        }
        if stack_lines::folded(&line, self.measure, recording) {
            recording.recognised_as("folded stacks");
            return;
        }
        let expected = match self.table {
            Some(_) => "a row of the table above",
            None => "an event",
        };
        recording.bad_line(line.as_bytes(), expected);
    }

    fn close_stack(&mut self, recording: &mut Recording) {
        if !self.open_stack.is_open() {
            return;
        }
        if self.open_stack.close(self.measure, recording) {
            recording.recognised_as("stacks, text");
        } else {
            recording.bad_line(b"", "a stack that ends in its thread and a number");
        }
    }

    /// Whether lines that the fast path can read are what they seem.
    pub(crate) fn has_fast_path(&self) -> bool {
        self.options.field_map.is_none()
    }

    /// Ends the input.
    pub(crate) fn finish(&mut self, recording: &mut Recording) {
        if let Some(entry) = self.open_entry.take() {
            entry.cut(recording);
        }
        if self.open_stack.is_open() {
            if self.open_stack.close(self.measure, recording) {
                recording.recognised_as("stacks, text");
            } else {
                self.open_stack.cut(recording);
            }
        }
        if !self.printed.trim().is_empty() {
            let printed = std::mem::take(&mut self.printed);
            cut(printed.as_bytes(), recording);
        }
    }

    fn json(&mut self, line: &[u8], is_whole: bool, recording: &mut Recording) -> Option<String> {
        let value = serde_json::from_slice::<Value>(line)
            .or_else(|_| serde_json::from_str(&String::from_utf8_lossy(line)));
        match value {
            Ok(Value::Object(object)) => return self.object(&object, line, recording),
            Ok(_) => recording.bad_line(line, "a JSON object"),
            Err(_) if !is_whole => cut(line, recording),
            Err(error) => match bpftrace_json::printf_text(line) {
                Some(printed) => {
                    recording.recognised_as(bpftrace_json::FORMAT);
                    return Some(printed);
                }
                None => recording.bad_line(line, &format!("a JSON object ({error})")),
            },
        }
        None
    }

    fn object(
        &mut self,
        object: &json_event::Object,
        line: &[u8],
        recording: &mut Recording,
    ) -> Option<String> {
        if let Some(map) = &self.options.field_map {
            map.read(object, line, &mut self.local, recording);
            return None;
        }
        if let Some(event) = object.get("ev").and_then(Value::as_str) {
            json_event::read(object, event, line, recording);
            return None;
        }
        let printed = bpftrace_json::read(object, line, recording);
        if printed.is_none() {
            recording.bad_line(line, "a JSON object with `ev`, or with `type` and `data`");
        }
        printed
    }
}

fn cut(line: &[u8], recording: &mut Recording) {
    recording.loss(&BPF_CUT_LINE, || {
        format!("the input ends inside the line: {}", start_of(line))
    });
}
