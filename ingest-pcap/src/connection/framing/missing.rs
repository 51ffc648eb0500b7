//! Messages with holes: bytes that were not captured, or were given up for lack of memory.

use kcorr_kafka::Reader;
use kcorr_model::{LossKind, Position, Severity};

use super::{Framing, State};
use crate::connection::dialogue::Dialogue;
use crate::connection::header::{LONGEST_MESSAGE, RequestHeader};
use crate::connection::piece::Side;
use crate::message::BodyWalker;
use crate::shared::Shared;

/// Bodies with holes.
pub(crate) static BODY_INCOMPLETE: LossKind = LossKind {
    name: "pcap_body_incomplete",
    severity: Severity::Warning,
    doc: "Bytes of a Produce, Fetch or Metadata message were not captured (snap length or drops), or \
          had passed when it was recognised: its times are right, its partitions may be missing.",
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
        self.miss_here(bytes, seen, dialogue, shared);
        if !self.to_read.is_empty() {
            self.read_kept(dialogue, shared);
        }
    }

    /// The same, while what was kept is read.
    pub(super) fn miss_here(
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
        if self.state == State::Header {
            self.begin_cut(dialogue, shared);
        }
        match self.state {
            State::Header | State::Searching if self.side == Side::Responses => {
                self.clear_carry(shared);
                self.state = State::Searching;
            }
            State::Header => {
                // Fewer bytes than tell what it is.
                self.skipped = self.skipped.saturating_add(self.carry.len() as u64);
                self.clear_carry(shared);
                self.state = State::Searching;
                self.miss_in_search(bytes, seen, dialogue, shared);
            }
            State::Searching => self.miss_in_search(bytes, seen, dialogue, shared),
            State::Body => self.miss_in_body(bytes, seen, dialogue, shared),
        }
    }

    /// Begins the message of which only the first bytes are there, if they tell its length: a request
    /// is one with its key, version and correlation id; the client id was cut off.
    fn begin_cut(&mut self, dialogue: &mut Dialogue, shared: &mut Shared) {
        let mut reader = Reader::new(&self.carry);
        let Ok(length) = reader.u32() else {
            return;
        };
        if !(8..=LONGEST_MESSAGE).contains(&length) {
            return;
        }
        let fixed = (reader.i16(), reader.i16(), reader.i32());
        let carried = self.carry.len() as u64;
        self.message_bytes = u64::from(length).saturating_add(4);
        self.request = match (self.side, fixed) {
            (Side::Requests, (Ok(api_key), Ok(api_version), Ok(correlation_id))) => {
                let header = RequestHeader {
                    api_key,
                    api_version,
                    correlation_id,
                    client_id: None,
                };
                if !header.is_possible() || !dialogue.may_send(&header) {
                    return;
                }
                let mut request = shared.new_request();
                request.api_key = api_key;
                request.api_version = api_version;
                request.correlation_id = correlation_id;
                request.arrival_time = self.first_time;
                request.request_bytes = self.message_bytes;
                dialogue.requests = dialogue.requests.saturating_add(1);
                dialogue.last_correlation = Some(correlation_id);
                Some(request)
            }
            // One that has no row; the next begins where it ends.
            _ => None,
        };
        self.walker = BodyWalker::Skip;
        self.left = self.message_bytes.saturating_sub(carried);
        self.skip = self.left;
        self.need = 1;
        self.state = State::Body;
        self.clear_carry(shared);
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
            if self.side == Side::Requests {
                self.miss_in_search(bytes.saturating_sub(to_come), seen, dialogue, shared);
            }
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
        if let Some(search) = self.requests_sought.take() {
            shared.release(search.accounted);
            self.skipped = self.skipped.saturating_add(search.at());
            self.skipped_since = self.skipped_since.or(search.times().map(|times| times.0));
        }
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
