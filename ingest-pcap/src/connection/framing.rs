//! Messages in one direction of a connection: length prefixes, headers, bodies.

mod candidate;
mod missing;
mod request_search;
mod resume;
mod search;

use std::collections::VecDeque;

use kcorr_kafka::{Reader, Stop};
use kcorr_model::{LossKind, Position, Severity};

use super::dialogue::{Dialogue, RESPONSE_UNMATCHED, reason};
use super::header::{Evidence, LONGEST_MESSAGE, Likeness, RequestHeader, is_tls, request_likeness};
use super::piece::{Piece, Side};
pub(super) use candidate::Known;
pub(super) use request_search::RequestSearch;
use request_search::{Content, Kept};
pub(crate) use resume::MID_STREAM;

use crate::message::{BodyWalker, Next, Request, Walked, api};
use crate::shared::Shared;

/// A body that does not fit its version's definition.
pub(crate) static BODY_MALFORMED: LossKind = LossKind {
    name: "pcap_body_malformed",
    severity: Severity::Warning,
    doc: "The body of a Produce, Fetch or Metadata message does not fit its version: its times are \
          right, its partitions may be missing.",
};

/// Bytes where a message should begin, and none does.
pub(crate) static FRAMING_LOST: LossKind = LossKind {
    name: "pcap_framing_lost",
    severity: Severity::Warning,
    doc: "Where a message should begin in a connection, other bytes stood; reading went on at the \
          next message that could be recognised.",
};

/// Units of a body other than record batches are smaller than this.
const LARGEST_UNIT: usize = 4 << 20;

