//! Bytes sent again, until they are acknowledged.

use super::{Kind, Side, Stretch, options};

/// Bytes that were sent again, and came a second time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Again {
    pub(super) start: u32,
    pub(super) end: u32,
    /// How many of them came before, or were missing.
    pub(super) bytes: u32,
    /// Since when they were to arrive, and when they were sent again.
    pub(super) since: i64,
    pub(super) time: i64,
    /// The timestamp that their segment has.
    pub(super) timestamp: Option<u32>,
    /// Whether the receiver asked for them, or they were missing at the capture point too.
    pub(super) is_missed: bool,
}

impl Again {
    /// Whether the first copy had not arrived before this one, by the acknowledgement that covers it: it
    /// echoes the timestamp of the copy that it answers (RFC 3522, 3.2), and reports what has come twice
    /// (RFC 2883, 4).
    fn is_lost(&self, acknowledgment: u32, options: &[u8]) -> Option<bool> {
        let is_duplicate = options::first_block(options)
            .is_some_and(|(left, _)| left.wrapping_sub(acknowledgment).cast_signed() < 0);
        if is_duplicate {
            return Some(false);
        }
        let echo = options::timestamps(options).map(|(_, echo)| echo);
        match (echo, self.timestamp) {
            (Some(echo), Some(own)) => Some(echo.wrapping_sub(own).cast_signed() >= 0),
            _ => self.is_missed.then_some(true),
        }
    }
}

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
    /// A copy, until an acknowledgement tells of it; those that come meanwhile are not judged.
    unsure: Option<Again>,
    judged: u64,
    is_lost: Option<bool>,
}

impl Recovery {
    pub(super) fn new(again: &Again) -> Self {
        Self {
            start: again.since.min(again.time),
            last: again.time,
            segments: 0,
            bytes: 0,
            to: again.end,
            unsure: None,
            judged: 0,
            is_lost: None,
        }
    }

    /// Takes a copy.
    pub(super) fn add(&mut self, again: Again) {
        self.start = self.start.min(again.since);
        self.last = self.last.max(again.time);
        self.segments = self.segments.saturating_add(1);
        self.bytes = self.bytes.saturating_add(u64::from(again.bytes));
        if again.end.wrapping_sub(self.to).cast_signed() > 0 {
            self.to = again.end;
        }
        self.unsure = self.unsure.or(Some(again));
    }

    /// Everything before `acknowledgment` has arrived.
    pub(super) fn acknowledged(&mut self, acknowledgment: u32, options: &[u8]) {
        let Some(again) = self.unsure else {
            return;
        };
        if acknowledgment.wrapping_sub(again.start).cast_signed() <= 0 {
            return;
        }
        self.unsure = None;
        self.judged = self.judged.saturating_add(1);
        let is_lost = again.is_lost(acknowledgment, options);
        self.is_lost = match (self.is_lost, is_lost) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (before, None) => before,
            (_, now) => now,
        };
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
            is_lost: self
                .is_lost
                .filter(|&is_lost| is_lost || self.judged == self.segments),
            ..Stretch::new(
                Kind::Retransmission,
                side,
                self.start,
                end.unwrap_or(self.last),
            )
        }
    }
}
