//! The stretch of offsets that most ties agree on, tolerant to any number of wrong ties.
//!
//! This is Marzullo's algorithm, which NTP uses to choose among servers: sort the ends of all intervals
//! and sweep over them. Wrong ties lie anywhere; the right ones all hold the true offset.

/// A stretch of offsets, both ends included, and how many intervals hold all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) lower_ns: i64,
    pub(super) upper_ns: i64,
    pub(super) count: usize,
}

impl Stretch {
    pub(super) fn middle_ns(&self) -> i64 {
        self.lower_ns.midpoint(self.upper_ns)
    }

    pub(super) fn half_width_ns(&self) -> i64 {
        self.upper_ns.saturating_sub(self.lower_ns) / 2
    }
}

/// The stretch that most of the intervals (`lower ≤ upper`, ends included) hold; among equals the one
/// nearest to 0. It is widened on both sides for as long as at most `tolerance_percent` of them are lost.
pub(super) fn densest(
    intervals: impl Iterator<Item = (i64, i64)>,
    tolerance_percent: usize,
) -> Option<Stretch> {
    let steps = profile(intervals);
    let distance = |step: &Stretch| {
        if step.lower_ns <= 0 && step.upper_ns >= 0 {
            0
        } else {
            step.lower_ns
                .unsigned_abs()
                .min(step.upper_ns.unsigned_abs())
        }
    };
    let (place, peak) = steps
        .iter()
        .enumerate()
        .min_by_key(|(_, step)| (std::cmp::Reverse(step.count), distance(step)))?;
    let enough = peak.count - peak.count * tolerance_percent / 100;
    let is_enough = |step: &&Stretch| step.count >= enough;
    let before = steps[..place].iter().rev().take_while(is_enough).last();
    let behind = steps[place..].iter().take_while(is_enough).last();
    Some(Stretch {
        lower_ns: before.unwrap_or(peak).lower_ns,
        upper_ns: behind.unwrap_or(peak).upper_ns,
        count: peak.count,
    })
}

/// How many intervals hold each stretch between two of their ends, in order and without gaps.
fn profile(intervals: impl Iterator<Item = (i64, i64)>) -> Vec<Stretch> {
    let (mut lowers, mut uppers) = (Vec::new(), Vec::new());
    for (lower, upper) in intervals {
        lowers.push(lower);
        uppers.push(upper.max(lower));
    }
    lowers.sort_unstable();
    uppers.sort_unstable();
    let mut steps: Vec<Stretch> = Vec::with_capacity(2 * lowers.len());
    let (mut opened, mut closed) = (0, 0);
    while closed < uppers.len() {
        // The next end of an interval; one that begins where another ends overlaps it.
        let next_lower = lowers.get(opened).copied();
        let from = match next_lower {
            Some(lower) if lower <= uppers[closed] => lower,
            _ => uppers[closed].saturating_add(1),
        };
        while lowers.get(opened) == Some(&from) {
            opened += 1;
        }
        while uppers.get(closed).is_some_and(|&upper| upper < from) {
            closed += 1;
        }
        if closed == uppers.len() {
            break;
        }
        let next = lowers.get(opened).map(|lower| lower.saturating_sub(1));
        let until = next.map_or(uppers[closed], |next| next.min(uppers[closed]));
        steps.push(Stretch {
            lower_ns: from,
            upper_ns: until,
            count: opened - closed,
        });
    }
    steps
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_stretch_that_most_intervals_hold_is_found_between_wrong_ones() {
        let intervals = [(-5, 3), (-1, 10), (0, 2), (100, 200), (150, 300)];
        let found = densest(intervals.into_iter(), 0).unwrap();
        assert_eq!(
            found,
            Stretch {
                lower_ns: 0,
                upper_ns: 2,
                count: 3
            }
        );
    }

    #[test]
    fn a_tolerance_widens_the_stretch_by_what_few_intervals_deny() {
        let intervals = (0..100).map(|_| (-100, 100)).chain([(-3, 3)]);
        let found = densest(intervals, 1).unwrap();
        assert_eq!(
            (found.lower_ns, found.upper_ns, found.count),
            (-100, 100, 101)
        );
    }

    #[test]
    fn nothing_has_no_stretch() {
        assert_eq!(densest(std::iter::empty(), 0), None);
    }

    proptest! {
        #[test]
        fn no_offset_is_held_by_more_intervals(
            intervals in prop::collection::vec((-50i64..50, 0i64..20), 1..40),
        ) {
            let intervals: Vec<_> = intervals.into_iter().map(|(a, w)| (a, a + w)).collect();
            let found = densest(intervals.iter().copied(), 0).unwrap();
            let held = |at: i64| intervals.iter().filter(|(a, b)| *a <= at && at <= *b).count();
            let most = (-60..80).map(held).max().unwrap();
            prop_assert_eq!(found.count, most);
            prop_assert_eq!(held(found.lower_ns), most);
            prop_assert_eq!(held(found.upper_ns), most);
        }
    }
}
