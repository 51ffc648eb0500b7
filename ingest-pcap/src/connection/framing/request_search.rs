//! How requests are found again after bytes were lost, and where a capture begins in mid-stream.
//!
//! Places where a request may begin are kept with the evidence for them until it is enough: the bytes
//! from there on are then read again, as far as they were kept. However long it takes, a search goes
//! on; what it holds is bounded.

use std::collections::VecDeque;

use super::candidate::{Candidate, ENOUGH, FIXED_BYTES, Head, Known, Reading};
use crate::connection::piece::Piece;

/// Bytes that are kept to be read again.
const MOST_KEPT: usize = 128 << 10;

/// Pieces that are kept.
const MOST_PIECES: usize = 512;

/// Places that are looked at together.
const MOST_CANDIDATES: usize = 64;

/// What was on the wire, to be read again.
#[derive(Debug)]
pub(super) enum Content {
    Bytes(Vec<u8>),
    /// So many bytes that are not there; whether the packet that had them was seen.
    Missing {
        bytes: u64,
        is_seen: bool,
    },
}

impl Content {
    fn size(&self) -> u64 {
        match self {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::Missing { bytes, .. } => *bytes,
        }
    }
}

/// A piece of the direction, kept.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) content: Content,
    pub(super) time: i64,
    pub(super) position: u64,
}

/// A request that was found: where it begins, since the search began.
#[derive(Debug, Clone)]
pub(in crate::connection) struct Found {
    pub(in crate::connection) start: u64,
    pub(in crate::connection) size: u64,
    candidate: Candidate,
}

impl Found {
    pub(in crate::connection) fn correlation_id(&self) -> i32 {
        self.candidate.head.correlation_id
    }

    /// Whether the request behind it was seen too.
    pub(in crate::connection) fn is_followed(&self) -> bool {
        self.candidate.is_followed
    }
}

/// The search for the next request of a direction.
#[derive(Debug, Default)]
pub(in crate::connection) struct RequestSearch {
    /// Bytes that have come.
    at: u64,
    /// Where the last piece began.
    piece_start: u64,
    /// Times of the first and the last of them.
    times: Option<(i64, i64)>,
    /// The last bytes, which may be the beginning of a header.
    tail: Vec<u8>,
    candidates: Vec<Candidate>,
    /// The last pieces, up to `at`, their bytes, and when what came before them was seen last.
    kept: VecDeque<Kept>,
    kept_from: u64,
    kept_bytes: usize,
    dropped_time: i64,
    /// Bytes that are accounted for as held.
    pub(super) accounted: usize,
}

impl RequestSearch {
    /// Bytes that have come since the search began.
    pub(in crate::connection) fn at(&self) -> u64 {
        self.at
    }

    /// When they came.
    pub(super) fn times(&self) -> Option<(i64, i64)> {
        self.times
    }

    pub(super) fn held_bytes(&self) -> usize {
        let heads = self.candidates.iter().map(|c| c.bytes.len());
        self.kept_bytes
            .saturating_add(self.tail.len())
            .saturating_add(heads.sum())
            .saturating_add(self.kept.len().saturating_mul(size_of::<Kept>()))
    }

    fn note_time(&mut self, time: i64) {
        let (first, last) = self.times.unwrap_or((time, time));
        self.times = Some((first, last.max(time)));
    }

    /// Takes the next bytes; `is_whole` says that they begin where their segment begins.
    pub(in crate::connection) fn take(
        &mut self,
        rest: &[u8],
        is_whole: bool,
        piece: Piece<'_>,
        known: Known<'_>,
    ) -> Option<Found> {
        self.note_time(piece.time);
        let before = self.at;
        self.at = before.saturating_add(rest.len() as u64);
        if is_whole {
            self.piece_start = before;
        }
        let tail = std::mem::take(&mut self.tail);
        let joined;
        let bytes = if tail.is_empty() {
            rest
        } else {
            joined = [&tail, rest].concat();
            &joined
        };
        let base = before.saturating_sub(tail.len() as u64);
        let found = self.scan(bytes, base, before, is_whole, piece, known);
        match &found {
            // It will be read from the piece itself.
            Some(found) if found.start >= before => return Some(found.clone()),
            _ => {}
        }
        let tail_start = self.at.saturating_sub(self.tail.len() as u64);
        let first = self.candidates.iter().map(|c| c.start).min();
        let from = found.as_ref().map(|found| found.start);
        let from = from.into_iter().chain(first).fold(tail_start, u64::min);
        if from == self.at {
            self.kept.clear();
            self.kept_bytes = 0;
            return None;
        }
        self.keep(
            Kept {
                content: Content::Bytes(rest.to_vec()),
                time: piece.time,
                position: piece.position,
            },
            from,
        );
        found.or_else(|| self.ended_exactly())
    }

