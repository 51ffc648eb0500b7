//! Bytes sent again, until they are acknowledged.

use super::{Kind, Side, Stretch};

/// A loss that is being mended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recovery {
    start: i64,
    /// The last copy.
    last: i64,
    segments: u64,
    bytes: u64,
    /// The end of the bytes sent again.
    to: u32,
}

impl Recovery {
    pub(super) fn new(start: i64, time: i64, to: u32) -> Self {
        Self {
            start: start.min(time),
            last: time,
            segments: 0,
            bytes: 0,
            to,
        }
    }

    /// Takes a copy.
    pub(super) fn add(&mut self, start: i64, time: i64, bytes: u32, to: u32) {
        self.start = self.start.min(start);
        self.last = self.last.max(time);
        self.segments = self.segments.saturating_add(1);
        self.bytes = self.bytes.saturating_add(u64::from(bytes));
        if to.wrapping_sub(self.to).cast_signed() > 0 {
            self.to = to;
        }
    }

    /// Whether everything that was sent again has arrived.
    pub(super) fn is_done(&self, acknowledgment: u32) -> bool {
        acknowledgment.wrapping_sub(self.to).cast_signed() >= 0
    }

    /// As a row: until `end`, or until the last copy when the end was not seen.
    pub(super) fn stretch(&self, side: Side, end: Option<i64>) -> Stretch {
        Stretch {
            is_end_seen: end.is_some(),
            segments: self.segments,
            bytes: Some(self.bytes),
            ..Stretch::new(
                Kind::Retransmission,
                side,
                self.start,
                end.unwrap_or(self.last),
            )
        }
    }
}
