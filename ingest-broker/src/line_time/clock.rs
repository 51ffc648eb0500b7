//! Which of the forms of time a file has, learned of its own lines.

use chrono::{Datelike, NaiveDate};
use kcorr_model::{ClockKind, Limit};

use super::date::{Date, NO_YEAR_YEAR, whole_year};
use super::found::Found;
use super::time_of_day::DAY_NS;

const HALF_DAY_NS: i64 = DAY_NS / 2;

/// The order of a date's three numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Ymd,
    Dmy,
    Mdy,
}

const ORDERS: [Order; 3] = [Order::Ymd, Order::Dmy, Order::Mdy];

/// A line's time in each order that its date may have; without such a date, all are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Read {
    readings: [Option<i64>; 3],
}

/// What a file's times have in common.
#[derive(Debug, Clone)]
pub(crate) struct LineClock {
    form: Option<(u8, bool)>,
    /// Orders in which every date so far exists.
    possible: [bool; 3],
    /// Whether dates had to be put in order at all.
    has_numbers: bool,
    is_half_day: bool,
    /// Numbers of the first date: while all are the same, the readings are apart by a constant.
    first: Option<[u32; 3]>,
    first_readings: [Option<i64>; 3],
    /// The largest step between one date and the next in each order, ns.
    steps: [i64; 3],
    last: [Option<i64>; 3],
    /// Midnight of times without a date, and the time of day before.
    midnight: i64,
    time_of_day: Option<i64>,
    year: Option<i32>,
    has_no_year: bool,
}

impl LineClock {
    /// A clock that knows nothing yet. `date` is the day of the first line, where times have none.
    pub(crate) fn new(date: Option<NaiveDate>) -> Self {
        let midnight = date.and_then(|date| date.and_hms_opt(0, 0, 0));
        let midnight = midnight.and_then(|midnight| midnight.and_utc().timestamp_nanos_opt());
        Self {
            form: None,
            possible: [true; 3],
            has_numbers: false,
            is_half_day: false,
            first: None,
            first_readings: [None; 3],
            steps: [0; 3],
            last: [None; 3],
            midnight: midnight.unwrap_or(0),
            time_of_day: None,
            year: date.map(|date| date.year()),
            has_no_year: false,
        }
    }

    /// The clock that the times are of, once a line has one.
    pub(crate) fn kind(&self) -> Option<ClockKind> {
        self.form.map(|(_, has_zone)| match has_zone {
            true => ClockKind::Realtime,
            false => ClockKind::LocalTime,
        })
    }

    /// Of a line's times the one of the file's form, the last of several.
    pub(crate) fn choose(&self, found: &[Found]) -> Option<Found> {
        // A bare number is a time only where there is no better.
        let is_number = |found: &&Found| matches!(found.date, Date::Epoch(_));
        let Some(form) = self.form else {
            let dated = found
                .iter()
                .rev()
                .find(|found| !is_number(found) && found.date != Date::None);
            let timed = || found.iter().rev().find(|found| !is_number(found));
            return dated.or_else(timed).or(found.last()).copied();
        };
        found
            .iter()
            .rev()
            .find(|found| found.form() == form)
            .copied()
    }

    /// The time of a line; `None` when it is of another form than the first, or no order of its date fits.
    pub(crate) fn read(&mut self, found: &Found) -> Option<Read> {
        if *self.form.get_or_insert(found.form()) != found.form() {
            return None;
        }
        self.is_half_day |= found.is_half_day;
        let zone_ns = i64::from(found.zone.unwrap_or(0)).saturating_mul(60_000_000_000);
        let at = |midnight: i64| midnight.checked_add(found.clock_ns)?.checked_sub(zone_ns);
        let one = |ns: Option<i64>| {
            ns.map(|ns| Read {
                readings: [Some(ns); 3],
            })
        };
        match found.date {
            Date::Epoch(_) => one(Some(found.clock_ns)),
            Date::Day(day) => one(at(midnight_of(day)?)),
            Date::MonthDay(month, day) => {
                let (year, told) = (self.year.unwrap_or(NO_YEAR_YEAR), self.year.is_some());
                self.has_no_year |= !told;
                let day = NaiveDate::from_ymd_opt(year, month, day)?;
                let mut ns = at(midnight_of(day)?)?;
                // January comes after December.
                if let Some(last) = self.last[0]
                    && last.saturating_sub(ns) > DAY_NS.saturating_mul(180)
                {
                    let next = NaiveDate::from_ymd_opt(year.saturating_add(1), month, day.day())?;
                    ns = at(midnight_of(next)?)?;
                } else {
                    self.last[0] = Some(ns);
                }
                one(Some(ns))
            }
            Date::None => {
                let time = found.clock_ns;
                match self.time_of_day.map(|last| time.saturating_sub(last)) {
                    Some(step) if step < -HALF_DAY_NS => {
                        self.midnight = self.midnight.saturating_add(DAY_NS);
                    }
                    Some(step) if step > HALF_DAY_NS => {
                        return one(at(self.midnight.saturating_sub(DAY_NS)));
                    }
                    _ => {}
                }
                self.time_of_day = Some(time);
                one(at(self.midnight))
            }
            Date::Numbers(numbers) => self.numbers(numbers, at),
        }
    }

