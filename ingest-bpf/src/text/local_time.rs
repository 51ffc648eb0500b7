//! Times of day as tracers print them, put onto days.
//!
//! `15:37:00.627` has no date: the first line's is given (or 1970-01-01), and it is the next day's
//! when the time of day falls by more than half a day. Lines may be a little out of order, so a time
//! that falls by less is the same day's, and one that rises by more than half a day is yesterday's.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

pub(crate) const DAY_NS: i64 = 86_400_000_000_000;
const HALF_DAY_NS: i64 = DAY_NS / 2;
/// Lines may be out of order by less than this.
const MIN_STEP_NS: i64 = 2_000_000_000;
/// No line is out of order by more than this.
const CERTAIN_STEP_NS: i64 = 60_000_000_000;

/// A time of day, or a full time, with the weight of its last digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TextTime {
    /// Ns since midnight, or since 1970-01-01 when it has a date.
    pub(crate) ns: i64,
    pub(crate) has_date: bool,
    pub(crate) resolution_ns: i64,
}

impl TextTime {
    /// Reads `HH:MM:SS`, with a fraction of up to nine digits behind a dot or comma, and with or without
    /// `YYYY-MM-DD` and a `T` before it.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let (date, clock) = match text.split_once('T') {
            Some((date, clock)) => (
                Some(NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?),
                clock,
            ),
            None => (None, text),
        };
        let (whole, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, ""));
        let mut parts = whole.split(':');
        let mut two_digits = || {
            let part = parts.next()?;
            let is_number = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| part.parse::<u32>().ok()).flatten()
        };
        let (hour, minute, second) = (two_digits()?, two_digits()?, two_digits()?);
        if parts.next().is_some() || fraction.len() > 9 {
            return None;
        }
        if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let digits = u32::try_from(fraction.len()).ok()?;
        let resolution_ns = 10i64.checked_pow(9u32.checked_sub(digits)?)?;
        let fraction = fraction
            .parse::<i64>()
            .unwrap_or(0)
            .checked_mul(resolution_ns)?;
        let time = NaiveTime::from_hms_opt(hour, minute, second.min(59))?;
        // A leap second is the second before it, once more.
        if second > 60 {
            return None;
        }
        let ns = match date {
            Some(date) => NaiveDateTime::new(date, time)
                .and_utc()
                .timestamp_nanos_opt()?,
            None => time
                .signed_duration_since(NaiveTime::MIN)
                .num_nanoseconds()?,
        };
        Some(Self {
            ns: ns.checked_add(fraction)?,
            has_date: date.is_some(),
            resolution_ns,
        })
    }
}

/// Puts times of day onto days, line after line.
#[derive(Debug, Clone, Default)]
pub(crate) struct LocalClock {
    /// Midnight that the day began with, ns since 1970-01-01.
    midnight: i64,
    /// Time of day of the line before.
    last: Option<i64>,
    /// Latest end of a line since the table's header.
    latest: Option<i64>,
    /// Latest end before the ends fell, and the end they fell to.
    fall: Option<(i64, i64)>,
}

impl LocalClock {
    pub(crate) fn new(date: Option<NaiveDate>) -> Self {
        let midnight = date
            .and_then(|date| date.and_hms_opt(0, 0, 0))
            .and_then(|midnight| midnight.and_utc().timestamp_nanos_opt())
            .unwrap_or(0);
        Self {
            midnight,
            last: None,
            latest: None,
            fall: None,
        }
    }

    /// The time in ns since 1970-01-01, as if local time were UTC.
    pub(crate) fn ns(&mut self, time: TextTime) -> i64 {
        if time.has_date {
            return time.ns;
        }
        match self.last.map(|last| time.ns.saturating_sub(last)) {
            Some(step) if step < -HALF_DAY_NS => {
                self.midnight = self.midnight.saturating_add(DAY_NS);
            }
            Some(step) if step > HALF_DAY_NS => {
                let yesterday = self.midnight.saturating_sub(DAY_NS);
                return yesterday.saturating_add(time.ns);
            }
            _ => {}
        }
        self.last = Some(time.ns);
        self.midnight.saturating_add(time.ns)
    }

