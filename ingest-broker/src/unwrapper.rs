//! Lines as their program wrote them, out of whatever a collector or a logger put around them.
//!
//! [`kcorr_model::lines`] tells prefixes; here are what goes over several lines, parts that make one
//! line, and messages in JSON.

use std::borrow::Cow;

use kcorr_model::lines::{Collector, Extent, Line, start_of, unwrap};
use kcorr_model::{Error, Position};

use crate::json_message::{By, JsonMessage};

/// JSON in prefixes in JSON that is followed.
const MOST_DEPTH: usize = 4;

/// A line of the program.
#[derive(Debug, Clone)]
pub(crate) struct Unwrapped<'a> {
    pub(crate) position: Position,
    pub(crate) extent: Extent,
    /// The line with the prefixes of collectors.
    pub(crate) text: &'a str,
    /// Where in it the program's own line begins, if whatever looks like a prefix is one.
    pub(crate) start: usize,
    /// Up to where it is surely not the program's own.
    pub(crate) collected: usize,
    /// A time that stood beside the line, and who wrote it.
    pub(crate) time: Option<(&'a str, By)>,
}

impl<'a> Unwrapped<'a> {
    /// The program's own line.
    pub(crate) fn own(&self) -> &'a str {
        self.text.get(self.start..).unwrap_or(self.text)
    }

    /// The start of the line, for a loss's detail.
    pub(crate) fn shown(&self) -> String {
        start_of(self.text.as_bytes())
    }
}

/// Takes lines out of what is around them.
#[derive(Debug)]
pub(crate) struct Unwrapper {
    most_bytes: usize,
    /// Lines of an object that is printed over several, and how many of its braces are open.
    object: Vec<u8>,
    depth: usize,
    /// The parts so far of a line that a container runtime cut.
    partial: String,
    partial_time: Option<(String, By)>,
    /// A layer that most lines had, for the summary.
    pub(crate) is_json: bool,
}

type Take<'t> = dyn FnMut(&Unwrapped<'_>) -> Result<(), Error> + 't;

impl Unwrapper {
    /// An unwrapper of lines of at most `most_bytes` bytes.
    pub(crate) fn new(most_bytes: usize) -> Self {
        Self {
            most_bytes,
            object: Vec::new(),
            depth: 0,
            partial: String::new(),
            partial_time: None,
            is_json: false,
        }
    }

    /// Takes the next line; `take` is told each line in it.
    pub(crate) fn line(&mut self, line: Line<'_>, take: &mut Take<'_>) -> Result<(), Error> {
        if line.extent == Extent::Start {
            let text = String::from_utf8_lossy(line.bytes);
            return take(&plain(line.position, line.extent, &text));
        }
        if self.depth > 0 || is_open(line.bytes) {
            return self.object_line(line, take);
        }
        // Much faster than the conversion of what is not UTF-8.
        let text = match std::str::from_utf8(line.bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(line.bytes),
        };
        self.text(line.position, line.extent, &text, None, 0, take)
    }

    /// Ends a file: a part whose end did not come is cut.
    pub(crate) fn finish(&mut self, position: Position, take: &mut Take<'_>) -> Result<(), Error> {
        self.depth = 0;
        let object = std::mem::take(&mut self.object);
        if !object.is_empty() {
            let text = String::from_utf8_lossy(&object).into_owned();
            take(&plain(position, Extent::Cut, &text))?;
        }
        let partial = std::mem::take(&mut self.partial);
        let time = self.partial_time.take();
        if !partial.is_empty() {
            self.text(position, Extent::Cut, &partial, time.as_ref(), 1, take)?;
        }
        Ok(())
    }

    /// A line of an object that is printed over several.
    fn object_line(&mut self, line: Line<'_>, take: &mut Take<'_>) -> Result<(), Error> {
        if self.object.len().saturating_add(line.bytes.len()) > self.most_bytes {
            self.depth = 0;
            let object = std::mem::take(&mut self.object);
            let text = String::from_utf8_lossy(object.get(..200).unwrap_or(&object));
            return take(&plain(line.position, Extent::Start, &text));
        }
        self.depth = depth_behind(line.bytes, self.depth);
        self.object.extend_from_slice(line.bytes);
        if self.depth > 0 && line.extent != Extent::Cut {
            return Ok(());
        }
        self.depth = 0;
        let object = std::mem::take(&mut self.object);
        let text = String::from_utf8_lossy(&object);
        self.text(line.position, line.extent, &text, None, 0, take)
    }

