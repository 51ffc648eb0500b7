//! How long bytes take to the other end and their acknowledgement back.
//!
//! One segment at a time is timed, a hundred in a second at most. When its bytes are sent again, the acknowledgement may be for either copy
//! (Karn's rule): the sample counts only when the timestamp that it echoes tells which (RFC 7323, 4).

use super::options;

/// Samples are at least so far apart.
const SAMPLE_NS: i64 = 10_000_000;

#[derive(Debug, Clone, Copy)]
struct Timed {
    end: u32,
    time: i64,
    timestamp: Option<u32>,
    is_sent_again: bool,
    /// The timestamp of the other copy is the same: it tells nothing.
    is_ambiguous: bool,
}

/// The round trips of one direction.
#[derive(Debug, Default)]
pub(crate) struct RoundTrip {
    timed: Option<Timed>,
    /// When the next is timed.
    next: i64,
    samples: u64,
    sum: i64,
    min: i64,
    max: i64,
    /// The shortest that was seen, in the handshake or later.
    shortest: Option<i64>,
}

impl RoundTrip {
    /// New bytes up to `end` were sent.
    #[inline]
    pub(super) fn sent(&mut self, end: u32, time: i64, options: &[u8]) {
        if time >= self.next && self.timed.is_none() {
            self.next = time.saturating_add(SAMPLE_NS);
            self.timed = Some(Timed {
                end,
                time,
                timestamp: options::timestamps(options).map(|(own, _)| own),
                is_sent_again: false,
                is_ambiguous: false,
            });
        }
    }

    /// Bytes from `start` to `end` were sent again.
    pub(super) fn sent_again(&mut self, start: u32, end: u32, options: &[u8]) {
        if let Some(timed) = &mut self.timed
            && timed.end.wrapping_sub(start).cast_signed() > 0
            && end.wrapping_sub(timed.end).cast_signed() >= 0
        {
            timed.is_sent_again = true;
            let own = options::timestamps(options).map(|(own, _)| own);
            timed.is_ambiguous |= own.is_none() || own == timed.timestamp;
        }
    }

    /// Everything before `acknowledgment` has arrived.
    #[inline]
    pub(super) fn acknowledged(&mut self, acknowledgment: u32, time: i64, options: &[u8]) {
        let Some(timed) = self.timed else {
            return;
        };
        if acknowledgment.wrapping_sub(timed.end).cast_signed() < 0 {
            return;
        }
        self.timed = None;
        if timed.is_sent_again {
            let echo = options::timestamps(options).map(|(_, echo)| echo);
            if timed.is_ambiguous || echo.is_none() || echo != timed.timestamp {
                return;
            }
        }
        let took = time.saturating_sub(timed.time);
        if took < 0 {
            return;
        }
        self.min = if self.samples == 0 {
            took
        } else {
            self.min.min(took)
        };
        self.max = self.max.max(took);
        self.bound(took);
        self.sum = self.sum.saturating_add(took);
        self.samples = self.samples.saturating_add(1);
    }

    /// Nothing can be said of what is timed.
    pub(super) fn forget(&mut self) {
        self.timed = None;
    }

    /// One took so long: the handshake's, or another.
    pub(super) fn bound(&mut self, rtt: i64) {
        self.shortest = Some(self.shortest.map_or(rtt, |shortest| shortest.min(rtt)));
    }

    /// The shortest that was seen, in the handshake or later.
    #[inline]
    pub(crate) fn shortest(&self) -> Option<i64> {
        self.shortest
    }

    pub(crate) fn samples(&self) -> u64 {
        self.samples
    }

    /// Shortest, mean and longest.
    pub(crate) fn summary(&self) -> Option<(i64, i64, i64)> {
        let samples = i64::try_from(self.samples).ok().filter(|&n| n > 0)?;
        Some((self.min, self.sum.checked_div(samples)?, self.max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamped(own: u8, echo: u8) -> [u8; 12] {
        [1, 1, 8, 10, 0, 0, 0, own, 0, 0, 0, echo]
    }

    #[test]
    fn what_was_sent_again_is_no_sample_unless_timestamps_tell_which_copy_arrived() {
        for (again, echo, expected) in [
            (stamped(9, 0), stamped(1, 5), Some((70, 70, 70))),
            (stamped(9, 0), stamped(1, 9), None),
            (stamped(5, 0), stamped(1, 5), None),
        ] {
            let mut round_trip = RoundTrip::default();
            round_trip.sent(100, 30, &stamped(5, 0));
            round_trip.sent_again(50, 100, &again);
            round_trip.acknowledged(100, 100, &echo);
            assert_eq!(round_trip.summary(), expected);
        }
        let mut round_trip = RoundTrip::default();
        round_trip.sent(100, 30, &[]);
        round_trip.sent_again(50, 100, &[]);
        round_trip.acknowledged(100, 100, &[]);
        assert_eq!(round_trip.summary(), None);
    }

    #[test]
    fn one_segment_at_a_time_is_timed() {
        let mut round_trip = RoundTrip::default();
        round_trip.sent(20, 0, &[]);
        round_trip.sent(40, 5, &[]);
        round_trip.acknowledged(u32::MAX - 20, 8, &[]);
        round_trip.acknowledged(20, 10, &[]);
        round_trip.acknowledged(20, 90, &[]);
        assert_eq!(
            (round_trip.summary(), round_trip.samples()),
            (Some((10, 10, 10)), 1)
        );
        round_trip.bound(4);
        assert_eq!(round_trip.shortest(), Some(4));
    }
}
