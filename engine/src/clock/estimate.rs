//! What the ties between two sources say of their clocks: offset, drift, uncertainty, or nothing.
//!
//! Most ties are wrong: a request of 512 bytes is paired with every write of 512 bytes. The right ones
//! all allow the true offset, the wrong ones are spread over the length of the recordings.
//!
//! 1. *Coarse*: the offset that most ties allow ([`densest`]), the bounds widened step by step, because
//!    with a drift no one offset fits all of them.
//! 2. *Drift*: the ties near it are cut into slices of time; each slice has its own densest stretch, and
//!    the line through most slices is taken if it fits notably more ties than a constant does.
//! 3. *Fine*: with the drift taken away, the stretch that most ties allow is the result.
//!
//! A result must be *unique*: with the ties that agree with it taken away, no other offset may fit a
//! fourth as many (the null comparison), and it must rest on enough moments far enough apart. Otherwise
//! there is no result: a wrong refinement is worse than none.
//!
//! A clock that was stepped shows as two offsets, each of its own time; the larger part is the result,
//! and the step is told. All arithmetic is in integers.

use std::collections::HashSet;

use super::doubt::{Doubt, Line};
use super::sweep::{Stretch, densest};
use super::tie::{Tie, drift_ns, saturated};

/// Moments that a result must rest on. Ties of one moment may be wrong together.
const MIN_MOMENTS: usize = 8;
/// A moment, in ns.
const MOMENT_NS: i64 = 100_000_000;
/// How much better the best offset must be than any other.
const MIN_RATIO: usize = 4;
/// By what bounds are widened to find the coarse offset, ns.
const WIDENINGS_NS: [i64; 4] = [0, 1_000_000, 10_000_000, 100_000_000];
/// Share of the agreeing ties that may be wrong on the edge of a stretch.
const TOLERANCE_PERCENT: usize = 1;
/// No clock is that far off (NTP slews by 500 ppm).
const MAX_DRIFT_PPB: i64 = 1_000_000;
const MAX_SLICES: usize = 24;
const MIN_SLICE_TIES: usize = 12;

/// A relation between two clocks that the ties show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Estimate {
    /// To be added to the clock at `at_ns`.
    pub(super) offset_ns: i64,
    /// And what comes to it with every second behind.
    pub(super) drift_ppb: i64,
    /// Middle of the time that the ties cover.
    pub(super) at_ns: i64,
    /// Half width of what the ties allow, at the worst place of the time they cover.
    pub(super) uncertainty_ns: i64,
    /// Ties that agree, and the most that agree on anything else.
    pub(super) agreeing: usize,
    pub(super) runner_up: usize,
    /// Where the clock was stepped: when, and by how much its times are off from then on (or, if
    /// the larger part is behind the step, were until then).
    pub(super) step: Option<Step>,
}

/// A clock that was set while it was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) time_ns: i64,
    pub(super) by_ns: i64,
}

/// What came of an estimate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The ties show one relation.
    Found(Estimate),
    /// They fit at several offsets about equally well.
    Ambiguous { agreeing: usize, runner_up: usize },
    /// Too few fit at any.
    Nothing,
}

/// Estimates how one clock must be moved to fit another.
pub(super) fn estimate(ties: &[Tie]) -> Outcome {
    let mut most = (0, 0);
    for widening in WIDENINGS_NS {
        let Some(coarse) = Coarse::find(ties, widening) else {
            continue;
        };
        if !coarse.is_unique() {
            most = most.max((coarse.best.count, coarse.runner_up));
            continue;
        }
        if let Some(found) = refine(ties, &coarse) {
            return Outcome::Found(found);
        }
    }
    match most {
        (agreeing, runner_up) if agreeing >= MIN_MOMENTS => Outcome::Ambiguous {
            agreeing,
            runner_up,
        },
        _ => Outcome::Nothing,
    }
}

/// The offset that most ties allow, and how good another one would be.
struct Coarse {
    best: Stretch,
    /// Of what is left when the ties of a step are taken away, too.
    runner_up: usize,
}

impl Coarse {
    fn find(ties: &[Tie], widening_ns: i64) -> Option<Self> {
        let wide = |tie: &Tie| {
            (
                tie.lower_ns.saturating_sub(widening_ns),
                tie.upper_ns.saturating_add(widening_ns),
            )
        };
        let best = densest(ties.iter().map(wide), 0).filter(|best| best.count >= MIN_MOMENTS)?;
        let (agreeing, rest) = split(ties, wide, &best);
        let second = densest(rest.iter().map(wide), 0);
        let mut coarse = Self {
            best,
            runner_up: second.map_or(0, |second| second.count),
        };
        if let Some(second) = second.filter(|_| !coarse.is_unique()) {
            let (its, rest) = split(&rest, wide, &second);
            if is_apart(&agreeing, &its) {
                coarse.runner_up = densest(rest.iter().map(wide), 0).map_or(0, |third| third.count);
            }
        }
        Some(coarse)
    }

