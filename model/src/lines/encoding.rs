//! Bytes of a text of some encoding to UTF-8.

use std::borrow::Cow;

/// Bytes that are needed to tell an encoding.
const HEAD_BYTES: usize = 4;

/// Turns a text that comes in pieces into UTF-8: UTF-16 of either order (a redirection of PowerShell),
/// with and without a byte-order mark, is converted; a mark before UTF-8 is taken away; all else stays as
/// it is, also where it is no UTF-8. Unpaired surrogates become replacement characters.
#[derive(Debug, Clone, Default)]
pub struct Utf8 {
    encoding: Encoding,
    /// The input's first bytes, before there are enough of them; later the first byte of a unit.
    held: Vec<u8>,
    /// The first half of a surrogate pair.
    high: Option<u16>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Encoding {
    /// Not known yet.
    #[default]
    Unknown,
    Utf8,
    Utf16Le,
    Utf16Be,
}

impl Utf8 {
    /// A converter of one file.
    pub fn new() -> Self {
        Self::default()
    }

    /// Converts the next bytes. Fewer than four at the start are held back until more come.
    pub fn push<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        match self.encoding {
            Encoding::Utf8 => Cow::Borrowed(bytes),
            Encoding::Unknown => {
                if !self.held.is_empty() || bytes.len() < HEAD_BYTES {
                    self.held.extend_from_slice(bytes);
                    if self.held.len() < HEAD_BYTES {
                        return Cow::Borrowed(&[]);
                    }
                    let held = std::mem::take(&mut self.held);
                    return Cow::Owned(self.begin(&held).into_owned());
                }
                self.begin(bytes)
            }
            Encoding::Utf16Le | Encoding::Utf16Be => Cow::Owned(self.units(bytes)),
        }
    }

    /// Ends the file: what is held back. The next bytes are of another file.
    pub fn finish(&mut self) -> Vec<u8> {
        let held = std::mem::take(&mut self.held);
        let mut rest = match self.encoding {
            Encoding::Unknown => self.begin(&held).into_owned(),
            // Half a unit is the end of what was cut.
            _ => Vec::new(),
        };
        if self.high.take().is_some() {
            push_char(&mut rest, char::REPLACEMENT_CHARACTER);
        }
        *self = Self::new();
        rest
    }

    /// Tells the encoding of an input by its start, and converts that.
    fn begin<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let (encoding, mark) = match bytes {
            [0xEF, 0xBB, 0xBF, ..] => (Encoding::Utf8, 3),
            [0xFF, 0xFE, ..] => (Encoding::Utf16Le, 2),
            [0xFE, 0xFF, ..] => (Encoding::Utf16Be, 2),
            [1..=0x7F, 0, 1..=0x7F, 0, ..] => (Encoding::Utf16Le, 0),
            [0, 1..=0x7F, 0, 1..=0x7F, ..] => (Encoding::Utf16Be, 0),
            _ => (Encoding::Utf8, 0),
        };
        self.encoding = encoding;
        let bytes = bytes.get(mark..).unwrap_or_default();
        match encoding {
            Encoding::Utf8 | Encoding::Unknown => Cow::Borrowed(bytes),
            Encoding::Utf16Le | Encoding::Utf16Be => Cow::Owned(self.units(bytes)),
        }
    }

    fn units(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut text = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            let Some(first) = self.held.pop() else {
                self.held.push(byte);
                continue;
            };
            let unit = match self.encoding {
                Encoding::Utf16Be => u16::from_be_bytes([first, byte]),
                _ => u16::from_le_bytes([first, byte]),
            };
            let units = self.high.take().into_iter().chain([unit]);
            for character in char::decode_utf16(units) {
                match character {
                    Ok(character) => push_char(&mut text, character),
                    Err(error) if (0xD800..0xDC00).contains(&error.unpaired_surrogate()) => {
                        // Its other half may be next.
                        if error.unpaired_surrogate() == unit && self.high.is_none() {
                            self.high = Some(unit);
                        } else {
                            push_char(&mut text, char::REPLACEMENT_CHARACTER);
                        }
                    }
                    Err(_) => push_char(&mut text, char::REPLACEMENT_CHARACTER),
                }
            }
        }
        text
    }
}

fn push_char(text: &mut Vec<u8>, character: char) {
    let mut buffer = [0; 4];
    text.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(bytes: &[u8], size: usize) -> String {
        let mut utf8 = Utf8::new();
        let mut text = Vec::new();
        for piece in bytes.chunks(size) {
            text.extend_from_slice(&utf8.push(piece));
        }
        text.extend_from_slice(&utf8.finish());
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn every_encoding_gives_the_same_text_however_it_is_split() {
        let text = "TIME ü 😀 |\r\n2";
        let le: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let inputs = [
            text.as_bytes().to_vec(),
            ["\u{feff}".as_bytes(), text.as_bytes()].concat(),
            [&[0xFF, 0xFE], &le[..]].concat(),
            [&[0xFE, 0xFF], &be[..]].concat(),
            le,
            be,
        ];
        for (number, input) in inputs.iter().enumerate() {
            for size in [1, 2, 3, 5, 100] {
                assert_eq!(convert(input, size), text, "input {number} by {size}");
            }
        }
    }

    #[test]
    fn short_and_broken_inputs_end() {
        assert_eq!(convert(b"", 1), "");
        assert_eq!(convert(b"ab", 1), "ab");
        assert_eq!(convert(&[0xFF, 0xFE, 0x00, 0xD8, b'a', 0], 1), "\u{fffd}a");
        assert_eq!(convert(&[0xFF, 0xFE, b'a', 0, 0x00, 0xD8], 3), "a\u{fffd}");
    }
}
