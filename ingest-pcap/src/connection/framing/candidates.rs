//! The places where a request may begin that are looked at together.

use super::candidate::{Candidate, ENOUGH, Head};

/// Places that are looked at together.
const MOST: usize = 64;

/// Places where a request may begin, in no order.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    list: Vec<Candidate>,
}

impl Candidates {
    /// Bytes of the headers that they hold.
    pub(super) fn held_bytes(&self) -> usize {
        self.list.iter().map(|c| c.bytes.len()).sum()
    }

    /// Where the first of them begins.
    pub(super) fn first_start(&self) -> Option<u64> {
        self.list.iter().map(|c| c.start).min()
    }

    pub(super) fn has_start(&self, start: u64) -> bool {
        self.list.iter().any(|c| c.start == start)
    }

    /// The nearest end of one whose end was not looked at, at `from` or behind it.
    pub(super) fn next_end(&self, from: u64) -> Option<u64> {
        self.list
            .iter()
            .filter(|c| !c.is_followed)
            .map(Candidate::end)
            .filter(|&end| end >= from)
            .min()
    }

    /// Keeps a candidate; its end, when it was kept.
    pub(super) fn add(&mut self, candidate: Candidate) -> Option<u64> {
        let end = candidate.end();
        if self.list.len() >= MOST {
            // The one with the least evidence goes, and of those the one that ends last.
            let worst = self
                .list
                .iter()
                .enumerate()
                .min_by_key(|(_, c)| (c.score, std::cmp::Reverse(c.end())))
                .map(|(index, c)| (index, c.score, c.end()))?;
            if (candidate.score, std::cmp::Reverse(end)) <= (worst.1, std::cmp::Reverse(worst.2)) {
                return None;
            }
            self.list.swap_remove(worst.0);
        }
        self.list.push(candidate);
        Some(end)
    }

    /// No request begins at `place`: nor one that ends there.
    pub(super) fn not_followed(&mut self, place: u64) {
        self.list.retain(|c| c.is_followed || c.end() != place);
    }

    /// A request begins right behind those that end at `place`; the best of them.
    pub(super) fn followed(&mut self, place: u64, next: &Head) -> Option<Candidate> {
        self.list
            .retain_mut(|c| c.is_followed || c.end() != place || c.is_followed_by(next));
        self.best(|c| c.end() == place)
    }

    /// A segment ends at `place`, as those do that end there; the best of them.
    pub(super) fn ended_exactly(&mut self, place: u64) -> Option<Candidate> {
        for candidate in &mut self.list {
            if candidate.end() == place && !candidate.is_followed {
                candidate.ends_exactly();
            }
        }
        self.best(|c| c.end() == place)
    }

    /// What is behind those that end before `place` cannot be looked at any more.
    pub(super) fn passed(&mut self, place: u64) {
        for candidate in &mut self.list {
            candidate.is_followed |= candidate.end() < place;
        }
    }

    /// The best of those that end at `place` or before it and that a response to this correlation id
    /// answers, at this time.
    pub(super) fn answered(
        &self,
        place: u64,
        id: i32,
        is_exact: bool,
        time: i64,
    ) -> Option<Candidate> {
        best_of(self.list.iter().filter(|c| {
            c.head.correlation_id == id
                && c.end() <= place
                && c.time <= time
                && c.score_answered(is_exact) >= ENOUGH
        }))
    }

    /// Of the candidates that have enough evidence and fulfil a condition, the best.
    fn best(&self, condition: impl Fn(&Candidate) -> bool) -> Option<Candidate> {
        let fit = |c: &&Candidate| c.score >= ENOUGH && condition(c);
        best_of(self.list.iter().filter(fit))
    }
}

/// The one with the most evidence, and the first of those.
fn best_of<'a>(candidates: impl Iterator<Item = &'a Candidate>) -> Option<Candidate> {
    candidates
        .max_by_key(|c| (c.score, std::cmp::Reverse(c.start)))
        .cloned()
}
