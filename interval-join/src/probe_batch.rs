//! A batch of the probe side, and how far it is matched.

use datafusion::arrow::array::{BooleanBufferBuilder, RecordBatch};
use datafusion::common::Result;

use super::build_chunk::column;
use super::condition::Bound;
use super::group::NO_GROUP;
use super::interval_index::{Hints, IntervalIndex, Walk};
use super::join::IntervalJoin;
use super::key_table::KeyTable;
use super::ordinal::Ordinals;
use super::probe_input::ProbeReach;

/// Probe rows that are being matched, in their order.
pub(super) struct ProbeBatch {
    pub(super) rows: RecordBatch,
    /// Its place among the batches of the stream.
    pub(super) number: usize,
    /// Which rows had a match; `None` when the join does not ask.
    pub(super) matched: Option<BooleanBufferBuilder>,
    groups: Option<Vec<u32>>,
    limits: Limits,
    next_row: usize,
    /// The rest of the matches of the next row.
    walk: Option<Walk>,
}

/// What build rows must be to match each probe row: upper bounds at most, lower bounds at least.
struct Limits {
    at_most: Ordinals,
    at_least: Ordinals,
    is_upper_closed: bool,
    is_lower_closed: bool,
}

impl ProbeBatch {
    /// A batch with its number, to be matched with build rows of some keys. `matched` are the rows that
    /// had a match before.
    pub(super) fn new(
        join: &IntervalJoin,
        keys: Option<&KeyTable>,
        (number, rows): (usize, RecordBatch),
        matched: Option<BooleanBufferBuilder>,
    ) -> Result<Self> {
        let limits = Limits::new(&join.condition.upper, &join.condition.lower, &rows)?;
        let groups = match keys {
            Some(keys) => {
                let columns = join.on.iter().map(|(_, probe)| column(probe, &rows));
                Some(keys.groups_of(&columns.collect::<Result<Vec<_>>>()?)?)
            }
            None => None,
        };
        Ok(Self {
            rows,
            number,
            matched,
            groups,
            limits,
            next_row: 0,
            walk: None,
        })
    }

    /// The next pairs of a build row and a probe row, until there are so many (or some more), or the
    /// batch is done. When existence is enough, rows with a match are marked instead.
    pub(super) fn pairs(
        &mut self,
        index: &IntervalIndex,
        hints: &mut Hints,
        enough: usize,
        is_existence_enough: bool,
    ) -> (Vec<u32>, Vec<u32>) {
        let count = self.rows.num_rows();
        let mut build_rows: Vec<u32> = Vec::with_capacity(enough.min(count));
        let mut probe_rows: Vec<u32> = Vec::with_capacity(build_rows.capacity());
        let mut earlier = self.walk.take();
        while self.next_row < count && build_rows.len() < enough {
            let row = self.next_row;
            let walk = earlier.take().or_else(|| self.walk(row, index, hints));
            let Some(mut walk) = walk else {
                self.next_row += 1;
                continue;
            };
            if let (true, Some(matched)) = (is_existence_enough, &mut self.matched) {
                matched.set_bit(row, true);
                self.next_row += 1;
                continue;
            }
            if index.matches(&mut walk, &mut build_rows, enough) {
                self.next_row += 1;
            } else {
                self.walk = Some(walk);
            }
            // Batches have fewer than 2³² rows.
            probe_rows.resize(build_rows.len(), u32::try_from(row).unwrap_or(u32::MAX));
        }
        (build_rows, probe_rows)
    }

    /// Whether all rows are matched.
    pub(super) fn is_done(&self) -> bool {
        self.next_row == self.rows.num_rows()
    }

    /// The bounds of its rows that are farthest out.
    pub(super) fn reach(&self) -> ProbeReach {
        let rows = (0..self.rows.num_rows()).filter_map(|row| self.limits.get(row));
        rows.fold(ProbeReach::NONE, |reach, (at_most, at_least)| {
            reach.and(ProbeReach { at_most, at_least })
        })
    }

    /// The matches of a row, if there are any.
    #[inline]
    fn walk(&self, row: usize, index: &IntervalIndex, hints: &mut Hints) -> Option<Walk> {
        let group = self.groups.as_ref().map_or(0, |groups| groups[row]);
        if group == NO_GROUP {
            return None;
        }
        let (at_most, at_least) = self.limits.get(row)?;
        index.allowed(group, at_most, at_least, hints)
    }
}

impl Limits {
    fn new(upper: &Bound, lower: &Bound, rows: &RecordBatch) -> Result<Self> {
        Ok(Self {
            at_most: Ordinals::of(&column(&upper.probe, rows)?)?,
            at_least: Ordinals::of(&column(&lower.probe, rows)?)?,
            is_upper_closed: upper.is_closed,
            is_lower_closed: lower.is_closed,
        })
    }

    /// The limits of a row, both closed; `None` when nothing can match it.
    #[inline]
    fn get(&self, row: usize) -> Option<(i64, i64)> {
        let at_most = self
            .at_most
            .get(row)?
            .checked_sub(i64::from(!self.is_upper_closed))?;
        let at_least = self
            .at_least
            .get(row)?
            .checked_add(i64::from(!self.is_lower_closed))?;
        Some((at_most, at_least))
    }
}
