//! Bytes that later ones were captured before.

/// Holes that are remembered.
const MOST_HOLES: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hole {
    start: u32,
    end: u32,
    /// When something behind it was seen.
    time: i64,
    /// The other end has its bytes: they were not captured, or come late in the capture.
    is_acknowledged: bool,
}

/// What a segment brought of the bytes that were missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Filled {
    pub(super) bytes: u32,
    /// Since when they were missing.
    pub(super) since: i64,
    /// How many of them had been acknowledged.
    pub(super) acknowledged: u32,
    /// What is before this byte is not known any more: there were too many holes.
    pub(super) known_from: Option<u32>,
}

/// The holes of one direction, those farthest back first.
#[derive(Debug, Default)]
pub(super) struct Holes {
    holes: Vec<Hole>,
}

fn before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() < 0
}

impl Holes {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.holes.is_empty()
    }

    /// Bytes from `start` to `end` are missing. When there are too many holes the oldest is forgotten, and
    /// its end is given back: what is before it is not known any more.
    pub(super) fn open(
        &mut self,
        start: u32,
        end: u32,
        time: i64,
        is_acknowledged: bool,
    ) -> Option<u32> {
        self.holes.push(Hole {
            start,
            end,
            time,
            is_acknowledged,
        });
        self.forget()
    }

    /// Forgets the oldest holes when there are too many; the end of the last of them.
    fn forget(&mut self) -> Option<u32> {
        let over = self.holes.len().saturating_sub(MOST_HOLES);
        let mut forgotten = self.holes.drain(..over);
        forgotten.next_back().map(|hole| hole.end)
    }

    /// Takes the bytes that came out of the holes.
    pub(super) fn fill(&mut self, start: u32, end: u32) -> Filled {
        let mut filled = Filled::default();
        let mut left = Vec::with_capacity(self.holes.len());
        for hole in self.holes.drain(..) {
            let from = if before(start, hole.start) {
                hole.start
            } else {
                start
            };
            let to = if before(hole.end, end) { hole.end } else { end };
            if !before(from, to) {
                left.push(hole);
                continue;
            }
            let bytes = to.wrapping_sub(from);
            filled.since = if filled.bytes == 0 {
                hole.time
            } else {
                filled.since.min(hole.time)
            };
            filled.bytes = filled.bytes.saturating_add(bytes);
            if hole.is_acknowledged {
                filled.acknowledged = filled.acknowledged.saturating_add(bytes);
            }
            if before(hole.start, from) {
                left.push(Hole { end: from, ..hole });
            }
            if before(to, hole.end) {
                left.push(Hole { start: to, ..hole });
            }
        }
        self.holes = left;
        filled.known_from = self.forget();
        filled
    }

    /// Everything before `acknowledgment` arrived; how many bytes of the holes are now known to have.
    pub(super) fn acknowledge(&mut self, acknowledgment: u32) -> u32 {
        let mut bytes = 0_u32;
        let mut left: Vec<Hole> = Vec::with_capacity(self.holes.len() + 1);
        for mut hole in self.holes.drain(..) {
            if hole.is_acknowledged || !before(hole.start, acknowledgment) {
                left.push(hole);
                continue;
            }
            let mut rest = None;
            if before(acknowledgment, hole.end) {
                rest = Some(Hole {
                    start: acknowledgment,
                    ..hole
                });
                hole.end = acknowledgment;
            }
            hole.is_acknowledged = true;
            bytes = bytes.saturating_add(hole.end.wrapping_sub(hole.start));
            // What is acknowledged bit by bit is one hole.
            match left.last_mut() {
                Some(last)
                    if last.is_acknowledged && last.end == hole.start && last.time == hole.time =>
                {
                    last.end = hole.end;
                }
                _ => left.push(hole),
            }
            left.extend(rest);
        }
        self.holes = left;
        bytes
    }

    pub(super) fn clear(&mut self) {
        self.holes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled_in_parts_and_acknowledged_up_to_a_byte() {
        let mut holes = Holes::default();
        let start = u32::MAX - 49;
        holes.open(start, 50, 7, false);
        holes.open(100, 120, 9, false);
        assert_eq!(holes.acknowledge(0), 50);
        let filled = holes.fill(u32::MAX - 9, 10);
        assert_eq!(
            filled,
            Filled {
                bytes: 20,
                since: 7,
                acknowledged: 10,
                known_from: None
            }
        );
        assert_eq!(holes.fill(0, 10).bytes, 0);
        assert_eq!(holes.fill(start, 200).bytes, 100);
        assert!(holes.is_empty());
    }

    #[test]
    fn a_hole_that_is_acknowledged_bit_by_bit_or_filled_in_many_places_takes_bounded_memory() {
        let mut holes = Holes::default();
        holes.open(0, 100_000, 7, false);
        let acknowledged: u32 = (1..=10_000).map(|i| holes.acknowledge(i * 3)).sum();
        assert_eq!((acknowledged, holes.holes.len()), (30_000, 2));
        let mut known_from = None;
        for i in 0..10_000 {
            known_from = holes.fill(i * 10 + 4, i * 10 + 5).known_from.or(known_from);
            assert!(holes.holes.len() <= MOST_HOLES);
        }
        assert!(known_from.is_some_and(|byte| byte > 90_000));
    }

    #[test]
    fn no_more_holes_are_kept_than_allowed() {
        let mut holes = Holes::default();
        let forgotten: Vec<u32> = (0..100_u32)
            .filter_map(|i| holes.open(i * 10, i * 10 + 5, 0, false))
            .collect();
        assert_eq!(forgotten.len(), 100 - MOST_HOLES);
        assert_eq!(forgotten.last(), Some(&(67 * 10 + 5)));
    }
}
