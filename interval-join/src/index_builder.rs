//! Putting the build side's rows in the order that an index needs: by group, then by upper bound.
//!
//! Rows are dealt out to their groups first, in their order, and a group is only sorted when that has
//! not put it in order: tables are stored by time, so nearly always it has. All threads deal out rows,
//! each its own share of them, and then put groups in order, so that it does not matter whether rows
//! have many keys or all the same.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use datafusion::common::Result;

use super::group::{NO_GROUP, number};
use super::ordinal::Ordinals;
use super::threads::{Wanted, on_threads, shares};

/// Some rows to be indexed.
#[derive(Debug)]
pub(super) struct IndexedPart {
    /// The group of each row; `None` when all rows are of one group.
    pub(super) groups: Option<Vec<u32>>,
    /// The bound that must not be too great.
    pub(super) upper: Ordinals,
    /// The bound that must not be too small.
    pub(super) lower: Ordinals,
}

/// Rows by group and upper bound.
#[derive(Debug, Default)]
pub(super) struct SortedRows {
    /// Place where each group starts, and one past the last.
    pub(super) starts: Vec<u32>,
    pub(super) upper: Vec<i64>,
    pub(super) lower: Vec<i64>,
    /// The greatest lower bound of the group up to each place.
    pub(super) reach: Vec<i64>,
    /// The row's number among those of all parts.
    pub(super) rows: Vec<u32>,
}

impl IndexedPart {
    fn row_count(&self) -> usize {
        self.upper.values.len()
    }

    /// The group and bounds of a row; `None` when nothing can match it.
    #[inline]
    fn get(&self, row: usize) -> Option<(u32, i64, i64)> {
        let group = self.groups.as_ref().map_or(0, |groups| groups[row]);
        let bounds = (self.upper.get(row)?, self.lower.get(row)?);
        (group != NO_GROUP).then_some((group, bounds.0, bounds.1))
    }
}

impl SortedRows {
    /// Sorts rows. Those with a null bound, or of [`NO_GROUP`], are left out.
    pub(super) fn new(
        parts: &[IndexedPart],
        group_count: usize,
        threads: usize,
        wanted: &Wanted,
    ) -> Result<Self> {
        let row_count: usize = parts.iter().map(IndexedPart::row_count).sum();
        // Each share counts the rows of each group.
        let deal_threads = threads.min(row_count / group_count.max(1)).max(1);
        let counts = on_threads(shares(parts, deal_threads), |parts| {
            let mut counts = vec![0_u32; group_count];
            for part in parts {
                wanted.check()?;
                for row in 0..part.row_count() {
                    if let Some((group, ..)) = part.get(row) {
                        counts[group as usize] += 1;
                    }
                }
            }
            Ok(counts)
        });
        let mut free = counts.into_iter().collect::<Result<Vec<_>>>()?;
        let mut starts = Vec::with_capacity(group_count + 1);
        let mut next = 0;
        for group in 0..group_count {
            starts.push(next);
            for share in &mut free {
                let count = share[group];
                share[group] = next;
                next += count;
            }
        }
        starts.push(next);
        let dealt = Dealt::new(next as usize);
        let mut first_row = 0;
        let shares = shares(parts, deal_threads).map(|parts| {
            let first = first_row;
            first_row += parts.iter().map(IndexedPart::row_count).sum::<usize>();
            (first, parts)
        });
        let work = shares.zip(free).collect::<Vec<_>>();
        let results = on_threads(work, |((first, parts), mut free)| {
            dealt.deal(parts, first, &mut free, wanted)
        });
        results.into_iter().collect::<Result<()>>()?;
        let mut sorted = dealt.into_rows(starts);
        sorted.order(threads, wanted)?;
        Ok(sorted)
    }

    /// Puts each group in order, and says how far it reaches.
    fn order(&mut self, threads: usize, wanted: &Wanted) -> Result<()> {
        let row_count = self.upper.len();
        self.reach = vec![0; row_count];
        let fair_share = row_count.div_ceil(threads);
        let mut rest = Rows {
            upper: &mut self.upper,
            lower: &mut self.lower,
            reach: &mut self.reach,
            rows: &mut self.rows,
        };
        let mut shares = Vec::new();
        let mut first = 0;
        for end in 1..self.starts.len() {
            let count = (self.starts[end] - self.starts[first]) as usize;
            let has_more = (self.starts[end] as usize) < row_count;
            if (count >= fair_share && has_more) || end + 1 == self.starts.len() {
                let (share, others) = rest.split(count);
                rest = others;
                shares.push((&self.starts[first..=end], share));
                first = end;
            }
        }
        let results = on_threads(shares, |(starts, mut rest)| {
            for bounds in starts.windows(2) {
                wanted.check()?;
                let count = (bounds[1] - bounds[0]) as usize;
                let (mut group, others) = rest.split(count);
                rest = others;
                // A group with more rows than a thread's share has the other threads as well.
                let is_large = count > fair_share / 2;
                group.order(if is_large { threads } else { 1 });
            }
            Ok(())
        });
        results.into_iter().collect()
    }
}

