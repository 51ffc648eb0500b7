//! The string encodings of JFR.
//!
//! 0 null, 1 empty, 2 a reference into the string pool, 3 UTF-8 (of native writers: Java's modified
//! UTF-8, where a character outside the basic plane is two three-byte surrogates), 4 UTF-16 units
//! as integers, 5 Latin-1. Source: `jdk.jfr.internal.consumer.StringParser`.

use std::borrow::Cow;

use crate::format::cursor::{Cursor, Truncated};

/// A string as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Text<'a> {
    Null,
    /// Id in the `java.lang.String` pool.
    Pooled(i64),
    Inline(Cow<'a, str>),
}

/// Reads a string. An unknown encoding is `Truncated` too: nothing behind it can be found.
pub(crate) fn read<'a>(cursor: &mut Cursor<'a>) -> Result<Text<'a>, Truncated> {
    Ok(match cursor.byte()? {
        0 => Text::Null,
        1 => Text::Inline(Cow::Borrowed("")),
        2 => Text::Pooled(cursor.long()?),
        3 => {
            let length = cursor.count()?;
            Text::Inline(from_modified_utf8(cursor.take(length)?))
        }
        4 => {
            let length = cursor.count()?;
            if length > cursor.remaining() {
                return Err(Truncated);
            }
            let units = (0..length).map(|_| cursor.short());
            let units = units.collect::<Result<Vec<u16>, Truncated>>()?;
            Text::Inline(Cow::Owned(String::from_utf16_lossy(&units)))
        }
        5 => {
            let length = cursor.count()?;
            let bytes = cursor.take(length)?;
            match std::str::from_utf8(bytes) {
                Ok(text) if bytes.is_ascii() => Text::Inline(Cow::Borrowed(text)),
                _ => Text::Inline(Cow::Owned(bytes.iter().copied().map(char::from).collect())),
            }
        }
        _ => return Err(Truncated),
    })
}

/// Steps over a string.
#[inline]
pub(crate) fn skip(cursor: &mut Cursor<'_>) -> Result<(), Truncated> {
    match cursor.byte()? {
        0 | 1 => Ok(()),
        2 => cursor.long().map(drop),
        3 | 5 => {
            let length = cursor.count()?;
            cursor.take(length).map(drop)
        }
        4 => {
            let length = cursor.count()?;
            if length > cursor.remaining() {
                return Err(Truncated);
            }
            for _ in 0..length {
                cursor.short()?;
            }
            Ok(())
        }
        _ => Err(Truncated),
    }
}

/// Decodes UTF-8 or Java's modified UTF-8; what is neither becomes U+FFFD.
fn from_modified_utf8(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut units: Vec<u16> = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, tail)) = rest.split_first() {
        let low = |byte: u8| u16::from(byte & 0x3f);
        rest = match (first, tail) {
            (0x00..=0x7f, _) => {
                units.push(u16::from(first));
                tail
            }
            (0xc0..=0xdf, [b, tail @ ..]) if b & 0xc0 == 0x80 => {
                units.push(u16::from(first & 0x1f) << 6 | low(*b));
                tail
            }
            (0xe0..=0xef, [b, c, tail @ ..]) if b & 0xc0 == 0x80 && c & 0xc0 == 0x80 => {
                units.push(u16::from(first & 0x0f) << 12 | low(*b) << 6 | low(*c));
                tail
            }
            (0xf0..=0xf4, [_, _, _, after @ ..]) => {
                let four = bytes
                    .get(bytes.len() - rest.len()..bytes.len() - after.len())
                    .and_then(|four| std::str::from_utf8(four).ok());
                match four {
                    Some(text) => {
                        units.extend(text.encode_utf16());
                        after
                    }
                    None => {
                        units.push(0xfffd);
                        tail
                    }
                }
            }
            _ => {
                units.push(0xfffd);
                tail
            }
        };
    }
    Cow::Owned(String::from_utf16_lossy(&units))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(bytes: &[u8]) -> Text<'_> {
        let mut cursor = Cursor::new(bytes, 0, true);
        let text = read(&mut cursor).unwrap();
        let mut skipped = Cursor::new(bytes, 0, true);
        skip(&mut skipped).unwrap();
        assert_eq!(cursor.position(), skipped.position());
        text
    }

    #[test]
    fn every_encoding_is_read() {
        assert_eq!(read_all(&[0]), Text::Null);
        assert_eq!(read_all(&[1]), Text::Inline("".into()));
        assert_eq!(read_all(&[2, 7]), Text::Pooled(7));
        assert_eq!(read_all(&[3, 2, 0xc3, 0xa9]), Text::Inline("é".into()));
        assert_eq!(
            read_all(&[4, 2, 0xbd, 0xb0, 0x03, 0x80, 0xbc, 0x03]),
            Text::Inline("\u{1f600}".into())
        );
        assert_eq!(read_all(&[5, 2, b'a', 0xe9]), Text::Inline("aé".into()));
        assert_eq!(read(&mut Cursor::new(&[6, 0], 0, true)), Err(Truncated));
    }

    #[test]
    fn a_surrogate_pair_in_modified_utf8_is_one_character() {
        let bytes = [3, 7, b'x', 0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80];
        assert_eq!(read_all(&bytes), Text::Inline("x\u{1f600}".into()));
    }
}
