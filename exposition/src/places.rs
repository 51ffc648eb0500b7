//! How many are answered at a time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Places of one kind.
#[derive(Debug)]
pub struct Room {
    most: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    /// Who has one, longest first, and how they are told to leave.
    by: VecDeque<(u64, Arc<Notify>)>,
}

/// A place, which is free again when this is dropped.
#[derive(Debug)]
pub struct Place {
    room: Arc<Room>,
    number: u64,
}

impl Room {
    /// One with so many places.
    pub fn of(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most: most.max(1),
            taken: Mutex::default(),
        })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place; none where all are taken.
    pub fn enter(self: &Arc<Self>, leave: &Arc<Notify>) -> Option<Place> {
        let mut taken = self.taken();
        (taken.by.len() < self.most).then(|| self.take(&mut taken, leave))
    }

    /// A place; where all are taken, that of the one who has had it for longest, who is told to leave.
    pub fn enter_instead(self: &Arc<Self>, leave: &Arc<Notify>) -> Place {
        let mut taken = self.taken();
        if taken.by.len() >= self.most
            && let Some((_, leave)) = taken.by.pop_front()
        {
            leave.notify_one();
        }
        self.take(&mut taken, leave)
    }

    fn take(self: &Arc<Self>, taken: &mut Taken, leave: &Arc<Notify>) -> Place {
        let number = taken.next;
        taken.next += 1;
        taken.by.push_back((number, Arc::clone(leave)));
        Place {
            room: Arc::clone(self),
            number,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.room.taken();
        taken.by.retain(|(number, _)| *number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_it_is_left_and_who_has_had_one_for_longest_makes_room() {
        let leave: Vec<Arc<Notify>> = (0..4).map(|_| Arc::default()).collect();
        let room = Room::of(2);
        let first = room.enter(&leave[0]).unwrap();
        let second = room.enter(&leave[1]).unwrap();
        assert!(room.enter(&leave[2]).is_none());
        let third = room.enter_instead(&leave[2]);
        let is_told = |at: usize| {
            let told = std::pin::pin!(leave[at].notified());
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            told.poll(&mut context).is_ready()
        };
        assert!(is_told(0) && !is_told(1) && !is_told(2));
        // It has none any more to give back.
        drop(first);
        assert!(room.enter(&leave[3]).is_none());
        drop(second);
        assert!(room.enter(&leave[3]).is_some());
        drop(third);
    }
}
