//! Which stretches of time are dumped, by when something was too slow.
//!
//! What is too slow again within a stretch belongs to it; what comes behind it has one of its own, also while the
//! first is being written.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use crate::stretch::Stretch;

/// Stretches that are dumped at most in a day.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Stretches that wait to be dumped; more are left out, and counted.
const MOST_WAITING: usize = 16;

/// How stretches are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSettings {
    /// Time before.
    pub before: Duration,
    /// Time after.
    pub after: Duration,
    /// Stretches of 24 hours at most.
    pub most_a_day: usize,
}

/// The stretches that wait for their end, or to be dumped.
#[derive(Debug)]
pub struct Windows {
    settings: WindowSettings,
    waiting: VecDeque<Window>,
    begun: VecDeque<SystemTime>,
    left_out: u64,
}

/// A stretch that is to be dumped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Its time.
    pub stretch: Stretch,
    /// What was first too slow in it.
    pub why: String,
    /// How often something was too slow in it.
    pub count: u64,
}

impl Windows {
    /// None yet.
    pub fn new(settings: WindowSettings) -> Self {
        Self {
            settings,
            waiting: VecDeque::new(),
            begun: VecDeque::new(),
            left_out: 0,
        }
    }

    /// Something that took some time was too slow, as was seen at `time`. Returns whether it has a stretch.
    pub fn fire(&mut self, time: SystemTime, took: Duration, why: &str) -> bool {
        if let Some(window) = self.waiting.back_mut()
            && time <= window.stretch.to
        {
            window.count = window.count.saturating_add(1);
            return true;
        }
        while self
            .begun
            .front()
            .is_some_and(|begun| time.duration_since(*begun).is_ok_and(|age| age >= DAY))
        {
            self.begun.pop_front();
        }
        if self.begun.len() >= self.settings.most_a_day || self.waiting.len() >= MOST_WAITING {
            self.left_out = self.left_out.saturating_add(1);
            return false;
        }
        self.begun.push_back(time);
        let start = time.checked_sub(took).unwrap_or(time);
        self.waiting.push_back(Window {
            stretch: Stretch {
                from: start.checked_sub(self.settings.before).unwrap_or(start),
                to: time + self.settings.after,
            },
            why: why.to_owned(),
            count: 1,
        });
        true
    }

    /// The next stretch that is over.
    pub fn due(&mut self, now: SystemTime) -> Option<Window> {
        let is_over = self.waiting.front().is_some_and(|it| it.stretch.to <= now);
        is_over.then(|| self.waiting.pop_front()).flatten()
    }

    /// All that wait, over or not, when the recording ends.
    pub fn rest(&mut self, now: SystemTime) -> Vec<Window> {
        let rest = self.waiting.drain(..).map(|mut window| {
            window.stretch.to = window.stretch.to.min(now);
            window
        });
        rest.collect()
    }

    /// How often something was too slow and has no stretch, because there were too many.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn windows(most_a_day: usize) -> (Windows, SystemTime) {
        let settings = WindowSettings {
            before: seconds(20),
            after: seconds(5),
            most_a_day,
        };
        (
            Windows::new(settings),
            SystemTime::UNIX_EPOCH + seconds(1_700_000_000),
        )
    }

    #[test]
    fn what_comes_within_a_stretch_belongs_to_it_and_what_comes_behind_has_its_own() {
        let (mut windows, begun) = windows(10);
        assert!(windows.fire(begun, seconds(2), "a"));
        assert!(windows.fire(begun + seconds(5), seconds(1), "b"));
        assert_eq!(windows.due(begun + seconds(4)), None);
        assert!(windows.fire(begun + seconds(6), seconds(1), "c"));
        let first = windows.due(begun + seconds(6)).unwrap();
        assert_eq!((first.why.as_str(), first.count), ("a", 2));
        assert_eq!(
            first.stretch,
            Stretch {
                from: begun - seconds(22),
                to: begun + seconds(5)
            }
        );
        // Its time is not over.
        assert_eq!(windows.due(begun + seconds(10)), None);
        assert_eq!(windows.due(begun + seconds(11)).unwrap().why, "c");
        assert_eq!(windows.due(begun + seconds(99)), None);
    }

    #[test]
    fn there_are_so_many_a_day_and_the_others_are_counted() {
        let (mut windows, begun) = windows(2);
        for hour in 0..4 {
            let time = begun + seconds(hour * 3600);
            assert_eq!(windows.fire(time, seconds(1), "x"), hour < 2);
            windows.due(time + seconds(5));
        }
        assert_eq!(windows.left_out(), 2);
        assert!(windows.fire(begun + DAY, seconds(1), "x"));
    }

    #[test]
    fn at_the_end_what_waits_is_cut_there() {
        let (mut windows, begun) = windows(2);
        windows.fire(begun, seconds(1), "x");
        let rest = windows.rest(begun + seconds(1));
        assert_eq!(rest[0].stretch.to, begun + seconds(1));
        assert!(windows.rest(begun).is_empty());
    }
}
