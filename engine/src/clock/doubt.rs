//! How far off a line of offset and drift can be.
//!
//! The true line goes between the bounds of all right ties. The highest that such a line can be behind all
//! of them is found by turning it about an upper bound until it meets a lower bound before: the least of
//! `U + (U − L) / (u − l) · (end − u)` over all pairs of a lower bound `L` at `l` and an upper bound `U`
//! at `u > l`. The lowest, and the other end of the time, are its mirror images. In between, no line is
//! further off than at one of the ends.

use super::tie::{Tie, drift_ns, saturated};

/// Lower and upper bounds that are looked at: one of each slice of time, and so many at most.
const MAX_BOUNDS: usize = 96;
/// Bounds that a slice of time has at least, of which the tightest may be wrong.
const MIN_SLICE: usize = 4;

/// An offset that changes with time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    /// The offset at `at_ns`.
    pub(super) offset_ns: i64,
    pub(super) drift_ppb: i64,
    pub(super) at_ns: i64,
}

impl Line {
    /// The offset at a time.
    pub(super) fn at(&self, time_ns: i64) -> i64 {
        self.offset_ns
            .saturating_add(drift_ns(self.drift_ppb, time_ns, self.at_ns))
    }
}

/// What the true line can be relative to another one, at both ends of the time, in ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Doubt {
    first_ns: i64,
    last_ns: i64,
    at_first: (i64, i64),
    at_last: (i64, i64),
}

/// A bound relative to the line.
#[derive(Debug, Clone, Copy)]
struct Bound {
    time_ns: i64,
    /// How far from the line, 0 or more.
    margin_ns: i64,
}

impl Doubt {
    /// The doubt that ties leave about a line that goes between their bounds. As many of the tightest
    /// bounds are passed over, on either side, as may be wrong: one in a hundred, or `wrong`. The line
    /// may be off at one end, where a wrong bound is not among the tightest of all: the tightest of
    /// each slice of time is passed over, too. The time may go on before and behind the ties.
    pub(super) fn about(
        line: &Line,
        ties: &[Tie],
        (first_ns, last_ns): (i64, i64),
        wrong: usize,
    ) -> Option<Self> {
        let wrong = wrong.max(ties.len() / 100);
        let side = |margin: &dyn Fn(&Tie) -> i64| {
            let bounds = ties.iter().map(|tie| Bound {
                time_ns: tie.time_ns,
                margin_ns: margin(tie).max(0),
            });
            tightest(bounds.collect(), wrong)
        };
        let below = side(&|tie| line.at(tie.time_ns).saturating_sub(tie.lower_ns));
        let above = side(&|tie| tie.upper_ns.saturating_sub(line.at(tie.time_ns)));
        let (below_back, above_back) = (mirrored(&below), mirrored(&above));
        let back_ns = first_ns.saturating_neg();
        Some(Self {
            first_ns,
            last_ns,
            at_first: (
                furthest(&above_back, &below_back, back_ns)?.saturating_neg(),
                furthest(&below_back, &above_back, back_ns)?,
            ),
            at_last: (
                furthest(&above, &below, last_ns)?.saturating_neg(),
                furthest(&below, &above, last_ns)?,
            ),
        })
    }

    /// The most that the line can be off.
    pub(super) fn most(&self) -> i64 {
        let ends = [
            self.at_first.0,
            self.at_first.1,
            self.at_last.0,
            self.at_last.1,
        ];
        ends.into_iter().map(i64::saturating_abs).max().unwrap_or(0)
    }

    /// The most that the line in the middle of all that is possible can be off.
    pub(super) fn half_width(&self) -> i64 {
        let half = |range: (i64, i64)| range.1.saturating_sub(range.0) / 2;
        half(self.at_first).max(half(self.at_last))
    }

    /// The line in the middle of all that is possible.
    pub(super) fn middle(&self, line: &Line) -> Option<Line> {
        let at_first = self.at_first.0.midpoint(self.at_first.1);
        let at_last = self.at_last.0.midpoint(self.at_last.1);
        let rise = i128::from(at_last) - i128::from(at_first);
        let run = i128::from(self.last_ns) - i128::from(self.first_ns);
        let ppb = saturated((rise * 1_000_000_000).checked_div(run)?);
        let middle = at_first.saturating_add(drift_ns(ppb, line.at_ns, self.first_ns));
        Some(Line {
            offset_ns: line.offset_ns.saturating_add(middle),
            drift_ppb: line.drift_ppb.saturating_add(ppb),
            at_ns: line.at_ns,
        })
    }
}

