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
        let key = cursor.key()?;
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

/// A key, and its first eight bytes as a word.
struct Key<'a> {
    text: &'a [u8],
    word: u64,
}

/// The word of a key of at most eight bytes.
const fn word(key: &[u8]) -> u64 {
    let mut word = 0;
    let mut rest = key;
    while let [first @ .., last] = rest {
        word = word << 8 | *last as u64;
        rest = first;
    }
    word
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
    file_bytes: i64,
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
            file_bytes: NO_I64,
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
    /// Where the value of a key goes. Keys are compared as words: most of a line is keys.
    #[inline(always)]
    fn place(&mut self, key: Key<'_>) -> Option<Place<'_, 'a>> {
        const EV: u64 = word(b"ev");
        const START: u64 = word(b"start_ns");
        const END: u64 = word(b"end_ns");
        const PID: u64 = word(b"pid");
        const TID: u64 = word(b"tid");
        const COMM: u64 = word(b"comm");
        const BYTES: u64 = word(b"bytes");
        const OFFSET: u64 = word(b"offset");
        const DIRECTORY: u64 = word(b"dir");
        const FILE: u64 = word(b"file");
        const OPERATION: u64 = word(b"op");
        const FILE_SYSTEM: u64 = word(b"fs");
        const MAGIC: u64 = word(b"fs_magic");
        const MONITOR: u64 = word(b"monitor");
        const CLASS: u64 = word(b"class");
        const DIRECTORY_BYTES: u64 = word(b"dir_len");
        const FILE_BYTES: u64 = word(b"file_len");
        const RETURNED: u64 = word(b"ret");
        if key.text.len() > 8 {
            let is_it = key.text == b"java_thread_id";
            return is_it.then_some(Place::Number(&mut self.java_thread_id));
        }
        Some(match key.word {
            EV => Place::Text(&mut self.event),
            START => Place::Number(&mut self.start),
            END => Place::Number(&mut self.end),
            PID => Place::Number(&mut self.pid),
            TID => Place::Number(&mut self.tid),
            COMM => Place::Text(&mut self.comm),
            BYTES => Place::Number(&mut self.bytes),
            OFFSET => Place::Number(&mut self.offset),
            DIRECTORY => Place::Text(&mut self.directory),
            FILE => Place::Text(&mut self.file),
            OPERATION => Place::Text(&mut self.operation),
            FILE_SYSTEM => Place::Text(&mut self.file_system),
            MAGIC => Place::Number(&mut self.magic),
            MONITOR => Place::Text(&mut self.monitor),
            CLASS => Place::Text(&mut self.class),
            DIRECTORY_BYTES => Place::Number(&mut self.directory_bytes),
            // A file's whole name is never long.
            FILE_BYTES => Place::Number(&mut self.file_bytes),
            RETURNED => Place::Number(&mut self.returned),
            _ => return None,
        })
    }

    #[inline(always)]
    fn set(&mut self, key: Key<'_>, cursor: &mut Cursor<'a>) -> Option<()> {
        match self.place(key)? {
            Place::Number(number) => *number = cursor.integer()?,
            Place::Text(text) => *text = Some(cursor.string()?),
        }
        Some(())
    }

    fn into_row(self, labels: &mut Labels) -> Option<AnyRow> {
        if self.file_bytes < 0 && self.file_bytes != NO_I64 {
            return None;
        }
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

    /// A key. Behind one stand more than eight bytes in any line that is an event.
    #[inline(always)]
    fn key(&mut self) -> Option<Key<'a>> {
        let start = self.at.checked_add(1)?;
        let text = self.string()?;
        let bytes: [u8; 8] = self
            .line
            .get(start..start.checked_add(8)?)?
            .try_into()
            .ok()?;
        let word = u64::from_le_bytes(bytes);
        let word = match text.len() {
            0 => return None,
            length @ 1..8 => word & u64::MAX >> (64 - 8 * length),
            _ => word,
        };
        Some(Key { text, word })
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
