//! Where a message ends, or proves to be none.

use std::collections::VecDeque;

use kcorr_model::{LossKind, Position, Severity};

use super::{Framing, State};
use crate::connection::dialogue::{Dialogue, reason};
use crate::connection::piece::Side;
use crate::shared::Shared;

/// Bytes where a message should begin, and none does.
pub(crate) static FRAMING_LOST: LossKind = LossKind {
    name: "pcap_framing_lost",
    severity: Severity::Warning,
    doc: "Where a message should begin in a connection, other bytes stood; reading went on at the \
          next message that could be recognised.",
};

impl Framing {
    /// Ends the message; `seen` says whether its last byte was.
    #[inline]
    pub(super) fn end_message(&mut self, seen: bool, dialogue: &mut Dialogue, shared: &mut Shared) {
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
    pub(in crate::connection) fn discard(&mut self, shared: &mut Shared) {
        self.clear_carry(shared);
        self.to_read = VecDeque::new();
        if let Some(search) = self.requests_sought.take() {
            shared.release(search.accounted);
        }
        let _ = self.take_request(shared);
    }

    /// The connection ends: what is not complete will not be.
    pub(in crate::connection) fn end(
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
    pub(super) fn pass_over(
        &mut self,
        bytes: u64,
        dialogue: &mut Dialogue,
        time: i64,
        shared: &mut Shared,
    ) {
        self.skipped = self.skipped.saturating_add(bytes);
        if self.state == State::Header {
            self.report_skipped(time, dialogue, shared);
        }
    }

    pub(super) fn lose_framing(
        &mut self,
        message: &str,
        dialogue: &mut Dialogue,
        shared: &mut Shared,
    ) {
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
