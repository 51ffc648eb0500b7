//! Messages in one direction of a connection: length prefixes, headers, bodies.

mod body;
mod candidate;
mod candidates;
mod finish;
mod kept;
mod missing;
mod request_search;
mod resume;
mod search;
mod start;

use std::collections::VecDeque;

use kcorr_model::Position;

use super::dialogue::Dialogue;
use super::piece::{Piece, Side};
pub(super) use candidate::Known;
use finish::FRAMING_LOST;
use kept::Kept;
pub(super) use request_search::RequestSearch;

use crate::message::{BodyWalker, Request};
use crate::shared::Shared;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Where messages begin is not known.
    Searching,
    /// At a message's length prefix or in its header.
    Header,
    /// In a message's body.
    Body,
}

/// The messages of one direction.
#[derive(Debug)]
pub(super) struct Framing {
    side: Side,
    state: State,
    /// Bytes of a unit that is not complete, the number that makes a step possible, and when the
    /// first of them came.
    carry: Vec<u8>,
    need: usize,
    /// Bytes of the message not done with, those in `carry` included; the first `skip` of them hold
    /// nothing of interest.
    left: u64,
    skip: u64,
    first_time: i64,
    last_time: i64,
    message_bytes: u64,
    position: u64,
    walker: BodyWalker,
    /// The message's body does not fit its length, which may be the one that is wrong: where the next
    /// message begins is not sure.
    is_doubtful: bool,
    /// The request that is being sent or answered; none for a response without one. And the bytes
    /// it holds.
    request: Option<Box<Request>>,
    request_bytes: usize,
    /// The search for the next request, and pieces to read again that it has found.
    requests_sought: Option<Box<RequestSearch>>,
    to_read: VecDeque<Kept>,
    /// Bytes passed over since framing was lost, and since when; what the search has seen is its own.
    skipped: u64,
    skipped_since: Option<i64>,
}
impl Framing {
    pub(super) fn new(side: Side) -> Self {
        Self {
            side,
            state: State::Searching,
            carry: Vec::new(),
            need: 0,
            left: 0,
            skip: 0,
            first_time: 0,
            last_time: 0,
            message_bytes: 0,
            position: 0,
            walker: BodyWalker::Skip,
            is_doubtful: false,
            request: None,
            request_bytes: 0,
            requests_sought: None,
            to_read: VecDeque::new(),
            skipped: 0,
            skipped_since: None,
        }
    }

    /// Everything so far was of another protocol, around this one: nothing was read yet.
    pub(super) fn begin_anew(&mut self, shared: &mut Shared) {
        self.discard(shared);
        *self = Self::new(self.side);
    }

    /// Whether the next byte is known to be a message's first.
    pub(super) fn is_at_message(&self) -> bool {
        self.state == State::Header && self.carry.is_empty()
    }

    /// The next byte is known to be a message's first.
    pub(super) fn at_message(&mut self) {
        self.state = State::Header;
    }

    /// When the bytes held began to be held, if any are.
    pub(super) fn held_since(&self) -> Option<i64> {
        let search = self.requests_sought.as_ref();
        let sought = search
            .and_then(|search| search.times())
            .map(|times| times.0);
        let read = (!self.carry.is_empty() || self.request_bytes > 0).then_some(self.first_time);
        sought.into_iter().chain(read).min()
    }

    /// The request leaves: what it holds is not this direction's any more.
    fn take_request(&mut self, shared: &mut Shared) -> Option<Box<Request>> {
        shared.release(self.request_bytes);
        self.request_bytes = 0;
        self.request.take()
    }

    fn set_carry(&mut self, bytes: &[u8], shared: &mut Shared) {
        shared.release(self.carry.len());
        self.carry.clear();
        self.carry.extend_from_slice(bytes);
        shared.hold(self.carry.len());
    }

    fn clear_carry(&mut self, shared: &mut Shared) {
        shared.release(self.carry.len());
        if self.carry.capacity() > 16 << 10 {
            self.carry = Vec::new();
        }
        self.carry.clear();
    }

    /// Moves bytes from `rest` until `carry` holds `want`; returns what is left of `rest`.
    fn fill_carry<'a>(&mut self, rest: &'a [u8], want: usize, shared: &mut Shared) -> &'a [u8] {
        let missing = want.saturating_sub(self.carry.len()).min(rest.len());
        let (taken, rest) = rest.split_at_checked(missing).unwrap_or((rest, &[]));
        self.carry.extend_from_slice(taken);
        shared.hold(taken.len());
        rest
    }

    /// Takes the next bytes of the direction.
    #[inline]
    pub(super) fn feed(&mut self, piece: Piece<'_>, dialogue: &mut Dialogue, shared: &mut Shared) {
        if dialogue.is_opaque {
            self.clear_carry(shared);
            return;
        }
        if self.state == State::Body && self.is_restart(piece.bytes, dialogue) {
            let held = self.left;
            shared
                .losses
                .record(&FRAMING_LOST, Position::Byte(piece.position), || {
                    format!("a message began where {held} bytes of another should follow")
                });
            self.end_message(false, dialogue, shared);
        }
        self.go_through(piece, dialogue, shared);
        if !self.to_read.is_empty() {
            self.read_kept(dialogue, shared);
        }
    }

    #[inline]
    fn go_through(&mut self, piece: Piece<'_>, dialogue: &mut Dialogue, shared: &mut Shared) {
        let mut rest = piece.bytes;
        while !rest.is_empty() {
            rest = match self.state {
                State::Body => self.body(rest, piece, dialogue, shared),
                State::Header => self.header(rest, piece, dialogue, shared),
                State::Searching => match self.side {
                    Side::Requests => self.search_requests(rest, piece, dialogue, shared),
                    Side::Responses => self.search(rest, piece, dialogue, shared),
                },
            };
        }
    }
}