    fn numbers(&mut self, numbers: [u32; 3], at: impl Fn(i64) -> Option<i64>) -> Option<Read> {
        let mut readings = [None; 3];
        for ((reading, order), possible) in readings.iter_mut().zip(ORDERS).zip(self.possible) {
            let day = day_in(order, numbers).filter(|_| possible);
            *reading = day.and_then(midnight_of).and_then(&at);
        }
        if readings.iter().all(Option::is_none) {
            return None;
        }
        self.has_numbers = true;
        for (possible, reading) in self.possible.iter_mut().zip(readings) {
            *possible &= reading.is_some();
        }
        if self.first.is_none() {
            self.first = Some(numbers);
            self.first_readings = readings;
        }
        let states = self.steps.iter_mut().zip(&mut self.last).zip(readings);
        for ((step, last), reading) in states {
            if let (Some(last), Some(now)) = (*last, reading) {
                *step = (*step).max(now.saturating_sub(last).saturating_abs());
            }
            *last = reading.or(*last);
        }
        Some(Read { readings })
    }

    /// Whether more lines may tell in which order dates are.
    pub(crate) fn is_undecided(&self) -> bool {
        self.has_numbers && self.orders().count() > 1
    }

    /// Orders that fit all lines, and in which days follow each other as they do elsewhere.
    fn orders(&self) -> impl Iterator<Item = usize> + '_ {
        let possible = || (0..3).filter(|&at| self.possible.get(at) == Some(&true));
        let step = |at: usize| self.steps.get(at).copied().unwrap_or_default();
        let least = possible().map(step).min().unwrap_or_default();
        // While the date is the same, all steps are.
        possible().filter(move |&at| step(at) <= least.saturating_add(DAY_NS))
    }

    /// The order that is taken.
    pub(crate) fn order(&self) -> usize {
        if !self.has_numbers {
            return 0;
        }
        let mut orders = self.orders();
        let first = orders.next().unwrap_or(0);
        // Who writes AM and PM writes the month first.
        if self.is_half_day && orders.any(|at| at == 2) {
            return 2;
        }
        first
    }

    /// A line's time in the order that is taken now.
    pub(crate) fn ns(&self, read: Read) -> Option<i64> {
        read.readings.get(self.order()).copied().flatten()
    }

    /// What the times leave open.
    pub(crate) fn limits(&self) -> Vec<Limit> {
        let mut limits = Vec::new();
        if self.has_no_year {
            limits.push(Limit {
                name: Limit::NO_YEAR.to_owned(),
                value: 1,
                detail: "times have no year: the one is taken in which they overlap the other recordings; give --date where there is none".to_owned(),
            });
        }
        if self.is_undecided() {
            let taken = self.order();
            let reading = |at: usize| self.first_readings.get(at).copied().flatten();
            let others = self.orders().filter(|&at| at != taken);
            for other in others {
                let (Some(ours), Some(theirs)) = (reading(taken), reading(other)) else {
                    continue;
                };
                if ours == theirs {
                    continue;
                }
                let numbers = self.first.unwrap_or_default();
                let [a, b, c] = numbers.map(|number| format!("{number:02}"));
                limits.push(Limit {
                    name: Limit::OTHER_DATE.to_owned(),
                    value: theirs.saturating_sub(ours),
                    detail: format!(
                        "the date {a} {b} {c} can be read as {} and as {}: the one is taken that overlaps the other recordings, else the first",
                        name(taken),
                        name(other)
                    ),
                });
            }
        }
        limits
    }
}

fn name(order: usize) -> &'static str {
    match order {
        0 => "year, month, day",
        1 => "day, month, year",
        _ => "month, day, year",
    }
}

fn day_in(order: Order, [a, b, c]: [u32; 3]) -> Option<NaiveDate> {
    let (year, month, day) = match order {
        Order::Ymd if c > 31 => return None,
        Order::Ymd => (whole_year(a, 2)?, b, c),
        Order::Dmy => (c, b, a),
        Order::Mdy => (c, a, b),
    };
    let year = if year < 100 {
        whole_year(year, 2)?
    } else {
        year
    };
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
}

fn midnight_of(day: NaiveDate) -> Option<i64> {
    day.and_hms_opt(0, 0, 0)?.and_utc().timestamp_nanos_opt()
}

#[cfg(test)]
mod tests {
    use super::super::find;
    use super::*;

    const NS: i64 = 1_795_865_408_798_000_000; // 2026-11-28T11:30:08.798Z

    fn read(lines: &[&str]) -> (Vec<Option<i64>>, LineClock) {
        let mut clock = LineClock::new(None);
        let reads: Vec<_> = lines
            .iter()
            .map(|line| {
                let found = clock.choose(&find(line))?;
                clock.read(&found)
            })
            .collect();
        let times = reads.into_iter().map(|read| clock.ns(read?)).collect();
        (times, clock)
    }