/// When a unit is put together, at least so many bytes are taken at a time.
const CARRY_STEP: usize = 512;

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
        if dialogue.requests == 0 && self.is_between_messages() && is_tls(piece.bytes) {
            dialogue.saw_tls(self.state == State::Header, shared);
        }
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

    /// Reads the length prefix and the header, and goes on to the body.
    #[inline]
    fn header<'a>(
        &mut self,
        rest: &'a [u8],
        piece: Piece<'_>,
        dialogue: &mut Dialogue,
        shared: &mut Shared,
    ) -> &'a [u8] {
        if self.carry.is_empty() {
            self.first_time = piece.time;
            self.last_time = piece.time;
            self.position = piece.position;
            return match self.begin(rest, dialogue, shared) {
                Ok(used) => {
                    let rest = rest.get(used..).unwrap_or_default();
                    if self.left == 0 {
                        self.end_message(true, dialogue, shared);
                    }
                    rest
                }
                Err(Stop::Need(need)) => {
                    self.set_carry(rest, shared);
                    self.need = need;
                    &[]
                }
                Err(Stop::Malformed(message)) => {
                    self.lose_framing(message, dialogue, shared);
                    // Its length may be right all the same: when it ends with its segment, it is
                    // passed over whole, and nothing in it is taken for a message.
                    let passed = if dialogue.requests > 0 && ends_with(rest) {
                        self.state = State::Header;
                        rest.len()
                    } else {
                        1
                    };
                    self.pass_over(passed as u64, dialogue, piece.time, shared);
                    rest.get(passed..).unwrap_or_default()
                }
            };
        }
        // What was carried into this segment, and the segment from there on.
        let own = piece.bytes.len().saturating_sub(rest.len());
        let (carried, whole) = match self.carry.len().checked_sub(own) {
            Some(carried) => (carried, piece.bytes),
            None => (self.carry.len(), rest),
        };
        let rest = self.fill_carry(rest, self.need, shared);
        if self.carry.len() < self.need {
            return rest;
        }
        self.last_time = self.last_time.max(piece.time);
        let carry = std::mem::take(&mut self.carry);
        match self.begin(&carry, dialogue, shared) {
            Ok(used) => {
                let left = carry.get(used..).unwrap_or_default().to_vec();
                self.carry = carry;
                self.set_carry(&left, shared);
                self.need = 1;
                if self.left == 0 {
                    self.end_message(true, dialogue, shared);
                }
            }
            Err(Stop::Need(need)) => {
                // Never below what is there: every turn takes bytes.
                self.need = need.max(carry.len().saturating_add(1));
                self.carry = carry;
            }
            Err(Stop::Malformed(message)) => {
                self.carry = carry;
                self.lose_framing(message, dialogue, shared);
                // Bytes of this segment are given back: a message that begins in them came with it.
                let tail = self.carry.get(1..carried).unwrap_or_default().to_vec();
                let (time, position) = (self.first_time, self.position);
                self.clear_carry(shared);
                self.pass_over(1, dialogue, time, shared);
                self.to_read.push_front(Kept {
                    content: Content::Bytes(whole.to_vec()),
                    time: piece.time,
                    position: piece.position,
                });
                self.to_read.push_front(Kept {
                    content: Content::Bytes(tail),
                    time,
                    position,
                });
                return &[];
            }
        }
        rest
    }

    /// Begins the message whose prefix is at the start of `bytes`; returns the bytes of prefix and
    /// header.
    #[inline]
    fn begin(
        &mut self,
        bytes: &[u8],
        dialogue: &mut Dialogue,
        shared: &mut Shared,
    ) -> Result<usize, Stop> {
        let mut reader = Reader::new(bytes);
        let length = reader.u32()?;
        let shortest = match self.side {
            Side::Requests => 8,
            Side::Responses => 4,
        };
        if !(shortest..=LONGEST_MESSAGE).contains(&length) {
            return Err(Stop::Malformed("a message's length is impossible"));
        }
        match self.side {
            Side::Requests => {
                let bounded = |stop| match stop {
                    Stop::Need(need) if need as u64 > u64::from(length).saturating_add(4) => {
                        Stop::Malformed("a request ends in its header")
                    }
                    stop => stop,
                };
                let header = RequestHeader::read(&mut reader).map_err(bounded)?;
                // What of the header comes behind the client id: tagged fields, from the API's
                // first flexible version on.
                if header_is_flexible(header.api_key, header.api_version) {
                    reader.tagged_fields(true, |_, _| ()).map_err(bounded)?;
                }
                if reader.position() as u64 > u64::from(length).saturating_add(4) {
                    return Err(bounded(Stop::Need(usize::MAX)));
                }
                if !dialogue.may_send(&header) {
                    return Err(Stop::Malformed("no API has this key"));
                }
                let mut request = shared.new_request();
                request.api_key = header.api_key;
                request.api_version = header.api_version;
                request.correlation_id = header.correlation_id;
                request.client_id = dialogue.keep_client_id(header.client_id);
                request.arrival_time = self.first_time;
                request.request_bytes = u64::from(length).saturating_add(4);
                dialogue.requests = dialogue.requests.saturating_add(1);
                dialogue.last_correlation = Some(header.correlation_id);
                dialogue.in_sasl =
                    matches!(header.api_key, api::SASL_HANDSHAKE | api::SASL_AUTHENTICATE);
                self.walker =
                    BodyWalker::of_request(&request, &mut shared.body_context(self.position));
                self.request = Some(request);
            }
            Side::Responses => {
                let correlation_id = reader.i32()?;
                match dialogue.answered(correlation_id, shared) {
                    Some(request) => {
                        self.walker = BodyWalker::of_response(&request);
                        self.request = Some(request);
                    }
                    None if dialogue.may_be_unknown(length) => {
                        let name = dialogue.name();
                        shared.losses.record(
                            &RESPONSE_UNMATCHED,
                            Position::Byte(self.position),
                            || format!("{name}: correlation id {correlation_id}"),
                        );
                        self.walker = BodyWalker::Skip;
                        self.request = None;
                    }
                    None => {
                        return Err(Stop::Malformed(
                            "a response has the correlation id of no request",
                        ));
                    }
                }
            }
        }
        let used = reader.position();
        self.message_bytes = u64::from(length).saturating_add(4);
        self.left = self.message_bytes.saturating_sub(used as u64);
        self.skip = 0;
        self.need = 1;
        self.state = State::Body;
        if matches!(self.walker, BodyWalker::Skip) {
            self.skip = self.left;
        }
        Ok(used)
    }

    /// Goes through the body as far as `rest` reaches.
    #[inline]
    fn body<'a>(
        &mut self,
        rest: &'a [u8],
        piece: Piece<'_>,
        dialogue: &mut Dialogue,
        shared: &mut Shared,
    ) -> &'a [u8] {
        self.last_time = self.last_time.max(piece.time);
        if self.skip > 0 {
            let n = self.skip.min(rest.len() as u64);
            self.skip = self.skip.saturating_sub(n);
            self.left = self.left.saturating_sub(n);
            let rest = usize::try_from(n)
                .ok()
                .and_then(|n| rest.get(n..))
                .unwrap_or_default();
            if self.left == 0 {
                self.end_message(true, dialogue, shared);
            }
            return rest;
        }
        let carried = self.carry.len();
        let in_message = usize::try_from(self.left.saturating_sub(carried as u64))
            .unwrap_or(usize::MAX)
            .min(rest.len());
        let (here, behind) = rest.split_at_checked(in_message).unwrap_or((rest, &[]));
        let after = if carried == 0 {
            let walked = self.walk(here, shared);
            let left = self.advance(&walked, here, shared);
            if !left.is_empty() && self.skip == 0 {
                self.set_carry(left, shared);
                behind
            } else {
                // Given up: skipped with the rest.
                rest.get(here.len().saturating_sub(left.len())..)
                    .unwrap_or_default()
            }
        } else {
            let want = self.need.max(carried.saturating_add(CARRY_STEP));
            let not_taken = self.fill_carry(here, want, shared);
            if self.carry.len() < self.need {
                return behind;
            }
            let taken = here.len().saturating_sub(not_taken.len());
            let carry = std::mem::take(&mut self.carry);
            let walked = self.walk(&carry, shared);
            let left = self.advance(&walked, &carry, shared);
            let left_bytes = left.len();
            // What the walker did not use is read again from the segment it came in, or kept.
            let back = if left_bytes <= taken || self.skip > 0 {
                self.carry = carry;
                self.clear_carry(shared);
                left_bytes.min(taken)
            } else {
                let left = left.to_vec();
                self.carry = carry;
                self.set_carry(&left, shared);
                0
            };
            if self.skip > 0 && left_bytes > taken {
                // Bytes carried before are skipped too.
                let gone = (left_bytes.saturating_sub(taken)) as u64;
                self.skip = self.skip.saturating_sub(gone);
                self.left = self.left.saturating_sub(gone);
            }
            rest.get(taken.saturating_sub(back)..).unwrap_or_default()
        };
        if self.left == 0 {
            self.end_message(true, dialogue, shared);
        } else if self.skip == self.left
            && self.side == Side::Requests
            && self.is_sure_request(after, dialogue)
        {
            // The body ended before the message did, and a request follows: the length was wrong.
            self.end_message(true, dialogue, shared);
        }
        after
    }

    fn is_sure_request(&self, bytes: &[u8], dialogue: &Dialogue) -> bool {
        !matches!(self.walker, BodyWalker::Skip)
            && bytes.len() >= 14
            && matches!(
                request_likeness(bytes, dialogue.client_id.as_deref()),
                Likeness::Message {
                    evidence: Evidence::Sure,
                    ..
                }
            )
    }

    #[inline]
    fn walk(&mut self, bytes: &[u8], shared: &mut Shared) -> Walked {
        match &mut self.request {
            Some(request) => {
                let walked =
                    self.walker
                        .walk(bytes, request, &mut shared.body_context(self.position));
                shared.keep_learned();
                let held = request.held_bytes();
                shared.release(self.request_bytes);
                shared.hold(held);
                self.request_bytes = held;
                walked
            }
            None => Walked {
                used: 0,
                next: Next::Done,
            },
        }
    }

    /// Takes note of what was walked; returns the bytes that were not used.
    #[inline]
    fn advance<'b>(&mut self, walked: &Walked, bytes: &'b [u8], shared: &mut Shared) -> &'b [u8] {
        let used = walked.used.min(self.left);
        let here = used.min(bytes.len() as u64);
        self.left = self.left.saturating_sub(here);
        self.skip = used.saturating_sub(here);
        let rest = usize::try_from(here)
            .ok()
            .and_then(|here| bytes.get(here..))
            .unwrap_or_default();
        let problem = match walked.next {
            _ if walked.used > used => Some("a body ends behind its message"),
            Next::Done => {
                self.skip = self.left;
                (self.left > 0).then_some("a body ends before its message")
            }
            Next::Malformed(message) => Some(message),
            Next::More(need) => {
                self.need = need.max(1);
                let left = self.left.saturating_sub(self.skip);
                if need as u64 > left {
                    Some("a body ends behind its message")
                } else if need > LARGEST_UNIT
                    && !matches!(self.walker, BodyWalker::ProduceRequest(_))
                {
                    Some("a field is impossibly long")
                } else {
                    None
                }
            }
        };
        if let Some(problem) = problem {
            self.skip = self.left;
            self.is_doubtful = true;
            let what = self.describe();
            shared
                .losses
                .record(&BODY_MALFORMED, Position::Byte(self.position), || {
                    format!("{what}: {problem}")
                });
        }
        rest
    }

    fn describe(&self) -> String {
        let side = match self.side {
            Side::Requests => "request",
            Side::Responses => "response",
        };
        match &self.request {
            Some(request) => format!(
                "{} {side}, version {}, correlation id {}, {} bytes",
                api::name(request.api_key).unwrap_or("unknown"),
                request.api_version,
                request.correlation_id,
                self.message_bytes
            ),
            None => side.to_owned(),
        }
    }

    /// Ends the message; `seen` says whether its last byte was.
    #[inline]
    fn end_message(&mut self, seen: bool, dialogue: &mut Dialogue, shared: &mut Shared) {
        self.state = if std::mem::take(&mut self.is_doubtful) {
            self.skipped_since = Some(self.last_time);
            State::Searching
        } else {
            State::Header
        };
        self.clear_carry(shared);
        self.left = 0;
        self.skip = 0;
        let Some(mut request) = self.take_request(shared) else {
            return;
        };
        match self.side {
            Side::Requests => {
                request.read_time = seen.then_some(self.last_time);
                dialogue.sent(request, shared);
            }
            Side::Responses => {
                request.response_time = Some(self.first_time);
                request.response_bytes = Some(self.message_bytes);
                request.end_time = seen.then_some(self.last_time);
                let reason = (!seen).then_some(reason::CAPTURE_GAP);
                shared.emit(request, reason, &mut dialogue.labels);
            }
        }
    }

    /// Everything that is held is dropped, and nothing becomes a row.
    pub(super) fn discard(&mut self, shared: &mut Shared) {
        self.clear_carry(shared);
        self.to_read = VecDeque::new();
        if let Some(search) = self.requests_sought.take() {
            shared.release(search.accounted);
        }
        let _ = self.take_request(shared);
    }

    /// The connection ends: what is not complete will not be.
    pub(super) fn end(
        &mut self,
        reason: &'static str,
        dialogue: &mut Dialogue,
        shared: &mut Shared,
    ) {
        self.clear_carry(shared);
        self.end_search(dialogue, shared);
        let Some(mut request) = self.take_request(shared) else {
            return;
        };
        if self.side == Side::Responses {
            request.response_time = Some(self.first_time);
        }
        dialogue.give_up(request, reason, shared);
    }

    /// Bytes are passed over: of a message that is none.
    fn pass_over(&mut self, bytes: u64, dialogue: &mut Dialogue, time: i64, shared: &mut Shared) {
        self.skipped = self.skipped.saturating_add(bytes);
        if self.state == State::Header {
            self.report_skipped(time, dialogue, shared);
        }
    }

    fn lose_framing(&mut self, message: &str, dialogue: &mut Dialogue, shared: &mut Shared) {
        self.state = State::Searching;
        self.skipped_since = self.skipped_since.or(Some(self.first_time));
        if let Some(request) = self.take_request(shared) {
            dialogue.give_up(request, reason::CAPTURE_GAP, shared);
        }
        if self.side == Side::Requests {
            dialogue.requests_lost();
        }
        // Before anything was recognised it may be another protocol: that is told at the end.
        if dialogue.requests > 0 && !dialogue.in_sasl {
            let name = dialogue.name();
            shared
                .losses
                .record(&FRAMING_LOST, Position::Byte(self.position), || {
                    format!("{name}: {message}")
                });
        }
    }
}

/// Whether a message with the length at the start of `bytes` ends where they end.
fn ends_with(bytes: &[u8]) -> bool {
    Reader::new(bytes)
        .u32()
        .is_ok_and(|length| u64::from(length) + 4 == bytes.len() as u64)
}

/// Whether a request's header ends in tagged fields that its body's walker expects to be read.
fn header_is_flexible(api_key: i16, api_version: i16) -> bool {
    match api_key {
        api::PRODUCE => (9..=api::NEWEST_PRODUCE).contains(&api_version),
        api::FETCH => (12..=api::NEWEST_FETCH).contains(&api_version),
        _ => false,
    }
}
