//! How requests are found again after bytes were lost, and where a capture begins in mid-stream.
//!
//! Places where a request may begin are kept with the evidence for them until it is enough: the bytes
//! from there on are then read again, as far as they were kept. However long it takes, a search goes
//! on; what it holds is bounded.

use super::candidate::{Candidate, ENOUGH, FIXED_BYTES, Head, Known, Reading};
use super::candidates::Candidates;
use super::kept::{Content, Kept, KeptPieces};
use crate::connection::piece::Piece;

/// A request that was found: where it begins, since the search began.
#[derive(Debug, Clone)]
pub(in crate::connection) struct Found {
    pub(in crate::connection) start: u64,
    pub(in crate::connection) size: u64,
    candidate: Candidate,
}

impl From<Candidate> for Found {
    fn from(candidate: Candidate) -> Self {
        Self {
            start: candidate.start,
            size: candidate.head.size,
            candidate,
        }
    }
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
    candidates: Candidates,
    /// The last pieces, up to `at`.
    kept: KeptPieces,
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
        self.kept
            .held_bytes()
            .saturating_add(self.tail.len())
            .saturating_add(self.candidates.held_bytes())
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
        let first = self.candidates.first_start();
        let from = found.as_ref().map(|found| found.start);
        let from = from.into_iter().chain(first).fold(tail_start, u64::min);
        if from == self.at {
            self.kept.clear();
            return None;
        }
        let piece = Kept {
            content: Content::Bytes(rest.to_vec()),
            time: piece.time,
            position: piece.position,
        };
        self.kept.push(piece, self.at, from);
        found.or_else(|| self.candidates.ended_exactly(self.at).map(Found::from))
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
        let mut next_end = self.candidates.next_end(base);
        for (index, &first) in bytes.iter().enumerate() {
            let offset = base.saturating_add(index as u64);
            let is_end = next_end == Some(offset);
            // Lengths are below 512 MiB.
            if first > 0x20 && !is_end {
                continue;
            }
            let reading = Head::read(bytes.get(index..).unwrap_or_default());
            if is_end {
                next_end = self.candidates.next_end(offset.saturating_add(1));
            }
            match reading {
                Reading::No => {
                    if is_end {
                        self.candidates.not_followed(offset);
                    }
                }
                Reading::Short => short = short.or(Some(index)),
                Reading::Head(head) => {
                    if is_end && let Some(best) = self.candidates.followed(offset, &head) {
                        return Some(best.into());
                    }
                    if self.candidates.has_start(offset) {
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
                        time: self.kept.time_at(offset).unwrap_or(piece.time),
                        position: piece.position,
                        is_boundary,
                        score,
                        is_followed: false,
                    };
                    if score >= ENOUGH {
                        return Some(candidate.into());
                    }
                    if let Some(end) = self.candidates.add(candidate)
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
            if self.candidates.has_start(start) {
                continue;
            }
            let is_boundary = start == self.piece_start;
            let score = Candidate::first_score(&head, is_boundary, known);
            self.candidates.add(Candidate {
                start,
                bytes: here.to_vec(),
                head,
                time: self.kept.time_at(start).unwrap_or(time),
                position,
                is_boundary,
                score,
                is_followed: false,
            });
        }
        let piece = Kept {
            content: Content::Missing {
                bytes,
                is_seen: seen.is_some(),
            },
            time,
            position,
        };
        let from = self.candidates.first_start().unwrap_or(self.at);
        self.kept.push(piece, self.at, from);
        let best = match seen {
            Some(_) => self.candidates.ended_exactly(self.at),
            None => None,
        };
        // What is behind those that end in the hole cannot be looked at any more.
        self.candidates.passed(self.at);
        best.map(Found::from)
    }

    /// A segment of the other direction begins with a response to this correlation id.
    pub(in crate::connection) fn answered(
        &self,
        id: i32,
        is_exact: bool,
        time: i64,
    ) -> Option<Found> {
        self.candidates
            .answered(self.at, id, is_exact, time)
            .map(Found::from)
    }

    /// What is to be read again from a request that was found on: its header, then what was kept.
    pub(super) fn replay(self, found: Found) -> Vec<Kept> {
        let candidate = found.candidate;
        let head = Kept {
            content: Content::Bytes(candidate.bytes),
            time: candidate.time,
            position: candidate.position,
        };
        self.kept.read_from(found.start, head)
    }
}
