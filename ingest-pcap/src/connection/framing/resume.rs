//! Reading goes on at a request that a search has found: what was kept is read again.

use kcorr_kafka::Reader;
use kcorr_model::{LossKind, Position, Severity};

use super::candidate::Known;
use super::kept::{Content, Kept};
use super::request_search::{Found, RequestSearch};
use super::{Framing, State};
use crate::connection::dialogue::Dialogue;
use crate::connection::piece::{Piece, Side};
use crate::shared::Shared;

/// Bytes passed over until a message was recognised.
pub(crate) static BYTES_SKIPPED: LossKind = LossKind {
    name: "pcap_bytes_skipped",
    severity: Severity::Warning,
    doc: "Bytes of a Kafka connection were passed over until a message could be recognised (again): \
          requests and responses in them are missing. Counted in bytes.",
};

/// In mid-stream the rest of one message is passed over in any case; so many bytes are as usual.
const USUAL_REST: u64 = 64 << 10;

/// Responses that are looked at in one segment.
const MOST_ANSWERS: usize = 32;

fn known<'a>(dialogue: &'a Dialogue) -> Known<'a> {
    Known {
        client_id: dialogue.client_id.as_deref(),
        last_correlation: dialogue.last_correlation,
    }
}

impl Framing {
    /// Whether the next request is being looked for.
    #[inline]
    pub(in crate::connection) fn is_searching(&self) -> bool {
        self.state == State::Searching
    }

    /// Whether the bytes so far end inside of a message, if that is known.
    #[inline]
    pub(in crate::connection) fn is_inside(&self) -> Option<bool> {
        match self.state {
            State::Searching => None,
            State::Header => Some(!self.carry.is_empty()),
            State::Body => Some(true),
        }
    }

    /// Whether the next byte begins a message, or may.
    #[inline]
    pub(in crate::connection) fn is_between_messages(&self) -> bool {
        self.state != State::Body && self.carry.is_empty()
    }

