//! The last windows and what went on in them, for those who look on.

use std::collections::VecDeque;

use crate::archive::MOST_RECENT;
use crate::episodes::{Episode, Episodes};
use crate::period::Period;
use crate::rollup::Rollup;
use crate::verdict::Verdict;

/// Episodes that are kept.
const MOST_EPISODES: usize = 50;

/// The last windows, and the episodes of them.
#[derive(Debug, Default)]
pub struct Feed {
    windows: VecDeque<Rollup>,
    episodes: VecDeque<SeenEpisode>,
    /// Numbers of episodes begin anew with each recorder of them.
    series: u64,
    revision: u64,
}

/// An episode, and where it was seen.
#[derive(Debug, Clone)]
pub(crate) struct SeenEpisode {
    series: u64,
    pub(crate) episode: Episode,
    pub(crate) is_open: bool,
}

impl Feed {
    /// What earlier starts have written: the last windows, and the episodes of all whose slow requests are given
    /// ([`Feed::enter_earlier`]).
    pub fn of_earlier(rollups: Vec<Rollup>) -> Self {
        let mut feed = Self::default();
        for rollup in rollups {
            feed.enter(rollup, &[]);
        }
        feed
    }

    /// Takes in the slow requests of a window of an earlier start; windows come in the order of time, and `episodes` are of
    /// those before it alone.
    pub fn enter_earlier(
        &mut self,
        window: &Period,
        verdicts: &[Verdict],
        episodes: &mut Episodes,
    ) {
        episodes.enter(window, verdicts);
        self.see_all(&episodes.open());
    }

    /// Nothing more of earlier starts comes.
    pub fn end_earlier(&mut self) {
        self.end();
        self.series += 1;
    }

    /// Takes a window in, with the episodes that go on after it.
    pub fn enter(&mut self, rollup: Rollup, open: &[Episode]) {
        self.see_all(open);
        self.windows.push_back(rollup);
        if self.windows.len() > MOST_RECENT {
            self.windows.pop_front();
        }
    }

    fn see_all(&mut self, open: &[Episode]) {
        self.revision += 1;
        for seen in &mut self.episodes {
            seen.is_open = false;
        }
        for episode in open {
            self.see(episode);
        }
        while self.episodes.len() > MOST_EPISODES {
            self.episodes.pop_front();
        }
    }

    fn see(&mut self, episode: &Episode) {
        let is_it = |seen: &&mut SeenEpisode| {
            seen.series == self.series && seen.episode.number == episode.number
        };
        match self.episodes.iter_mut().find(is_it) {
            Some(seen) => (seen.episode, seen.is_open) = (episode.clone(), true),
            None => self.episodes.push_back(SeenEpisode {
                series: self.series,
                episode: episode.clone(),
                is_open: true,
            }),
        }
    }

    /// Nothing goes on any more: the recording has ended.
    pub fn end(&mut self) {
        self.revision += 1;
        for seen in &mut self.episodes {
            seen.is_open = false;
        }
    }

    /// A number that grows with each change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub(crate) fn windows(&self) -> impl DoubleEndedIterator<Item = &Rollup> {
        self.windows.iter()
    }

    /// The last first.
    pub(crate) fn episodes(&self) -> impl Iterator<Item = &SeenEpisode> {
        self.episodes.iter().rev()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollup::Outcome;
    use serde_json::json;

    const SECOND: i64 = 1_000_000_000;

    fn window(from_s: i64) -> Period {
        Period {
            from_ns: from_s * SECOND,
            to_ns: (from_s + 10) * SECOND,
        }
    }

    fn slow(end_s: i64, root: &str) -> Verdict {
        let row =
            json!({ "root": root, "cause": root, "end_ns": end_s * SECOND, "latency_ms": 100.0 });
        Verdict(row.as_object().unwrap().clone())
    }

    fn enter(feed: &mut Feed, episodes: &mut Episodes, from_s: i64, verdicts: &[Verdict]) {
        let period = window(from_s);
        episodes.enter(&period, verdicts);
        let rollup = Rollup::without(period, Outcome::Accounted);
        feed.enter(rollup, &episodes.open());
    }

    #[test]
    fn an_episode_has_the_windows_that_it_was_seen_in_and_one_of_a_later_start_is_another() {
        let mut feed = Feed::default();
        let mut episodes = Episodes::new(1, 10 * SECOND);
        enter(&mut feed, &mut episodes, 0, &[slow(9, "pause")]);
        let both = [slow(11, "pause"), slow(12, "pause"), slow(12, "cpu")];
        enter(&mut feed, &mut episodes, 10, &both);
        let seen: Vec<_> = feed.episodes().collect();
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[0].episode.root, "cpu");
        assert_eq!(seen[1].episode.windows, [(window(0), 1), (window(10), 2)]);
        assert_eq!(seen[1].episode.requests, 3);
        assert!(seen.iter().all(|it| it.is_open));
        // Long after.
        enter(&mut feed, &mut episodes, 40, &[]);
        assert!(feed.episodes().all(|it| !it.is_open));

        let rollups: Vec<Rollup> = feed.windows().cloned().collect();
        let mut feed = Feed::of_earlier(rollups);
        let mut before = Episodes::new(1, 10 * SECOND);
        // Those of long before the windows that are shown, too.
        for from_s in [-7200, -7190, 0] {
            let slow = [slow(from_s + 9, "pause")];
            feed.enter_earlier(&window(from_s), &slow, &mut before);
        }
        feed.end_earlier();
        assert_eq!(feed.windows().count(), 3);
        let requests: Vec<u64> = feed.episodes().map(|it| it.episode.requests).collect();
        assert_eq!(requests, [1, 2]);
        assert!(feed.episodes().all(|it| !it.is_open));
        let mut episodes = Episodes::new(1, 10 * SECOND);
        enter(&mut feed, &mut episodes, 50, &[slow(51, "pause")]);
        assert_eq!(feed.episodes().count(), 3);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut feed = Feed::default();
        let mut episodes = Episodes::new(1, 10 * SECOND);
        for number in 0..1000 {
            // Each is over when the next begins.
            let from_s = number * 30;
            enter(
                &mut feed,
                &mut episodes,
                from_s,
                &[slow(from_s + 1, "pause")],
            );
        }
        assert_eq!(feed.windows().count(), MOST_RECENT);
        assert_eq!(feed.episodes().count(), MOST_EPISODES);
        assert_eq!(feed.revision(), 1000);
    }
}