    fn text(
        &mut self,
        position: Position,
        extent: Extent,
        text: &str,
        time: Option<&(String, By)>,
        depth: usize,
        take: &mut Take<'_>,
    ) -> Result<(), Error> {
        let outer = unwrap(text.as_bytes());
        let start = text.len().saturating_sub(outer.line.len());
        let own = text.get(start..).unwrap_or(text);
        if depth < MOST_DEPTH
            && may_be_json(own)
            && let Some(json) = JsonMessage::from_line(own)
        {
            self.is_json = true;
            let time = json.time.or_else(|| {
                let outer = outer.time.map(|time| (time.to_owned(), By::Collector));
                outer.or_else(|| time.cloned())
            });
            if json.is_partial || !self.partial.is_empty() {
                return self.part(position, &json.message, json.is_partial, time, take);
            }
            for line in json.message.lines().filter(|line| !line.trim().is_empty()) {
                let line = without_escapes(line);
                self.text(
                    position,
                    extent,
                    &line,
                    time.as_ref(),
                    depth.saturating_add(1),
                    take,
                )?;
            }
            return Ok(());
        }
        if outer.collector == Some(Collector::Cri) && depth == 0 {
            let time = outer.time.map(|time| (time.to_owned(), By::Collector));
            if outer.is_partial || !self.partial.is_empty() {
                return self.part(position, own, outer.is_partial, time, take);
            }
        }
        // rsyslog escapes control characters.
        if outer.collector == Some(Collector::Syslog) && own.contains("#0") {
            let own = own.replace("#011", "\t").replace("#033", "\x1b");
            let own = without_escapes(&own);
            let time = outer.time.map(|time| (time.to_owned(), By::Collector));
            let time = time.as_ref().map(|(time, by)| (time.as_str(), *by));
            return take(&Unwrapped {
                time,
                extent,
                ..plain(position, extent, &own)
            });
        }
        let is_own_time =
            outer.collector == Some(Collector::Time) && !outer.time.is_some_and(has_nine_digits);
        take(&Unwrapped {
            position,
            extent,
            text,
            start,
            collected: if is_own_time { 0 } else { start },
            time: time.map(|(time, by)| (time.as_str(), *by)),
        })
    }

    /// A part of a line, or its end.
    fn part(
        &mut self,
        position: Position,
        part: &str,
        is_partial: bool,
        time: Option<(String, By)>,
        take: &mut Take<'_>,
    ) -> Result<(), Error> {
        self.partial.push_str(part);
        if self.partial_time.is_none() {
            self.partial_time = time;
        }
        if self.partial.len() > self.most_bytes {
            let partial = std::mem::take(&mut self.partial);
            self.partial_time = None;
            let shown = start_of(partial.as_bytes());
            return take(&plain(position, Extent::Start, &shown));
        }
        if is_partial {
            return Ok(());
        }
        let whole = std::mem::take(&mut self.partial);
        let time = self.partial_time.take();
        let whole = whole.trim_end_matches(['\n', '\r']);
        self.text(position, Extent::Whole, whole, time.as_ref(), 1, take)
    }
}

fn plain(position: Position, extent: Extent, text: &str) -> Unwrapped<'_> {
    Unwrapped {
        position,
        extent,
        text,
        start: 0,
        collected: 0,
        time: None,
    }
}

/// Container runtimes and kubectl print nine digits of a second; loggers print three, or six.
fn has_nine_digits(time: &str) -> bool {
    let fraction = time.split_once('.').map_or("", |(_, fraction)| fraction);
    fraction.bytes().take_while(u8::is_ascii_digit).count() == 9
}

