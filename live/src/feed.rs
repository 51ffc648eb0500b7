//! The last windows and what went on in them, for those who look on.

use std::collections::VecDeque;

use crate::archive::MOST_RECENT;
use crate::episodes::{Episode, Episodes};
use crate::period::Period;
use crate::rollup::Rollup;
use crate::verdict::Verdict;

/// Episodes that are kept.
const MOST_EPISODES: usize = 50;
/// Windows of an episode that are kept.
const MOST_WINDOWS: usize = 100;

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
    /// Windows that have requests of it, with how many.
    pub(crate) windows: Vec<(Period, u64)>,
}

impl Feed {
    /// What an earlier start has written: its last windows, and the slow requests of them. `episodes` are of nothing yet.
    pub fn of_earlier(
        rollups: Vec<Rollup>,
        verdicts: &[(Period, Verdict)],
        mut episodes: Episodes,
    ) -> Self {
        let mut feed = Self::default();
        for rollup in rollups {
            let of_window = verdicts.iter().filter(|(it, _)| *it == rollup.period);
            let entered: Vec<Verdict> = of_window.map(|(_, it)| it.clone()).collect();
            episodes.enter(&rollup.period, &entered);
            feed.enter(rollup, &entered, &episodes.open());
        }
        feed.end();
        feed.series += 1;
        feed
    }

    /// Takes a window in, with the slow requests that were entered with it, and the episodes that go on after it.
    pub fn enter(&mut self, rollup: Rollup, entered: &[Verdict], open: &[Episode]) {
        self.revision += 1;
        for seen in &mut self.episodes {
            seen.is_open = false;
        }
        for episode in open {
            self.see(episode, &rollup.period, entered);
        }
        while self.episodes.len() > MOST_EPISODES {
            self.episodes.pop_front();
        }
        self.windows.push_back(rollup);
        if self.windows.len() > MOST_RECENT {
            self.windows.pop_front();
        }
    }

    fn see(&mut self, episode: &Episode, window: &Period, entered: &[Verdict]) {
        let is_it = |seen: &&mut SeenEpisode| {
            seen.series == self.series && seen.episode.number == episode.number
        };
        let seen = match self.episodes.iter_mut().find(is_it) {
            Some(seen) => seen,
            None => {
                self.episodes.push_back(SeenEpisode {
                    series: self.series,
                    episode: episode.clone(),
                    is_open: true,
                    windows: Vec::new(),
                });
                let Some(seen) = self.episodes.back_mut() else {
                    return;
                };
                seen
            }
        };
        (seen.episode, seen.is_open) = (episode.clone(), true);
        let of_it = entered
            .iter()
            .filter(|it| it.text("root") == episode.root)
            .count() as u64;
        if of_it > 0 && seen.windows.len() < MOST_WINDOWS {
            seen.windows.push((*window, of_it));
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
        feed.enter(rollup, verdicts, &episodes.open());
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
        assert_eq!(seen[1].windows, [(window(0), 1), (window(10), 2)]);
        assert_eq!(seen[1].episode.requests, 3);
        assert!(seen.iter().all(|it| it.is_open));
        // Long after.
        enter(&mut feed, &mut episodes, 40, &[]);
        assert!(feed.episodes().all(|it| !it.is_open));

        let rollups: Vec<Rollup> = feed.windows().cloned().collect();
        let verdicts = [(window(0), slow(9, "pause"))];
        let before = Episodes::new(1, 10 * SECOND);
        let mut feed = Feed::of_earlier(rollups, &verdicts, before);
        assert_eq!(feed.episodes().count(), 1);
        assert!(feed.episodes().all(|it| !it.is_open));
        let mut episodes = Episodes::new(1, 10 * SECOND);
        enter(&mut feed, &mut episodes, 50, &[slow(51, "pause")]);
        assert_eq!(feed.episodes().count(), 2);
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
