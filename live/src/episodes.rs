//! Episodes over windows: a stretch of slow requests with one root, for as long as windows that follow each other have
//! some.
//!
//! Within a window `episode_requests` tells which requests belong together; the root of their verdicts (`slow_write`,
//! `pause`, …) is what goes on in the next. Causes are not: of one slow write some requests wait in a queue, others for a
//! lock.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use crate::period::{Period, text_of_time};
use crate::verdict::Verdict;

/// Requests and names that an episode tells as examples.
const MOST_EXAMPLES: usize = 5;
/// Names that are counted of an episode.
const MOST_NAMES: usize = 200;
/// Windows of an episode that are known: the last.
const MOST_WINDOWS: usize = 100;

/// A stretch of slow requests with one root.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Episode {
    /// Its number since the start.
    pub number: u64,
    /// What its requests waited for at the end of the chain, as in `blame`.
    pub root: String,
    /// The cause of most of them.
    pub cause: String,
    /// The mechanism behind most of them; empty where nothing shows one.
    pub reason: String,
    /// When the first of them was answered, in ns since 1970.
    pub first_end_ns: i64,
    /// When the last was.
    pub last_end_ns: i64,
    /// The same as text.
    pub first_end: String,
    /// How many there are.
    pub requests: u64,
    /// The longest latency.
    pub worst_ms: f64,
    /// Time that they waited for their causes, added up.
    pub waited_ms: f64,
    /// The APIs of most of them.
    pub apis: Vec<String>,
    /// The topics of most of them.
    pub topics: Vec<String>,
    /// The worst of the window that told of it, as ids in its store.
    pub request_ids: Vec<i64>,
    /// The last windows that have requests of it, with how many; those before it was told, too.
    #[serde(skip)]
    pub windows: Vec<(Period, u64)>,
}

#[derive(Debug, Default)]
struct Open {
    number: u64,
    is_told: bool,
    first_end_ns: i64,
    last_end_ns: i64,
    requests: u64,
    worst_ms: f64,
    waited_ms: f64,
    causes: BTreeMap<String, u64>,
    reasons: BTreeMap<String, u64>,
    apis: BTreeMap<String, u64>,
    topics: BTreeMap<String, u64>,
    examples: Vec<(f64, i64)>,
    windows: VecDeque<(Period, u64)>,
}

/// The episodes that go on.
#[derive(Debug)]
pub struct Episodes {
    /// So many requests are an episode.
    least: u64,
    /// So long without a slow request ends one, in ns.
    silence_ns: i64,
    begun: u64,
    open: BTreeMap<String, Open>,
}

impl Episodes {
    /// None yet. `least` requests make one, and `silence_ns` without any ends it.
    pub fn new(least: u64, silence_ns: i64) -> Self {
        Self {
            least: least.max(1),
            silence_ns,
            begun: 0,
            open: BTreeMap::new(),
        }
    }

    /// Takes the slow requests of a window in; the episodes that began with them.
    pub fn enter(&mut self, period: &Period, verdicts: &[Verdict]) -> Vec<Episode> {
        let silence = self.silence_ns;
        self.open
            .retain(|_, open| period.from_ns.saturating_sub(open.last_end_ns) < silence);
        for open in self.open.values_mut() {
            open.examples.clear();
        }
        for verdict in verdicts {
            let root = verdict.text("root").to_owned();
            self.open.entry(root).or_default().add(period, verdict);
        }
        let mut begun = Vec::new();
        for (root, open) in &mut self.open {
            if !open.is_told && open.requests >= self.least {
                self.begun += 1;
                (open.number, open.is_told) = (self.begun, true);
                begun.push(open.episode(root));
            }
        }
        begun
    }

    /// Those that go on and were told, as they are now.
    pub fn open(&self) -> Vec<Episode> {
        let told = self.open.iter().filter(|(_, open)| open.is_told);
        told.map(|(root, open)| open.episode(root)).collect()
    }

    /// Roots of those that go on.
    pub fn roots(&self) -> Vec<String> {
        let told = self.open.iter().filter(|(_, open)| open.is_told);
        told.map(|(root, _)| root.clone()).collect()
    }

    /// All that there was is over: the broker has ended.
    pub fn end(&mut self) {
        self.open.clear();
    }
}

