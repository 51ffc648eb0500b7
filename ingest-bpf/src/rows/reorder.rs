//! The reorder window: rows leave it sorted by time, and the same row twice leaves it once.
//!
//! Tracers read one buffer a CPU, so what they print is out of order by up to seconds, and an event may
//! come twice. The window holds the latest [`HELD_ROWS`] rows or more, sorted; rows leave it from the
//! front. What arrives behind rows that have left is kept too, only unsorted, and counted.

use std::cmp::Ordering;
use std::collections::VecDeque;

use kcorr_model::{Error, Output, RowIds, SourceId};

use super::row::{BatchContext, Row, Shared};
use crate::labels::Labels;

/// Rows that stay in the window after a sort.
const HELD_ROWS: usize = 1 << 18;
/// Rows that arrive between two sorts, and rows of a batch.
const BATCH_ROWS: usize = 1 << 16;

/// The window of one table.
#[derive(Debug)]
pub(crate) struct Reorder<R> {
    /// Rows that came since the last sort.
    fresh: Vec<R>,
    /// Sorted rows.
    held: VecDeque<R>,
    /// Memory of rows that leave.
    leaving: Vec<R>,
    /// Memory of sorts: the order of fresh rows, and held rows that have to move.
    order: Vec<(i64, u32)>,
    tail: Vec<R>,
    /// Latest time that has left.
    left_to: Option<i64>,
    ids: RowIds,
    /// Whether equal rows are one event that was printed twice. Not so where times are rounded.
    drops_duplicates: bool,
    /// Duplicates dropped.
    pub(crate) duplicates: u64,
    /// Rows that came too late to be sorted.
    pub(crate) late: u64,
}

impl<R: Row> Reorder<R> {
    pub(crate) fn new(source: SourceId) -> Self {
        Self {
            fresh: Vec::new(),
            held: VecDeque::new(),
            leaving: Vec::new(),
            order: Vec::new(),
            tail: Vec::new(),
            left_to: None,
            ids: source.row_ids(),
            drops_duplicates: true,
            duplicates: 0,
            late: 0,
        }
    }

    /// Equal rows are different events from now on.
    pub(crate) fn keep_duplicates(&mut self) {
        self.drops_duplicates = false;
    }

    /// Rows that came since the last sort.
    pub(crate) fn fresh(&self) -> &[R] {
        &self.fresh
    }

    /// Takes a row. Call [`Reorder::emit_if_due`] when this says so.
    #[inline]
    #[must_use]
    pub(crate) fn push(&mut self, row: R) -> bool {
        self.fresh.push(row);
        self.fresh.len() >= BATCH_ROWS
    }

    /// Lets rows leave when enough have come, or all of them.
    pub(crate) fn emit_if_due(
        &mut self,
        all: bool,
        source: SourceId,
        shared: &mut Shared<'_>,
        output: &mut dyn Output,
    ) -> Result<(), Error> {
        if !all && self.fresh.len() < BATCH_ROWS {
            return Ok(());
        }
        self.emit(all, source, shared, output)
    }

    /// Sorts, and lets rows leave: all that are more than the window holds, or all.
    fn emit(
        &mut self,
        all: bool,
        source: SourceId,
        shared: &mut Shared<'_>,
        output: &mut dyn Output,
    ) -> Result<(), Error> {
        self.sort(shared.labels);
        let keep = if all { 0 } else { HELD_ROWS };
        loop {
            let leaving = self.held.len().saturating_sub(keep).min(BATCH_ROWS);
            // Whole batches only, so that where batches end does not depend on the order of arrival.
            if leaving == 0 || (!all && leaving < BATCH_ROWS) {
                break;
            }
            self.leaving.clear();
            self.leaving.extend(self.held.drain(..leaving));
            let mut context = BatchContext {
                source,
                ids: &mut self.ids,
                shared: &mut *shared,
            };
            let batch = R::batch(&self.leaving, &mut context).map_err(Error::from)?;
            self.left_to = self.left_to.max(self.leaving.last().map(Row::time));
            output.batch(R::TABLE, batch)?;
        }
        if all {
            self.held = VecDeque::new();
            self.leaving = Vec::new();
        }
        Ok(())
    }

    /// Merges the fresh rows into the held ones.
    fn sort(&mut self, labels: &Labels) {
        if let Some(left_to) = self.left_to {
            let late = self.fresh.iter().filter(|row| row.time() < left_to).count();
            self.late = self.late.saturating_add(late as u64);
        }
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        order.extend(
            (0u32..)
                .zip(&self.fresh)
                .map(|(index, row)| (row.time(), index)),
        );
        let row = |index: u32| self.fresh.get(index as usize);
        order.sort_unstable_by(|a, b| {
            a.0.cmp(&b.0).then_with(|| match (row(a.1), row(b.1)) {
                (Some(x), Some(y)) => x.compare(y, labels),
                _ => Ordering::Equal,
            })
        });
        let Some(&(first, _)) = order.first() else {
            return;
        };
        // Only held rows from the first fresh time on have to move.
        let kept = self.held.partition_point(|row| row.time() < first);
        self.tail.clear();
        self.tail.extend(self.held.drain(kept..));
        // No more than it takes: the window is the most of a table's memory here.
        self.held
            .reserve_exact(self.tail.len().saturating_add(order.len()));
        let mut tail = self.tail.iter().copied().peekable();
        let mut fresh = order.iter().filter_map(|&(_, index)| row(index)).peekable();
        let mut duplicates = 0u64;
        let mut last: Option<R> = None;
        loop {
            let from_tail = match (tail.peek(), fresh.peek()) {
                (None, None) => break,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (Some(a), Some(b)) => {
                    let by_time = a.time().cmp(&b.time());
                    by_time.then_with(|| a.compare(b, labels)) != Ordering::Greater
                }
            };
            let next = if from_tail {
                tail.next()
            } else {
                fresh.next().copied()
            };
            let Some(next) = next else { break };
            let is_duplicate = self.drops_duplicates
                && last.is_some_and(|last| {
                    last.time() == next.time() && last.compare(&next, labels) == Ordering::Equal
                });
            if is_duplicate {
                duplicates = duplicates.saturating_add(1);
            } else {
                self.held.push_back(next);
                last = Some(next);
            }
        }
        self.duplicates = self.duplicates.saturating_add(duplicates);
        self.fresh.clear();
        self.order = order;
        if self.tail.capacity() > BATCH_ROWS {
            self.tail = Vec::new();
        }
    }
}
