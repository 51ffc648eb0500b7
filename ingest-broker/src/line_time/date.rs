//! Dates, in the ways that people write them.

use chrono::NaiveDate;

use super::scanner::Scanner;

/// The year that times without one are put into: a leap year, so that every day exists.
pub(super) const NO_YEAR_YEAR: i32 = 1972;
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
pub(super) const DAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

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

impl Scanner<'_> {
    /// `20261128`.
    pub(super) fn compact_date(&mut self) -> Option<Date> {
        let (year, month, day) = (self.digits(4)?, self.digits(2)?, self.digits(2)?);
        if !is_year(year) {
            return None;
        }
        day_of(year, month, day)
    }

    /// A date that begins with a number of `count` digits.
    pub(super) fn date(&mut self, count: usize) -> Option<Date> {
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
    pub(super) fn month_first(&mut self) -> Option<Date> {
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
}

pub(super) fn is_year(year: u32) -> bool {
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

pub(super) fn day_of(year: u32, month: u32, day: u32) -> Option<Date> {
    let year = i32::try_from(year).ok()?;
    NaiveDate::from_ymd_opt(year, month, day).map(Date::Day)
}
