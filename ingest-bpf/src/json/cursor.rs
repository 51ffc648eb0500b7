//! A place in a line of JSON, and what stands there: keys, strings without escapes, integers.

/// A key, and its first eight bytes as a word.
pub(super) struct Key<'a> {
    pub(super) text: &'a [u8],
    pub(super) word: u64,
}

/// The word of a key of at most eight bytes.
pub(super) const fn word(key: &[u8]) -> u64 {
    let mut word = 0;
    let mut rest = key;
    while let [first @ .., last] = rest {
        word = word << 8 | *last as u64;
        rest = first;
    }
    word
}

/// A line, and how far it was read.
pub(super) struct Cursor<'a> {
    pub(super) line: &'a [u8],
    pub(super) at: usize,
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

impl<'a> Cursor<'a> {
    #[inline]
    pub(super) fn next(&mut self) -> Option<u8> {
        let byte = *self.line.get(self.at)?;
        self.at = self.at.saturating_add(1);
        Some(byte)
    }

    #[inline]
    pub(super) fn byte(&mut self, expected: u8) -> Option<()> {
        (self.next()? == expected).then_some(())
    }

    #[inline]
    pub(super) fn spaces(&mut self) {
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
    pub(super) fn key(&mut self) -> Option<Key<'a>> {
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
    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
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
    pub(super) fn integer(&mut self) -> Option<i64> {
        let negative = self.line.get(self.at) == Some(&b'-');
        if negative {
            self.at = self.at.saturating_add(1);
        }
        let start = self.at;
        let mut value: u64 = 0;
        while let Some(word) = self.word() {
            let digits = leading_digits(word);
            let (power, shift) = *PARTS.get(digits)?;
            // Digits that are not there are zeros before the others.
            let part = eight_digits(word.checked_shl(shift).unwrap_or(0));
            value = value.checked_mul(power)?.checked_add(part)?;
            self.at = self.at.saturating_add(digits);
            if digits < 8 {
                break;
            }
        }
        // Near the line's end, where no whole word is left.
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
        // JSON's −0 is no integer.
        let is_minus_zero = negative && value == 0;
        if length == 0 || has_leading_zero || is_minus_zero {
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

/// By how many of eight bytes are digits: what they multiply the digits before them by, and how far they lie from the
/// highest byte.
const PARTS: [(u64, u32); 9] = [
    (1, 64),
    (10, 56),
    (100, 48),
    (1_000, 40),
    (10_000, 32),
    (100_000, 24),
    (1_000_000, 16),
    (10_000_000, 8),
    (100_000_000, 0),
];

/// How many of eight bytes are digits before another comes, the first in the lowest byte.
fn leading_digits(word: u64) -> usize {
    let high = 0xF0F0_F0F0_F0F0_F0F0;
    let digits = 0x3030_3030_3030_3030;
    // A byte that carries into the next is no digit, and what is above it does not count.
    let others = (word & high ^ digits) | (word.wrapping_add(ONES * 6) & high ^ digits);
    (others.trailing_zeros() / 8) as usize
}

/// The value of eight ASCII digits, the first in the lowest byte.
fn eight_digits(word: u64) -> u64 {
    let word = word & 0x0F0F_0F0F_0F0F_0F0F;
    let pairs = word.wrapping_mul(10).wrapping_add(word >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_FFFF_0000_FFFF;
    (fours.wrapping_mul(10_000).wrapping_add(fours >> 32)) & 0xFFFF_FFFF
}
