//! One direction's bytes, and what the other end acknowledges of them.

mod acknowledgements;
mod again;
mod idle;

use super::holes::Holes;
use super::recovery::Recovery;
use super::round_trip::RoundTrip;
use super::sent::{Sent, SentSegment};
use super::window_limit::{NewBytes, WindowLimit};
use super::zero_window::ZeroWindow;
use super::{COPY_NS, Side, Stretch};
use acknowledgements::Bare;
use kcorr_capture::Segment;

/// Numbers farther away are of no byte in flight.
const WINDOW: i32 = 64 << 20;

/// What is known of the sender of a segment.
#[derive(Clone, Copy)]
pub(super) struct Sender {
    /// Its shortest round trip to the capture point.
    pub(super) rtt: Option<i64>,
    /// Whether the bytes before ended inside of a message, if that is known.
    pub(super) is_inside: Option<bool>,
}

/// One direction.
#[derive(Debug)]
pub(crate) struct Stream {
    side: Side,
    /// Whether a packet of it was captured.
    pub(crate) is_captured: bool,
    /// Nothing is known of bytes before the first; the next is behind all that were sent.
    first: Option<u32>,
    next: u32,
    acknowledged: Option<u32>,
    /// Since when the first byte that is not acknowledged waits.
    since: i64,
    scale: Option<u8>,
    segment_bytes: u32,
    window: u16,
    /// When the receiver told another window than before.
    window_time: i64,
    pub(crate) largest_window: u32,
    last_bare: Option<Bare>,
    last_bare_time: i64,
    duplicates_in_a_row: u32,
    sent: Sent,
    holes: Holes,
    recovery: Option<Recovery>,
    pub(crate) round_trip: RoundTrip,
    pub(crate) zero_window: ZeroWindow,
    pub(crate) window_limit: WindowLimit,
    pub(crate) segments: u64,
    pub(crate) bytes: u64,
    pub(crate) retransmissions: u64,
    pub(crate) retransmitted_bytes: u64,
    pub(crate) needless: u64,
    pub(crate) out_of_order: u64,
    pub(crate) copies: u64,
    pub(crate) unseen_bytes: u64,
    pub(crate) duplicate_acks: u64,
    pub(crate) resets: u64,
    is_finished: bool,
    strays: u8,
}

#[inline]
fn ahead(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b).cast_signed()
}

impl Stream {
    pub(super) fn new(side: Side) -> Self {
        Self {
            side,
            is_captured: false,
            first: None,
            next: 0,
            acknowledged: None,
            since: 0,
            scale: None,
            segment_bytes: 536,
            window: 0,
            window_time: 0,
            largest_window: 0,
            last_bare: None,
            last_bare_time: 0,
            duplicates_in_a_row: 0,
            sent: Sent::default(),
            holes: Holes::default(),
            recovery: None,
            round_trip: RoundTrip::default(),
            zero_window: ZeroWindow::default(),
            window_limit: WindowLimit::default(),
            segments: 0,
            bytes: 0,
            retransmissions: 0,
            retransmitted_bytes: 0,
            needless: 0,
            out_of_order: 0,
            copies: 0,
            unseen_bytes: 0,
            duplicate_acks: 0,
            resets: 0,
            is_finished: false,
            strays: 0,
        }
    }

    /// A SYN with this number.
    pub(super) fn begin(&mut self, sequence: u32) {
        if self.bytes == 0 {
            self.first = Some(sequence.wrapping_add(1));
            self.next = sequence.wrapping_add(1);
        }
    }

    /// The shift of the receiver's window is known.
    pub(super) fn set_scale(&mut self, scale: u8) {
        self.scale = Some(scale);
    }

    /// The receiver takes segments of so many bytes.
    pub(super) fn set_segment(&mut self, bytes: u16) {
        self.segment_bytes = u32::from(bytes).max(1);
    }

    /// Whether the receiver's packets were captured.
    pub(crate) fn is_acknowledged(&self) -> bool {
        self.acknowledged.is_some()
    }

    /// The receiver's largest window, if its scale is known.
    pub(crate) fn known_largest_window(&self) -> Option<u32> {
        self.scale.map(|_| self.largest_window)
    }

    /// The time at the end of the receiver's window, if it can be told.
    pub(crate) fn window_limited_ns(&self, sender_rtt: Option<i64>) -> Option<i64> {
        let is_known = self.scale.is_some() && sender_rtt.is_some() && self.is_acknowledged();
        is_known.then_some(self.window_limit.total_ns)
    }

    /// A packet without bytes: with the number before the first byte that is not acknowledged it asks
    /// whether the window is still closed (Linux, `tcp_xmit_probe_skb`).
    #[inline]
    pub(super) fn bare(&mut self, segment: &Segment<'_>, time: i64) {
        if self.zero_window.is_closed()
            && self
                .acknowledged
                .is_some_and(|acknowledged| ahead(segment.sequence, acknowledged) == -1)
            && segment.is_bare()
        {
            self.zero_window.probed(segment.packet_id, time);
        }
    }

