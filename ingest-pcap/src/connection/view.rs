//! Views: one connection that the capture holds twice.
//!
//! `tcpdump -i any` sees packets on every interface they pass; address translation on the way (a
//! service's address, a load balancer in the kernel) gives each view other addresses, but the client's
//! address and port and the sequence numbers stay. Copies with the same addresses are trimmed like
//! retransmissions.

use kcorr_capture::Segment;
use kcorr_model::{LossKind, Position, Severity};

use super::Connection;
use super::piece::Side;
use crate::shared::Shared;

/// Packets captured more than once.
pub(crate) static SECOND_VIEW: LossKind = LossKind {
    name: "pcap_second_view",
    severity: Severity::Info,
    doc: "Packets of a connection were captured more than once, as with -i any before and after \
          address translation, or on two interfaces: its requests have one row. Of views with \
          different addresses of the broker the one nearer the broker is kept, in which requests \
          appear later; of copies with the same addresses the first counts.",
};

/// Two views of a connection are not farther apart than this.
const WINDOW: u32 = 1 << 20;
const APART_NS: u64 = 1_000_000_000;

/// What a new connection is to one that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// Another connection.
    Other,
    /// The same, seen nearer the broker, from the same byte on.
    Nearer,
    /// The same, seen farther away or from a later byte on.
    Farther,
}

impl Connection {
    /// What a connection that begins with this segment, from the same client to another address, is to
    /// this one.
    pub(crate) fn view(&self, segment: &Segment<'_>, from_client: bool, time: i64) -> View {
        let half = self.of(Side::of(from_client));
        if self.is_closed || time.abs_diff(self.last_time) > APART_NS || segment.is_message {
            return View::Other;
        }
        let begins = segment.sequence.wrapping_add(u32::from(segment.syn));
        let near = |sequence: u32| {
            let apart = begins.wrapping_sub(sequence).cast_signed().unsigned_abs();
            if segment.syn {
                apart == 0
            } else {
                apart <= WINDOW
            }
        };
        let is_same = match (segment.syn, half.first, half.next) {
            (true, Some(first), _) => near(first),
            (false, _, Some(next)) => near(next),
            _ => false,
        };
        if !is_same {
            return View::Other;
        }
        let is_from_start = half.first == Some(begins) && self.dialogue.labels.rows == 0;
        if from_client && is_from_start {
            View::Nearer
        } else {
            View::Farther
        }
    }

    /// The connection is another's view that is not kept: nothing of it becomes a row any more.
    pub(crate) fn discard(&mut self, shared: &mut Shared) {
        self.is_closed = true;
        self.tcp = None;
        self.discard_tls(shared);
        for half in [&mut self.requests, &mut self.responses] {
            half.hold.clear(shared);
            half.framing.discard(shared);
        }
        self.dialogue.discard(shared);
    }

    /// At the connection's end: says when every packet of it was captured twice.
    pub(super) fn tell_copies(&mut self, shared: &mut Shared) {
        let (segments, copies) = [&self.requests, &self.responses]
            .iter()
            .fold((0_u64, 0_u64), |(segments, copies), half| {
                (segments + half.segments, copies + half.copies)
            });
        // Retransmissions are a few in a hundred.
        if copies >= 2 && copies.saturating_mul(3) >= segments {
            let name = self.name();
            let position = Position::Byte(self.dialogue.first_position);
            shared.losses.record(&SECOND_VIEW, position, || {
                format!("{name}: {copies} of {segments} segments are copies of others")
            });
        }
    }
}
