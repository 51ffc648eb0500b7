//! Where a message begins: its length prefix and its header.

use kcorr_kafka::{Reader, Stop};
use kcorr_model::Position;

use super::kept::{Content, Kept};
use super::{Framing, State};
use crate::connection::dialogue::{Dialogue, RESPONSE_UNMATCHED};
use crate::connection::header::{LONGEST_MESSAGE, Likeness, RequestHeader, request_likeness};
use crate::connection::piece::{Piece, Side};
use crate::message::{BodyWalker, LONGEST_TOKEN, RequestBeginning, SaslRequest, api};
use crate::shared::Shared;

impl Framing {
    /// Reads the length prefix and the header, and goes on to the body.
    #[inline]
    pub(super) fn header<'a>(
        &mut self,
        rest: &'a [u8],
        piece: Piece<'_>,
        dialogue: &mut Dialogue,
        shared: &mut Shared,
    ) -> &'a [u8] {
        if self.carry.is_empty() {
            self.first_time = piece.time;
            self.last_time = piece.done;
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
        self.last_time = self.last_time.max(piece.done);
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
    pub(super) fn begin(
        &mut self,
        bytes: &[u8],
        dialogue: &mut Dialogue,
        shared: &mut Shared,
    ) -> Result<usize, Stop> {
        let mut reader = Reader::new(bytes);
        let length = reader.u32()?;
        if dialogue.has_bare_tokens && self.is_bare_token(bytes, dialogue)? {
            return self.bare_token(bytes, dialogue);
        }
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
                dialogue.has_bare_tokens = false;
                dialogue.in_sasl =
                    matches!(header.api_key, api::SASL_HANDSHAKE | api::SASL_AUTHENTICATE);
                request.principal.clone_from(&dialogue.principal);
                self.walker = BodyWalker::of_request(
                    &request,
                    dialogue.mechanism,
                    &mut shared.body_context(self.position),
                );
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
}

impl Framing {
    /// Whether what begins here is a token of SASL with its length and no header: it is no request of the client, or
    /// nothing that answers one.
    #[cold]
    fn is_bare_token(&self, bytes: &[u8], dialogue: &Dialogue) -> Result<bool, Stop> {
        let length = Reader::new(bytes).u32()?;
        if length > LONGEST_TOKEN {
            return Ok(false);
        }
        match self.side {
            Side::Responses => Ok(dialogue.waiting.is_empty()),
            Side::Requests => {
                let whole = usize::try_from(length)
                    .unwrap_or(usize::MAX)
                    .saturating_add(4);
                match request_likeness(bytes, dialogue.client_id.as_deref()) {
                    Likeness::Message { .. } => Ok(false),
                    Likeness::Short(need) if need <= whole => Err(Stop::Need(need)),
                    Likeness::Short(_) | Likeness::No => Ok(true),
                }
            }
        }
    }

    /// Passes a token of SASL over, and takes the user's name from it.
    #[cold]
    fn bare_token(&mut self, bytes: &[u8], dialogue: &mut Dialogue) -> Result<usize, Stop> {
        let mut reader = Reader::new(bytes);
        let length = usize::try_from(reader.u32()?).unwrap_or(usize::MAX);
        let token = reader.take(length)?;
        if self.side == Side::Requests
            && let Some(user) = dialogue
                .mechanism
                .and_then(|mechanism| mechanism.user(token))
        {
            dialogue.principal = Some(user.into());
        }
        self.message_bytes = reader.position() as u64;
        self.left = 0;
        self.skip = 0;
        self.need = 1;
        self.walker = BodyWalker::Skip;
        self.request = None;
        self.state = State::Body;
        Ok(reader.position())
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
        _ => {
            RequestBeginning::is_flexible(api_key, api_version)
                || SaslRequest::is_flexible(api_key, api_version)
                || matches!(api_key, api::PUSH_TELEMETRY | api::ALTER_PARTITION)
        }
    }
}