    /// Whether the receiver obeys a reset with this number: it stands in the window (RFC 5961, 3.2), as far
    /// as that is known.
    pub(super) fn obeys(&self, sequence: u32) -> bool {
        let (lowest, highest) = match (self.acknowledged, self.first) {
            (None, None) => return true,
            (None, Some(_)) => (self.next.wrapping_sub(WINDOW.cast_unsigned()), self.next),
            (Some(acknowledged), Some(_)) if ahead(self.next, acknowledged) > 0 => {
                (acknowledged, self.next)
            }
            (Some(acknowledged), _) => (acknowledged, acknowledged),
        };
        let window = match self.scale {
            Some(_) => i32::try_from(self.largest_window).unwrap_or(i32::MAX),
            None => WINDOW,
        };
        // Behind a FIN some ends name the number before.
        ahead(sequence, lowest) >= -1 && ahead(sequence, highest) <= window
    }

    /// Counts a reset, unless it is a copy of the last one.
    pub(super) fn resets_at(&mut self, segment: &Segment<'_>, time: i64) -> bool {
        let bare = Bare {
            sequence: segment.sequence,
            packet_id: segment.packet_id,
            options: u64::MAX,
        };
        let is_copy =
            self.last_bare == Some(bare) && time.saturating_sub(self.last_bare_time) < COPY_NS;
        self.last_bare = Some(bare);
        self.last_bare_time = time;
        if !is_copy {
            self.resets = self.resets.saturating_add(1);
        }
        !is_copy
    }

    /// Bytes were sent.
    #[inline]
    pub(super) fn sent(
        &mut self,
        segment: &Segment<'_>,
        sender: Sender,
        time: i64,
        ended: &mut Vec<Stretch>,
    ) {
        let start = segment.sequence.wrapping_add(u32::from(segment.syn));
        let end = start.wrapping_add(segment.bytes());
        self.segments = self.segments.saturating_add(1);
        if self.first.is_none() {
            self.first = Some(start);
            self.next = start;
            self.since = time;
        }
        let distance = ahead(start, self.next);
        if distance.unsigned_abs() > WINDOW.unsigned_abs() {
            self.stray(start);
            return;
        }
        if distance < 0 {
            self.again(segment, start, end, sender, time, ended);
            return;
        }
        if distance > 0 {
            self.skipped_to(start, time);
        }
        self.new_bytes(segment, start, end, sender, time, ended);
    }

    #[inline]
    fn new_bytes(
        &mut self,
        segment: &Segment<'_>,
        start: u32,
        end: u32,
        sender: Sender,
        time: i64,
        ended: &mut Vec<Stretch>,
    ) {
        if self
            .acknowledged
            .is_none_or(|acknowledged| acknowledged == self.next)
        {
            if sender.is_inside == Some(true)
                && time.saturating_sub(self.since) >= idle::SHORTEST_NS
            {
                self.idle(sender, time, ended);
            }
            self.since = time;
        }
        let size = end.wrapping_sub(self.next);
        self.next = end;
        self.bytes = self.bytes.saturating_add(u64::from(size));
        self.sent.push(SentSegment {
            start,
            end,
            packet_id: segment.packet_id,
            time,
        });
        self.round_trip.sent(end, time, segment.options);
        let Some(rtt) = sender.rtt.filter(|_| self.scale.is_some()) else {
            return;
        };
        let smallest_send = self.segment_bytes.min(self.largest_window / 2);
        let smallest_send = smallest_send.saturating_sub(1);
        if self.window_limit.has_room(end, time, rtt, smallest_send) {
            return;
        }
        let new = NewBytes {
            end,
            bytes: size,
            time,
            rtt,
            smallest_send,
            largest_window: self.largest_window,
            is_inside: sender.is_inside,
        };
        self.window_limit.sent(new, self.side, ended);
    }

    /// The bytes up to `start` were not captured yet.
    #[cold]
    fn skipped_to(&mut self, start: u32, time: i64) {
        let is_acknowledged = self
            .acknowledged
            .is_some_and(|acknowledged| ahead(acknowledged, start) >= 0);
        if is_acknowledged {
            let bytes = start.wrapping_sub(self.next);
            self.unseen_bytes = self.unseen_bytes.saturating_add(u64::from(bytes));
        }
        let known_from = self.holes.open(self.next, start, time, is_acknowledged);
        if let Some(known_from) = known_from {
            self.know_from(known_from);
        }
        self.next = start;
    }

    /// A number far from all others: a stray packet, unless others follow.
    #[cold]
    fn stray(&mut self, start: u32) {
        self.strays = self.strays.saturating_add(1);
        if self.strays < 3 {
            return;
        }
        self.strays = 0;
        self.holes.clear();
        self.round_trip.forget();
        self.window_limit.lose();
        self.recovery = None;
        self.acknowledged = None;
        self.first = Some(start);
        self.next = start;
    }

    /// A FIN was sent: it takes a number.
    #[cold]
    pub(super) fn finished(&mut self, segment: &Segment<'_>) {
        let end = segment.sequence.wrapping_add(segment.bytes());
        if self.first.is_some() && self.next == end && !self.is_finished {
            self.is_finished = true;
            self.next = end.wrapping_add(1);
        }
    }

    fn know_from(&mut self, byte: u32) {
        if self.first.is_none_or(|first| ahead(byte, first) > 0) {
            self.first = Some(byte);
        }
    }

    /// The connection or the capture ends.
    pub(super) fn end(&mut self, last: i64, ended: &mut Vec<Stretch>) {
        if let Some(recovery) = self.recovery.take() {
            ended.push(recovery.stretch(self.side, None));
        }
        self.zero_window.end(self.side, last, false, ended);
        self.window_limit.end(self.side, ended);
    }
}
