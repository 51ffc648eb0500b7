//! A time in a text, told by its shape.

use chrono::NaiveDate;

use super::zone::zone_at;

const SECOND_NS: i64 = 1_000_000_000;
pub(super) const DAY_NS: i64 = 86_400 * SECOND_NS;
/// The year that times without one are put into: a leap year, so that every day exists.
pub(super) const NO_YEAR_YEAR: i32 = 1972;
/// Bytes of a text that are looked through.
const MOST_BYTES: usize = 4096;
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// A time, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its bytes in the text.
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(super) date: Date,
    /// Ns since midnight; since 1970 for [`Date::Epoch`].
    pub(super) clock_ns: i64,
    /// Minutes ahead of UTC, where the zone is told.
    pub(super) zone: Option<i32>,
    /// Whether the hour has AM or PM.
    pub(super) is_half_day: bool,
}

/// The day of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Date {
    /// The time is a number since 1970, of so many digits.
    Epoch(u8),
    /// None: the time of a day.
    None,
    /// Month and day.
    MonthDay(u32, u32),
    /// Year, month and day.
    Day(NaiveDate),
    /// Three numbers of which the first or the last is the year.
    Numbers([u32; 3]),
}

impl Found {
    /// What the time has of all of a form's: times of one layout have the same.
    pub(super) fn form(&self) -> (u8, bool) {
        let date = match self.date {
            Date::Epoch(digits) => digits,
            Date::None => 0,
            Date::MonthDay(..) => 1,
            Date::Day(_) => 2,
            Date::Numbers(_) => 3,
        };
        (date, self.zone.is_some())
    }
}

/// Whether a text has what only times have: two numbers and a colon between them, twice.
pub(crate) fn looks_like_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.windows(5).any(|window| match window {
        [a, b, b':', c, d] => [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()),
        _ => false,
    }) && bytes.iter().filter(|&&byte| byte == b':').count() >= 2
}

/// All times of a text, in order. Of a long text, the last 4 KiB are looked through.
pub(crate) fn find(text: &str) -> Vec<Found> {
    let bytes = text.as_bytes();
    let mut at = bytes.len().saturating_sub(MOST_BYTES);
    let mut found = Vec::new();
    while let Some(first) = bytes.get(at) {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let begins_word = !before.is_some_and(u8::is_ascii_alphanumeric);
        let time = (begins_word && first.is_ascii_alphanumeric())
            .then(|| Scanner { bytes, at }.time(at))
            .flatten();
        at = match time {
            Some(time) => {
                let end = time.end.max(at.saturating_add(1));
                found.push(time);
                end
            }
            None => at.saturating_add(1),
        };
    }
    found
}

