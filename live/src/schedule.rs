//! Which windows there are, when each is over, and what of the recording its account needs.
//!
//! Windows follow each other without a gap or an overlap, so that each end of a request is in exactly one. A window is
//! looked at `lag` after its end: rows come late. Its recording begins before it, so that requests that began earlier
//! are whole: `lead` before, and before the oldest request that was open at the end of the last window that was
//! accounted for. Where windows before it are not accounted for yet, nothing is known of what was open at their ends,
//! and the recording has all of them. More than `longest` before is never looked at.

use std::collections::VecDeque;

use crate::period::Period;

const SECOND: i64 = 1_000_000_000;
/// What a window that ends early has of the time behind what was slow.
const BEHIND_SLOW: i64 = SECOND;
/// What a recording has before the oldest open request: what that waited for may have begun earlier.
const BEFORE_OPEN: i64 = 2 * SECOND;

/// How windows are made, in ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScheduleSettings {
    /// How long a window is.
    pub window_ns: i64,
    /// How late rows may come.
    pub lag_ns: i64,
    /// What a recording has before its window at least.
    pub lead_ns: i64,
    /// What it has at most: no request that takes longer is accounted for whole.
    pub longest_ns: i64,
}

/// A window whose rows are there, and from when on they are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The window.
    pub period: Period,
    /// What the recording of it has: from here to the window's end and the lag behind it.
    pub recorded: Period,
}

/// The windows, one after another.
#[derive(Debug)]
pub struct Schedule {
    settings: ScheduleSettings,
    open_from_ns: i64,
    open_to_ns: i64,
    last_early_ns: Option<i64>,
    /// When the next window is to end early: something was slow while rows of the last were waited for.
    next_end_ns: Option<i64>,
    /// Windows that ended and are not accounted for, and are not older than what is looked at.
    unknown: VecDeque<Period>,
    /// Since when the oldest request was open at the end of the last window that was accounted for.
    open_since_ns: Option<i64>,
}

impl Schedule {
    /// The first window begins now.
    pub fn new(settings: ScheduleSettings, now_ns: i64) -> Self {
        let mut schedule = Self {
            settings,
            open_from_ns: now_ns,
            open_to_ns: now_ns,
            last_early_ns: None,
            next_end_ns: None,
            unknown: VecDeque::new(),
            open_since_ns: None,
        };
        schedule.open(now_ns);
        schedule
    }

    /// Windows end at multiples of their length, and none is shorter than half of it but one that ends early.
    fn open(&mut self, from_ns: i64) {
        let window = self.settings.window_ns.max(1);
        let least = from_ns.saturating_add(window / 2);
        let behind = least.rem_euclid(window);
        self.open_from_ns = from_ns;
        self.open_to_ns = match behind {
            0 => least,
            _ => least.saturating_add(window - behind),
        };
        let early = self.next_end_ns.take();
        if let Some(early) = early.filter(|&it| from_ns < it && it < self.open_to_ns) {
            self.open_to_ns = early;
        }
    }

    /// Something was slow: the window ends a moment later, so that nobody waits for its end to be told. Once a
    /// window's length at most: an early end costs an account more.
    pub fn end_early(&mut self, now_ns: i64) {
        let window = self.settings.window_ns;
        let is_soon = |last: i64| now_ns.saturating_sub(last) < 2 * window;
        let end = now_ns.saturating_add(BEHIND_SLOW);
        if self.last_early_ns.is_some_and(is_soon) {
            return;
        }
        if end < self.open_to_ns {
            self.open_to_ns = end;
        } else if now_ns >= self.open_to_ns {
            self.next_end_ns = Some(end);
        } else {
            // It ends as soon.
            return;
        }
        self.last_early_ns = Some(now_ns);
    }

    /// The window that is over and whose rows have come.
    pub fn due(&mut self, now_ns: i64) -> Option<Due> {
        let is_due = self.open_to_ns.saturating_add(self.settings.lag_ns) <= now_ns;
        is_due.then(|| self.close(self.open_to_ns))
    }

    /// The window that is open when the recording ends; what has come is all that it gets.
    pub fn end(&mut self, now_ns: i64) -> Option<Due> {
        (now_ns > self.open_from_ns).then(|| self.close(now_ns.min(self.open_to_ns)))
    }

    fn close(&mut self, to_ns: i64) -> Due {
        let ScheduleSettings {
            lag_ns,
            lead_ns,
            longest_ns,
            ..
        } = self.settings;
        let period = Period {
            from_ns: self.open_from_ns,
            to_ns,
        };
        let earliest = period.from_ns.saturating_sub(longest_ns.max(lead_ns));
        self.unknown.retain(|it| it.to_ns > earliest);
        let first = self.unknown.front().copied().unwrap_or(period);
        let mut begin = first.from_ns.saturating_sub(lead_ns);
        if let Some(since) = self.open_since_ns {
            begin = begin.min(since.saturating_sub(BEFORE_OPEN));
        }
        let begin = begin.max(earliest);
        self.unknown.push_back(period);
        self.open(to_ns);
        Due {
            period,
            recorded: Period {
                from_ns: begin,
                to_ns: to_ns.saturating_add(lag_ns),
            },
        }
    }