    #[test]
    fn a_time_is_found_wherever_and_however_it_is_written() {
        let local = [
            "[2026-11-28 11:30:08,798] DEBUG ",
            "DEBUG [2026-11-28 11:30:08,798] ",
            "[DEBUG] [2026-11-28 11:30:09,416] [2026-11-28 11:30:08.798] [main] ",
            "2026-11-28 11:30:08,798|DEBUG|kafka.request.logger|",
            "broker1 DEBUG 2026/11/28 11:30:08.798 - ",
            "28 Nov 2026 11:30:08,798 DEBUG ",
            "28-Nov-2026 11:30:08.798 DEBUG ",
            "28.11.2026 11:30:08,798 DEBUG ",
            "11/28/2026 11:30:08.798 ",
            "26/11/28 11:30:08.798 DEBUG ",
            "Nov 28, 2026 11:30:08.798 AM kafka.request.logger ",
            "20261128113008798 ",
            "20261128 113008,798 ",
            "20261128-11:30:08.798 ",
            "20261128T113008798 ",
            "2026-11-28 11:30:08:798 ",
            "time=\"2026-11-28T11:30:08.798\" level=debug msg=\"",
            "[2026-11-28 11:30:08,798 CST] ",
            "[2026-11-28 11:30:08,798 Europe/Berlin] ",
        ];
        for line in local {
            let (times, clock) = read(&[line]);
            assert_eq!(times, [Some(NS)], "{line}");
            assert_eq!(clock.kind(), Some(ClockKind::LocalTime), "{line}");
        }
        let zoned = [
            "2026-11-28T11:30:08.798Z DEBUG ",
            "[2026-11-28T13:30:08,798+0200] ",
            "2026-11-28 12:30:08,798 CET DEBUG ",
            "[2026-11-28 06:30:08,798 EST] ",
            "2026-11-28 08:00:08.798 -03:30 [main] ",
            "2026-11-28T12:30:08.798+01:00[Europe/Berlin] ",
            "28/Nov/2026:11:30:08.798 +0000 ",
            "Sat, 28 Nov 2026 11:30:08.798 GMT ",
            "Sat Nov 28 11:30:08.798 UTC 2026 ",
            "1795865408798 DEBUG ",
            "1795865408.798 [main] ",
            "[1795865408798000] ",
        ];
        for line in zoned {
            let (times, clock) = read(&[line]);
            assert_eq!(times, [Some(NS)], "{line}");
            assert_eq!(clock.kind(), Some(ClockKind::Realtime), "{line}");
        }
    }

    #[test]
    fn the_order_of_a_date_is_the_one_that_fits_all_lines() {
        let march_4 = 1_772_582_400_000_000_000; // 2026-03-04
        let (times, clock) = read(&["03/04/2026 00:00:00 ", "03/13/2026 00:00:00 "]);
        assert_eq!(times[0], Some(march_4));
        assert!(clock.limits().is_empty());
        // A day later, not a month.
        let (times, clock) = read(&["03/04/2026 00:00:00 ", "03/05/2026 00:00:00 "]);
        assert_eq!(times[0], Some(march_4));
        assert!(clock.limits().is_empty());
        let (times, _) = read(&["04.03.2026 00:00:00 ", "05.03.2026 00:00:00 "]);
        assert_eq!(times[0], Some(march_4));
    }

    #[test]
    fn a_date_of_two_orders_is_a_limit_that_says_what_lies_between() {
        let (times, clock) = read(&["04/03/2026 10:00:00 ", "04/03/2026 10:00:01 "]);
        let march_4 = 1_772_582_400_000_000_000;
        assert_eq!(times[0], Some(march_4 + 36_000_000_000_000));
        let limits = clock.limits();
        assert_eq!(limits.len(), 1);
        assert_eq!(limits[0].name, Limit::OTHER_DATE);
        assert_eq!(limits[0].value, 30 * DAY_NS);
        let (_, clock) = read(&["04/03/2026 10:00:00 PM "]);
        assert_eq!(clock.limits()[0].value, -30 * DAY_NS);
    }

    #[test]
    fn a_time_of_day_goes_on_past_midnight() {
        let (times, clock) = read(&["23:59:59,999 ", "00:00:00,001 ", "23:59:59,998 "]);
        let expected = [DAY_NS - 1_000_000, DAY_NS + 1_000_000, DAY_NS - 2_000_000];
        assert_eq!(times, expected.map(Some));
        assert_eq!(clock.kind(), Some(ClockKind::LocalTime));
    }

    #[test]
    fn a_time_without_a_year_is_told() {
        let (_, clock) = read(&["Nov 28 11:30:08 broker1 kafka[812]: "]);
        assert_eq!(clock.limits()[0].name, Limit::NO_YEAR);
    }

    #[test]
    fn a_time_of_another_form_is_not_taken() {
        let (times, _) = read(&["[2026-11-28 11:30:08,798] ", "11:30:08 "]);
        assert_eq!(times, [Some(NS), None]);
    }
}
