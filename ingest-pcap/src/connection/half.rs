//! One direction of a connection: its place in the sequence, and its messages.

use super::framing::Framing;
use super::hold::Hold;
use super::piece::Side;

/// Sequence numbers further away than this are not of the bytes that are expected.
pub(super) const WINDOW: i32 = 64 << 20;

/// One direction of a connection.
#[derive(Debug)]
pub(super) struct Half {
    /// The sequence number of the next byte, once one was seen, and of the first.
    pub(super) next: Option<u32>,
    pub(super) first: Option<u32>,
    /// Segments with payload, and those that hold nothing new.
    pub(super) segments: u64,
    pub(super) copies: u64,
    /// Up to where the other end has said to have received it.
    pub(super) heard_to: Option<u32>,
    pub(super) hold: Hold,
    /// How often the other end has acknowledged bytes beyond `next`, and up to where.
    acknowledged: u8,
    pub(super) acknowledged_to: u32,
    last_acknowledgment: Option<(u32, u32, usize)>,
    /// Segments in a row that are far from `next`, and where the last of them ended.
    outliers: u8,
    outlier_end: u32,
    pub(super) is_finished: bool,
    pub(super) framing: Framing,
}

impl Half {
    pub(super) fn new(side: Side) -> Self {
        Self {
            next: None,
            first: None,
            segments: 0,
            copies: 0,
            heard_to: None,
            hold: Hold::default(),
            acknowledged: 0,
            acknowledged_to: 0,
            last_acknowledgment: None,
            outliers: 0,
            outlier_end: 0,
            is_finished: false,
            framing: Framing::new(side),
        }
    }

    /// How far a sequence number is ahead of the next byte.
    #[inline]
    pub(super) fn ahead(&self, sequence: u32) -> Option<i32> {
        self.next
            .map(|next| sequence.wrapping_sub(next).cast_signed())
    }

    /// Counts a segment, and whether it is a copy of what came before.
    #[inline]
    pub(super) fn count(&mut self, sequence: u32, bytes: u32) {
        if bytes == 0 {
            return;
        }
        self.segments = self.segments.saturating_add(1);
        let is_copy = self
            .ahead(sequence.wrapping_add(bytes))
            .is_some_and(|end| end <= 0 && end > -WINDOW);
        self.copies = self.copies.saturating_add(u64::from(is_copy));
    }

    /// Goes on to `sequence`.
    #[inline]
    pub(super) fn go_to(&mut self, sequence: u32) {
        self.first = self.first.or(Some(sequence));
        self.next = Some(sequence);
        self.acknowledged = 0;
    }

    /// The other end acknowledges up to `acknowledgment`, in a packet with the given sequence
    /// number and size. True when that confirms a hole: bytes that arrived were not captured.
    ///
    /// One acknowledgment ahead of the data may be packets in another order in the capture, three
    /// are not. A packet that the capture holds twice counts once.
    #[inline]
    pub(super) fn is_hole_confirmed(
        &mut self,
        acknowledgment: u32,
        sequence: u32,
        size: usize,
    ) -> bool {
        match self.ahead(acknowledgment) {
            Some(ahead) if ahead > 0 && ahead < WINDOW => {}
            _ => return false,
        }
        let packet = Some((acknowledgment, sequence, size));
        if self.last_acknowledgment == packet {
            return false;
        }
        self.last_acknowledgment = packet;
        if self.acknowledged == 0
            || acknowledgment
                .wrapping_sub(self.acknowledged_to)
                .cast_signed()
                > 0
        {
            self.acknowledged_to = acknowledgment;
        }
        self.acknowledged = self.acknowledged.saturating_add(1);
        self.acknowledged >= 3
    }

    /// A segment lies far from the expected bytes. True when it is the third in a row that
    /// continues there, so that the direction has moved on unseen.
    pub(super) fn is_moved(&mut self, sequence: u32, bytes: u32) -> bool {
        let continues = sequence
            .wrapping_sub(self.outlier_end)
            .cast_signed()
            .unsigned_abs()
            < 1 << 20;
        self.outliers = if continues {
            self.outliers.saturating_add(1)
        } else {
            1
        };
        self.outlier_end = sequence.wrapping_add(bytes);
        if self.outliers < 3 {
            return false;
        }
        self.outliers = 0;
        true
    }
}
