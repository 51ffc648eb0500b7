//! The fast path for the two events that make up nearly all of a recording: `write` and
//! `monitor_contended` of kcorr's own probes.
//!
//! It reads one flat JSON object whose values are integers and strings without escapes, in any order
//! of keys and with any spaces, and passes on everything else ([`read`] is none) to the general path,
//! which gives the same row for what both can read.

use crate::labels::{Labels, NONE};
use crate::rows::errno;
use crate::rows::lock_wait::LockWait;
use crate::rows::name_extent::NameExtent;
use crate::rows::write::Write;
use crate::rows::{AnyRow, NO_I32, NO_I64};
use crate::values::file_system_from_magic;

/// The row of a line, if it is one of the two events and simple enough.
pub(crate) fn read(line: &[u8], labels: &mut Labels) -> Option<AnyRow> {
    let mut cursor = Cursor { line, at: 0 };
    cursor.spaces();
    cursor.byte(b'{')?;
    let mut fields = Fields::default();
    loop {
        cursor.spaces();
        let key = cursor.string()?;
        cursor.spaces();
        cursor.byte(b':')?;
        cursor.spaces();
        fields.set(key, &mut cursor)?;
        cursor.spaces();
        match cursor.next()? {
            b',' => {}
            b'}' => break,
            _ => return None,
        }
    }
    cursor.spaces();
    if cursor.at != line.len() {
        return None;
    }
    fields.into_row(labels)
}

/// Where a value goes.
enum Place<'f, 'a> {
    Number(&'f mut i64),
    Text(&'f mut Option<&'a [u8]>),
}

/// What was read of a line; absent numbers are [`NO_I64`].
struct Fields<'a> {
    event: Option<&'a [u8]>,
    start: i64,
    end: i64,
    pid: i64,
    tid: i64,
    bytes: i64,
    offset: i64,
    returned: i64,
    directory_bytes: i64,
    java_thread_id: i64,
    magic: i64,
    /// Of the file's whole name, which is never long.
    _file_bytes: i64,
    monitor: Option<&'a [u8]>,
    comm: Option<&'a [u8]>,
    directory: Option<&'a [u8]>,
    file: Option<&'a [u8]>,
    operation: Option<&'a [u8]>,
    file_system: Option<&'a [u8]>,
    class: Option<&'a [u8]>,
}

impl Default for Fields<'_> {
    fn default() -> Self {
        Self {
            event: None,
            start: NO_I64,
            end: NO_I64,
            pid: NO_I64,
            tid: NO_I64,
            bytes: NO_I64,
            offset: NO_I64,
            returned: NO_I64,
            directory_bytes: NO_I64,
            java_thread_id: NO_I64,
            magic: NO_I64,
            _file_bytes: NO_I64,
            monitor: None,
            comm: None,
            directory: None,
            file: None,
            operation: None,
            file_system: None,
            class: None,
        }
    }
}

impl<'a> Fields<'a> {
    /// Where the value of a key goes. By length first, so that a key is compared with two or three.
    #[inline(always)]
    fn place(&mut self, key: &[u8]) -> Option<Place<'_, 'a>> {
        Some(match key.len() {
            2 => match key {
                b"ev" => Place::Text(&mut self.event),
                b"op" => Place::Text(&mut self.operation),
                b"fs" => Place::Text(&mut self.file_system),
                _ => return None,
            },
            3 => match key {
                b"pid" => Place::Number(&mut self.pid),
                b"tid" => Place::Number(&mut self.tid),
                b"dir" => Place::Text(&mut self.directory),
                b"ret" => Place::Number(&mut self.returned),
                _ => return None,
            },
            4 => match key {
                b"comm" => Place::Text(&mut self.comm),
                b"file" => Place::Text(&mut self.file),
                _ => return None,
            },
            5 => match key {
                b"bytes" => Place::Number(&mut self.bytes),
                b"class" => Place::Text(&mut self.class),
                _ => return None,
            },
            6 => match key {
                b"end_ns" => Place::Number(&mut self.end),
                b"offset" => Place::Number(&mut self.offset),
                _ => return None,
            },
            7 => match key {
                b"monitor" => Place::Text(&mut self.monitor),
                b"dir_len" => Place::Number(&mut self.directory_bytes),
                _ => return None,
            },
            8 => match key {
                b"start_ns" => Place::Number(&mut self.start),
                b"fs_magic" => Place::Number(&mut self.magic),
                b"file_len" => Place::Number(&mut self._file_bytes),
                _ => return None,
            },
            14 if key == b"java_thread_id" => Place::Number(&mut self.java_thread_id),
            _ => return None,
        })
    }

