//! The parts of its store that a worker has open, by who asks.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kcorr_engine::{ErrorKind, PartSession, SessionOptions};
use kcorr_store::Store;
use tokio::sync::OnceCell;

use crate::envelope::Asked;
use crate::identity::state_of;

/// A session that asks for nothing for so long has ended without saying so.
const IDLE: Duration = Duration::from_secs(15 * 60);

/// Parts that may be open at a time; of more, who comes is told so.
const MOST: usize = 1024;

/// Why a part cannot be had.
#[derive(Debug)]
pub(crate) enum NoPart {
    /// The worker sees its store in another state.
    State,
    /// It was open, and was not asked for too long.
    Forgotten,
    /// It has too many open.
    TooMany,
    /// The engine says so.
    Engine(kcorr_engine::Error),
}

/// A part, opened when it is first asked for.
#[derive(Debug)]
struct Open {
    part: Arc<OnceCell<Arc<PartSession>>>,
    used: Instant,
}

/// The session that asks, and the broker.
type Key = (String, Option<i32>);

/// The open parts of a store.
#[derive(Debug)]
pub(crate) struct OpenParts {
    place: PathBuf,
    options: SessionOptions,
    /// The store as it was seen last.
    store: Mutex<Option<Store>>,
    parts: Mutex<HashMap<Key, Open>>,
}

impl OpenParts {
    /// Of the store at a place.
    pub(crate) fn of(place: &Path, options: SessionOptions) -> Self {
        Self {
            place: place.to_owned(),
            options,
            store: Mutex::default(),
            parts: Mutex::default(),
        }
    }

    /// The store in a state, or else as it is now. Waits for files and requests.
    pub(crate) fn store(&self, state: &str) -> kcorr_engine::Result<Store> {
        let seen = self
            .store
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(store) = seen.filter(|store| state_of(store) == state) {
            return Ok(store);
        }
        let store = Store::open(&self.place)?;
        let mut seen = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = Some(store.clone());
        Ok(store)
    }

    /// A session's part, of the store in the state that is asked about.
    pub(crate) async fn part(
        self: &Arc<Self>,
        session: &str,
        broker: Option<i32>,
        asked: &Asked,
    ) -> Result<Arc<PartSession>, NoPart> {
        let cell = self.cell((session.to_owned(), broker), asked.is_begun)?;
        let opened = cell.get_or_try_init(async || {
            let (own, state) = (Arc::clone(self), asked.state.clone());
            let seen = tokio::task::spawn_blocking(move || own.store(&state)).await;
            let store = seen.map_err(|_| NoPart::Engine(stopped()))?;
            let store = store.map_err(NoPart::Engine)?;
            if state_of(&store) != asked.state {
                return Err(NoPart::State);
            }
            let mut options = self.options.clone();
            options.is_fresh |= asked.is_fresh;
            let part = PartSession::open(&store, broker, &options).await;
            part.map(Arc::new).map_err(NoPart::Engine)
        });
        let part = Arc::clone(opened.await?);
        self.touch(&(session.to_owned(), broker));
        Ok(part)
    }

    /// Lets go of the parts that nobody has asked for a while.
    pub(crate) fn forget_idle(&self) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        // One that runs a query is held by who runs it.
        parts.retain(|_, open| {
            let is_in_use = Arc::strong_count(&open.part) > 1
                || open
                    .part
                    .get()
                    .is_some_and(|part| Arc::strong_count(part) > 1);
            is_in_use || open.used.elapsed() < IDLE
        });
    }

    /// A part's place; it may not be open yet.
    fn cell(&self, key: Key, is_begun: bool) -> Result<Arc<OnceCell<Arc<PartSession>>>, NoPart> {
        self.forget_idle();
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        if is_begun && !parts.contains_key(&key) {
            return Err(NoPart::Forgotten);
        }
        if parts.len() >= MOST && !parts.contains_key(&key) {
            return Err(NoPart::TooMany);
        }
        let open = parts.entry(key).or_insert_with(|| Open {
            part: Arc::default(),
            used: Instant::now(),
        });
        open.used = Instant::now();
        Ok(Arc::clone(&open.part))
    }

    fn touch(&self, key: &Key) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = parts.get_mut(key) {
            open.used = Instant::now();
        }
    }

    /// Forgets what a session had.
    pub(crate) fn end(&self, session: &str) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.retain(|(of, _), _| of != session);
    }
}

/// The runtime ends.
fn stopped() -> kcorr_engine::Error {
    kcorr_engine::Error::new(ErrorKind::Worker, "the worker ends")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_is_not_open_any_more_is_not_taken_for_a_new_one() {
        let parts = OpenParts::of(Path::new("nowhere"), SessionOptions::default());
        let key = || ("session".to_owned(), Some(1));
        assert!(matches!(parts.cell(key(), true), Err(NoPart::Forgotten)));
        assert!(parts.cell(key(), false).is_ok());
        assert!(parts.cell(key(), true).is_ok());
        parts.end("another");
        assert!(parts.cell(key(), true).is_ok());
        parts.end("session");
        assert!(matches!(parts.cell(key(), true), Err(NoPart::Forgotten)));
    }
}
