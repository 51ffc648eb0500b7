//! A TCP connection to a broker: both directions, put together again, the dialogue in them, and what TCP did.

mod dialogue;
mod framing;
mod half;
mod header;
mod hold;
mod holes;
mod piece;
mod probe;
mod reassembly;
mod tcp;
mod text;
mod tls_probe;
mod view;

use kcorr_capture::{Endpoint, Segment};
use kcorr_model::Position;
use kcorr_tls::Tls;

use crate::shared::{BUFFER_FULL, Shared};
use dialogue::Dialogue;
pub(crate) use dialogue::{ConnectionName, reason};
use half::{Half, WINDOW};
pub(crate) use piece::Side;
pub(crate) use probe::RequestProbe;
pub(crate) use tcp::{Stream as TcpStream, Stretch, Tcp};
pub(crate) use tls_probe::TlsProbe;
pub(crate) use view::{SECOND_VIEW, View};

/// A connection to a broker.
#[derive(Debug)]
pub(crate) struct Connection {
    requests: Half,
    responses: Half,
    dialogue: Dialogue,
    /// What TCP itself does; none for a view that is not kept.
    tcp: Option<Tcp>,
    /// What its bytes are encrypted by, and what of them this holds.
    tls: Option<Box<Tls>>,
    tls_held_bytes: usize,
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
            tls: None,
            tls_held_bytes: 0,
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
    #[inline]
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
        self.of(Side::of(from_client))
            .ahead(segment.sequence)
            .is_some_and(|ahead| ahead.unsigned_abs() > WINDOW.unsigned_abs())
    }

    #[inline]
    fn of(&self, side: Side) -> &Half {
        match side {
            Side::Requests => &self.requests,
            Side::Responses => &self.responses,
        }
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
        let side = Side::of(from_client);
        if let Some(tcp) = &mut self.tcp
            && !segment.is_message
        {
            let half = match side {
                Side::Requests => &self.requests,
                Side::Responses => &self.responses,
            };
            let is_opaque = self.dialogue.is_opaque || self.tls.is_some();
            let is_inside = half.framing.is_inside().filter(|_| !is_opaque);
            tcp.segment(segment, side, is_inside, time, &mut shared.stretches);
            if !shared.stretches.is_empty() {
                shared.keep_stretches(&self.dialogue.labels);
            }
        }
        // Of an encrypted connection that is not read, records are counted.
        let is_ignored = self.dialogue.is_opaque && self.tls.is_none();
        if self.is_closed || (is_ignored && !segment.fin && !segment.rst) {
            return;
        }
        if let Some(acknowledgment) = segment.acknowledgment {
            let (other, _) = self.half(side.other());
            other.heard_to = Some(acknowledgment);
            if other.is_hole_confirmed(acknowledgment, segment.sequence, segment.payload.len()) {
                self.fill_hole(side.other(), time, position, shared);
            }
        }
        if segment.syn {
            self.begin(side, segment.sequence);
        } else if segment.has_bytes() || segment.fin {
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
        let side = Side::of(from_client);
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

    /// Since when bytes of incomplete messages and segments are held, if any are.
    pub(crate) fn held_since(&self) -> Option<i64> {
        let oldest = [&self.requests, &self.responses].map(|half| {
            let held = half.hold.first().map(|held| held.time);
            held.into_iter().chain(half.framing.held_since()).min()
        });
        let encrypted = self.tls.as_ref().and_then(|tls| tls.held_since());
        oldest.into_iter().flatten().chain(encrypted).min()
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
        self.give_up_encrypted(shared);
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
        self.end_tls(shared);
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
