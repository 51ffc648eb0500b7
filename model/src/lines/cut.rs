//! Lines of an input that comes in pieces.

use std::borrow::Cow;

use super::clean::{ESC, clean, without_marks};
use super::encoding::Utf8;
use super::shown::{is_text, start_of};
use crate::{Error, Position};

/// Bytes of a line that is too long that are kept, to show where it is.
const KEPT_BYTES: usize = 200;

/// A line with content, without its end, byte-order mark and colours.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// Its number in its file, from 1.
    pub position: Position,
    /// Its bytes, or the first of them.
    pub bytes: &'a [u8],
    /// How much of it that is.
    pub extent: Extent,
}

/// How much of a line there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// What stands before the end of the input.
    Cut,
    /// The start of one that is too long to be held.
    Start,
}

/// Cuts a text of any encoding that [`Utf8`] knows into lines of bounded length.
#[derive(Debug)]
pub struct Lines {
    encoding: Utf8,
    most_bytes: usize,
    partial: Vec<u8>,
    is_long: bool,
    /// Whether the line that is being cut has an escape.
    has_escape: bool,
    number: u64,
    /// The start of the first line that was not too long, if it is text.
    first: Option<Option<String>>,
}

impl Lines {
    /// Lines of at most `most_bytes` bytes.
    pub fn new(most_bytes: usize) -> Self {
        Self {
            encoding: Utf8::new(),
            most_bytes,
            partial: Vec::new(),
            is_long: false,
            has_escape: false,
            number: 0,
            first: None,
        }
    }

    /// Cuts the next bytes; `take` is told each line with content.
    pub fn push(
        &mut self,
        bytes: &[u8],
        take: &mut dyn FnMut(Line<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let text = self.encoding.push(bytes);
        self.push_text(&text, take)
    }

    fn push_text(
        &mut self,
        bytes: &[u8],
        take: &mut dyn FnMut(Line<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut start = 0_usize;
        for end in memchr::memchr2_iter(b'\n', ESC, bytes) {
            if bytes.get(end) == Some(&ESC) {
                self.has_escape = true;
                continue;
            }
            let line = bytes.get(start..end).unwrap_or_default();
            start = end.saturating_add(1);
            self.number = self.number.saturating_add(1);
            if self.partial.is_empty() && !self.is_long && line.len() <= self.most_bytes {
                self.tell(self.number, line, Extent::Whole, take)?;
                continue;
            }
            self.hold(line);
            let extent = match std::mem::take(&mut self.is_long) {
                true => Extent::Start,
                false => Extent::Whole,
            };
            let held = std::mem::take(&mut self.partial);
            self.tell(self.number, &held, extent, take)?;
        }
        self.hold(bytes.get(start..).unwrap_or_default());
        Ok(())
    }

    /// Ends a file: a last line without an end is cut. Lines are counted from 1 again.
    pub fn finish(
        &mut self,
        take: &mut dyn FnMut(Line<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let rest = self.encoding.finish();
        self.push_text(&rest, take)?;
        let number = std::mem::take(&mut self.number).saturating_add(1);
        let held = std::mem::take(&mut self.partial);
        let extent = match std::mem::take(&mut self.is_long) {
            true => Extent::Start,
            false => Extent::Cut,
        };
        self.tell(number, &held, extent, take)
    }

    /// That the input is something else than was expected.
    pub fn unrecognised(&self, expected: &str) -> Error {
        let found = match &self.first {
            Some(Some(line)) => format!("the first line is: {line}"),
            Some(None) => "it is no text".to_owned(),
            None => "there is no line with content".to_owned(),
        };
        Error::unrecognised(Position::Line(1), format!("expected {expected}; {found}"))
    }

    fn tell(
        &mut self,
        number: u64,
        bytes: &[u8],
        extent: Extent,
        take: &mut dyn FnMut(Line<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let cleaned;
        let bytes = match extent {
            Extent::Start => {
                self.has_escape = false;
                bytes
            }
            Extent::Whole | Extent::Cut => {
                cleaned = match std::mem::take(&mut self.has_escape) {
                    true => clean(bytes),
                    false => Cow::Borrowed(without_marks(bytes)),
                };
                if cleaned.trim_ascii().is_empty() {
                    return Ok(());
                }
                let start = || is_text(&cleaned).then(|| start_of(&cleaned));
                self.first.get_or_insert_with(start);
                &cleaned
            }
        };
        take(Line {
            position: Position::Line(number),
            bytes,
            extent,
        })
    }

    fn hold(&mut self, bytes: &[u8]) {
        let length = self.partial.len().saturating_add(bytes.len());
        if self.is_long || length > self.most_bytes {
            self.is_long = true;
            let room = KEPT_BYTES.saturating_sub(self.partial.len());
            self.partial
                .extend_from_slice(bytes.get(..room).unwrap_or(bytes));
            self.partial.truncate(KEPT_BYTES);
        } else {
            self.partial.extend_from_slice(bytes);
        }
    }
}
