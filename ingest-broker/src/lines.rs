//! Lines of an input that comes in pieces.

use kcorr_model::Error;

/// Bytes of a line that is too long that are kept, to show where it is.
const KEPT_BYTES: usize = 200;

/// A line without its end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Line<'a> {
    /// A whole line.
    Whole(&'a [u8]),
    /// The input ends in it.
    Cut(&'a [u8]),
    /// The start of one that is too long to be held.
    Long(&'a [u8]),
}

/// Cuts an input into lines of bounded length.
#[derive(Debug)]
pub(crate) struct Lines {
    most_bytes: usize,
    partial: Vec<u8>,
    is_long: bool,
    number: u64,
}

impl Lines {
    /// Lines of at most `most_bytes` bytes.
    pub(crate) fn new(most_bytes: usize) -> Self {
        Self {
            most_bytes,
            partial: Vec::new(),
            is_long: false,
            number: 0,
        }
    }

    /// Cuts the next bytes; `take` is told each line's number, from 1, and the line.
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        take: &mut dyn FnMut(u64, Line<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut start = 0_usize;
        for end in memchr::memchr_iter(b'\n', bytes) {
            let line = bytes.get(start..end).unwrap_or_default();
            start = end.saturating_add(1);
            self.number = self.number.saturating_add(1);
            if self.partial.is_empty() && !self.is_long && line.len() <= self.most_bytes {
                take(self.number, Line::Whole(line))?;
                continue;
            }
            self.hold(line);
            let is_long = std::mem::take(&mut self.is_long);
            let held = std::mem::take(&mut self.partial);
            take(
                self.number,
                if is_long {
                    Line::Long(&held)
                } else {
                    Line::Whole(&held)
                },
            )?;
        }
        self.hold(bytes.get(start..).unwrap_or_default());
        Ok(())
    }

    /// Ends a file: a last line without an end is cut. Lines are counted from 1 again.
    pub(crate) fn finish(
        &mut self,
        take: &mut dyn FnMut(u64, Line<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let number = std::mem::take(&mut self.number).saturating_add(1);
        let held = std::mem::take(&mut self.partial);
        if std::mem::take(&mut self.is_long) {
            take(number, Line::Long(&held))?;
        } else if !held.is_empty() {
            take(number, Line::Cut(&held))?;
        }
        Ok(())
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

/// The start of a line, for a loss's detail.
pub(crate) fn start_of(line: &[u8]) -> String {
    String::from_utf8_lossy(line.get(..KEPT_BYTES).unwrap_or(line)).into_owned()
}