    fn is_unique(&self) -> bool {
        is_unique(self.best.count, self.runner_up)
    }
}

fn is_unique(best: usize, runner_up: usize) -> bool {
    best >= MIN_RATIO * runner_up
}

/// The ties that allow an offset, and the others.
fn split(ties: &[Tie], bounds: impl Fn(&Tie) -> (i64, i64), at: &Stretch) -> (Vec<Tie>, Vec<Tie>) {
    let middle = at.middle_ns();
    ties.iter().partition(|tie| {
        let (lower, upper) = bounds(tie);
        lower <= middle && middle <= upper
    })
}

/// Whether nearly all ties of a second offset come before, or behind, most of those of the first. (Wide
/// bounds allow both offsets and count for the first.)
fn is_apart(first: &[Tie], second: &[Tie]) -> bool {
    let between = |ties: &[Tie], low: usize, high: usize| {
        let times = sorted_times(ties);
        let at = |percent: usize| times.get(times.len() * percent / 100).copied();
        at(low).zip(at(high))
    };
    match (between(first, 25, 75), between(second, 5, 95)) {
        (Some(first), Some(second)) => first.1 <= second.0 || second.1 <= first.0,
        _ => false,
    }
}

fn sorted_times(ties: &[Tie]) -> Vec<i64> {
    let mut times: Vec<i64> = ties.iter().map(|tie| tie.time_ns).collect();
    times.sort_unstable();
    times
}

/// Drift and fine offset near a coarse one; `None` when the result is not unique or rests on too little.
fn refine(ties: &[Tie], coarse: &Coarse) -> Option<Estimate> {
    let times = sorted_times(ties);
    let covered = (*times.first()?, *times.last()?);
    let span = covered.1.saturating_sub(covered.0);
    // What the largest drift amounts to from one end to the other.
    let room = drift_ns(MAX_DRIFT_PPB, span, 0).saturating_add(WIDENINGS_NS[2]);
    let around = |at: &Stretch| {
        let (from, until) = (
            at.lower_ns.saturating_sub(room),
            at.upper_ns.saturating_add(room),
        );
        move |tie: &Tie| tie.lower_ns <= until && tie.upper_ns >= from
    };
    let is_near = around(&coarse.best);
    let mut near: Vec<Tie> = ties.iter().filter(|tie| is_near(tie)).copied().collect();
    near.sort_unstable_by_key(|tie| tie.time_ns);
    let at_ns = near.first()?.time_ns.midpoint(near.last()?.time_ns);
    let drift_ppb = drift(&near, at_ns);
    let bounds = |tie: &Tie| tie.without(drift_ppb, at_ns);
    let fine = densest(near.iter().map(bounds), TOLERANCE_PERCENT)?;
    let (agreeing, rest) = split(ties, bounds, &fine);
    let mut runner_up = densest(rest.iter().map(bounds), 0).map_or(0, |next| next.count);
    let mut step = None;
    if let Some((found, third)) = stepped(&agreeing, &rest, bounds, &fine) {
        step = Some(found);
        runner_up = third;
    }
    let moments: HashSet<i64> = agreeing
        .iter()
        .map(|tie| tie.time_ns.div_euclid(MOMENT_NS))
        .collect();
    if !is_unique(fine.count, runner_up) || moments.len() < MIN_MOMENTS {
        return None;
    }
    let mut line = Line {
        offset_ns: fine.middle_ns(),
        drift_ppb,
        at_ns,
    };
    let doubt = Doubt::about(&line, &agreeing, covered, runner_up)?;
    if drift_ppb != 0 {
        line = doubt.middle(&line)?;
    }
    Some(Estimate {
        offset_ns: line.offset_ns,
        drift_ppb: line.drift_ppb,
        at_ns,
        uncertainty_ns: if drift_ppb == 0 {
            doubt.most()
        } else {
            doubt.half_width()
        },
        agreeing: fine.count,
        runner_up,
        step,
    })
}

/// A second offset that holds before or behind the time of the first, and the best that is left then.
fn stepped(
    agreeing: &[Tie],
    rest: &[Tie],
    bounds: impl Fn(&Tie) -> (i64, i64) + Copy,
    fine: &Stretch,
) -> Option<(Step, usize)> {
    let second = densest(rest.iter().map(bounds), 0)?;
    let (its, rest) = split(rest, bounds, &second);
    let third = densest(rest.iter().map(bounds), 0).map_or(0, |third| third.count);
    let is_sure = second.count >= MIN_MOMENTS && is_unique(second.count, third);
    if !is_sure || !is_apart(agreeing, &its) {
        return None;
    }
    let (first_times, its_times) = (sorted_times(agreeing), sorted_times(&its));
    let middle = |times: &[i64]| times.get(times.len() / 2).copied();
    let is_behind = middle(&its_times)? > middle(&first_times)?;
    let time_ns = if is_behind {
        *its_times.get(its_times.len() * 5 / 100)?
    } else {
        *first_times.get(first_times.len() * 5 / 100)?
    };
    let by_ns = second.middle_ns().saturating_sub(fine.middle_ns());
    Some((Step { time_ns, by_ns }, third))
}

