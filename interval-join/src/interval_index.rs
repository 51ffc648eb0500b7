//! The build side's rows of each key by their two bounds.
//!
//! Rows of a key lie together, sorted by the bound that must not be too great (`upper`, a start time
//! in an overlap). The rows that a probe row allows by that bound are then a prefix, found by galloping
//! from where the last probe row of the key ended: probes that come in order of time move a few places.
//! Which rows of the prefix also meet the other bound (`lower`, an end time) is answered backwards from
//! its end: `reach` is the greatest `lower` from the key's first row up to a place, so that the search
//! stops as soon as nothing further back can match, and `maxima` (the greatest `lower` of 16 rows, of
//! 16 such blocks, …) leap over rows in between. So one row that lasts for hours costs the probes
//! that it does not concern a few comparisons, not a walk.

use datafusion::common::Result;

use super::index_builder::{IndexedPart, SORT_BYTES, SortedRows};
use super::threads::Wanted;

/// Rows of a block, and blocks of a larger block.
const FAN_OUT: usize = 1 << FAN_OUT_BITS;
const FAN_OUT_BITS: u32 = 4;

/// An index of at most `u32::MAX` rows.
#[derive(Debug, Default)]
pub(super) struct IntervalIndex {
    /// Place where each group starts, and one past the last.
    starts: Vec<u32>,
    upper: Vec<i64>,
    lower: Vec<i64>,
    reach: Vec<i64>,
    rows: Vec<u32>,
    maxima: Vec<Vec<i64>>,
    bounds: Option<(i64, i64)>,
}

/// Where the searches of a stream last ended, by group. Within the same two rows, the next search of the
/// group reads nothing else: there are usually many more probe rows than build rows.
#[derive(Debug)]
pub(super) struct Hints(Vec<Hint>);

#[derive(Debug, Clone)]
struct Hint {
    /// How many rows were allowed.
    count: usize,
    /// The upper bounds of the last one that was, and of the first that was not.
    last_allowed: i64,
    first_beyond: i64,
    /// The greatest lower bound of those that were.
    reach: i64,
}

/// With more groups, each is sought from its start: they have few rows, and there would be more hints
/// than fit near the processor.
const MOST_HINTS: usize = 1 << 16;

/// Places of a group that are still to be looked at, from the back.
#[derive(Debug)]
pub(super) struct Walk {
    start: usize,
    end: usize,
    at_least: i64,
}

impl IntervalIndex {
    /// Indexes the rows of all parts that have bounds and a group, one of `group_count`.
    pub(super) fn new(
        parts: &[IndexedPart],
        group_count: usize,
        threads: usize,
        wanted: &Wanted,
    ) -> Result<Self> {
        let SortedRows {
            starts,
            upper,
            mut lower,
            reach,
            rows,
        } = SortedRows::new(parts, group_count, threads, wanted)?;
        let groups = || starts.windows(2).filter(|group| group[0] < group[1]);
        let least_upper = groups().map(|group| upper[group[0] as usize]).min();
        let greatest_lower = groups().map(|group| reach[group[1] as usize - 1]).max();
        let maxima = maxima(&lower);
        // The last block is as long as the others.
        lower.resize(rows.len().next_multiple_of(FAN_OUT), i64::MIN);
        Ok(Self {
            bounds: least_upper.zip(greatest_lower),
            starts,
            upper,
            lower,
            reach,
            rows,
            maxima,
        })
    }

