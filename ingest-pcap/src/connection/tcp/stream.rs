//! One direction's bytes, and what the other end acknowledges of them.

use super::holes::Holes;
use super::recovery::Recovery;
use super::round_trip::RoundTrip;
use super::sent::{Sent, SentSegment};
use super::window_limit::{NewBytes, WindowLimit};
use super::zero_window::ZeroWindow;
use super::{COPY_NS, Side, Stretch};
use crate::network::Segment;

/// Numbers farther away are of no byte in flight.
const WINDOW: i32 = 64 << 20;

/// What fills a hole later than this was sent again, when no round trip is known and nobody has asked for
/// it: the shortest time after which Linux sends again unasked is 200 ms.
const SURELY_AGAIN_NS: i64 = 150_000_000;
/// The same where the round trip is known.
const LIKELY_AGAIN_NS: i64 = 20_000_000;
/// The same after duplicate acknowledgements, without a round trip.
const ASKED_AGAIN_NS: i64 = 3_000_000;
/// Packets in disorder are not farther apart, whatever the round trip.
const DISORDER_NS: i64 = 500_000;

/// A bare acknowledgement, to know a copy of its packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bare {
    sequence: u32,
    packet_id: u16,
    options: u64,
}

/// What is known of the sender of a segment.
#[derive(Clone, Copy)]
pub(super) struct Sender<'a> {
    /// Its shortest round trip to the capture point.
    pub(super) rtt: Option<i64>,
    /// Whether the bytes before ended inside of a message, if that is known.
    pub(super) is_inside: &'a dyn Fn() -> Option<bool>,
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
        sender: Sender<'_>,
        time: i64,
        ended: &mut Vec<Stretch>,
    ) {
        let size = u32::try_from(segment.payload.len())
            .unwrap_or(u32::MAX)
            .saturating_add(segment.cut);
        let start = segment.sequence.wrapping_add(u32::from(segment.syn));
        let end = start.wrapping_add(size);
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
        sender: Sender<'_>,
        time: i64,
        ended: &mut Vec<Stretch>,
    ) {
        if self
            .acknowledged
            .is_none_or(|acknowledged| acknowledged == self.next)
        {
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
            is_inside: (sender.is_inside)(),
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
        let size = u32::try_from(segment.payload.len()).unwrap_or(u32::MAX);
        let end = segment
            .sequence
            .wrapping_add(size)
            .wrapping_add(segment.cut);
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

    /// A segment with bytes before `next`.
    #[cold]
    fn again(
        &mut self,
        segment: &Segment<'_>,
        start: u32,
        end: u32,
        sender: Sender<'_>,
        time: i64,
        ended: &mut Vec<Stretch>,
    ) {
        let is_new = ahead(end, self.next) > 0;
        let old_end = if is_new { self.next } else { end };
        // A question whether the other end is still there, or takes something again.
        let is_one = end.wrapping_sub(start) <= 1 && end == self.next;
        if is_one && self.acknowledged == Some(self.next) || self.zero_window.is_closed() {
            self.zero_window.probed();
        } else {
            self.old_bytes(segment, start, old_end, sender, time, ended);
        }
        if is_new {
            self.new_bytes(segment, start, end, sender, time, ended);
        }
    }

    fn old_bytes(
        &mut self,
        segment: &Segment<'_>,
        start: u32,
        end: u32,
        sender: Sender<'_>,
        time: i64,
        ended: &mut Vec<Stretch>,
    ) {
        let filled = self.holes.fill(start, end);
        let size = end.wrapping_sub(start);
        self.bytes = self.bytes.saturating_add(u64::from(filled.bytes));
        if filled.bytes > 0 {
            self.unseen_bytes = self
                .unseen_bytes
                .saturating_sub(u64::from(filled.acknowledged));
            let missing = time.saturating_sub(filled.since);
            let is_asked = self.duplicates_in_a_row >= 2;
            let again_after = match (sender.rtt, is_asked) {
                (Some(rtt), true) => (rtt / 4 * 3).max(DISORDER_NS),
                (Some(rtt), false) => rtt.max(LIKELY_AGAIN_NS),
                (None, true) => ASKED_AGAIN_NS,
                (None, false) => SURELY_AGAIN_NS,
            };
            if filled.acknowledged > 0 || missing < again_after {
                self.out_of_order = self.out_of_order.saturating_add(1);
            } else {
                self.resent(segment, start, end, filled.since, time, filled.bytes, ended);
            }
            self.remember(segment, start, end, time);
            return;
        }
        if self.first.is_some_and(|first| ahead(start, first) < 0) {
            self.out_of_order = self.out_of_order.saturating_add(1);
            return;
        }
        let sent = self.sent.last_with(start, end);
        if let Some(sent) = sent {
            let is_soon = time.saturating_sub(sent.time) < COPY_NS;
            let is_same = sent.start == start && sent.end == end;
            let ids = (sent.packet_id, segment.packet_id);
            let is_copy = match ids {
                (0, _) | (_, 0) => is_soon,
                (one, other) => (one == other && is_same) || (is_soon && !is_same),
            };
            if is_copy {
                self.copies = self.copies.saturating_add(1);
                return;
            }
        } else if self.copies >= 8 && self.copies.saturating_mul(3) >= self.segments {
            // Everything is there more than once.
            self.copies = self.copies.saturating_add(1);
            return;
        }
        let is_needless = self
            .acknowledged
            .is_some_and(|acknowledged| ahead(acknowledged, end) >= 0);
        if is_needless {
            self.count_resent(size);
            self.needless = self.needless.saturating_add(1);
            self.round_trip.sent_again(start, end, segment.options);
        } else {
            let since = sent.map_or(self.since, |sent| sent.time);
            self.resent(segment, start, end, since, time, size, ended);
        }
        self.remember(segment, start, end, time);
    }

    fn remember(&mut self, segment: &Segment<'_>, start: u32, end: u32, time: i64) {
        self.sent.push(SentSegment {
            start,
            end,
            packet_id: segment.packet_id,
            time,
        });
    }

    fn count_resent(&mut self, bytes: u32) {
        self.retransmissions = self.retransmissions.saturating_add(1);
        self.retransmitted_bytes = self.retransmitted_bytes.saturating_add(u64::from(bytes));
    }

    #[allow(clippy::too_many_arguments)]
    fn resent(
        &mut self,
        segment: &Segment<'_>,
        start: u32,
        end: u32,
        since: i64,
        time: i64,
        bytes: u32,
        ended: &mut Vec<Stretch>,
    ) {
        self.count_resent(bytes);
        self.round_trip.sent_again(start, end, segment.options);
        let mut recovery = self
            .recovery
            .take()
            .unwrap_or_else(|| Recovery::new(since, time, end));
        recovery.add(since, time, bytes, end);
        if self.acknowledged.is_some() {
            self.recovery = Some(recovery);
        } else {
            // Nobody will say when it has arrived.
            ended.push(recovery.stretch(self.side, None));
        }
    }

    /// The receiver says what it has and how much it takes.
    #[inline]
    pub(super) fn acknowledged(
        &mut self,
        acknowledgment: u32,
        segment: &Segment<'_>,
        time: i64,
        ended: &mut Vec<Stretch>,
    ) {
        let advance = match self.acknowledged {
            Some(acknowledged) => ahead(acknowledgment, acknowledged),
            None => {
                self.acknowledged = Some(acknowledgment);
                0
            }
        };
        if advance > 0 {
            if advance > WINDOW {
                return;
            }
            self.acknowledged = Some(acknowledgment);
            self.advanced(acknowledgment, segment, time, ended);
        } else if advance < 0 {
            return;
        } else if self.is_bare(segment) {
            self.same_again(segment, time);
        }
        let window = segment.window;
        if (window == 0) != self.zero_window.is_closed() && !segment.syn {
            self.zero_window.told(window == 0, self.side, time, ended);
        }
        self.window = window;
        if let Some(scale) = self.scale {
            let scale = if segment.syn { 0 } else { scale };
            let bytes = u32::from(window) << scale.min(14);
            self.largest_window = self.largest_window.max(bytes);
            let edge = acknowledgment.wrapping_add(bytes);
            self.window_limit.edge(time, edge);
        }
    }

    #[inline]
    fn advanced(
        &mut self,
        acknowledgment: u32,
        segment: &Segment<'_>,
        time: i64,
        ended: &mut Vec<Stretch>,
    ) {
        self.duplicates_in_a_row = 0;
        self.since = time;
        self.round_trip
            .acknowledged(acknowledgment, time, segment.options);
        if self.is_bare(segment) {
            self.last_bare_time = time;
            self.last_bare = Some(bare(segment));
        }
        if self.first.is_some() {
            let beyond = ahead(acknowledgment, self.next);
            if beyond > 0 || !self.holes.is_empty() {
                self.unseen(acknowledgment, beyond, time);
            }
        }
        if let Some(recovery) = self.recovery
            && recovery.is_done(acknowledgment)
        {
            self.recovery = None;
            ended.push(recovery.stretch(self.side, Some(time)));
        }
    }

    /// Bytes that were acknowledged and not captured, or are captured later.
    #[cold]
    fn unseen(&mut self, acknowledgment: u32, beyond: i32, time: i64) {
        // A FIN takes a number, and may be the one that is not there.
        if beyond > 1 && beyond <= WINDOW {
            if let Some(known_from) = self.holes.open(self.next, acknowledgment, time, false) {
                self.know_from(known_from);
            }
            self.next = acknowledgment;
            self.window_limit.lose();
        }
        let bytes = self.holes.acknowledge(acknowledgment);
        self.unseen_bytes = self.unseen_bytes.saturating_add(u64::from(bytes));
    }

    #[inline]
    fn is_bare(&self, segment: &Segment<'_>) -> bool {
        segment.payload.is_empty() && segment.cut == 0 && !(segment.syn | segment.fin | segment.rst)
    }

    /// The same acknowledgement again: something behind a hole has arrived, unless it is a copy of a packet,
    /// tells another window, or nothing is on the way.
    fn same_again(&mut self, segment: &Segment<'_>, time: i64) {
        let this = bare(segment);
        let is_copy = self.last_bare.is_some_and(|last| {
            last.sequence == this.sequence
                && match (last.packet_id, this.packet_id) {
                    (0, _) | (_, 0) => {
                        last.options == this.options
                            && time.saturating_sub(self.last_bare_time) < COPY_NS
                    }
                    (one, other) => one == other,
                }
        });
        self.last_bare = Some(this);
        self.last_bare_time = time;
        let is_in_flight = self.first.is_some() && self.acknowledged != Some(self.next);
        if !is_copy && is_in_flight && segment.window == self.window && segment.window != 0 {
            self.duplicate_acks = self.duplicate_acks.saturating_add(1);
            self.duplicates_in_a_row = self.duplicates_in_a_row.saturating_add(1);
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

/// Options differ between acknowledgements that are sent one after another: by timestamps, or by what is
/// acknowledged selectively.
fn bare(segment: &Segment<'_>) -> Bare {
    let options = if segment.packet_id == 0 {
        segment
            .options
            .iter()
            .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
            })
    } else {
        0
    };
    Bare {
        sequence: segment.sequence,
        packet_id: segment.packet_id,
        options,
    }
}