/// A slice of time and what most of its ties allow.
struct Slice {
    time_ns: i64,
    stretch: Stretch,
}

/// The drift that fits notably more ties than none does.
fn drift(near: &[Tie], at_ns: i64) -> i64 {
    let slices = slices(near);
    let span = near.last().zip(near.first()).map_or(0, |(last, first)| {
        last.time_ns.saturating_sub(first.time_ns)
    });
    let mut best: Option<(usize, i64)> = None;
    for (i, a) in slices.iter().enumerate() {
        for b in &slices[i + 1..] {
            if b.time_ns.saturating_sub(a.time_ns) < span / 4 {
                continue;
            }
            let ppb = slope_ppb(a, a.stretch.middle_ns(), b, b.stretch.middle_ns());
            let Some(ppb) = ppb.filter(|ppb| ppb.abs() <= MAX_DRIFT_PPB) else {
                continue;
            };
            let weight = weight(&slices, a, ppb);
            if best.is_none_or(|(most, _)| weight > most) {
                best = Some((weight, ppb));
            }
        }
    }
    let Some((_, ppb)) = best else {
        return 0;
    };
    let fitting = |ppb: i64| {
        let bounds = near.iter().map(|tie| tie.without(ppb, at_ns));
        densest(bounds, 0).map_or(0, |stretch| stretch.count)
    };
    let (with, without) = (fitting(ppb), fitting(0));
    if with < without + (with / 50).max(5) {
        return 0;
    }
    match slope_range(&slices, ppb) {
        Some((low, high)) if low <= 0 && high >= 0 => 0,
        Some((low, high)) => low.midpoint(high),
        None => ppb,
    }
}

fn slices(near: &[Tie]) -> Vec<Slice> {
    let count = (near.len() / MIN_SLICE_TIES).clamp(1, MAX_SLICES);
    let size = near.len().div_ceil(count).max(1);
    let slice = |ties: &[Tie]| {
        let bounds = ties.iter().map(|tie| (tie.lower_ns, tie.upper_ns));
        let stretch = densest(bounds, TOLERANCE_PERCENT)?;
        Some(Slice {
            time_ns: ties[ties.len() / 2].time_ns,
            stretch,
        })
    };
    near.chunks(size).filter_map(slice).collect()
}

/// Ties of the slices that a line through the middle of one of them meets.
fn weight(slices: &[Slice], through: &Slice, ppb: i64) -> usize {
    let met = slices.iter().filter(|slice| {
        let at = through.stretch.middle_ns().saturating_add(drift_ns(
            ppb,
            slice.time_ns,
            through.time_ns,
        ));
        slice.stretch.lower_ns <= at && at <= slice.stretch.upper_ns
    });
    met.map(|slice| slice.stretch.count).sum()
}

/// The slopes of all lines that meet the slices that a line of about this slope meets.
fn slope_range(slices: &[Slice], ppb: i64) -> Option<(i64, i64)> {
    let through = slices
        .iter()
        .max_by_key(|slice| weight(slices, slice, ppb))?;
    let is_met = |slice: &&Slice| {
        let at = through.stretch.middle_ns().saturating_add(drift_ns(
            ppb,
            slice.time_ns,
            through.time_ns,
        ));
        slice.stretch.lower_ns <= at && at <= slice.stretch.upper_ns
    };
    let met: Vec<&Slice> = slices.iter().filter(is_met).collect();
    let (mut low, mut high) = (i64::MIN, i64::MAX);
    for (i, a) in met.iter().enumerate() {
        for b in &met[i + 1..] {
            if let Some(steepest) = slope_ppb(a, a.stretch.lower_ns, b, b.stretch.upper_ns) {
                high = high.min(steepest);
            }
            if let Some(flattest) = slope_ppb(a, a.stretch.upper_ns, b, b.stretch.lower_ns) {
                low = low.max(flattest);
            }
        }
    }
    (low <= high && low > i64::MIN && high < i64::MAX).then_some((low, high))
}

/// The slope of the line through an offset in each of two slices.
fn slope_ppb(a: &Slice, a_offset: i64, b: &Slice, b_offset: i64) -> Option<i64> {
    let rise = i128::from(b_offset) - i128::from(a_offset);
    let run = i128::from(b.time_ns) - i128::from(a.time_ns);
    (run > 0).then(|| saturated(rise * 1_000_000_000 / run))
}

#[cfg(test)]
mod tests;