    /// Looks at every place in `bytes`, which begin at `base`.
    fn scan(
        &mut self,
        bytes: &[u8],
        base: u64,
        before: u64,
        is_whole: bool,
        piece: Piece<'_>,
        known: Known<'_>,
    ) -> Option<Found> {
        let mut short = None;
        let mut next_end = self.next_end(base);
        for (index, &first) in bytes.iter().enumerate() {
            let offset = base.saturating_add(index as u64);
            let is_end = next_end == Some(offset);
            // Lengths are below 512 MiB.
            if first > 0x20 && !is_end {
                continue;
            }
            let reading = Head::read(bytes.get(index..).unwrap_or_default());
            if is_end {
                next_end = self.next_end(offset.saturating_add(1));
            }
            match reading {
                Reading::No => {
                    if is_end {
                        self.candidates
                            .retain(|c| c.is_followed || c.end() != offset);
                    }
                }
                Reading::Short => short = short.or(Some(index)),
                Reading::Head(head) => {
                    if is_end && let Some(found) = self.followed(offset, &head) {
                        return Some(found);
                    }
                    if self.candidates.iter().any(|c| c.start == offset) {
                        continue;
                    }
                    let is_boundary = if offset < before {
                        offset == self.piece_start
                    } else {
                        is_whole && offset == before
                    };
                    let score = Candidate::first_score(&head, is_boundary, known);
                    let candidate = Candidate {
                        start: offset,
                        bytes: bytes
                            .get(index..index.saturating_add(head.bytes))
                            .unwrap_or_default()
                            .to_vec(),
                        head,
                        time: self.time_at(offset).unwrap_or(piece.time),
                        position: piece.position,
                        is_boundary,
                        score,
                        is_followed: false,
                    };
                    if score >= ENOUGH {
                        return Some(found(candidate));
                    }
                    if let Some(end) = self.add(candidate)
                        && end > offset
                    {
                        next_end = Some(next_end.map_or(end, |next| next.min(end)));
                    }
                }
            }
        }
        if let Some(short) = short {
            self.tail = bytes.get(short..).unwrap_or_default().to_vec();
        }
        None
    }

    /// When the byte at `offset` came, if its piece is kept.
    fn time_at(&self, offset: u64) -> Option<i64> {
        let mut start = self.kept_from;
        for kept in &self.kept {
            let end = start.saturating_add(kept.content.size());
            if (start..end).contains(&offset) {
                return Some(kept.time);
            }
            start = end;
        }
        None
    }

    /// The nearest end of a candidate, at `from` or behind it.
    fn next_end(&self, from: u64) -> Option<u64> {
        self.candidates
            .iter()
            .filter(|c| !c.is_followed)
            .map(Candidate::end)
            .filter(|&end| end >= from)
            .min()
    }

    /// Keeps a candidate; its end, when it was kept.
    fn add(&mut self, candidate: Candidate) -> Option<u64> {
        let end = candidate.end();
        if self.candidates.len() >= MOST_CANDIDATES {
            // The one with the least evidence goes, and of those the one that ends last.
            let worst = self
                .candidates
                .iter()
                .enumerate()
                .min_by_key(|(_, c)| (c.score, std::cmp::Reverse(c.end())))
                .map(|(index, c)| (index, c.score, c.end()))?;
            if (candidate.score, std::cmp::Reverse(end)) <= (worst.1, std::cmp::Reverse(worst.2)) {
                return None;
            }
            self.candidates.swap_remove(worst.0);
        }
        self.candidates.push(candidate);
        Some(end)
    }

    /// A request begins right behind those candidates that end at `offset`.
    fn followed(&mut self, offset: u64, next: &Head) -> Option<Found> {
        self.candidates
            .retain_mut(|c| c.is_followed || c.end() != offset || c.is_followed_by(next));
        self.best(|c| c.end() == offset)
    }

    /// Of the candidates that have enough evidence and fulfil a condition, the best, and the first.
    fn best(&self, condition: impl Fn(&Candidate) -> bool) -> Option<Found> {
        self.candidates
            .iter()
            .filter(|c| c.score >= ENOUGH && condition(c))
            .max_by_key(|c| (c.score, std::cmp::Reverse(c.start)))
            .cloned()
            .map(found)
    }

    /// The segment's end is the end of what ends here.
    fn ended_exactly(&mut self) -> Option<Found> {
        let at = self.at;
        for candidate in &mut self.candidates {
            if candidate.end() == at && !candidate.is_followed {
                candidate.ends_exactly();
            }
        }
        self.best(|c| c.end() == at)
    }