/// Whether a text begins as an object, or as an element of an array of objects.
fn may_be_json(text: &str) -> bool {
    match text.as_bytes() {
        [b'{', ..] => true,
        [b'[' | b',' | b' ' | b'\t', rest @ ..] => {
            let first = rest.iter().find(|byte| !byte.is_ascii_whitespace());
            matches!(first, Some(b'{' | b',' | b'['))
        }
        _ => false,
    }
}

/// Whether a text has control characters that no log has.
pub(crate) fn is_damaged(text: &str) -> bool {
    let is_control = |byte: u8| byte < 0x20 && byte != b'\t' || byte == 0x7F;
    text.bytes()
        .fold(false, |found, byte| found | is_control(byte))
}

/// Whether a line is the first of an object that is printed over several.
fn is_open(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    matches!(line, b"{" | b"[{" | b",{" | b", {" | b"[ {")
}

/// The braces that are open behind a line, strings left out.
fn depth_behind(line: &[u8], before: usize) -> usize {
    let mut depth = before;
    let mut is_quoted = false;
    let mut is_escaped = false;
    for byte in line {
        if std::mem::take(&mut is_escaped) {
            continue;
        }
        match byte {
            b'\\' => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b'{' if !is_quoted => depth = depth.saturating_add(1),
            b'}' if !is_quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    depth
}

/// A text out of JSON without control sequences of terminals.
fn without_escapes(text: &str) -> Cow<'_, str> {
    match kcorr_model::lines::clean(text.as_bytes()) {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: &[&str]) -> Vec<(String, Option<String>)> {
        let mut unwrapper = Unwrapper::new(1 << 20);
        let mut lines = Vec::new();
        let mut take = |line: &Unwrapped<'_>| {
            lines.push((
                line.own().to_owned(),
                line.time.map(|(time, _)| time.to_owned()),
            ));
            Ok(())
        };
        for text in input {
            let line = Line {
                position: Position::Whole,
                bytes: text.as_bytes(),
                extent: Extent::Whole,
            };
            unwrapper.line(line, &mut take).unwrap();
        }
        unwrapper.finish(Position::Whole, &mut take).unwrap();
        lines
    }

    fn owned(lines: &[(&str, Option<&str>)]) -> Vec<(String, Option<String>)> {
        let lines = lines.iter();
        lines
            .map(|(line, time)| ((*line).to_owned(), time.map(ToOwned::to_owned)))
            .collect()
    }

    #[test]
    fn parts_of_a_container_runtime_are_one_line() {
        let found = lines(&[
            "2026-11-28T11:26:18.1Z stdout P ab",
            "2026-11-28T11:26:18.2Z stdout P cd",
            "2026-11-28T11:26:18.3Z stdout F ef",
            "2026-11-28T11:26:18.4Z stdout F g",
        ]);
        let time = Some("2026-11-28T11:26:18.1Z");
        assert_eq!(found[..1], owned(&[("abcdef", time)]));
        assert_eq!(found[1].0, "g");
    }

    #[test]
    fn an_object_over_several_lines_is_one_message() {
        let found = lines(&[
            "{",
            "  \"instant\" : {",
            "    \"epochSecond\" : 1795865178,",
            "    \"nanoOfSecond\" : 5",
            "  },",
            "  \"message\" : \"a } b\"",
            "}",
            ",{",
            "\"message\":\"c\"}",
        ]);
        let expected = [("a } b", Some("1795865178.000000005")), ("c", None)];
        assert_eq!(found, owned(&expected));
    }

    #[test]
    fn json_within_json_and_behind_a_prefix_is_read() {
        let found = lines(&[
            r#"broker-1  | {"log":"{\"@timestamp\":\"T1\",\"message\":\"x\\ny\"}\n","stream":"s","time":"T2"}"#,
        ]);
        assert_eq!(found, owned(&[("x", Some("T1")), ("y", Some("T1"))]));
    }

    #[test]
    fn tabs_that_rsyslog_escaped_are_tabs() {
        let found = lines(&["Nov 28 11:26:18 broker1 kafka[812]: #011at x.y"]);
        assert_eq!(found[0].0, "\tat x.y");
    }
}