    /// A window is accounted for; since when the oldest request was open at its end, if any was. One that never will be
    /// stays unknown until a later one is: what began in it may be open still.
    pub fn settled(&mut self, period: Period, open_since_ns: Option<i64>) {
        self.unknown.retain(|it| it.from_ns > period.from_ns);
        self.open_since_ns = open_since_ns;
    }

    /// Whether the window that is open is to come: the clock was set back.
    pub fn is_ahead_of(&self, now_ns: i64) -> bool {
        now_ns < self.open_from_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: ScheduleSettings = ScheduleSettings {
        window_ns: 10 * SECOND,
        lag_ns: 2 * SECOND,
        lead_ns: 5 * SECOND,
        longest_ns: 60 * SECOND,
    };

    fn schedule(at: i64) -> Schedule {
        Schedule::new(SETTINGS, at * SECOND)
    }

    fn in_seconds(period: Period) -> (i64, i64) {
        (period.from_ns / SECOND, period.to_ns / SECOND)
    }

    #[test]
    fn windows_follow_each_other_and_wait_for_late_rows() {
        let mut schedule = schedule(103);
        assert_eq!(schedule.due(111 * SECOND), None);
        let mut ends = Vec::new();
        for now in 112..=165 {
            if let Some(due) = schedule.due(now * SECOND) {
                ends.push((now, in_seconds(due.period)));
                schedule.settled(due.period, None);
            }
        }
        let expected = [(112, (103, 110)), (122, (110, 120)), (132, (120, 130))];
        assert_eq!(&ends[..3], expected);
        assert_eq!(ends.len(), 6);
    }

    #[test]
    fn a_recording_begins_before_what_was_open_and_no_earlier_than_the_longest() {
        let mut schedule = schedule(100);
        let first = schedule.due(112 * SECOND).unwrap();
        assert_eq!(in_seconds(first.recorded), (95, 112));
        // Nothing is known of the first: all of it is needed, to have what was open at its end.
        let second = schedule.due(122 * SECOND).unwrap();
        assert_eq!(in_seconds(second.recorded), (95, 122));
        schedule.settled(first.period, None);
        schedule.settled(second.period, Some(97 * SECOND));
        let third = schedule.due(132 * SECOND).unwrap();
        assert_eq!(in_seconds(third.recorded), (95, 132));
        schedule.settled(third.period, Some(SECOND));
        let fourth = schedule.due(142 * SECOND).unwrap();
        assert_eq!(in_seconds(fourth.recorded), (70, 142));
        schedule.settled(fourth.period, None);
        let fifth = schedule.due(152 * SECOND).unwrap();
        assert_eq!(in_seconds(fifth.recorded), (135, 152));
    }

    #[test]
    fn a_window_without_an_account_is_recorded_with_the_next_as_far_as_is_looked_at() {
        let mut schedule = schedule(100);
        let first = schedule.due(112 * SECOND).unwrap();
        schedule.settled(first.period, None);
        // These are skipped, or fail.
        for now in (122..=212).step_by(10) {
            let due = schedule.due(now * SECOND).unwrap();
            let begin = (now - 12 - 60).max(105);
            assert_eq!(in_seconds(due.recorded), (begin, now));
            assert!(schedule.unknown.len() <= 8);
        }
        let next = schedule.due(222 * SECOND).unwrap();
        schedule.settled(next.period, None);
        let known = schedule.due(232 * SECOND).unwrap();
        assert_eq!(in_seconds(known.recorded), (215, 232));
        assert!(schedule.is_ahead_of(229 * SECOND) && !schedule.is_ahead_of(230 * SECOND));
    }

    #[test]
    fn what_is_slow_ends_a_window_early_and_not_again_at_once() {
        let mut schedule = schedule(100);
        schedule.end_early(102 * SECOND);
        schedule.end_early(102 * SECOND);
        let first = schedule.due(105 * SECOND).unwrap();
        assert_eq!(in_seconds(first.period), (100, 103));
        schedule.settled(first.period, None);
        schedule.end_early(105 * SECOND);
        assert_eq!(schedule.due(111 * SECOND), None);
        let second = schedule.due(112 * SECOND).unwrap();
        assert_eq!(in_seconds(second.period), (103, 110));
        schedule.settled(second.period, None);
        let third = schedule.due(122 * SECOND).unwrap();
        assert_eq!(in_seconds(third.period), (110, 120));
        // A window that is nearly over ends as soon.
        schedule.end_early(129 * SECOND + 1);
        // What is slow while rows of a window are waited for is of the next.
        schedule.end_early(131 * SECOND);
        let fourth = schedule.due(132 * SECOND).unwrap();
        assert_eq!(in_seconds(fourth.period), (120, 130));
        let fifth = schedule.due(134 * SECOND).unwrap();
        assert_eq!(in_seconds(fifth.period), (130, 132));
    }

    #[test]
    fn at_the_end_the_open_window_is_cut_there() {
        let mut schedule = schedule(100);
        let last = schedule.end(104 * SECOND).unwrap();
        assert_eq!(in_seconds(last.period), (100, 104));
        assert_eq!(schedule.end(104 * SECOND), None);
    }
}
