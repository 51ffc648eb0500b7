//! What terminals and editors leave in a line.

use std::borrow::Cow;

pub(super) const ESC: u8 = 0x1B;
const BEL: u8 = 0x07;
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A line without a byte-order mark before it (files that were put together have some inside), a
/// carriage return behind it, and the control sequences of terminals (ECMA-48: colours, titles, links).
pub fn clean(line: &[u8]) -> Cow<'_, [u8]> {
    let line = without_marks(line);
    if memchr::memchr(ESC, line).is_none() {
        return Cow::Borrowed(line);
    }
    let mut kept = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.iter().position(|&byte| byte == ESC) {
        let (before, sequence) = rest.split_at(at);
        kept.extend_from_slice(before);
        let length = sequence_bytes(sequence).clamp(1, sequence.len());
        rest = sequence.get(length..).unwrap_or_default();
    }
    kept.extend_from_slice(rest);
    Cow::Owned(kept)
}

/// A line without a byte-order mark before it and a carriage return behind it.
pub(super) fn without_marks(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line)
}

/// The bytes of the control sequence at the start; of one that does not end, the first two.
fn sequence_bytes(sequence: &[u8]) -> usize {
    let body = sequence.get(2..).unwrap_or_default();
    let length = match sequence.get(1) {
        Some(b'[') => body
            .iter()
            .position(|byte| (0x40..=0x7E).contains(byte))
            .filter(|&end| {
                let parameters = body.get(..end).unwrap_or_default();
                parameters.iter().all(|byte| (0x20..=0x3F).contains(byte))
            })
            .map(|end| end.saturating_add(1)),
        Some(b']' | b'P' | b'X' | b'^' | b'_') => {
            body.iter().enumerate().find_map(|(at, &byte)| match byte {
                BEL => Some(at.saturating_add(1)),
                ESC if body.get(at.saturating_add(1)) == Some(&b'\\') => Some(at.saturating_add(2)),
                _ => None,
            })
        }
        Some(0x20..=0x2F) => body
            .iter()
            .position(|byte| (0x30..=0x7E).contains(byte))
            .map(|end| end.saturating_add(1)),
        _ => Some(0),
    };
    length.unwrap_or_default().saturating_add(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_colours_titles_and_links_are_taken_away() {
        let cases: [(&[u8], &str); 9] = [
            (b"plain", "plain"),
            (b"\xEF\xBB\xBFTIME\r", "TIME"),
            (b"a \x1b[01;31m\x1b[KW\x1b[m\x1b[K b", "a W b"),
            (b"\x1b]0;title\x07x", "x"),
            (b"\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\", "link"),
            (b"\x1b(Bx\x1b=y", "xy"),
            (b"cut \x1b[31", "cut 31"),
            (b"cut \x1b", "cut "),
            (b"open \x1b]0;x", "open 0;x"),
        ];
        for (line, expected) in cases {
            assert_eq!(String::from_utf8_lossy(&clean(line)), expected);
        }
    }
}
