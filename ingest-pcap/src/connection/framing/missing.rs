//! Messages with holes: bytes that were not captured, or were given up for lack of memory.

use kcorr_model::{LossKind, Position, Severity};

use super::{Framing, State};
use crate::connection::dialogue::Dialogue;
use crate::connection::piece::Side;
use crate::message::BodyWalker;
use crate::shared::Shared;

/// Bodies with holes.
pub(crate) static BODY_INCOMPLETE: LossKind = LossKind {
    name: "pcap_body_incomplete",
    severity: Severity::Warning,
    doc: "Bytes of a Produce, Fetch or Metadata message were not captured (snap length or drops): \
          its times are right, its partitions may be missing.",
};

impl Framing {
    /// Bytes that were on the wire but are not there: `seen` is the time of the packet that they
    /// were cut from, or none when their packets were not captured at all.
    pub(in crate::connection) fn miss(
        &mut self,
        bytes: u64,
        seen: Option<i64>,
        dialogue: &mut Dialogue,
        shared: &mut Shared,
    ) {
        if bytes == 0 || dialogue.is_opaque {
            return;
        }
        match self.side {
            Side::Requests => dialogue.requests_lost(),
            Side::Responses if seen.is_none() => dialogue.responses_lost(),
            Side::Responses => {}
        }
        match self.state {
            State::Searching | State::Header => {
                self.clear_carry(shared);
                self.state = State::Searching;
            }
            State::Body => self.miss_in_body(bytes, seen, dialogue, shared),
        }
    }

    fn miss_in_body(
        &mut self,
        bytes: u64,
        seen: Option<i64>,
        dialogue: &mut Dialogue,
        shared: &mut Shared,
    ) {
        if let Some(time) = seen {
            self.last_time = self.last_time.max(time);
        }
        if !self.carry.is_empty() || bytes > self.skip {
            // The walker may do without, if the hole is in a record batch that it can skip.
            self.settle_for_less(shared);
        }
        let to_come = self.left.saturating_sub(self.carry.len() as u64);
        let is_read = self.skip == self.left && matches!(self.walker, BodyWalker::Skip);
        if !is_read && (bytes > self.skip || !self.carry.is_empty()) {
            let what = self.describe();
            shared
                .losses
                .record(&BODY_INCOMPLETE, Position::Byte(self.position), || what);
            self.walker = BodyWalker::Skip;
            self.clear_carry(shared);
            self.left = to_come;
            self.skip = to_come;
        }
        if bytes < to_come {
            self.left = self.left.saturating_sub(bytes);
            self.skip = self.skip.saturating_sub(bytes);
            return;
        }
        // A cut packet was seen to its end, and a hole that goes on behind the message hides where
        // the next one begins.
        self.end_message(seen.is_some(), dialogue, shared);
        if bytes > to_come {
            self.state = State::Searching;
        }
    }

    /// Gives up what makes the carry necessary, if the message can be followed without.
    fn settle_for_less(&mut self, shared: &mut Shared) {
        if self.carry.is_empty() && self.skip > 0 {
            return;
        }
        if self.state != State::Body || !self.walker.settle_for_less() {
            return;
        }
        let carry = std::mem::take(&mut self.carry);
        let walked = self.walk(&carry, shared);
        let left = self.advance(&walked, &carry, shared).to_vec();
        self.carry = carry;
        self.set_carry(&left, shared);
        if self.skip > 0 && !left.is_empty() {
            let gone = (left.len() as u64).min(self.skip);
            self.skip = self.skip.saturating_sub(gone);
            self.left = self.left.saturating_sub(gone);
            self.clear_carry(shared);
        }
    }

    /// Gives up the bytes held, for lack of memory.
    pub(in crate::connection) fn give_up_held(&mut self, shared: &mut Shared) {
        if self.request_bytes > self.carry.len()
            && let Some(request) = &mut self.request
        {
            request.give_up_parts();
            shared.release(self.request_bytes);
            self.request_bytes = 0;
        } else {
            self.settle_for_less(shared);
            if self.carry.is_empty() {
                return;
            }
        }
        match self.state {
            State::Body => {
                self.left = self.left.saturating_sub(self.carry.len() as u64);
                self.walker = BodyWalker::Skip;
                self.skip = self.left;
            }
            State::Header | State::Searching => self.state = State::Searching,
        }
        self.clear_carry(shared);
    }
}
