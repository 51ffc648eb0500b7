//! A TCP connection to a broker: reassembly of both directions, and the dialogue in them.
//!
//! The first copy of every byte counts; retransmissions and overlaps are trimmed. A segment ahead of
//! a hole is held until the hole is filled or proves to be real: the other end has acknowledged
//! bytes behind it three times, the hold is full, or the connection or the capture ends. A response
//! is held while it acknowledges request bytes that were not seen yet, so packets that the capture
//! holds in another order do no harm.

mod dialogue;
mod framing;
mod half;
mod header;
mod hold;
mod holes;
mod piece;
mod probe;
mod tcp;
mod view;

use kcorr_model::{LossKind, Position, Severity};

use crate::network::{Endpoint, Segment};
use crate::shared::{BUFFER_FULL, Shared};
use dialogue::Dialogue;
pub(crate) use dialogue::{ConnectionName, reason};
use half::{Half, WINDOW};
use hold::Held;
use holes::CAPTURE_GAP;
use piece::{Piece, Side};
pub(crate) use probe::RequestProbe;
pub(crate) use tcp::{Stream as TcpStream, Stretch, Tcp};
pub(crate) use view::{SECOND_VIEW, View};

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

/// A connection to a broker.
#[derive(Debug)]
pub(crate) struct Connection {
    requests: Half,
    responses: Half,
    dialogue: Dialogue,
    /// What TCP itself does; none for a view that is not kept.
    tcp: Option<Tcp>,
    /// The client's first sequence number, if its SYN was seen.
    client_start: Option<u32>,
    is_closed: bool,
    pub(crate) last_time: i64,
}