    /// Bytes that are not there: of a packet that was cut, or of packets that were not captured.
    pub(in crate::connection) fn miss(
        &mut self,
        bytes: u64,
        seen: Option<i64>,
        position: u64,
        known: Known<'_>,
    ) -> Option<Found> {
        let time = seen.or(self.times.map(|(_, last)| last)).unwrap_or(0);
        self.note_time(time);
        let before = self.at;
        self.at = before.saturating_add(bytes);
        let tail = std::mem::take(&mut self.tail);
        let base = before.saturating_sub(tail.len() as u64);
        // A header whose client id was cut off.
        for index in 0..tail.len().saturating_sub(FIXED_BYTES.saturating_sub(1)) {
            let here = tail.get(index..).unwrap_or_default();
            let start = base.saturating_add(index as u64);
            let Some(head) = Head::read_cut(here) else {
                continue;
            };
            if self.candidates.iter().any(|c| c.start == start) {
                continue;
            }
            let is_boundary = start == self.piece_start;
            let score = Candidate::first_score(&head, is_boundary, known);
            self.add(Candidate {
                start,
                bytes: here.to_vec(),
                head,
                time: self.time_at(start).unwrap_or(time),
                position,
                is_boundary,
                score,
                is_followed: false,
            });
        }
        self.keep(
            Kept {
                content: Content::Missing {
                    bytes,
                    is_seen: seen.is_some(),
                },
                time,
                position,
            },
            self.at,
        );
        let found = match seen {
            Some(_) => self.ended_exactly(),
            None => None,
        };
        // What is behind those that end in the hole cannot be looked at any more.
        let at = self.at;
        for candidate in &mut self.candidates {
            candidate.is_followed |= candidate.end() < at;
        }
        found
    }

    /// A segment of the other direction begins with a response to this correlation id.
    pub(in crate::connection) fn answered(
        &mut self,
        id: i32,
        is_exact: bool,
        time: i64,
    ) -> Option<Found> {
        let at = self.at;
        self.candidates
            .iter()
            .filter(|c| {
                c.head.correlation_id == id
                    && c.end() <= at
                    && c.time <= time
                    && c.score_answered(is_exact) >= ENOUGH
            })
            .max_by_key(|c| (c.score, std::cmp::Reverse(c.start)))
            .cloned()
            .map(found)
    }

    /// Keeps a piece, and nothing before the first candidate or `from`.
    fn keep(&mut self, piece: Kept, from: u64) {
        let first = self.candidates.iter().map(|c| c.start).min();
        let from = first.map_or(from, |first| first.min(from));
        if from >= self.at {
            self.kept.clear();
            self.kept_bytes = 0;
            return;
        }
        if self.kept.is_empty() {
            self.kept_from = self.at.saturating_sub(piece.content.size());
        }
        if let Content::Bytes(bytes) = &piece.content {
            self.kept_bytes = self.kept_bytes.saturating_add(bytes.len());
        }
        self.kept.push_back(piece);
        while let Some(oldest) = self.kept.front() {
            let end = self.kept_from.saturating_add(oldest.content.size());
            let is_needed = end > from;
            let is_too_much = self.kept_bytes > MOST_KEPT || self.kept.len() > MOST_PIECES;
            if is_needed && !is_too_much {
                return;
            }
            self.dropped_time = self.dropped_time.max(oldest.time);
            if let Content::Bytes(bytes) = &oldest.content {
                self.kept_bytes = self.kept_bytes.saturating_sub(bytes.len());
            }
            self.kept_from = end;
            self.kept.pop_front();
        }
    }

    /// What is to be read again from a request that was found on: its header, then what was kept.
    pub(super) fn replay(self, found: Found) -> Vec<Kept> {
        let mut pieces = Vec::new();
        let mut at = found.start;
        let candidate = found.candidate;
        if self.kept_from > at {
            at = at.saturating_add(candidate.bytes.len() as u64);
            pieces.push(Kept {
                content: Content::Bytes(candidate.bytes),
                time: candidate.time,
                position: candidate.position,
            });
            if self.kept_from > at {
                pieces.push(Kept {
                    content: Content::Missing {
                        bytes: self.kept_from.saturating_sub(at),
                        is_seen: true,
                    },
                    time: self.dropped_time,
                    position: candidate.position,
                });
                at = self.kept_from;
            }
        }
        let mut start = self.kept_from;
        for mut kept in self.kept {
            let size = kept.content.size();
            let end = start.saturating_add(size);
            // What begins before: only its end.
            let skip = at.saturating_sub(start).min(size);
            match &mut kept.content {
                Content::Bytes(bytes) => {
                    bytes.drain(..usize::try_from(skip).unwrap_or(usize::MAX).min(bytes.len()));
                }
                Content::Missing { bytes, .. } => *bytes = bytes.saturating_sub(skip),
            }
            if end > at {
                pieces.push(kept);
            }
            start = end;
        }
        pieces
    }
}

fn found(candidate: Candidate) -> Found {
    Found {
        start: candidate.start,
        size: candidate.head.size,
        candidate,
    }
}