    #[inline(always)]
    fn set(&mut self, key: &[u8], cursor: &mut Cursor<'a>) -> Option<()> {
        match self.place(key)? {
            Place::Number(number) => *number = cursor.integer()?,
            Place::Text(text) => *text = Some(cursor.string()?),
        }
        Some(())
    }

    fn into_row(self, labels: &mut Labels) -> Option<AnyRow> {
        // 0 is what a probe prints when it has not seen the start.
        if self.start <= 0 || self.end < self.start {
            return None;
        }
        let pid = thread_id(self.pid)?;
        let tid = thread_id(self.tid)?;
        let mut label = |text: Option<&[u8]>| text.map_or(NONE, |text| labels.intern(text));
        let duration = self.end.saturating_sub(self.start);
        match self.event? {
            b"write" if self.class.is_none() && self.monitor.is_none() => {
                let (bytes, error) = bytes_and_error(self.bytes, self.returned)?;
                // A letter stands for a word.
                if self.operation.is_some_and(|operation| operation.len() < 2) {
                    return None;
                }
                let file_system = match self.magic {
                    NO_I64 => self.file_system,
                    // Which came last would count.
                    _ if self.file_system.is_some() => return None,
                    magic => Some(file_system_from_magic(magic)?.as_bytes()),
                };
                let directory_bytes = self.directory.map_or(0, <[u8]>::len);
                Some(AnyRow::Write(Write {
                    start: self.start,
                    end: self.end,
                    duration,
                    bytes,
                    offset: self.offset,
                    pid,
                    tid,
                    error,
                    extent: NameExtent::of(directory_bytes, self.directory_bytes),
                    operation: label(Some(self.operation.unwrap_or(b"write"))),
                    comm: label(self.comm),
                    directory: label(self.directory),
                    file: label(self.file),
                    file_system: label(file_system),
                }))
            }
            b"monitor_contended" if self.file.is_none() && self.directory.is_none() => {
                let address = match self.monitor {
                    Some(monitor) => hex(monitor)?,
                    None => NO_I64,
                };
                let mut buffer = [0u8; 256];
                Some(AnyRow::LockWait(LockWait {
                    start: self.start,
                    end: self.end,
                    duration,
                    java_thread_id: self.java_thread_id,
                    address,
                    pid,
                    tid,
                    kind: label(Some(b"monitor")),
                    comm: label(self.comm),
                    class: match self.class {
                        Some(class) => label(Some(dotted(class, &mut buffer)?)),
                        None => NONE,
                    },
                }))
            }
            _ => None,
        }
    }
}

/// As [`crate::values::Values`] says it; none for what is no size and no error.
fn bytes_and_error(bytes: i64, returned: i64) -> Option<(i64, i16)> {
    let outcome = |value: i64| match value {
        NO_I64 => Some(Ok(NO_I64)),
        value => errno::outcome(value),
    };
    match (outcome(bytes)?, outcome(returned)?) {
        (Err(error), _) | (_, Err(error)) => Some((NO_I64, error)),
        (Ok(bytes), Ok(_)) => Some((bytes, 0)),
    }
}

fn thread_id(value: i64) -> Option<i32> {
    if value == NO_I64 {
        return Some(NO_I32);
    }
    i32::try_from(value).ok().filter(|&id| id != NO_I32)
}

/// A class name with dots, if it fits the buffer and is no array's.
fn dotted<'b>(class: &[u8], buffer: &'b mut [u8; 256]) -> Option<&'b [u8]> {
    if class.first() == Some(&b'[') {
        return None;
    }
    let dotted = buffer.get_mut(..class.len())?;
    for (to, &from) in dotted.iter_mut().zip(class) {
        *to = if from == b'/' { b'.' } else { from };
    }
    Some(dotted)
}