/// Rows that are being dealt out to their groups. Each place is written once, by whichever thread has
/// the row; atomics are how that is said without `unsafe`, and cost nothing here.
struct Dealt {
    upper: Vec<AtomicI64>,
    lower: Vec<AtomicI64>,
    rows: Vec<AtomicU32>,
}

impl Dealt {
    fn new(count: usize) -> Self {
        let zeroes = || {
            let zeroes = vec![0; count].into_iter();
            zeroes.map(AtomicI64::new).collect()
        };
        Self {
            upper: zeroes(),
            lower: zeroes(),
            rows: vec![0; count].into_iter().map(AtomicU32::new).collect(),
        }
    }

    /// Deals out rows to the next free places of their groups.
    fn deal(
        &self,
        parts: &[IndexedPart],
        mut first_row: usize,
        free: &mut [u32],
        wanted: &Wanted,
    ) -> Result<()> {
        for part in parts {
            wanted.check()?;
            for row in 0..part.row_count() {
                let Some((group, upper, lower)) = part.get(row) else {
                    continue;
                };
                let free = &mut free[group as usize];
                let place = *free as usize;
                *free += 1;
                self.upper[place].store(upper, Ordering::Relaxed);
                self.lower[place].store(lower, Ordering::Relaxed);
                self.rows[place].store(number(first_row + row), Ordering::Relaxed);
            }
            first_row += part.row_count();
        }
        Ok(())
    }

    fn into_rows(self, starts: Vec<u32>) -> SortedRows {
        let integers = |values: Vec<AtomicI64>| {
            let values = values.into_iter();
            values.map(AtomicI64::into_inner).collect()
        };
        SortedRows {
            starts,
            upper: integers(self.upper),
            lower: integers(self.lower),
            reach: Vec::new(),
            rows: self.rows.into_iter().map(AtomicU32::into_inner).collect(),
        }
    }
}

/// The rows of a group, or of several that lie together.
struct Rows<'a> {
    upper: &'a mut [i64],
    lower: &'a mut [i64],
    reach: &'a mut [i64],
    rows: &'a mut [u32],
}

impl Rows<'_> {
    /// The first rows, and the others.
    fn split(self, count: usize) -> (Self, Self) {
        let (upper, other_upper) = self.upper.split_at_mut(count);
        let (lower, other_lower) = self.lower.split_at_mut(count);
        let (reach, other_reach) = self.reach.split_at_mut(count);
        let (rows, other_rows) = self.rows.split_at_mut(count);
        let first = Self {
            upper,
            lower,
            reach,
            rows,
        };
        let others = Self {
            upper: other_upper,
            lower: other_lower,
            reach: other_reach,
            rows: other_rows,
        };
        (first, others)
    }

    fn order(&mut self, threads: usize) {
        if !self.upper.is_sorted() {
            self.sort(threads);
        }
        let mut greatest = i64::MIN;
        for (reach, &lower) in self.reach.iter_mut().zip(&*self.lower) {
            greatest = greatest.max(lower);
            *reach = greatest;
        }
    }

    fn sort(&mut self, threads: usize) {
        let mut order: Vec<(i64, u32)> = self.upper.iter().copied().zip(0..).collect();
        if threads > 1 {
            let share = order.len().div_ceil(threads);
            on_threads(order.chunks_mut(share), <[(i64, u32)]>::sort_unstable);
        }
        // The stable sort finds what is sorted already and only merges it.
        order.sort();
        let (lower, rows) = (self.lower.to_vec(), self.rows.to_vec());
        for (to, (upper, from)) in order.into_iter().enumerate() {
            self.upper[to] = upper;
            self.lower[to] = lower[from as usize];
            self.rows[to] = rows[from as usize];
        }
    }
}

/// Bytes a row that sorting takes besides the rows: the order and its buffer, and a copy of what moves.
pub(super) const SORT_BYTES: usize = 16 + 8 + 12;
