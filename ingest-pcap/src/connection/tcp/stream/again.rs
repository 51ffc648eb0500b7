//! Bytes that come behind later ones: sent again, in disorder, or captured twice.

use kcorr_capture::Segment;

use super::{Sender, Stream, ahead};
use crate::connection::tcp::recovery::{Again, Recovery};
use crate::connection::tcp::sent::SentSegment;
use crate::connection::tcp::{COPY_NS, Stretch, options};

/// What fills a hole later than this was sent again, when no round trip is known and nobody has asked for
/// it: the shortest time after which Linux sends again unasked is 200 ms.
const SURELY_AGAIN_NS: i64 = 150_000_000;
/// The same where the round trip is known.
const LIKELY_AGAIN_NS: i64 = 20_000_000;
/// The same after duplicate acknowledgements, without a round trip.
const ASKED_AGAIN_NS: i64 = 3_000_000;
/// Packets in disorder are not farther apart, whatever the round trip.
const DISORDER_NS: i64 = 500_000;

impl Stream {
    /// A segment with bytes before `next`.
    #[cold]
    pub(super) fn again(
        &mut self,
        segment: &Segment<'_>,
        start: u32,
        end: u32,
        sender: Sender,
        time: i64,
        ended: &mut Vec<Stretch>,
    ) {
        let is_new = ahead(end, self.next) > 0;
        let old_end = if is_new { self.next } else { end };
        // A question whether the other end is still there, or takes something again. More bytes that are
        // sent while the window is closed were lost, or the receiver had no room for them.
        let is_one = end.wrapping_sub(start) <= 1 && end == self.next;
        if is_one && (self.acknowledged == Some(self.next) || self.zero_window.is_closed()) {
            self.zero_window.probed(segment.packet_id, time);
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
        sender: Sender,
        time: i64,
        ended: &mut Vec<Stretch>,
    ) {
        let filled = self.holes.fill(start, end);
        if let Some(byte) = filled.known_from {
            self.know_from(byte);
        }
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
                let again = Again {
                    start,
                    end,
                    bytes: filled.bytes,
                    since: filled.since,
                    time,
                    timestamp: options::timestamps(segment.options).map(|(own, _)| own),
                    is_missed: true,
                };
                self.resent(again, segment, ended);
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
            let again = Again {
                start,
                end,
                bytes: size,
                since: sent.map_or(self.since, |sent| sent.time),
                time,
                timestamp: options::timestamps(segment.options).map(|(own, _)| own),
                is_missed: self.duplicates_in_a_row >= 2,
            };
            self.resent(again, segment, ended);
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

    fn resent(&mut self, again: Again, segment: &Segment<'_>, ended: &mut Vec<Stretch>) {
        self.count_resent(again.bytes);
        self.round_trip
            .sent_again(again.start, again.end, segment.options);
        let mut recovery = self
            .recovery
            .take()
            .unwrap_or_else(|| Recovery::new(&again));
        recovery.add(again);
        if self.acknowledged.is_some() {
            self.recovery = Some(recovery);
        } else {
            // Nobody will say when it has arrived.
            ended.push(recovery.stretch(self.side, None));
        }
    }
}
