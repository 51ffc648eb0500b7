//! Lanes: slices that would cross on one track are drawn on several, one below the other.
//!
//! Perfetto nests the slices of a track by time and cannot draw two that cross. Requests of one
//! connection cross whenever the client pipelines; what one thread did does when two recordings saw
//! its writes and waits at slightly different times.

/// The lanes of one track.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// Ends of the slices that are still open, outermost first, by lane.
    open: Vec<Vec<u64>>,
}

/// Where a slice goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The lane, from 0.
    pub(super) lane: usize,
    /// Ends of the lane's slices that are closed before this one begins, innermost first.
    pub(super) closed: Vec<u64>,
}

impl Lanes {
    /// The lane of a slice. Slices come by start; `is_nested` lets it lie inside another one.
    pub(super) fn place(&mut self, start: u64, end: u64, is_nested: bool) -> Place {
        let fits = |stack: &Vec<u64>| match stack.iter().rev().find(|open| **open > start) {
            None => true,
            Some(outer) => is_nested && *outer >= end,
        };
        let lane = self.open.iter().position(fits).unwrap_or(self.open.len());
        self.put(lane, start, end)
    }

    /// Puts a slice on a lane in which it is known to fit.
    pub(super) fn put(&mut self, lane: usize, start: u64, end: u64) -> Place {
        if lane >= self.open.len() {
            self.open.resize_with(lane + 1, Vec::new);
        }
        let mut closed = Vec::new();
        if let Some(stack) = self.open.get_mut(lane) {
            while let Some(ended) = stack.pop_if(|open| *open <= start) {
                closed.push(ended);
            }
            stack.push(end);
        }
        Place { lane, closed }
    }

    /// Closes everything: per lane, the ends that are still open, innermost first.
    pub(super) fn finish(self) -> Vec<Vec<u64>> {
        let reversed = |mut stack: Vec<u64>| {
            stack.reverse();
            stack
        };
        self.open.into_iter().map(reversed).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn crossing_slices_go_to_different_lanes_and_contained_ones_nest() {
        let mut lanes = Lanes::default();
        assert_eq!(lanes.place(0, 10, true).lane, 0);
        assert_eq!(lanes.place(2, 8, true).lane, 0);
        assert_eq!(lanes.place(5, 12, true).lane, 1);
        let place = lanes.place(12, 13, true);
        assert_eq!((place.lane, place.closed), (0, vec![8, 10]));
    }

    #[test]
    fn a_request_is_never_drawn_inside_another() {
        let mut lanes = Lanes::default();
        assert_eq!(lanes.place(0, 10, false).lane, 0);
        assert_eq!(lanes.place(2, 8, false).lane, 1);
        assert_eq!(lanes.place(10, 11, false).lane, 0);
    }

    proptest! {
        #[test]
        fn slices_of_a_lane_nest(mut slices in prop::collection::vec((0u64..50, 0u64..20), 0..60)) {
            slices.sort_by_key(|&(start, length)| (start, std::cmp::Reverse(length)));
            let mut lanes = Lanes::default();
            let mut placed: Vec<(usize, u64, u64)> = Vec::new();
            for (start, length) in slices {
                let lane = lanes.place(start, start + length, true).lane;
                placed.push((lane, start, start + length));
            }
            for (i, &(lane, start, end)) in placed.iter().enumerate() {
                for &(other, other_start, other_end) in &placed[..i] {
                    if lane == other {
                        let is_after = other_end <= start;
                        let is_inside = other_start <= start && end <= other_end;
                        prop_assert!(is_after || is_inside);
                    }
                }
            }
        }
    }
}
