//! JSON as scripts print it: strings with raw control characters and quotes, objects over several lines,
//! arrays of them.

use serde_json::Value;

use crate::json::object::Object;

/// Bytes of an object over several lines that are held at most.
const MAX_OBJECT_BYTES: usize = 1 << 20;

/// Reads a value as JSON, or as the text of a script that printed names as they are.
pub(crate) fn value_from_line(line: &[u8]) -> serde_json::Result<Value> {
    let strict = serde_json::from_slice::<Value>(line)
        .or_else(|_| serde_json::from_str(&String::from_utf8_lossy(line)));
    strict.or_else(|error| {
        let mended = escaped_strings(&String::from_utf8_lossy(line));
        serde_json::from_str(&mended).map_err(|_| error)
    })
}

/// The text with what stands unescaped in its strings escaped: control characters, backslashes that begin
/// no escape, and quotes that are followed by no end of a string.
fn escaped_strings(text: &str) -> String {
    let mut mended = String::with_capacity(text.len().saturating_add(16));
    let mut is_inside = false;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        let behind = text
            .get(at.saturating_add(character.len_utf8())..)
            .unwrap_or_default();
        match character {
            '"' if !is_inside => {
                is_inside = true;
                mended.push('"');
            }
            '"' if ends_string(behind) => {
                is_inside = false;
                mended.push('"');
            }
            '"' => mended.push_str("\\\""),
            '\\' if is_inside => {
                let next = behind.chars().next();
                let is_closing =
                    next == Some('"') && ends_string(behind.get(1..).unwrap_or_default());
                if !is_closing && next.is_some_and(|next| "\"\\/bfnrtu".contains(next)) {
                    mended.push('\\');
                    mended.extend(characters.next().map(|(_, next)| next));
                } else {
                    mended.push_str("\\\\");
                }
            }
            control if is_inside && control < ' ' => {
                mended.push_str(&format!("\\u{:04x}", u32::from(control)));
            }
            other => mended.push(other),
        }
    }
    mended
}

/// Whether what follows a quote shows that the quote ended a string: a colon, the next key, or the end of
/// the object or array.
fn ends_string(behind: &str) -> bool {
    let behind = behind.trim_start();
    let mut characters = behind.chars();
    match characters.next() {
        None | Some(':') => true,
        Some('}' | ']') => {
            let rest = characters.as_str().trim_start();
            rest.is_empty() || rest.starts_with([',', '}', ']'])
        }
        Some(',') => {
            let rest = characters.as_str().trim_start();
            let Some(key) = rest.strip_prefix('"') else {
                // Of an array, or the end of a line of an object over several.
                return rest.is_empty() || !rest.starts_with(char::is_alphanumeric);
            };
            let end = key.find(|c: char| !c.is_ascii_alphanumeric() && !"_.-@".contains(c));
            let key_end = end.and_then(|end| key.get(end..)).unwrap_or_default();
            key_end
                .strip_prefix('"')
                .is_some_and(|rest| rest.trim_start().starts_with(':'))
        }
        Some(_) => false,
    }
}

/// An object whose lines have not all come.
#[derive(Debug)]
pub(crate) struct OpenObject {
    /// The line it began with, with its indentation.
    first: Vec<u8>,
    pub(crate) first_line: u64,
    text: Vec<u8>,
    depth: usize,
    is_inside_string: bool,
    is_escaped: bool,
}

/// What a line did to an open object.
#[derive(Debug)]
pub(crate) enum Grown {
    /// It goes on.
    Open,
    /// It is complete.
    Whole(Vec<u8>),
    /// Another one begins where it should end: its text so far.
    Broken(Vec<u8>),
}

impl OpenObject {
    /// Begins an object with a line that holds its opening brace alone, or with its array's.
    pub(crate) fn from_line(line: &[u8], number: u64) -> Option<Self> {
        let text = line.trim_ascii();
        let text = text.strip_prefix(b"[").unwrap_or(text).trim_ascii();
        (text == b"{").then(|| Self {
            first: line.trim_ascii_end().to_vec(),
            first_line: number,
            text: b"{".to_vec(),
            depth: 1,
            is_inside_string: false,
            is_escaped: false,
        })
    }

    /// Takes the next line.
    pub(crate) fn push(&mut self, line: &[u8]) -> Grown {
        let begins_anew = line.trim_ascii_end() == self.first.as_slice()
            || (line.starts_with(b"{") && self.first.starts_with(b"{"));
        let is_too_long = self.text.len().saturating_add(line.len()) > MAX_OBJECT_BYTES;
        if begins_anew || is_too_long {
            return Grown::Broken(std::mem::take(&mut self.text));
        }
        self.text.push(b'\n');
        // Strings do not go over lines.
        self.is_inside_string = false;
        self.is_escaped = false;
        for &byte in line {
            self.text.push(byte);
            if std::mem::take(&mut self.is_escaped) {
                continue;
            }
            match byte {
                b'\\' => self.is_escaped = self.is_inside_string,
                b'"' => self.is_inside_string = !self.is_inside_string,
                b'{' | b'[' if !self.is_inside_string => self.depth = self.depth.saturating_add(1),
                b'}' | b']' if !self.is_inside_string => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Grown::Whole(std::mem::take(&mut self.text));
                    }
                }
                _ => {}
            }
        }
        Grown::Open
    }

    /// Its text so far.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }
}

/// What a collector's JSON has of the line that the tracer printed: Docker's `{"log":…,"stream":…}`,
/// journald's `{"MESSAGE":…}`.
pub(crate) fn collected(object: &Object) -> Option<&str> {
    let is_docker = object.contains_key("stream") && object.contains_key("time");
    let is_journald = object.contains_key("__REALTIME_TIMESTAMP");
    let message = match (is_docker, is_journald) {
        (true, _) => object.get("log"),
        (_, true) => object.get("MESSAGE"),
        _ => None,
    };
    message?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comm(line: &str) -> Option<String> {
        let value = value_from_line(line.as_bytes()).ok()?;
        Some(value.get("comm")?.as_str()?.to_owned())
    }

    #[test]
    fn names_that_are_printed_raw_are_read() {
        for name in [
            "pool\t2",
            "a\u{1}b",
            "say \"hi\"",
            "\"",
            "a\",\"b",
            "end\\",
            "c:\\x",
            "a}",
            "\u{7f}",
            "a\", b",
        ] {
            let line = format!("{{\"ev\":\"write\",\"comm\":\"{name}\",\"bytes\":1}}");
            assert_eq!(comm(&line).as_deref(), Some(name), "{line}");
            let line = format!("{{\"ev\":\"write\",\"comm\":\"{name}\"}}");
            assert_eq!(comm(&line).as_deref(), Some(name), "{line}");
        }
    }

    #[test]
    fn what_is_escaped_stays_so() {
        assert_eq!(comm(r#"{"comm":"a\tb"}"#).as_deref(), Some("a\tb"));
        let line = "{\"comm\":\"a\\\"b\tc\",\"x\":1}";
        assert_eq!(comm(line).as_deref(), Some("a\"b\tc"));
        assert_eq!(comm("{\"comm\":\"a"), None);
        assert_eq!(comm("{\"comm\":\"a\"} x"), None);
    }
}
