//! Reassembly: the bytes of a direction come in any order, and are read in theirs.
//!
//! The first copy of every byte counts; retransmissions and overlaps are trimmed. A segment ahead of
//! a hole is held until the hole is filled or proves to be real: the other end has acknowledged
//! bytes behind it three times, the hold is full, or the connection or the capture ends. A response
//! is held while it acknowledges request bytes that were not seen yet, so packets that the capture
//! holds in another order do no harm.

use kcorr_capture::Segment;
use kcorr_model::{LossKind, Position, Severity};

use super::Connection;
use super::half::WINDOW;
use super::hold::Held;
use super::holes::CAPTURE_GAP;
use super::piece::{Piece, Placed, Side};
use crate::shared::{BUFFER_FULL, Shared};

/// Payloads cut by the snap length.
pub(crate) static PACKET_CUT: LossKind = LossKind {
    name: "pcap_packet_cut",
    severity: Severity::Warning,
    doc: "Packets of Kafka connections were cut by the capture's snap length: times are right, but \
          partitions, message ids or whole requests behind the cut are missing; capture with -s 0.",
};

/// Bytes one direction holds at most in segments out of order.
const HOLD_BYTES: usize = 8 << 20;

/// Segments one direction holds at most.
const HOLD_SEGMENTS: usize = 4096;

/// A segment out of order waits so long at most when the other direction is not in the capture.
const HOLD_TIME_NS: i64 = 1_000_000_000;

impl Connection {
    /// Bytes of one direction, in any order.
    #[inline]
    pub(super) fn bytes(
        &mut self,
        side: Side,
        segment: &Segment<'_>,
        time: i64,
        position: u64,
        shared: &mut Shared,
    ) {
        if segment.cut > 0 && !self.dialogue.is_opaque {
            let name = self.dialogue.name();
            shared.losses.record_many(
                &PACKET_CUT,
                1,
                Position::Byte(position),
                Some((time, time)),
                || {
                    let (captured, all) = (segment.payload.len(), segment.bytes());
                    format!("{name}: {captured} of {all} payload bytes were captured")
                },
            );
        }
        let (half, dialogue) = self.half(side);
        half.count(segment.sequence, segment.bytes());
        let ahead = match half.ahead(segment.sequence) {
            Some(ahead) => ahead,
            None => {
                if !segment.has_bytes() {
                    return;
                }
                half.go_to(segment.sequence);
                if dialogue.requests == 0 && !dialogue.requests_missing {
                    dialogue.began_before();
                }
                0
            }
        };
        if ahead.unsigned_abs() > WINDOW.unsigned_abs() {
            if !half.is_moved(segment.sequence, segment.bytes()) {
                return;
            }
            half.hold.clear(shared);
            half.go_to(segment.sequence);
            self.missed(side, u64::MAX, time, position, shared);
            let name = self.dialogue.name();
            shared.losses.record_many(
                &CAPTURE_GAP,
                1,
                Position::Byte(position),
                Some((time, time)),
                || format!("{name}: the sequence goes on elsewhere"),
            );
        } else if ahead > 0 || !self.may_deliver(side, segment.acknowledgment) {
            self.hold(side, segment, time, position, shared);
            return;
        }
        let placed = Placed {
            sequence: segment.sequence,
            acknowledgment: segment.acknowledgment,
            piece: Piece {
                bytes: segment.payload,
                time,
                done: time,
                position,
            },
            cut: segment.cut,
            fin: segment.fin,
        };
        self.deliver(side, placed, shared);
        if !self.requests.hold.is_empty() || !self.responses.hold.is_empty() {
            self.drain(shared);
        }
    }

    /// Whether bytes of a direction may be read although they acknowledge `acknowledgment`.
    /// Requests always; responses once the requests they acknowledge were seen.
    #[inline]
    pub(super) fn may_deliver(&self, side: Side, acknowledgment: Option<u32>) -> bool {
        match (side, acknowledgment) {
            (Side::Responses, Some(acknowledgment)) => self
                .requests
                .ahead(acknowledgment)
                .is_none_or(|ahead| ahead <= 0 || ahead > WINDOW),
            _ => true,
        }
    }

    /// Reads bytes that begin at or before the next expected one.
    #[inline]
    pub(super) fn deliver(&mut self, side: Side, placed: Placed<'_>, shared: &mut Shared) {
        let Placed {
            sequence,
            acknowledgment,
            piece,
            cut,
            fin,
        } = placed;
        let Some(next) = self.half(side).0.next else {
            return;
        };
        let old = next.wrapping_sub(sequence);
        let old_bytes = usize::try_from(old).unwrap_or(usize::MAX);
        let new = piece.bytes.get(old_bytes..).unwrap_or_default();
        let size = u32::try_from(piece.bytes.len()).unwrap_or(u32::MAX);
        let end = sequence.wrapping_add(size).wrapping_add(cut);
        // Of what was cut, what lies behind `next`.
        let new_cut = end
            .wrapping_sub(next)
            .cast_signed()
            .try_into()
            .unwrap_or(0_u32)
            .saturating_sub(u32::try_from(new.len()).unwrap_or(u32::MAX));
        if !new.is_empty() || new_cut > 0 {
            let new_piece = Piece {
                bytes: new,
                ..piece
            };
            if self.tls.is_some() {
                self.pace(side, acknowledgment, new_piece.time);
            }
            self.take(side, new_piece, new_cut, shared);
        }
        let (half, _) = self.half(side);
        if !new.is_empty() || new_cut > 0 {
            half.go_to(end);
        }
        if fin && half.next == Some(end) && !half.is_finished {
            half.go_to(end.wrapping_add(1));
            half.is_finished = true;
        }
    }

    fn hold(
        &mut self,
        side: Side,
        segment: &Segment<'_>,
        time: i64,
        position: u64,
        shared: &mut Shared,
    ) {
        let other_is_seen = match side {
            Side::Requests => self.responses.next.is_some(),
            Side::Responses => self.requests.next.is_some(),
        };
        let (half, dialogue) = self.half(side);
        let Some(next) = half.next else {
            return;
        };
        // A copy of old bytes.
        if half
            .ahead(segment.sequence.wrapping_add(segment.bytes()))
            .is_some_and(|end| end <= 0)
            && !segment.fin
        {
            return;
        }
        half.hold.insert(
            Held {
                sequence: segment.sequence,
                acknowledgment: segment.acknowledgment,
                payload: segment.payload.to_vec(),
                cut: segment.cut,
                fin: segment.fin,
                time,
                position,
            },
            next,
            shared,
        );
        let is_full = half.hold.bytes() > HOLD_BYTES || half.hold.len() > HOLD_SEGMENTS;
        let is_late = !other_is_seen
            && half
                .hold
                .first()
                .is_some_and(|first| time.saturating_sub(first.time) > HOLD_TIME_NS);
        if is_full {
            let name = dialogue.name();
            shared
                .losses
                .record(&BUFFER_FULL, Position::Byte(position), || {
                    format!("{name}: out-of-order segments")
                });
        }
        if is_full || is_late {
            self.skip_to_held(side, time, position, shared);
        }
    }
}