    /// A table begins: what it says is in no order with what stood before.
    pub(crate) fn begin(&mut self) {
        self.latest = None;
        self.fall = None;
    }

    /// Takes the end of a line's event, which lines are in the order of. Returns by how much the clock
    /// was set back, ns below 0, once two lines show it.
    pub(crate) fn notice(&mut self, end_ns: i64) -> Option<i64> {
        if let Some((before, after)) = self.fall.take()
            && end_ns < before.saturating_sub(MIN_STEP_NS)
        {
            self.latest = Some(end_ns.max(after));
            return Some(after.saturating_sub(before));
        }
        match self.latest {
            Some(latest) if end_ns < latest.saturating_sub(MIN_STEP_NS) => {
                self.fall = Some((latest, end_ns));
            }
            latest => self.latest = latest.max(Some(end_ns)),
        }
        None
    }

    /// What the last line alone shows, when it is too much for a line out of order.
    pub(crate) fn finish(&mut self) -> Option<i64> {
        let (before, after) = self.fall.take()?;
        let step = after.saturating_sub(before);
        (step < -CERTAIN_STEP_NS).then_some(step)
    }

    /// The end of what started at a time: the same day, or the next when it would lie before.
    pub(crate) fn end_ns(&mut self, start: TextTime, start_ns: i64, end: TextTime) -> i64 {
        if end.has_date || start.has_date {
            return self.ns(end);
        }
        let step = end.ns.saturating_sub(start.ns);
        let step = if step < -HALF_DAY_NS {
            step.saturating_add(DAY_NS)
        } else {
            step
        };
        start_ns.saturating_add(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> TextTime {
        TextTime::from_text(text).unwrap()
    }

    #[test]
    fn a_time_tells_its_resolution() {
        assert_eq!(time("00:00:01").resolution_ns, 1_000_000_000);
        assert_eq!(time("00:00:01.250").resolution_ns, 1_000_000);
        assert_eq!(time("00:00:01.250").ns, 1_250_000_000);
        assert_eq!(time("1970-01-02T00:00:00.000001").ns, DAY_NS + 1_000);
        for text in [
            "24:00:00",
            "1:2:3",
            "00:00",
            "00:00:00.",
            "aa:bb:cc",
            "00:00:00.1x",
            "",
        ] {
            let is_time = TextTime::from_text(text).is_some();
            assert_eq!(is_time, text == "00:00:00.", "{text}");
        }
    }

    #[test]
    fn a_time_after_midnight_is_the_next_days() {
        let mut clock = LocalClock::new(NaiveDate::from_ymd_opt(1970, 1, 2));
        assert_eq!(clock.ns(time("23:59:59")), 2 * DAY_NS - 1_000_000_000);
        assert_eq!(clock.ns(time("00:00:00")), 2 * DAY_NS);
        // Out of order, still yesterday's.
        assert_eq!(clock.ns(time("23:59:58")), 2 * DAY_NS - 2_000_000_000);
        assert_eq!(clock.ns(time("00:00:01")), 2 * DAY_NS + 1_000_000_000);
    }

    #[test]
    fn ends_that_fall_and_stay_so_are_a_clock_that_was_set_back() {
        let seconds = |ends: &[i64]| {
            let mut clock = LocalClock::new(None);
            let steps = ends
                .iter()
                .filter_map(|end| clock.notice(end * 1_000_000_000));
            let mut steps: Vec<i64> = steps.collect();
            steps.extend(clock.finish());
            steps
        };
        assert!(seconds(&[1, 3, 2, 4, 2, 5, 1, 6]).is_empty());
        assert_eq!(
            seconds(&[7200, 7201, 3602, 3603, 3604]),
            [-3_599_000_000_000]
        );
        assert_eq!(seconds(&[7200, 7201, 3602]), [-3_599_000_000_000]);
    }

    #[test]
    fn an_end_after_midnight_is_the_next_days() {
        let mut clock = LocalClock::new(None);
        let start = time("23:59:59.900");
        let start_ns = clock.ns(start);
        let end_ns = clock.end_ns(start, start_ns, time("00:00:00.100"));
        assert_eq!(end_ns - start_ns, 200_000_000);
    }
}