#[derive(Clone, Copy)]
struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, expected: &[u8]) -> bool {
        let is_there = self.rest().starts_with(expected);
        if is_there {
            self.at = self.at.saturating_add(expected.len());
        }
        is_there
    }

    fn skip_any(&mut self, of: &[u8]) -> Option<u8> {
        let byte = *self.rest().first()?;
        of.contains(&byte).then(|| {
            self.at = self.at.saturating_add(1);
            byte
        })
    }

    fn digit_count(&self) -> usize {
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit());
        digits.count()
    }

    /// A number of just `count` digits at this place, which others may follow.
    fn digits(&mut self, count: usize) -> Option<u32> {
        let digits = self.rest().get(..count)?;
        let mut value = 0_u32;
        for digit in digits {
            if !digit.is_ascii_digit() {
                return None;
            }
            value = value
                .checked_mul(10)?
                .checked_add(u32::from(digit.wrapping_sub(b'0')))?;
        }
        self.at = self.at.saturating_add(count);
        Some(value)
    }

    /// A number of `least` to `most` digits, no digit behind it.
    fn number(&mut self, least: usize, most: usize) -> Option<(u32, usize)> {
        let count = self.digit_count();
        if !(least..=most).contains(&count) {
            return None;
        }
        Some((self.digits(count)?, count))
    }

    /// The number, from 1, of a name, or its first three letters, among names.
    fn name(&mut self, names: &[&str]) -> Option<u32> {
        let rest = self.rest();
        let length = rest
            .iter()
            .take_while(|byte| byte.is_ascii_alphabetic())
            .count();
        let word = rest.get(..length)?.to_ascii_lowercase();
        let is =
            |name: &&str| name.as_bytes() == word || name.as_bytes().get(..3) == Some(&word[..]);
        let at = names.iter().position(is)?;
        self.at = self.at.saturating_add(length);
        u32::try_from(at.saturating_add(1)).ok()
    }

    fn time(mut self, start: usize) -> Option<Found> {
        let found = |at: &Self, date, (clock_ns, is_half_day), zone| Found {
            start,
            end: at.at,
            date,
            clock_ns,
            zone,
            is_half_day,
        };
        let has_weekday = self.rest().first()?.is_ascii_alphabetic() && self.name(&DAYS).is_some();
        if has_weekday {
            self.skip(b".");
            self.skip(b",");
            while self.skip(b" ") {}
        }
        if self.rest().first()?.is_ascii_alphabetic() {
            let date = self.month_first()?;
            let clock = self.clock_behind_date()?;
            let zone = self.zone();
            // `Sat Nov 28 11:30:08 UTC 2026`
            let date = match date {
                Date::MonthDay(month, day) => {
                    let mut behind = self;
                    let year = behind.skip(b" ").then(|| behind.number(4, 4)).flatten();
                    match year {
                        Some((year, _)) if is_year(year) => {
                            self = behind;
                            day_of(year, month, day)?
                        }
                        _ => date,
                    }
                }
                _ => date,
            };
            return Some(found(&self, date, clock, zone));
        }
        let count = self.digit_count();
        match count {
            10 | 13 | 16 | 19 => {
                if let Some(ns) = self.epoch(count) {
                    let digits = u8::try_from(count).unwrap_or(0);
                    return Some(found(&self, Date::Epoch(digits), (ns, false), Some(0)));
                }
                None
            }
            14 | 17 => {
                // `20261128113008123`
                let date = self.compact_date()?;
                let clock = self.compact_clock()?;
                Some(found(&self, date, (clock, false), None))
            }
            8 => {
                let date = self.compact_date()?;
                self.skip_any(b"T _-")?;
                let clock = match self.digit_count() {
                    6 | 9 => (self.compact_clock()?, false),
                    _ => self.clock()?,
                };
                let zone = self.zone();
                Some(found(&self, date, clock, zone))
            }
            1 | 2 | 4 => {
                let mut of_day = self;
                if count < 4
                    && let Some(clock) = of_day.clock()
                {
                    if follows_date(self.bytes, start) {
                        return None;
                    }
                    let zone = of_day.zone();
                    return Some(found(&of_day, Date::None, clock, zone));
                }
                let date = self.date(count)?;
                let clock = self.clock_behind_date()?;
                let zone = self.zone();
                Some(found(&self, date, clock, zone))
            }
            _ => None,
        }
    }

    /// A number since 1970 of s, ms, µs or ns, of this century.
    fn epoch(&mut self, count: usize) -> Option<i64> {
        let digits = self.rest().get(..count)?;
        let value: i64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        let scale = u32::try_from(19_usize.checked_sub(count)?).ok()?;
        let mut ns = value.checked_mul(10_i64.checked_pow(scale)?)?;
        if !(SECOND_NS.saturating_mul(1_000_000_000)..SECOND_NS.saturating_mul(4_100_000_000))
            .contains(&ns)
        {
            return None;
        }
        self.at = self.at.saturating_add(count);
        if count == 10 && matches!(self.rest(), [b'.' | b',', b'0'..=b'9', ..]) {
            self.at = self.at.saturating_add(1);
            ns = ns.saturating_add(self.fraction()?);
        } else if count == 13 && matches!(self.rest(), [b'.', b'0'..=b'9', ..]) {
            self.at = self.at.saturating_add(1);
            ns = ns.saturating_add(self.fraction()? / 1000);
        }
        // A part of something longer is no time.
        let behind = self.rest().first();
        (!behind.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.')))
            .then_some(ns)
    }

    fn compact_date(&mut self) -> Option<Date> {
        let (year, month, day) = (self.digits(4)?, self.digits(2)?, self.digits(2)?);
        if !is_year(year) {
            return None;
        }
        day_of(year, month, day)
    }

    /// `113008`, with or without three digits of ms.
    fn compact_clock(&mut self) -> Option<i64> {
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

    /// A date that begins with a number of `count` digits.
    fn date(&mut self, count: usize) -> Option<Date> {
        let first = self.digits(count)?;
        let separator = self.skip_any(b"-/. ")?;
        if self.rest().first()?.is_ascii_alphabetic() {
            let month = self.name(&MONTHS)?;
            self.skip(b".");
            self.skip(b",");
            self.skip_any(&[separator, b' '])?;
            if count == 4 {
                let (day, _) = self.number(1, 2)?;
                return is_year(first).then(|| day_of(first, month, day)).flatten();
            }
            let (year, digits) = self.number(2, 4)?;
            return day_of(whole_year(year, digits)?, month, first);
        }
        if separator == b' ' {
            return None;
        }
        let (second, _) = self.number(1, 2)?;
        if !self.skip(&[separator]) {
            return None;
        }
        if count == 4 {
            let (day, _) = self.number(1, 2)?;
            return is_year(first).then(|| day_of(first, second, day)).flatten();
        }
        let (third, digits) = self.number(2, 4)?;
        if digits == 3 || digits == 4 && !is_year(third) {
            return None;
        }
        Some(Date::Numbers([first, second, third]))
    }

    /// `Nov 28`, `Nov 28, 2026`.
    fn month_first(&mut self) -> Option<Date> {
        let month = self.name(&MONTHS)?;
        self.skip(b".");
        self.skip_any(b" -/")?;
        self.skip(b" ");
        let (day, _) = self.number(1, 2)?;
        let mut with_year = *self;
        let has_comma = with_year.skip(b",");
        if with_year.skip_any(b" -/").is_some()
            && let Some((year, _)) = with_year.number(4, 4)
            && is_year(year)
        {
            *self = with_year;
            return day_of(year, month, day);
        }
        if has_comma {
            self.skip(b",");
        }
        // The day must exist.
        day_of(NO_YEAR_YEAR.unsigned_abs(), month, day)?;
        Some(Date::MonthDay(month, day))
    }

    fn clock_behind_date(&mut self) -> Option<(i64, bool)> {
        match self.skip_any(b"T ,:_-|")? {
            b' ' | b',' | b'-' => {
                while self.skip_any(b" -").is_some() {}
                self.skip(b"at ");
            }
            _ => {}
        }
        self.clock()
    }

    /// `11:30:08`, a fraction, and AM or PM; whether it has that.
    fn clock(&mut self) -> Option<(i64, bool)> {
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
    fn fraction(&mut self) -> Option<i64> {
        let count = self.digit_count();
        let digits = self.rest().get(..count.min(9))?;
        let value: i64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        let scale = u32::try_from(9_usize.saturating_sub(digits.len())).ok()?;
        self.at = self.at.saturating_add(count);
        value.checked_mul(10_i64.checked_pow(scale)?)
    }

    fn zone(&mut self) -> Option<i32> {
        let mut behind = *self;
        behind.skip(b" ");
        let had_space = behind.at > self.at;
        let is_bracketed = behind.skip(b"[");
        // `11:30:08 -1`: what follows a space must be a whole offset.
        let (minutes, length) = zone_at(behind.rest())?;
        if had_space && length < 3 && behind.rest().first() != Some(&b'Z') {
            return None;
        }
        if is_bracketed {
            // The region behind an offset: `+02:00[Europe/Berlin]`; alone it is something else.
            return None;
        }
        behind.at = behind.at.saturating_add(length);
        *self = behind;
        minutes
    }
}

/// Whether the word before a place is a date's three numbers, which cannot be read then.
fn follows_date(bytes: &[u8], at: usize) -> bool {
    let before = bytes.get(..at.saturating_sub(1)).unwrap_or_default();
    let is_part = |byte: &&u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'/' | b'.');
    let word = before.iter().rev().take(12).take_while(is_part);
    let separators = word.clone().filter(|byte| !byte.is_ascii_digit()).count();
    separators == 2 && word.count() >= 5
}

fn is_year(year: u32) -> bool {
    (1980..=2200).contains(&year)
}

/// A year of two or four digits.
pub(super) fn whole_year(year: u32, digits: usize) -> Option<u32> {
    let year = match digits {
        2 => year.saturating_add(2000),
        _ => year,
    };
    is_year(year).then_some(year)
}

fn day_of(year: u32, month: u32, day: u32) -> Option<Date> {
    let year = i32::try_from(year).ok()?;
    NaiveDate::from_ymd_opt(year, month, day).map(Date::Day)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unlike_numbers_are_no_times() {
        for text in [
            "",
            "DEBUG ",
            "[main] ",
            "kafka[812]: ",
            "127.0.0.1:9092-127.0.0.1:44352-1-0",
            "request-handler-3",
            "v3.9.1",
            "0x00007f1c",
            "1234567890123456789012",
            "12:5",
            "99:99:99",
            "2026-13-40 11:30:08",
            "Mayor 12 x",
            "10.1.2.3:9092",
        ] {
            assert_eq!(find(text), [], "{text}");
        }
    }
}