impl Open {
    fn add(&mut self, period: &Period, verdict: &Verdict) {
        match self.windows.back_mut() {
            Some((last, count)) if last == period => *count += 1,
            _ => self.windows.push_back((*period, 1)),
        }
        if self.windows.len() > MOST_WINDOWS {
            self.windows.pop_front();
        }
        let end = verdict.end_ns();
        if self.requests == 0 {
            (self.first_end_ns, self.last_end_ns) = (end, end);
        }
        self.first_end_ns = self.first_end_ns.min(end);
        self.last_end_ns = self.last_end_ns.max(end);
        self.requests += 1;
        let latency = verdict.float("latency_ms").unwrap_or(0.0);
        self.worst_ms = self.worst_ms.max(latency);
        self.waited_ms += verdict.float("waited_ms").unwrap_or(0.0);
        for (counts, column) in [
            (&mut self.causes, "cause"),
            (&mut self.reasons, "reason"),
            (&mut self.apis, "api"),
            (&mut self.topics, "topic"),
        ] {
            let name = verdict.text(column);
            let is_known = counts.contains_key(name);
            if is_known || (!name.is_empty() && counts.len() < MOST_NAMES) {
                *counts.entry(name.to_owned()).or_default() += 1;
            }
        }
        let id = verdict.number("request_id").unwrap_or(0);
        self.examples.push((latency, id));
        self.examples
            .sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        self.examples.truncate(MOST_EXAMPLES);
    }

    fn episode(&self, root: &str) -> Episode {
        let first = |counts| most_of(counts).into_iter().next().unwrap_or_default();
        Episode {
            number: self.number,
            root: root.to_owned(),
            cause: first(&self.causes),
            reason: first(&self.reasons),
            first_end_ns: self.first_end_ns,
            last_end_ns: self.last_end_ns,
            first_end: text_of_time(self.first_end_ns),
            requests: self.requests,
            worst_ms: self.worst_ms,
            waited_ms: self.waited_ms,
            apis: most_of(&self.apis),
            topics: most_of(&self.topics),
            request_ids: self.examples.iter().map(|(_, id)| *id).collect(),
            windows: self.windows.iter().copied().collect(),
        }
    }
}

/// Names, the most frequent first.
fn most_of(counts: &BTreeMap<String, u64>) -> Vec<String> {
    let mut names: Vec<_> = counts.iter().collect();
    names.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    names.truncate(MOST_EXAMPLES);
    names.into_iter().map(|(name, _)| name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SECOND: i64 = 1_000_000_000;

    fn slow(end_s: i64, root: &str, cause: &str, latency_ms: f64) -> Verdict {
        let row = json!({
            "root": root, "cause": cause, "reason": "journal_commit", "api": "Produce", "topic": "orders",
            "latency_ms": latency_ms, "waited_ms": latency_ms / 2.0, "request_id": end_s, "end_ns": end_s * SECOND,
        });
        Verdict(row.as_object().unwrap().clone())
    }

    fn window(from_s: i64) -> Period {
        Period {
            from_ns: from_s * SECOND,
            to_ns: (from_s + 10) * SECOND,
        }
    }

    #[test]
    fn windows_that_follow_each_other_are_one_episode_and_one_after_a_silence_is_another() {
        let mut episodes = Episodes::new(2, 10 * SECOND);
        // Too few yet.
        let one = slow(9, "slow_write", "slow_write", 100.0);
        assert_eq!(episodes.enter(&window(0), &[one]), []);
        let behind = slow(11, "slow_write", "queued_behind_slow_write", 200.0);
        let other = slow(12, "pause", "pause", 90.0);
        let begun = episodes.enter(&window(10), &[behind.clone(), behind, other]);
        assert_eq!(begun.len(), 1);
        let episode = &begun[0];
        assert_eq!((episode.number, episode.requests), (1, 3));
        assert_eq!(episode.cause, "queued_behind_slow_write");
        assert_eq!(episode.first_end_ns, 9 * SECOND);
        assert_eq!(episode.request_ids, [11, 11]);
        // That before it was told, too.
        assert_eq!(episode.windows, [(window(0), 1), (window(10), 2)]);
        assert!((episode.worst_ms - 200.0).abs() < 1e-9);
        assert_eq!(episodes.roots(), ["slow_write"]);
        // It goes on, and is not told again.
        let more = slow(21, "slow_write", "slow_write", 100.0);
        assert_eq!(episodes.enter(&window(20), &[more]), []);
        assert_eq!(episodes.enter(&window(30), &[]), []);
        assert_eq!(episodes.enter(&window(40), &[]), []);
        assert_eq!(episodes.roots(), [""; 0]);
        let again = slow(51, "slow_write", "slow_write", 100.0);
        let begun = episodes.enter(&window(50), &[again.clone(), again]);
        assert_eq!((begun.len(), begun[0].number), (1, 2));
    }
}
