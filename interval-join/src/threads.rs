//! Work divided among threads.

use std::panic::resume_unwind;
use std::sync::Weak;
use std::thread;

use datafusion::common::{Result, exec_err};

/// Below this number of rows, starting another thread takes longer than it saves.
const FEWEST_ROWS: usize = 1 << 16;

/// How many threads some rows are worth, of those there are.
pub(super) fn worth_it(threads: usize, rows: usize) -> usize {
    threads.min(rows / FEWEST_ROWS).max(1)
}

/// Does something with each item at the same time. Returns the results in the items' order.
pub(super) fn on_threads<T: Send, R: Send>(
    items: impl IntoIterator<Item = T>,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let mut items = items.into_iter();
    let Some(first) = items.next() else {
        return Vec::new();
    };
    let work = &work;
    thread::scope(|scope| {
        let others: Vec<_> = items.map(|item| scope.spawn(move || work(item))).collect();
        let mut results = vec![work(first)];
        let others = others.into_iter().map(thread::ScopedJoinHandle::join);
        results.extend(others.map(|result| result.unwrap_or_else(|panic| resume_unwind(panic))));
        results
    })
}

/// Parts of a list for a number of threads; none for an empty list.
pub(super) fn shares<T>(items: &[T], threads: usize) -> impl Iterator<Item = &[T]> {
    items.chunks(items.len().div_ceil(threads).max(1))
}

/// Whether somebody still waits for a result. Work on a thread of its own is not stopped from outside:
/// it has to ask.
#[derive(Debug, Clone)]
pub(super) struct Wanted(pub(super) Weak<()>);

impl Wanted {
    /// Fails when nobody waits any longer.
    pub(super) fn check(&self) -> Result<()> {
        if self.0.strong_count() == 0 {
            return exec_err!("the interval join was cancelled");
        }
        Ok(())
    }
}
