//! Lines of JSON objects: one a line, several in an array, one over several lines, or broken by a line end in a
//! name.

use serde_json::Value;

use crate::findings::Findings;
use crate::json::bpftrace;
use crate::json::object_reader::ObjectReader;
use crate::json::text::{Grown, OpenObject, value_from_line};
use crate::outcome::Outcome::{self, Printed, Read, Unread};

/// Bytes of a line that ends inside of a name with a line end in it that are held.
const MAX_BROKEN_BYTES: usize = 64 << 10;

/// What is open between lines.
#[derive(Debug, Default)]
pub(crate) struct ObjectLines {
    open_object: Option<OpenObject>,
    /// Whether the objects are those of an array over several lines.
    is_array: bool,
    /// A line that ends inside of a string, and its number.
    broken: Option<(Vec<u8>, u64)>,
}

impl ObjectLines {
    /// Whether a blank line ends nothing.
    pub(crate) fn are_idle(&self) -> bool {
        self.open_object.is_none() && self.broken.is_none()
    }

    /// Whether a line of this text is of JSON.
    pub(crate) fn have(&self, text: &[u8]) -> bool {
        match text.first() {
            Some(b'{') => true,
            Some(b'[') => is_array_start(text),
            Some(b']' | b',') => self.is_array && is_array_end(text),
            _ => false,
        }
    }

    /// Takes the line behind one that does not end its object. None when there was none such, or the line is
    /// none of it.
    pub(crate) fn go_on(
        &mut self,
        line: &[u8],
        reader: &mut ObjectReader,
        findings: &mut Findings,
    ) -> Option<Outcome> {
        if let Some(object) = self.open_object.take() {
            return Some(self.inside(object, line, reader, findings));
        }
        // A name may hold a line end; the frames of a stack are a line each.
        let (mut joined, number) = self.broken.take()?;
        let starts_anew = matches!(line.trim_ascii().first(), Some(b'{' | b'[' | b'@'));
        if matches!(line.first(), Some(b' ' | b'\t')) && is_frame(&joined, line) {
            joined.push(b'\n');
            joined.extend_from_slice(line);
            self.broken = Some((joined, number));
            return Some(Read);
        }
        if !starts_anew && line.trim_ascii_end().ends_with(b"}") {
            joined.push(b'\n');
            joined.extend_from_slice(line);
            if let Ok(Value::Object(object)) = value_from_line(joined.trim_ascii()) {
                return Some(reader.read(&object, &joined, findings));
            }
            joined.truncate(joined.len().saturating_sub(line.len().saturating_add(1)));
        }
        findings.bad_object(number, &joined);
        None
    }

    /// Takes a line of an object over several.
    fn inside(
        &mut self,
        mut object: OpenObject,
        line: &[u8],
        reader: &mut ObjectReader,
        findings: &mut Findings,
    ) -> Outcome {
        match object.push(line) {
            Grown::Open => {
                self.open_object = Some(object);
                Read
            }
            Grown::Whole(text) => match value_from_line(&text) {
                Ok(Value::Object(value)) => reader.read(&value, &text, findings),
                _ => {
                    findings.bad_object(object.first_line, &text);
                    Read
                }
            },
            Grown::Broken(text) => {
                findings.bad_object(object.first_line, &text);
                self.json(line, true, reader, findings)
            }
        }
    }

    /// Takes a line that [is of JSON](Self::have).
    pub(crate) fn line(
        &mut self,
        line: &[u8],
        is_whole: bool,
        reader: &mut ObjectReader,
        findings: &mut Findings,
    ) -> Outcome {
        match line.trim_ascii().first() {
            Some(b']' | b',') => {
                self.is_array &= line.trim_ascii().starts_with(b",");
                Read
            }
            _ => self.json(line, is_whole, reader, findings),
        }
    }

    fn json(
        &mut self,
        line: &[u8],
        is_whole: bool,
        reader: &mut ObjectReader,
        findings: &mut Findings,
    ) -> Outcome {
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
            Ok(Value::Object(object)) => return reader.read(&object, text, findings),
            Ok(Value::Array(values)) => array(values, text, reader, findings),
            Ok(_) => findings.bad_line(text, "a JSON object"),
            Err(_) if !is_whole => findings.cut_line(findings.line, text),
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

    /// Nothing follows a line that ends inside of a string.
    pub(crate) fn end_broken(&mut self, findings: &mut Findings) {
        if let Some((line, number)) = self.broken.take() {
            findings.bad_object(number, &line);
        }
    }

    /// Ends a file of the input.
    pub(crate) fn end_file(&mut self, findings: &mut Findings) {
        self.end_broken(findings);
        if let Some(object) = self.open_object.take() {
            findings.cut_line(object.first_line, object.text());
        }
        self.is_array = false;
    }
}

fn array(values: Vec<Value>, text: &[u8], reader: &mut ObjectReader, findings: &mut Findings) {
    for value in values {
        match value {
            Value::Object(object) => {
                if let Printed(_) | Unread(_) = reader.read(&object, text, findings) {
                    findings.bad_line(text, "an array of events");
                }
            }
            _ => findings.bad_line(text, "an array of JSON objects"),
        }
    }
}

/// Whether a line is a frame of the stack that the lines before it began; frames are indented.
fn is_frame(joined: &[u8], line: &[u8]) -> bool {
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
