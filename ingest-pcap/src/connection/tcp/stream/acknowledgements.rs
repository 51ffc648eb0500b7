//! What the receiver says: what it has, and how much it takes.

use kcorr_capture::Segment;

use super::{Stream, WINDOW, ahead};
use crate::connection::tcp::{COPY_NS, Stretch};

/// A bare acknowledgement, to know a copy of its packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bare {
    pub(super) sequence: u32,
    pub(super) packet_id: u16,
    pub(super) options: u64,
}

impl Stream {
    /// The receiver says what it has and how much it takes.
    #[inline]
    pub(in crate::connection::tcp) fn acknowledged(
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
        } else if segment.is_bare() {
            self.same_again(segment, time);
        }
        let window = segment.window;
        if (window == 0) != self.zero_window.is_closed() && !segment.syn {
            self.zero_window.told(window == 0, self.side, time, ended);
        }
        if window != self.window {
            self.window = window;
            self.window_time = time;
        }
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
        if segment.is_bare() {
            self.last_bare_time = time;
            self.last_bare = Some(bare(segment));
        }
        if self.first.is_some() {
            let beyond = ahead(acknowledgment, self.next);
            if beyond > 0 || !self.holes.is_empty() {
                self.unseen(acknowledgment, beyond, time);
            }
        }
        if let Some(recovery) = &mut self.recovery {
            recovery.acknowledged(acknowledgment, segment.options);
            if recovery.is_done(acknowledgment) {
                ended.push(recovery.stretch(self.side, Some(time)));
                self.recovery = None;
            }
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