/// The second tightest bound of each slice of time, in order, without those that are tightest of all.
fn tightest(mut bounds: Vec<Bound>, wrong: usize) -> Vec<Bound> {
    bounds.sort_unstable_by_key(|bound| (bound.margin_ns, bound.time_ns));
    let mut bounds = bounds.split_off(wrong.min(bounds.len() / 2));
    bounds.sort_unstable_by_key(|bound| bound.time_ns);
    let size = bounds.len().div_ceil(MAX_BOUNDS).max(MIN_SLICE);
    let second = |slice: &mut [Bound]| {
        slice.sort_unstable_by_key(|bound| bound.margin_ns);
        slice.get(1).copied()
    };
    bounds.chunks_mut(size).filter_map(second).collect()
}

fn mirrored(bounds: &[Bound]) -> Vec<Bound> {
    let mirror = bounds.iter().rev().map(|bound| Bound {
        time_ns: bound.time_ns.saturating_neg(),
        ..*bound
    });
    mirror.collect()
}

/// How far on the side of `near` a line can be at a time that no bound is behind.
fn furthest(far: &[Bound], near: &[Bound], end_ns: i64) -> Option<i64> {
    let mut least: Option<i128> = None;
    for near in near {
        for far in far {
            let run = i128::from(near.time_ns) - i128::from(far.time_ns);
            if run <= 0 {
                continue;
            }
            let rise = i128::from(near.margin_ns) + i128::from(far.margin_ns);
            let beyond = i128::from(end_ns) - i128::from(near.time_ns);
            let at_end = i128::from(near.margin_ns) + rise * beyond / run;
            least = Some(least.map_or(at_end, |least| least.min(at_end)));
        }
    }
    least.map(saturated)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAT: Line = Line {
        offset_ns: 0,
        drift_ppb: 0,
        at_ns: 0,
    };

    fn about(line: &Line, ties: &[Tie]) -> Option<Doubt> {
        let times = || ties.iter().map(|tie| tie.time_ns);
        Doubt::about(line, ties, (times().min()?, times().max()?), 0)
    }

    fn tie(time_ns: i64, lower_ns: i64, upper_ns: i64) -> Tie {
        Tie {
            time_ns,
            lower_ns,
            upper_ns,
        }
    }

    #[test]
    fn a_line_between_even_bounds_is_in_doubt_by_their_width() {
        let ties: Vec<Tie> = (0..=100).map(|i| tie(i * 1_000_000, -50, 50)).collect();
        let doubt = about(&FLAT, &ties).unwrap();
        assert!((50..=53).contains(&doubt.most()), "{doubt:?}");
    }

    #[test]
    fn bounds_at_one_end_only_leave_the_other_end_in_doubt() {
        let mut ties: Vec<Tie> = (0..=10).map(|i| tie(i * 1_000_000, -50, 50)).collect();
        ties.push(tie(100_000_000, -10_000, 10_000));
        let doubt = about(&FLAT, &ties).unwrap();
        assert!(doubt.most() > 500, "{doubt:?}");
    }

    #[test]
    fn the_middle_line_halves_the_doubt() {
        // The true line rises by 100 ns a ms, and is looked at from a flat one.
        let ties: Vec<Tie> = (0..=100)
            .map(|i| tie(i * 1_000_000, i * 100 - 20_000, i * 100 + 1_000))
            .collect();
        let doubt = about(&FLAT, &ties).unwrap();
        let middle = doubt.middle(&FLAT).unwrap();
        let again = about(&middle, &ties).unwrap();
        assert!(
            again.most() <= doubt.half_width() + 200,
            "{again:?} {doubt:?}"
        );
    }

    #[test]
    fn all_of_one_time_leave_nothing_to_tell() {
        assert_eq!(about(&FLAT, &[tie(5, -1, 1); 10]), None);
    }
}