/// A 64-bit address in hex, as the `i64` of the same bits.
fn hex(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"0x")?;
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    let mut value: u64 = 0;
    for &digit in digits {
        let digit = char::from(digit).to_digit(16)?;
        value = (value << 4) | u64::from(digit);
    }
    Some(value.cast_signed()).filter(|&value| value != NO_I64)
}

struct Cursor<'a> {
    line: &'a [u8],
    at: usize,
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

impl<'a> Cursor<'a> {
    #[inline]
    fn next(&mut self) -> Option<u8> {
        let byte = *self.line.get(self.at)?;
        self.at = self.at.saturating_add(1);
        Some(byte)
    }

    #[inline]
    fn byte(&mut self, expected: u8) -> Option<()> {
        (self.next()? == expected).then_some(())
    }

    #[inline]
    fn spaces(&mut self) {
        while let Some(b' ' | b'\t' | b'\r') = self.line.get(self.at) {
            self.at = self.at.saturating_add(1);
        }
    }

    /// The next eight bytes, the first in the lowest byte.
    #[inline]
    fn word(&self) -> Option<u64> {
        let end = self.at.checked_add(8)?;
        let bytes: [u8; 8] = self.line.get(self.at..end)?.try_into().ok()?;
        Some(u64::from_le_bytes(bytes))
    }

    /// A string without escapes and control characters.
    #[inline(always)]
    fn string(&mut self) -> Option<&'a [u8]> {
        self.byte(b'"')?;
        let start = self.at;
        while let Some(word) = self.word() {
            // The lowest marked byte is exact: a borrow only marks bytes above it.
            let quote = word ^ (ONES * b'"' as u64);
            let escape = word ^ (ONES * b'\\' as u64);
            let stop = (quote.wrapping_sub(ONES) & !quote)
                | (escape.wrapping_sub(ONES) & !escape)
                | (word.wrapping_sub(ONES * 0x20) & !word);
            let stop = stop & HIGH;
            if stop != 0 {
                self.at = self.at.saturating_add((stop.trailing_zeros() / 8) as usize);
                break;
            }
            self.at = self.at.saturating_add(8);
        }
        loop {
            match self.line.get(self.at)? {
                b'"' => break,
                b'\\' | 0..0x20 => return None,
                _ => self.at = self.at.saturating_add(1),
            }
        }
        let text = self.line.get(start..self.at)?;
        self.at = self.at.saturating_add(1);
        Some(text)
    }

    /// An integer of `i64`, written as JSON writes integers.
    #[inline(always)]
    fn integer(&mut self) -> Option<i64> {
        let negative = self.line.get(self.at) == Some(&b'-');
        if negative {
            self.at = self.at.saturating_add(1);
        }
        let start = self.at;
        let mut value: u64 = 0;
        while let Some(word) = self.word() {
            if !is_eight_digits(word) {
                break;
            }
            value = value
                .checked_mul(100_000_000)?
                .checked_add(eight_digits(word))?;
            self.at = self.at.saturating_add(8);
        }
        while let Some(&digit) = self.line.get(self.at) {
            let digit = digit.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
            self.at = self.at.saturating_add(1);
        }
        let length = self.at.checked_sub(start)?;
        let has_leading_zero = length > 1 && self.line.get(start) == Some(&b'0');
        if length == 0 || has_leading_zero {
            return None;
        }
        let value = i64::try_from(value).ok()?;
        Some(if negative {
            value.wrapping_neg()
        } else {
            value
        })
    }
}

fn is_eight_digits(word: u64) -> bool {
    let high = 0xF0F0_F0F0_F0F0_F0F0;
    let digits = 0x3030_3030_3030_3030;
    word & high == digits && word.wrapping_add(ONES * 6) & high == digits
}

/// The value of eight ASCII digits, the first in the lowest byte.
fn eight_digits(word: u64) -> u64 {
    let word = word & 0x0F0F_0F0F_0F0F_0F0F;
    let pairs = word.wrapping_mul(10).wrapping_add(word >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_FFFF_0000_FFFF;
    (fours.wrapping_mul(10_000).wrapping_add(fours >> 32)) & 0xFFFF_FFFF
}