    /// Looks for a request's start.
    pub(super) fn search_requests<'a>(
        &mut self,
        rest: &'a [u8],
        piece: Piece<'_>,
        dialogue: &mut Dialogue,
        shared: &mut Shared,
    ) -> &'a [u8] {
        let mut search = self.requests_sought.take().unwrap_or_default();
        let before = search.at();
        let is_whole = rest.len() == piece.bytes.len();
        let Some(found) = search.take(rest, is_whole, piece, known(dialogue)) else {
            self.go_on_searching(search, shared);
            return &[];
        };
        if let Some(start) = found.start.checked_sub(before) {
            self.resume(&search, &found, piece.time, dialogue, shared);
            shared.release(search.accounted);
            return usize::try_from(start)
                .ok()
                .and_then(|start| rest.get(start..))
                .unwrap_or_default();
        }
        self.read_again(search, found, dialogue, shared);
        &[]
    }

    /// Bytes are missing while the next request is looked for.
    pub(super) fn miss_in_search(
        &mut self,
        bytes: u64,
        seen: Option<i64>,
        dialogue: &mut Dialogue,
        shared: &mut Shared,
    ) {
        let mut search = self.requests_sought.take().unwrap_or_default();
        if bytes == u64::MAX {
            // Nothing is known of how many: what comes is elsewhere.
            self.skipped = self.skipped.saturating_add(search.at());
            shared.release(search.accounted);
            return;
        }
        match search.miss(bytes, seen, self.position, known(dialogue)) {
            Some(found) => self.read_again(search, found, dialogue, shared),
            None => self.go_on_searching(search, shared),
        }
    }

    fn go_on_searching(&mut self, mut search: Box<RequestSearch>, shared: &mut Shared) {
        shared.release(search.accounted);
        search.accounted = search.held_bytes();
        shared.hold(search.accounted);
        self.requests_sought = Some(search);
    }

    /// A segment of the other direction, between its messages: what it answers was a request.
    pub(in crate::connection) fn answer(
        &mut self,
        segment: Piece<'_>,
        cut: u32,
        dialogue: &mut Dialogue,
        shared: &mut Shared,
    ) {
        let mut rest = segment.bytes;
        let whole = rest.len() as u64 + u64::from(cut);
        let mut at = 0_u64;
        for _ in 0..MOST_ANSWERS {
            let mut reader = Reader::new(rest);
            let (Ok(length), Ok(id)) = (reader.u32(), reader.i32()) else {
                return;
            };
            at = at.saturating_add(u64::from(length)).saturating_add(4);
            if !(4..=512 << 20).contains(&length) {
                return;
            }
            let found = self
                .requests_sought
                .as_ref()
                .and_then(|search| search.answered(id, at == whole, segment.time));
            if let Some(found) = found
                && let Some(search) = self.requests_sought.take()
            {
                self.read_again(search, found, dialogue, shared);
                self.read_kept(dialogue, shared);
                return;
            }
            let Some(next) = usize::try_from(at)
                .ok()
                .and_then(|at| segment.bytes.get(at..))
            else {
                return;
            };
            rest = next;
        }
    }

    /// Puts what was kept from a request on before everything that is still to be read.
    fn read_again(
        &mut self,
        search: Box<RequestSearch>,
        found: Found,
        dialogue: &mut Dialogue,
        shared: &mut Shared,
    ) {
        let time = search.times().map_or(0, |(_, last)| last);
        self.resume(&search, &found, time, dialogue, shared);
        shared.release(search.accounted);
        let pieces = search.replay(found);
        for kept in pieces.into_iter().rev() {
            self.to_read.push_front(kept);
        }
    }

    /// Messages go on here; what was passed over is told.
    fn resume(
        &mut self,
        search: &RequestSearch,
        found: &Found,
        time: i64,
        dialogue: &mut Dialogue,
        shared: &mut Shared,
    ) {
        self.state = State::Header;
        let skipped = self.skipped.saturating_add(found.start);
        self.skipped = 0;
        let first = self.skipped_since.take();
        let first = first.or(search.times().map(|(first, _)| first));
        let first = first.unwrap_or(time);
        dialogue.tell_mid_stream(skipped, (first, time), shared);
        let is_usual = dialogue.requests == 0 && skipped <= USUAL_REST.max(found.size);
        if skipped > 0 && !is_usual && !dialogue.in_sasl {
            tell_skipped(
                Side::Requests,
                skipped,
                (first, time),
                self.position,
                dialogue,
                shared,
            );
        }
    }

    /// Tells of response bytes that were passed over.
    pub(super) fn report_skipped(&mut self, time: i64, dialogue: &Dialogue, shared: &mut Shared) {
        let skipped = std::mem::take(&mut self.skipped);
        let first = self.skipped_since.take();
        // Until the first request no response is expected, and while one is missing they may be its.
        if let Some(first) = first
            && skipped > 0
            && !dialogue.in_sasl
        {
            tell_skipped(
                self.side,
                skipped,
                (first, time),
                self.position,
                dialogue,
                shared,
            );
        }
    }

    /// The connection ends: what was passed over last was not found to be messages.
    pub(super) fn end_search(&mut self, dialogue: &mut Dialogue, shared: &mut Shared) {
        let mut times = self.skipped_since.map(|first| (first, first));
        let mut skipped = self.skipped;
        if let Some(search) = self.requests_sought.take() {
            shared.release(search.accounted);
            skipped = skipped.saturating_add(search.at());
            if let Some((first, last)) = search.times() {
                times = Some((times.map_or(first, |(first, _)| first), last));
            }
        }
        let Some(times) = times else {
            return;
        };
        if dialogue.requests == 0 {
            dialogue.unrecognised(self.side, skipped, times.0);
            dialogue.unrecognised(self.side, 0, times.1);
        } else if dialogue.in_sasl {
            dialogue.unrecognised(self.side, skipped, times.0);
        } else if skipped > 0 {
            tell_skipped(self.side, skipped, times, self.position, dialogue, shared);
        }
    }

    /// Reads what is to be read again.
    pub(super) fn read_kept(&mut self, dialogue: &mut Dialogue, shared: &mut Shared) {
        while let Some(Kept {
            content,
            time,
            position,
        }) = self.to_read.pop_front()
        {
            match content {
                Content::Bytes(bytes) => {
                    let piece = Piece {
                        bytes: &bytes,
                        time,
                        done: time,
                        position,
                    };
                    self.go_through(piece, dialogue, shared);
                }
                Content::Missing { bytes, is_seen } => {
                    self.miss_here(bytes, is_seen.then_some(time), dialogue, shared);
                }
            }
        }
    }
}

fn tell_skipped(
    side: Side,
    bytes: u64,
    times: (i64, i64),
    position: u64,
    dialogue: &Dialogue,
    shared: &mut Shared,
) {
    let name = dialogue.name();
    shared.losses.record_many(
        &BYTES_SKIPPED,
        bytes,
        Position::Byte(position),
        Some(times),
        || format!("{name}: {bytes} bytes {side}"),
    );
}
