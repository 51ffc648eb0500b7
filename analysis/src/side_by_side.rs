//! The same account many times over, on the processors there are: most of one is planning, which no query does on
//! more than one.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use futures::future::BoxFuture;
use kcorr_engine::{Error, ErrorKind, QUERY_STACK_BYTES, Result};
use tokio::runtime::Handle;

/// Runs something for each item, some at once; answers what came of each, in the order of the items. `done` is told
/// how many are done. What fails ends the others after what they are at.
pub(crate) async fn side_by_side<'a, T: Sync, R: Send>(
    items: &'a [T],
    at_once: usize,
    run: impl Fn(&'a T) -> BoxFuture<'a, Result<R>> + Sync,
    done: &(dyn Fn(usize) + Sync),
) -> Result<Vec<R>> {
    let results: Vec<Mutex<Option<R>>> = items.iter().map(|_| Mutex::new(None)).collect();
    let (next, done_count) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failed = Mutex::new(None);
    let work = async || {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let (Some(item), Some(result)) = (items.get(place), results.get(place)) else {
                return;
            };
            match run(item).await {
                Ok(found) => *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(found),
                Err(error) => {
                    next.store(items.len(), Ordering::Relaxed);
                    let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                    failed.get_or_insert(error);
                    return;
                }
            }
            done(done_count.fetch_add(1, Ordering::Relaxed) + 1);
        }
    };
    let more = at_once.min(items.len()).saturating_sub(1);
    let runtime = Handle::current();
    let spawned = thread::scope(|scope| -> std::io::Result<()> {
        for _ in 0..more {
            let thread = thread::Builder::new().stack_size(QUERY_STACK_BYTES);
            thread.spawn_scoped(scope, || runtime.block_on(work()))?;
        }
        tokio::task::block_in_place(|| runtime.block_on(work()));
        Ok(())
    });
    spawned.map_err(|e| Error::because(ErrorKind::Io, "cannot start a thread", e))?;
    if let Some(error) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let results = results.into_iter();
    Ok(results
        .filter_map(|result| result.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect())
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn results_come_in_the_order_of_the_items_however_many_run_at_once() {
        let items: Vec<u64> = (0..20).collect();
        for at_once in [0, 1, 3, 40] {
            let told = Mutex::new(Vec::new());
            let run = |item: &u64| {
                let item = *item;
                async move {
                    tokio::time::sleep(std::time::Duration::from_millis(20 - item)).await;
                    Ok(item * 2)
                }
                .boxed()
            };
            let done = |count| told.lock().unwrap().push(count);
            let found = side_by_side(&items, at_once, run, &done).await.unwrap();
            let expected: Vec<u64> = items.iter().map(|item| item * 2).collect();
            assert_eq!(found, expected);
            let mut told = told.into_inner().unwrap();
            told.sort_unstable();
            assert_eq!(told, (1..=20).collect::<Vec<usize>>());
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_fails_ends_the_others() {
        let items: Vec<u64> = (0..1000).collect();
        let ran = AtomicUsize::new(0);
        let run = |item: &u64| {
            ran.fetch_add(1, Ordering::Relaxed);
            let item = *item;
            async move {
                match item {
                    3 => Err(Error::new(ErrorKind::Query, "three")),
                    _ => Ok(item),
                }
            }
            .boxed()
        };
        let found = side_by_side(&items, 2, run, &|_| ()).await;
        assert!(found.unwrap_err().to_string().contains("three"));
        assert!(ran.load(Ordering::Relaxed) < 1000);
    }
}
