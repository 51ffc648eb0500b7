//! How many bytes of rows a worker takes at a time, from all who show it some.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What there is room for.
#[derive(Debug, Clone)]
pub(crate) struct RoomForRows {
    most: usize,
    held: Arc<AtomicUsize>,
}

/// What somebody holds of it, until this is dropped.
#[derive(Debug)]
pub(crate) struct RowsHeld {
    room: RoomForRows,
    bytes: usize,
}

impl RoomForRows {
    /// For so many bytes.
    pub(crate) fn of(most: usize) -> Self {
        Self {
            most,
            held: Arc::default(),
        }
    }

    #[cfg(test)]
    pub(crate) fn held_bytes(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Nothing of it yet.
    pub(crate) fn nothing(&self) -> RowsHeld {
        RowsHeld {
            room: self.clone(),
            bytes: 0,
        }
    }
}

impl RowsHeld {
    /// Takes so many bytes more; false where there is no room for them.
    #[must_use]
    pub(crate) fn add(&mut self, bytes: usize) -> bool {
        let before = self.room.held.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        before.saturating_add(bytes) <= self.room.most
    }
}

impl Drop for RowsHeld {
    fn drop(&mut self) {
        self.room.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_so_much_of_all_and_what_is_done_makes_room() {
        let room = RoomForRows::of(10);
        let (mut one, mut other) = (room.nothing(), room.nothing());
        assert!(one.add(6) && other.add(4));
        assert!(!other.add(1));
        drop(one);
        drop(other);
        assert!(room.nothing().add(10));
        assert!(!room.nothing().add(11));
    }
}
