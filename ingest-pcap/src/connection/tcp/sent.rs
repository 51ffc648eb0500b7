//! The segments that were sent last, by which copies of packets and bytes sent again are told apart.

/// Segments that are remembered.
const REMEMBERED: usize = 16;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct SentSegment {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) packet_id: u16,
    pub(super) time: i64,
}

/// The last segments of one direction, in the order they came.
#[derive(Debug, Default)]
pub(super) struct Sent {
    segments: [SentSegment; REMEMBERED],
    /// How many have come.
    count: usize,
}

impl Sent {
    #[inline]
    pub(super) fn push(&mut self, segment: SentSegment) {
        if let Some(place) = self.segments.get_mut(self.count % REMEMBERED) {
            *place = segment;
        }
        self.count = self.count.wrapping_add(1);
    }

    /// The last segment with the byte before `end`.
    pub(super) fn last_with(&self, start: u32, end: u32) -> Option<SentSegment> {
        let number = self.count.min(REMEMBERED);
        (1..=number)
            .filter_map(|back| {
                let place = self.count.wrapping_sub(back) % REMEMBERED;
                self.segments.get(place).copied()
            })
            .find(|sent| {
                sent.end.wrapping_sub(start).cast_signed() > 0
                    && end.wrapping_sub(sent.start).cast_signed() > 0
            })
    }
}
