//! Times of a day, in the ways that people write them, as ns since midnight.

use super::scanner::Scanner;

pub(super) const SECOND_NS: i64 = 1_000_000_000;
pub(super) const DAY_NS: i64 = 86_400 * SECOND_NS;

impl Scanner<'_> {
    /// `113008`, with or without three digits of ms.
    pub(super) fn compact_clock(&mut self) -> Option<i64> {
        let count = self.digit_count();
        let clock = clock_ns(self.digits(2)?, self.digits(2)?, self.digits(2)?)?;
        if count == 9 {
            return Some(clock.saturating_add(self.fraction()?));
        }
        if matches!(self.rest(), [b'.' | b',', b'0'..=b'9', ..]) {
            self.at = self.at.saturating_add(1);
            return Some(clock.saturating_add(self.fraction()?));
        }
        Some(clock)
    }

    /// `11:30:08`, a fraction, and AM or PM; whether it has that.
    pub(super) fn clock(&mut self) -> Option<(i64, bool)> {
        let (mut hour, _) = self.number(1, 2)?;
        if !self.skip(b":") {
            return None;
        }
        let minute = self.digits(2)?;
        if !self.skip(b":") {
            return None;
        }
        let (second, _) = self.number(2, 2)?;
        let fraction = match self.rest() {
            [b'.' | b',', b'0'..=b'9', ..] => {
                self.at = self.at.saturating_add(1);
                self.fraction()?
            }
            // `HH:mm:ss:SSS`
            [b':', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', ..] => {
                self.at = self.at.saturating_add(1);
                self.fraction()?
            }
            _ => 0,
        };
        let mut half = *self;
        half.skip(b" ");
        let word = half.rest().get(..2).map(<[u8]>::to_ascii_lowercase);
        let is_word = !half.rest().get(2).is_some_and(u8::is_ascii_alphanumeric);
        let is_half_day = is_word && matches!(word.as_deref(), Some(b"am" | b"pm"));
        if is_half_day {
            half.at = half.at.saturating_add(2);
            *self = half;
            if !(1..=12).contains(&hour) {
                return None;
            }
            hour = (hour % 12).saturating_add(if word.as_deref() == Some(b"pm") {
                12
            } else {
                0
            });
        }
        let clock = clock_ns(hour, minute, second)?;
        Some((clock.saturating_add(fraction), is_half_day))
    }

    /// Ns of the digits of a fraction of a second; those below a ns are cut off.
    pub(super) fn fraction(&mut self) -> Option<i64> {
        let count = self.digit_count();
        let digits = self.rest().get(..count.min(9))?;
        let value: i64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        let scale = u32::try_from(9_usize.saturating_sub(digits.len())).ok()?;
        self.at = self.at.saturating_add(count);
        value.checked_mul(10_i64.checked_pow(scale)?)
    }
}

fn clock_ns(hour: u32, minute: u32, second: u32) -> Option<i64> {
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // A leap second is the second before it, once more.
    let seconds = i64::from(hour)
        .saturating_mul(3600)
        .saturating_add(i64::from(minute).saturating_mul(60))
        .saturating_add(i64::from(second.min(59)));
    Some(seconds.saturating_mul(SECOND_NS))
}