impl Connection {
    pub(crate) fn new(
        connection_id: i64,
        client: Endpoint,
        server: Endpoint,
        position: u64,
    ) -> Self {
        Self {
            requests: Half::new(Side::Requests),
            responses: Half::new(Side::Responses),
            dialogue: Dialogue::new(connection_id, client, server, position),
            tcp: Some(Tcp::new()),
            client_start: None,
            is_closed: false,
            last_time: 0,
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// The connection in words.
    pub(crate) fn name(&self) -> ConnectionName {
        self.dialogue.name()
    }

    /// Client and server.
    pub(crate) fn ends(&self) -> (Endpoint, Endpoint) {
        (self.dialogue.labels.client, self.dialogue.labels.server)
    }

    /// Whether a segment belongs to another connection, between the same ports.
    #[inline]
    pub(crate) fn is_another(&self, segment: &Segment<'_>, from_client: bool) -> bool {
        if segment.syn {
            return match (from_client, self.client_start) {
                (true, Some(start)) => start != segment.sequence,
                // The client's SYN was not seen: it is this one, unless bytes have come already.
                (true, None) => self.requests.next.is_some(),
                (false, _) => {
                    let next = segment.sequence.wrapping_add(1);
                    self.responses.next.is_some_and(|_| {
                        self.is_closed
                            && self
                                .responses
                                .ahead(next)
                                .is_some_and(|ahead| ahead.unsigned_abs() > 1 << 30)
                    })
                }
            };
        }
        if !self.is_closed || segment.payload.is_empty() {
            return false;
        }
        // Late copies of what was said before the end are near it.
        let half = if from_client {
            &self.requests
        } else {
            &self.responses
        };
        half.ahead(segment.sequence)
            .is_some_and(|ahead| ahead.unsigned_abs() > WINDOW.unsigned_abs())
    }

    #[inline]
    fn half(&mut self, side: Side) -> (&mut Half, &mut Dialogue) {
        match side {
            Side::Requests => (&mut self.requests, &mut self.dialogue),
            Side::Responses => (&mut self.responses, &mut self.dialogue),
        }
    }

    /// Takes a segment.
    #[inline]
    pub(crate) fn segment(
        &mut self,
        segment: &Segment<'_>,
        from_client: bool,
        time: i64,
        position: u64,
        shared: &mut Shared,
    ) {
        self.last_time = time;
        let side = if from_client {
            Side::Requests
        } else {
            Side::Responses
        };
        if let Some(tcp) = &mut self.tcp
            && !segment.is_message
        {
            let half = match side {
                Side::Requests => &self.requests,
                Side::Responses => &self.responses,
            };
            let is_opaque = self.dialogue.is_opaque;
            let is_inside = || half.framing.is_inside().filter(|_| !is_opaque);
            tcp.segment(segment, side, is_inside, time, &mut shared.stretches);
            if !shared.stretches.is_empty() {
                shared.keep_stretches(&self.dialogue.labels);
            }
        }
        if self.is_closed || (self.dialogue.is_opaque && !segment.fin && !segment.rst) {
            return;
        }
        if let Some(acknowledgment) = segment.acknowledgment {
            let (other, _) = self.half(side.other());
            if other.is_hole_confirmed(acknowledgment, segment.sequence, segment.payload.len()) {
                self.fill_hole(side.other(), time, position, shared);
            }
        }
        if segment.syn {
            self.begin(side, segment.sequence);
        } else if !segment.payload.is_empty() || segment.cut > 0 || segment.fin {
            self.bytes(side, segment, time, position, shared);
        }
        // A reset far from the expected bytes is one that its receiver ignores.
        let is_reset = segment.rst
            && self
                .half(side)
                .0
                .ahead(segment.sequence)
                .is_none_or(|ahead| ahead.unsigned_abs() <= WINDOW.unsigned_abs());
        if is_reset || self.responses.is_finished {
            self.close(reason::CONNECTION_CLOSED, shared);
        }
    }

    /// Takes bytes that were exported without their TCP headers: they follow what came before, and the
    /// first of them begin a message.
    pub(crate) fn message(
        &mut self,
        segment: &Segment<'_>,
        from_client: bool,
        time: i64,
        position: u64,
        shared: &mut Shared,
    ) {
        let side = if from_client {
            Side::Requests
        } else {
            Side::Responses
        };
        let (half, _) = self.half(side);
        let sequence = half.next.unwrap_or(0);
        if half.next.is_none() {
            half.go_to(sequence);
            half.framing.at_message();
        }
        let placed = Segment {
            sequence,
            acknowledgment: None,
            ..*segment
        };
        self.segment(&placed, from_client, time, position, shared);
    }

    fn begin(&mut self, side: Side, sequence: u32) {
        if side == Side::Requests {
            self.client_start = Some(sequence);
        }
        let (half, _) = self.half(side);
        if half.next.is_none() {
            half.go_to(sequence.wrapping_add(1));
            half.framing.at_message();
        }
    }

    /// Bytes of one direction, in any order.
    #[inline]
    fn bytes(
        &mut self,
        side: Side,
        segment: &Segment<'_>,
        time: i64,
        position: u64,
        shared: &mut Shared,
    ) {
        if segment.cut > 0 {
            let name = self.dialogue.name();
            shared.losses.record_many(
                &PACKET_CUT,
                1,
                Position::Byte(position),
                Some((time, time)),
                || {
                    format!(
                        "{name}: {} of {} payload bytes were captured",
                        segment.payload.len(),
                        segment.payload.len().saturating_add(segment.cut as usize)
                    )
                },
            );
        }
        let (half, dialogue) = self.half(side);
        half.count(segment.sequence, segment_bytes(segment));
        let ahead = match half.ahead(segment.sequence) {
            Some(ahead) => ahead,
            None => {
                if segment.payload.is_empty() && segment.cut == 0 {
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
            if !half.is_moved(segment.sequence, segment_bytes(segment)) {
                return;
            }
            half.hold.clear(shared);
            half.framing.miss(u64::MAX, None, dialogue, shared);
            half.go_to(segment.sequence);
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
        self.deliver(
            side,
            segment.sequence,
            segment.payload,
            segment.cut,
            segment.fin,
            Piece {
                bytes: &[],
                time,
                position,
            },
            shared,
        );
        if !self.requests.hold.is_empty() || !self.responses.hold.is_empty() {
            self.drain(shared);
        }
    }

    /// Whether bytes of a direction may be read although they acknowledge `acknowledgment`.
    /// Requests always; responses once the requests they acknowledge were seen.
    #[inline]
    fn may_deliver(&self, side: Side, acknowledgment: Option<u32>) -> bool {
        match (side, acknowledgment) {
            (Side::Responses, Some(acknowledgment)) => self
                .requests
                .ahead(acknowledgment)
                .is_none_or(|ahead| ahead <= 0 || ahead > WINDOW),
            _ => true,
        }
    }

    /// Reads bytes that begin at or before the next expected one.
    #[allow(clippy::too_many_arguments)]
    #[inline]
    fn deliver(
        &mut self,
        side: Side,
        sequence: u32,
        payload: &[u8],
        cut: u32,
        fin: bool,
        piece: Piece<'_>,
        shared: &mut Shared,
    ) {
        let Some(next) = self.half(side).0.next else {
            return;
        };
        let old = next.wrapping_sub(sequence);
        let old_bytes = usize::try_from(old).unwrap_or(usize::MAX);
        let new = payload.get(old_bytes..).unwrap_or_default();
        let size = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let end = sequence.wrapping_add(size).wrapping_add(cut);
        // Of what was cut, what lies behind `next`.
        let new_cut = end
            .wrapping_sub(next)
            .cast_signed()
            .try_into()
            .unwrap_or(0_u32)
            .saturating_sub(u32::try_from(new.len()).unwrap_or(u32::MAX));
        // A response to a request that is being looked for says where it was.
        if side == Side::Responses
            && !new.is_empty()
            && self.requests.framing.is_searching()
            && self.responses.framing.is_between_messages()
        {
            let segment = Piece {
                bytes: new,
                ..piece
            };
            self.requests
                .framing
                .answer(segment, new_cut, &mut self.dialogue, shared);
        }
        let (half, dialogue) = self.half(side);
        if !new.is_empty() {
            half.framing.feed(
                Piece {
                    bytes: new,
                    ..piece
                },
                dialogue,
                shared,
            );
        }
        if new_cut > 0 {
            half.framing
                .miss(u64::from(new_cut), Some(piece.time), dialogue, shared);
        }
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
            .ahead(segment.sequence.wrapping_add(segment_bytes(segment)))
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

    /// Since when bytes of incomplete messages and segments are held, if any are.
    pub(crate) fn held_since(&self) -> Option<i64> {
        let oldest = [&self.requests, &self.responses].map(|half| {
            let held = half.hold.first().map(|held| held.time);
            held.into_iter().chain(half.framing.held_since()).min()
        });
        oldest.into_iter().flatten().min()
    }

    /// Since when requests wait for a response, if any do.
    pub(crate) fn waiting_since(&self) -> Option<i64> {
        self.dialogue.waiting.front().map(|r| r.arrival_time)
    }

    /// Gives up the bytes that are held, for lack of memory.
    pub(crate) fn give_up_held(&mut self, shared: &mut Shared) {
        let name = self.dialogue.name();
        shared
            .losses
            .record(&BUFFER_FULL, Position::Whole, || name.to_string());
        for side in [Side::Requests, Side::Responses] {
            self.empty_hold(side, shared);
            self.half(side).0.framing.give_up_held(shared);
        }
    }

    /// Gives up the requests that wait, for lack of memory.
    pub(crate) fn give_up_waiting(&mut self, shared: &mut Shared) {
        let name = self.dialogue.name();
        shared
            .losses
            .record(&BUFFER_FULL, Position::Whole, || name.to_string());
        self.dialogue.give_up_waiting(reason::CAPTURE_GAP, shared);
    }

    /// The connection leaves: it ends, and what TCP did for it becomes a row.
    pub(crate) fn leave(&mut self, reason: &'static str, shared: &mut Shared) {
        self.close(reason, shared);
        if let Some(mut tcp) = self.tcp.take() {
            tcp.end(&mut shared.stretches);
            shared.keep_stretches(&self.dialogue.labels);
            shared.rows.push_tcp(&tcp, &self.dialogue.labels);
        }
    }

    /// Its id, the first time that this is asked after an end of it was captured: it ends in several packets.
    pub(crate) fn ended(&mut self) -> Option<i64> {
        let tcp = self.tcp.as_mut()?;
        tcp.closed_by?;
        if std::mem::replace(&mut tcp.is_end_told, true) {
            return None;
        }
        Some(self.dialogue.labels.connection_id)
    }

    /// It follows another one of the same client.
    pub(crate) fn follows(&mut self, connection_id: Option<i64>) {
        if let Some(tcp) = &mut self.tcp {
            tcp.reconnect_of = connection_id;
        }
    }

    /// Ends the connection: what is held is read, and requests that wait become rows.
    pub(crate) fn close(&mut self, reason: &'static str, shared: &mut Shared) {
        if self.is_closed {
            return;
        }
        self.is_closed = true;
        self.tell_copies(shared);
        for side in [Side::Requests, Side::Responses] {
            self.empty_hold(side, shared);
        }
        self.responses
            .framing
            .end(reason, &mut self.dialogue, shared);
        self.dialogue.give_up_waiting(reason, shared);
        self.requests
            .framing
            .end(reason, &mut self.dialogue, shared);
        self.dialogue.report_unrecognised(shared);
    }
}

fn segment_bytes(segment: &Segment<'_>) -> u32 {
    u32::try_from(segment.payload.len())
        .unwrap_or(u32::MAX)
        .saturating_add(segment.cut)
}
