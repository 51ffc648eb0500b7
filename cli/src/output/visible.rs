//! Text of recordings on a terminal: control characters are shown, never obeyed.
//!
//! A topic, a thread or a client may be called anything, and a line of a log may hold anything: titles of
//! windows, colours, commands that hide text or write a terminal's answer back. What kcorr prints goes
//! through here: messages, cells of tables, and other formats while they go to a terminal. Files and pipes
//! get the text as it is.

use std::borrow::Cow;
use std::io::{self, BufWriter, IsTerminal, Write};

/// The text with control characters, and those that reverse its direction, as `\u{1b}`. Line ends and tabs
/// stay.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match is_hidden(c) {
            true => shown.extend(c.escape_unicode()),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

fn is_hidden(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Standard output for text: as it is, or visible while it is a terminal.
pub(crate) fn standard_output() -> Box<dyn Write + Send> {
    let out = io::stdout();
    match out.is_terminal() {
        true => Box::new(VisibleWriter::new(BufWriter::new(out))),
        false => Box::new(BufWriter::new(out)),
    }
}

/// Makes what is written through it visible. Characters may be cut anywhere between writes.
struct VisibleWriter<W: Write> {
    out: W,
    /// Bytes of a character that has not come whole.
    cut: Vec<u8>,
}

impl<W: Write> VisibleWriter<W> {
    fn new(out: W) -> Self {
        Self {
            out,
            cut: Vec::new(),
        }
    }
}

impl<W: Write> Write for VisibleWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.cut.extend_from_slice(bytes);
        let held = std::mem::take(&mut self.cut);
        let mut chunks = held.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            self.out.write_all(visible(chunk.valid()).as_bytes())?;
            let rest = chunk.invalid();
            // The start of a character, which the next write may end: at most three bytes.
            if chunks.peek().is_none()
                && std::str::from_utf8(rest).is_err_and(|e| e.error_len().is_none())
            {
                self.cut = rest.to_vec();
            } else if !rest.is_empty() {
                write!(self.out, "{}", rest.escape_ascii())?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: Write> Drop for VisibleWriter<W> {
    fn drop(&mut self) {
        // The end of a text that ends inside a character. Nobody may be there to read it.
        let _ = write!(self.out, "{}", self.cut.escape_ascii());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\u{1b}]0;PWNED\u{7}\u{1b}[31mred\u{9b}8m\u{202e}gpj.\u{7f}\r\n\tä€😀";
    const SHOWN: &str =
        "a\\u{1b}]0;PWNED\\u{7}\\u{1b}[31mred\\u{9b}8m\\u{202e}gpj.\\u{7f}\\u{d}\n\tä€😀";

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(visible(HOSTILE), SHOWN);
        assert!(matches!(visible("plain ä\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_is_written_is_visible_wherever_it_is_cut() {
        let bytes = HOSTILE.as_bytes();
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let mut out = Vec::new();
                let mut writer = VisibleWriter::new(&mut out);
                for part in [&bytes[..first], &bytes[first..second], &bytes[second..]] {
                    writer.write_all(part).expect("written");
                }
                drop(writer);
                assert_eq!(String::from_utf8_lossy(&out), SHOWN);
            }
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_shown() {
        let mut out = Vec::new();
        VisibleWriter::new(&mut out)
            .write_all(b"a\x9d0;\xff\xe2\x82")
            .expect("written");
        assert_eq!(out, b"a\\x9d0;\\xff\\xe2\\x82");
    }
}