    /// How many groups there are.
    pub(super) fn group_count(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Hints for a stream that has not searched yet.
    pub(super) fn hints(&self) -> Hints {
        let unknown = Hint {
            count: 0,
            last_allowed: i64::MIN,
            first_beyond: i64::MIN,
            reach: i64::MIN,
        };
        let count = self.group_count();
        Hints(vec![unknown; if count > MOST_HINTS { 0 } else { count }])
    }

    /// The places of a group whose upper bound is at most a value, if any of them has a lower bound of
    /// at least another value.
    #[inline]
    pub(super) fn allowed(
        &self,
        group: u32,
        at_most: i64,
        at_least: i64,
        hints: &mut Hints,
    ) -> Option<Walk> {
        let start = self.starts[group as usize] as usize;
        let end = match hints.0.get_mut(group as usize) {
            Some(hint) => {
                if at_most < hint.last_allowed || at_most >= hint.first_beyond {
                    let upper = &self.upper[start..self.starts[group as usize + 1] as usize];
                    let count = gallop(upper, at_most, hint.count);
                    let before = count.checked_sub(1);
                    *hint = Hint {
                        count,
                        last_allowed: before.map_or(i64::MIN, |last| upper[last]),
                        first_beyond: upper.get(count).copied().unwrap_or(i64::MAX),
                        reach: before.map_or(i64::MIN, |last| self.reach[start + last]),
                    };
                }
                if hint.reach < at_least {
                    return None;
                }
                start + hint.count
            }
            None => {
                let upper = &self.upper[start..self.starts[group as usize + 1] as usize];
                start + upper.partition_point(|&value| value <= at_most)
            }
        };
        let walk = Walk {
            start,
            end,
            at_least,
        };
        self.has_match(&walk).then_some(walk)
    }

    /// Whether any row of a walk matches.
    #[inline]
    fn has_match(&self, walk: &Walk) -> bool {
        walk.end > walk.start && self.reach[walk.end - 1] >= walk.at_least
    }

    /// Appends matching rows to a list until it has a number of rows (or at most 15 more). Returns
    /// whether the walk is at its end.
    #[inline]
    pub(super) fn matches(&self, walk: &mut Walk, rows: &mut Vec<u32>, enough: usize) -> bool {
        while self.has_match(walk) {
            if rows.len() >= enough {
                return false;
            }
            let mut block = (walk.end - 1) >> FAN_OUT_BITS;
            if self.maxima[0][block] < walk.at_least {
                block = self.leap(block, walk.at_least);
            }
            let place = block << FAN_OUT_BITS;
            let mut found = self.found_in(block, walk.at_least);
            // The block may reach beyond the places that are asked for, on both sides.
            if walk.end < place + FAN_OUT {
                found &= (1 << (walk.end - place)) - 1;
            }
            if walk.start > place {
                found &= u32::MAX << (walk.start - place).min(FAN_OUT);
            }
            while found != 0 {
                let last = 31 - found.leading_zeros();
                rows.push(self.rows[place + last as usize]);
                found &= !(1 << last);
            }
            walk.end = place.max(walk.start);
        }
        true
    }

    /// A bit for each place of a block whose lower bound is at least a value. Without branches: which
    /// of them match is as good as random.
    #[inline]
    fn found_in(&self, block: usize, at_least: i64) -> u32 {
        let place = block << FAN_OUT_BITS;
        let mut found = 0;
        for (bit, &lower) in self.lower[place..place + FAN_OUT].iter().enumerate() {
            found |= u32::from(lower >= at_least) << bit;
        }
        found
    }

    /// The last block before one that has a match. There is one: `reach` says so.
    fn leap(&self, from: usize, at_least: i64) -> usize {
        let (mut block, mut level) = (from, 0);
        // Up while nothing to the left under the same larger block matches, ...
        loop {
            let first = block >> FAN_OUT_BITS << FAN_OUT_BITS;
            let left = &self.maxima[level][first..block];
            if let Some(found) = left.iter().rposition(|&greatest| greatest >= at_least) {
                block = first + found;
                break;
            }
            if level + 1 == self.maxima.len() {
                return 0;
            }
            block >>= FAN_OUT_BITS;
            level += 1;
        }
        // ... then down, to the last one each time.
        while level > 0 {
            level -= 1;
            let first = block << FAN_OUT_BITS;
            let last = self.maxima[level].len().min(first + FAN_OUT);
            let below = &self.maxima[level][first..last];
            block = first
                + below
                    .iter()
                    .rposition(|&greatest| greatest >= at_least)
                    .unwrap_or(0);
        }
        block
    }

    /// The least upper and the greatest lower bound; `None` when there are no rows.
    pub(super) fn bounds(&self) -> Option<(i64, i64)> {
        self.bounds
    }

    /// All rows' bounds, by group and upper bound.
    pub(super) fn entries(&self) -> impl Iterator<Item = (i64, i64)> {
        self.upper.iter().copied().zip(self.lower.iter().copied())
    }

    /// Bytes that an index of a number of rows takes.
    pub(super) fn size_of(rows: usize, groups: usize) -> usize {
        // upper, lower, reach, rows, maxima
        rows * (3 * 8 + 4 + 1) + groups * 4
    }

    /// Bytes that are taken besides, at most, while it is built.
    pub(super) fn transient_size_of(rows: usize, groups: usize) -> usize {
        rows * SORT_BYTES + groups * 4
    }
}

/// How many values of a sorted list are at most a value, sought from a hint on.
#[inline]
fn gallop(sorted: &[i64], at_most: i64, hint: usize) -> usize {
    let hint = hint.min(sorted.len());
    let mut step = 1;
    if hint < sorted.len() && sorted[hint] <= at_most {
        let mut low = hint;
        while low + step < sorted.len() && sorted[low + step] <= at_most {
            low += step;
            step *= 2;
        }
        let high = sorted.len().min(low + step);
        low + 1 + sorted[low + 1..high].partition_point(|&value| value <= at_most)
    } else {
        let mut high = hint;
        while high >= step && sorted[high - step] > at_most {
            high -= step;
            step *= 2;
        }
        let low = high.saturating_sub(step);
        low + sorted[low..high].partition_point(|&value| value <= at_most)
    }
}

/// The greatest values of each block, of each block of blocks, and so on up to a single one.
fn maxima(values: &[i64]) -> Vec<Vec<i64>> {
    let greatest = |block: &[i64]| block.iter().copied().max().unwrap_or(i64::MIN);
    let mut levels: Vec<Vec<i64>> = Vec::new();
    loop {
        let below = levels.last().map_or(values, Vec::as_slice);
        let level: Vec<i64> = below.chunks(FAN_OUT).map(greatest).collect();
        let is_top = level.len() <= 1;
        levels.push(level);
        if is_top {
            return levels;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::ordinal::Ordinals;

    fn part(groups: Option<&[u32]>, upper: &[i64], lower: &[i64]) -> IndexedPart {
        let ordinals = |values: &[i64]| Ordinals {
            values: values.to_vec().into(),
            nulls: None,
        };
        IndexedPart {
            groups: groups.map(<[u32]>::to_vec),
            upper: ordinals(upper),
            lower: ordinals(lower),
        }
    }

    fn index(parts: &[IndexedPart], groups: usize, threads: usize) -> IntervalIndex {
        let waiting = Arc::new(());
        let wanted = Wanted(Arc::downgrade(&waiting));
        IntervalIndex::new(parts, groups, threads, &wanted).unwrap()
    }

    proptest! {
        #[test]
        fn it_finds_the_rows_that_a_scan_finds(
            rows in prop::collection::vec((0_u32..4, 0_i64..300, 0_i64..60), 0..700),
            probes in prop::collection::vec((0_u32..4, 0_i64..300, 0_i64..60), 1..60),
            enough in 1_usize..40,
            part_rows in 1_usize..300,
            threads in 1_usize..4,
        ) {
            let groups: Vec<u32> = rows.iter().map(|row| row.0).collect();
            let starts: Vec<i64> = rows.iter().map(|row| row.1).collect();
            // A few are long: what lies between them has to be leapt over.
            let length = |row: &(u32, i64, i64)| if row.2 == 0 { 200 } else { row.2 / 8 };
            let ends: Vec<i64> = rows.iter().map(|row| row.1 + length(row)).collect();
            let places: Vec<usize> = (0..rows.len()).collect();
            let parts = places.chunks(part_rows).map(|places| {
                let place = places[0]..places[0] + places.len();
                part(Some(&groups[place.clone()]), &starts[place.clone()], &ends[place])
            });
            let index = index(&parts.collect::<Vec<_>>(), 4, threads);
            let mut hints = index.hints();
            let mut no_hints = Hints(Vec::new());
            for (group, start, length) in probes {
                let (at_most, at_least) = (start + length, start);
                let walk = index.allowed(group, at_most, at_least, &mut hints);
                let other = index.allowed(group, at_most, at_least, &mut no_hints);
                prop_assert_eq!(walk.as_ref().map(|walk| walk.end), other.map(|walk| walk.end));
                let has_match = walk.is_some();
                let mut found = Vec::new();
                let mut some = Vec::new();
                if let Some(mut walk) = walk {
                    while !index.matches(&mut walk, &mut some, enough) {
                        prop_assert!(some.len() < enough + FAN_OUT);
                        found.append(&mut some);
                    }
                }
                found.append(&mut some);
                found.sort_unstable();
                let expected: Vec<u32> = (0..rows.len())
                    .filter(|&row| groups[row] == group && starts[row] <= at_most && ends[row] >= at_least)
                    .map(|row| u32::try_from(row).unwrap())
                    .collect();
                prop_assert_eq!(has_match, !expected.is_empty());
                prop_assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn an_index_that_nobody_waits_for_is_not_built() {
        let parts = [part(None, &[1], &[2])];
        let wanted = Wanted(Arc::downgrade(&Arc::new(())));
        assert!(IntervalIndex::new(&parts, 1, 1, &wanted).is_err());
    }

    #[test]
    fn extreme_bounds_are_found() {
        let bounds = [i64::MIN, i64::MAX];
        let index = index(&[part(None, &bounds, &bounds)], 1, 1);
        let mut rows = Vec::new();
        let mut hints = index.hints();
        for _ in 0..2 {
            let walk = index.allowed(0, i64::MAX, i64::MIN, &mut hints);
            assert!(index.matches(&mut walk.unwrap(), &mut rows, 10));
        }
        assert_eq!(rows, [1, 0, 1, 0]);
        assert!(index.allowed(0, i64::MIN, i64::MAX, &mut hints).is_none());
    }
}
