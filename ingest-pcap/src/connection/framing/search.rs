//! How responses are found again after bytes were lost, and where a capture begins in mid-stream: by the
//! correlation ids of requests that wait for one. (Requests: [`super::request_search`].)

use super::{Framing, State};
use crate::connection::dialogue::Dialogue;
use crate::connection::header::{Evidence, Likeness, request_likeness, response_likeness};
use crate::connection::piece::{Piece, Side};
use crate::shared::Shared;

/// Within a segment, responses are looked for among so many waiting requests.
const SEARCH_DEPTH: usize = 8;

impl Framing {
    /// Whether a segment in the middle of a message begins another one, so that the length of the
    /// first must have been damaged.
    #[inline]
    pub(super) fn is_restart(&self, bytes: &[u8], dialogue: &Dialogue) -> bool {
        let Some(prefix) = bytes.first_chunk::<12>() else {
            return false;
        };
        let [l0, l1, l2, l3, r0, r1, r2, r3, c0, c1, c2, c3] = *prefix;
        match self.side {
            Side::Requests => {
                let correlation_id = i32::from_be_bytes([c0, c1, c2, c3]);
                let follows = self.request.as_ref().is_some_and(|request| {
                    let ahead = correlation_id.wrapping_sub(request.correlation_id);
                    (1..1000).contains(&ahead)
                });
                follows
                    && matches!(
                        request_likeness(bytes, dialogue.client_id.as_deref()),
                        Likeness::Message {
                            evidence: Evidence::Sure,
                            ..
                        }
                    )
            }
            Side::Responses => {
                let correlation_id = i32::from_be_bytes([r0, r1, r2, r3]);
                let length = u64::from(u32::from_be_bytes([l0, l1, l2, l3]));
                length.saturating_add(4) == bytes.len() as u64
                    && dialogue.is_waiting(correlation_id, 1)
            }
        }
    }

    /// Looks for a response's start.
    pub(super) fn search<'a>(
        &mut self,
        rest: &'a [u8],
        piece: Piece<'_>,
        dialogue: &mut Dialogue,
        shared: &mut Shared,
    ) -> &'a [u8] {
        if dialogue.waiting.is_empty() {
            self.clear_carry(shared);
            if dialogue.requests == 0 {
                dialogue.unrecognised(Side::Responses, rest.len() as u64, piece.time);
            }
            return &[];
        }
        let carried = self.carry.len();
        let joined;
        let bytes = if carried == 0 {
            rest
        } else {
            joined = [&self.carry, rest].concat();
            &joined
        };
        // A segment's first byte is where messages mostly begin.
        let boundary = (rest.len() == piece.bytes.len()).then_some(carried);
        let (start, is_short) = find(bytes, boundary, dialogue);
        self.skipped = self.skipped.saturating_add(start as u64);
        let found = bytes.get(start..).unwrap_or_default();
        if is_short {
            // May be a message's first bytes: looked at again with more.
            if start >= carried {
                self.first_time = piece.time;
                self.position = piece.position;
            }
            let held = found.to_vec();
            self.set_carry(&held, shared);
            return &[];
        }
        if found.is_empty() {
            self.clear_carry(shared);
            return &[];
        }
        self.state = State::Header;
        self.report_skipped(piece.time, dialogue, shared);
        match start.checked_sub(carried) {
            Some(start) => {
                self.clear_carry(shared);
                rest.get(start..).unwrap_or_default()
            }
            None => {
                // It began in what was kept: that first, then the rest. What is kept is put into
                // place without searching, so this does not come back here.
                let kept = bytes.get(start..carried).unwrap_or_default().to_vec();
                self.clear_carry(shared);
                let piece = Piece {
                    bytes: &kept,
                    time: self.first_time,
                    done: self.first_time,
                    position: self.position,
                };
                self.go_through(piece, dialogue, shared);
                rest
            }
        }
    }
}

/// Where a response begins in `bytes`, or may begin (`true`); the length of `bytes` for nowhere.
fn find(bytes: &[u8], boundary: Option<usize>, dialogue: &Dialogue) -> (usize, bool) {
    let likeness = |at: usize, depth: usize| {
        let bytes = bytes.get(at..).unwrap_or_default();
        response_likeness(bytes, |id| dialogue.is_waiting(id, depth))
    };
    // What may become a message with more bytes does not keep a whole one from being found.
    let mut short = None;
    for (at, &first) in bytes.iter().enumerate() {
        if first > 0x20 {
            continue;
        }
        let is_boundary = boundary == Some(at);
        let depth = if is_boundary {
            usize::MAX
        } else {
            SEARCH_DEPTH
        };
        match likeness(at, depth) {
            Likeness::No => {}
            Likeness::Short(_) => short = short.or(Some(at)),
            Likeness::Message { bytes: size, .. } => {
                if is_boundary {
                    return (at, false);
                }
                // Elsewhere it must be followed by the segment's end or by another: correlation ids
                // are small numbers, as payloads have many.
                let end = usize::try_from(size)
                    .ok()
                    .and_then(|size| at.checked_add(size))
                    .filter(|&end| end <= bytes.len());
                let Some(end) = end else {
                    continue;
                };
                if end == bytes.len()
                    || matches!(likeness(end, SEARCH_DEPTH), Likeness::Message { .. })
                {
                    return (at, false);
                }
            }
        }
    }
    match short {
        Some(at) => (at, true),
        None => (bytes.len(), false),
    }
}
