//! A time in a text, told by its shape.

use super::date::{DAYS, Date, day_of, is_year};
use super::scanner::Scanner;
use super::time_of_day::SECOND_NS;
use super::zone::zone_at;

/// Bytes of a text that are looked through.
const MOST_BYTES: usize = 4096;
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

impl Scanner<'_> {
    /// The time that begins at this place.
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
