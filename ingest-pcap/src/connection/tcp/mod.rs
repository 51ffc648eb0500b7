//! What TCP itself did for a connection: handshake, round trips, bytes sent again, windows.
//!
//! Told from headers alone, whatever the bytes are. Nothing of it changes how messages are read.

mod handshake;
mod holes;
mod options;
mod recovery;
mod round_trip;
mod sent;
mod stream;
mod stretch;
mod window_limit;
mod zero_window;

use kcorr_capture::Segment;
use kcorr_tls::HandshakeCourse;

use super::piece::Side;
pub(crate) use handshake::Handshake;
use stream::Sender;
pub(crate) use stream::Stream;
pub(crate) use stretch::{Kind, Stretch};

/// A copy of a packet in the capture comes no later than this; nothing is sent again so soon without
/// another packet id.
const COPY_NS: i64 = 1_000_000;

/// The first end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClosedBy {
    ClientFin,
    BrokerFin,
    ClientReset,
    BrokerReset,
}

impl ClosedBy {
    /// Its name in `tcp_connections.closed_by`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ClientFin => "client_fin",
            Self::BrokerFin => "broker_fin",
            Self::ClientReset => "client_reset",
            Self::BrokerReset => "broker_reset",
        }
    }
}

/// A connection's TCP.
#[derive(Debug)]
pub(crate) struct Tcp {
    pub(crate) handshake: Handshake,
    pub(crate) to_broker: Stream,
    pub(crate) from_broker: Stream,
    /// When its first and last packets were captured.
    pub(crate) times: Option<(i64, i64)>,
    /// How its TLS handshake went, and when it showed that its client does not wait for answers, if it could not be
    /// read: whoever opens it says so.
    pub(crate) tls: Option<HandshakeCourse>,
    pub(crate) overlap_time: Option<i64>,
    pub(crate) closed_by: Option<ClosedBy>,
    /// Whoever looks for the connection that a new one replaces knows of its end.
    pub(crate) is_end_told: bool,
    /// The connection that this one may have replaced.
    pub(crate) reconnect_of: Option<i64>,
}

impl Tcp {
    pub(crate) fn new() -> Self {
        Self {
            handshake: Handshake::default(),
            to_broker: Stream::new(Side::Requests),
            from_broker: Stream::new(Side::Responses),
            times: None,
            tls: None,
            overlap_time: None,
            closed_by: None,
            is_end_told: false,
            reconnect_of: None,
        }
    }

    /// Takes a segment; what comes to an end with it is added to `ended`. `is_inside` says whether the bytes
    /// before it ended inside of a message, if that is known.
    #[inline]
    pub(super) fn segment(
        &mut self,
        segment: &Segment<'_>,
        side: Side,
        is_inside: Option<bool>,
        time: i64,
        ended: &mut Vec<Stretch>,
    ) {
        let (first, last) = self.times.get_or_insert((time, time));
        *first = (*first).min(time);
        *last = (*last).max(time);
        if segment.syn | segment.fin | segment.rst {
            self.flags(segment, side, time, ended);
        }
        if side == Side::Requests && self.handshake.is_open() && !segment.syn {
            self.established(segment, time, ended);
        }
        let (own, other) = match side {
            Side::Requests => (&mut self.to_broker, &mut self.from_broker),
            Side::Responses => (&mut self.from_broker, &mut self.to_broker),
        };
        own.is_captured = true;
        if let Some(acknowledgment) = segment.acknowledgment
            && !segment.rst
        {
            other.acknowledged(acknowledgment, segment, time, ended);
        }
        if !segment.has_bytes() {
            own.bare(segment, time);
        } else if !segment.rst {
            let sender = Sender {
                rtt: other.round_trip.shortest(),
                is_inside,
            };
            own.sent(segment, sender, time, ended);
        }
        if segment.fin {
            own.finished(segment);
        }
    }

    #[cold]
    fn flags(&mut self, segment: &Segment<'_>, side: Side, time: i64, ended: &mut Vec<Stretch>) {
        if segment.syn {
            self.syn(segment, side, time, ended);
        }
        let stream = match side {
            Side::Requests => &mut self.to_broker,
            Side::Responses => &mut self.from_broker,
        };
        let is_reset = segment.rst && stream.obeys(segment.sequence);
        if is_reset && stream.resets_at(segment, time) {
            ended.push(Stretch::at(Kind::Reset, side, time));
        }
        if segment.fin || is_reset {
            let by = match (side, is_reset) {
                (Side::Requests, false) => ClosedBy::ClientFin,
                (Side::Responses, false) => ClosedBy::BrokerFin,
                (Side::Requests, true) => ClosedBy::ClientReset,
                (Side::Responses, true) => ClosedBy::BrokerReset,
            };
            self.closed_by = self.closed_by.or(Some(by));
        }
    }

    fn syn(&mut self, segment: &Segment<'_>, side: Side, time: i64, ended: &mut Vec<Stretch>) {
        match side {
            Side::Requests => self.to_broker.begin(segment.sequence),
            Side::Responses => self.from_broker.begin(segment.sequence),
        }
        self.handshake.syn(segment, side, time, ended);
        if let Some((client, broker)) = self.handshake.scales() {
            self.to_broker.set_scale(broker);
            self.from_broker.set_scale(client);
        }
        if let Some((client, broker)) = self.handshake.largest_segments() {
            self.to_broker.set_segment(broker);
            self.from_broker.set_segment(client);
        }
        if let Some(rtt) = self.handshake.broker_rtt() {
            self.to_broker.round_trip.bound(rtt);
        }
    }

    #[cold]
    fn established(&mut self, segment: &Segment<'_>, time: i64, ended: &mut Vec<Stretch>) {
        self.handshake.third(segment, time, ended);
        if let Some(rtt) = self.handshake.client_rtt() {
            self.from_broker.round_trip.bound(rtt);
        }
    }

    /// The connection or the capture ends.
    pub(super) fn end(&mut self, ended: &mut Vec<Stretch>) {
        let Some((_, last)) = self.times else {
            return;
        };
        self.handshake.end(last, ended);
        self.to_broker.end(last, ended);
        self.from_broker.end(last, ended);
    }
}
