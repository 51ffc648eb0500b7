//! Memory that the sources of a writer share for rows on their way into the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of rows that all sources of a writer hold together, those being written among them, before rows go to files.
const MOST_BYTES: usize = 48 << 20;
/// Of these, bytes of sources whose inputs were read, and which wait for their clocks.
const MOST_WAITING_BYTES: usize = 16 << 20;
/// A source that holds no more than this makes no room for others.
const FEW_BYTES: usize = 4 << 20;

/// Bytes that a source holds, and what all of its writer do.
#[derive(Debug, Default)]
pub(super) struct HeldBytes {
    all: Arc<Sums>,
    own: usize,
    /// Of its own, those that count as waiting.
    waiting: usize,
}

/// Bytes of all sources.
#[derive(Debug, Default)]
struct Sums {
    held: AtomicUsize,
    waiting: AtomicUsize,
}

/// Bytes of a source that are being written; they are held until this is dropped.
#[derive(Debug)]
pub(super) struct Leaving {
    all: Arc<Sums>,
    bytes: usize,
}

impl HeldBytes {
    /// Another source of the same writer.
    pub(super) fn of_another(&self) -> Self {
        Self {
            all: Arc::clone(&self.all),
            own: 0,
            waiting: 0,
        }
    }

    /// The source holds more bytes.
    pub(super) fn add(&mut self, bytes: usize) {
        self.own += bytes;
        self.all.held.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Some of the source's bytes are being written.
    pub(super) fn leave(&mut self, bytes: usize) -> Leaving {
        let bytes = bytes.min(self.own);
        self.own -= bytes;
        Leaving {
            all: Arc::clone(&self.all),
            bytes,
        }
    }

    /// Whether rows of this source have to go to a file.
    pub(super) fn must_leave(&self) -> bool {
        self.own > FEW_BYTES && self.all.held.load(Ordering::Relaxed) > MOST_BYTES
    }

    /// Whether the rows of this source, whose input was read, may wait in memory for its clock.
    pub(super) fn may_wait(&mut self) -> bool {
        let with_own = |waiting: usize| {
            let waiting = waiting + self.own;
            (waiting <= MOST_WAITING_BYTES).then_some(waiting)
        };
        let order = Ordering::Relaxed;
        let may_wait = self
            .all
            .waiting
            .fetch_update(order, order, with_own)
            .is_ok();
        if may_wait {
            self.waiting = self.own;
        }
        may_wait
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        self.all.held.fetch_sub(self.own, Ordering::Relaxed);
        self.all.waiting.fetch_sub(self.waiting, Ordering::Relaxed);
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.all.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_makes_room_when_all_hold_too_much_and_it_holds_some_of_it() {
        let mut one = HeldBytes::default();
        let mut other = one.of_another();
        one.add(MOST_BYTES);
        assert!(!one.must_leave());
        other.add(FEW_BYTES);
        assert!(one.must_leave());
        assert!(!other.must_leave(), "it has next to nothing");
        let leaving = one.leave(MOST_BYTES);
        other.add(1);
        assert!(other.must_leave(), "what is being written is still held");
        drop(leaving);
        assert!(!other.must_leave());
    }

    #[test]
    fn sources_that_were_read_wait_in_memory_until_there_are_too_many() {
        let mut one = HeldBytes::default();
        one.add(MOST_WAITING_BYTES);
        assert!(one.may_wait());
        let mut other = one.of_another();
        other.add(1);
        assert!(!other.may_wait());
        drop(one);
        assert!(other.may_wait());
    }
}
