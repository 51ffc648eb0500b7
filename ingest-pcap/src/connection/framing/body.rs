//! What a message holds: the walk through its body.

use kcorr_model::{LossKind, Position, Severity};

use super::Framing;
use crate::connection::dialogue::Dialogue;
use crate::connection::header::{Evidence, Likeness, request_likeness};
use crate::connection::piece::{Piece, Side};
use crate::message::{BodyWalker, Next, Walked, api};
use crate::shared::Shared;

/// A body that does not fit its version's definition.
pub(crate) static BODY_MALFORMED: LossKind = LossKind {
    name: "pcap_body_malformed",
    severity: Severity::Warning,
    doc: "The body of a message that is looked into does not fit its version: its times are right; \
          its partitions, group, transaction and wait may be missing.",
};

/// Units of a body other than record batches are smaller than this.
const LARGEST_UNIT: usize = 4 << 20;

/// When a unit is put together, at least so many bytes are taken at a time.
const CARRY_STEP: usize = 512;

impl Framing {
    /// Goes through the body as far as `rest` reaches.
    #[inline]
    pub(super) fn body<'a>(
        &mut self,
        rest: &'a [u8],
        piece: Piece<'_>,
        dialogue: &mut Dialogue,
        shared: &mut Shared,
    ) -> &'a [u8] {
        self.last_time = self.last_time.max(piece.done);
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

    pub(super) fn is_sure_request(&self, bytes: &[u8], dialogue: &Dialogue) -> bool {
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
    pub(super) fn walk(&mut self, bytes: &[u8], shared: &mut Shared) -> Walked {
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
    pub(super) fn advance<'b>(
        &mut self,
        walked: &Walked,
        bytes: &'b [u8],
        shared: &mut Shared,
    ) -> &'b [u8] {
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
            Next::Rest => {
                self.skip = self.left;
                self.walker = BodyWalker::Skip;
                None
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

    pub(super) fn describe(&self) -> String {
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
}
