//! Messages of one partition in the producer: which of them a set of its log has.
//!
//! librdkafka keeps the messages of a partition in the order in which it took them, also when they are sent again, and a set has
//! the first of those that wait. Sets that are on the way to a broker are answered in their order. With idempotence a set
//! is also named by its first message's number, which is then compared.

use std::collections::{BTreeMap, VecDeque};

#[derive(Debug)]
pub(crate) struct Lane {
    taken: u64,
    /// By their place in the partition, from 1.
    waiting: BTreeMap<u64, Waiting>,
    /// On the way, in order.
    sets: VecDeque<Set>,
    sets_sent: u64,
    /// Whether what the log tells agrees with what is delivered.
    is_sure: bool,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    set: Option<u64>,
}

/// A set as a line of the log names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SetName {
    /// The place of its first message; 0 when that is not told.
    pub(crate) first: u64,
    pub(crate) count: u64,
    pub(crate) broker: Option<i32>,
}

#[derive(Debug)]
struct Set {
    id: u64,
    name: SetName,
}

impl Lane {
    pub(crate) fn new() -> Self {
        Self {
            taken: 0,
            waiting: BTreeMap::new(),
            sets: VecDeque::new(),
            sets_sent: 0,
            is_sure: true,
        }
    }

    /// A message is taken; returns its place in the partition.
    pub(crate) fn take(&mut self, number: u64) -> u64 {
        if self.waiting.is_empty() {
            // Whatever was not understood is over.
            self.sets.clear();
            self.is_sure = true;
        }
        self.taken += 1;
        self.waiting
            .insert(self.taken, Waiting { number, set: None });
        self.taken
    }

    /// The last message was not taken.
    pub(crate) fn untake(&mut self, place: u64) {
        self.waiting.remove(&place);
        if place == self.taken {
            self.taken -= 1;
        } else {
            self.is_sure = false;
        }
    }

    /// The messages of a set that is sent.
    pub(crate) fn send(&mut self, name: SetName) -> Vec<u64> {
        self.sets_sent += 1;
        let id = self.sets_sent;
        let mut numbers = Vec::new();
        let free = self.waiting.iter_mut().filter(|(_, it)| it.set.is_none());
        for (place, waiting) in free {
            if numbers.len() as u64 >= name.count {
                break;
            }
            if numbers.is_empty() && name.first != 0 && name.first != *place {
                self.is_sure = false;
            }
            waiting.set = Some(id);
            numbers.push(waiting.number);
        }
        if (numbers.len() as u64) < name.count {
            self.is_sure = false;
        }
        self.sets.push_back(Set { id, name });
        numbers
    }

    /// The request of a set is answered, or is lost. If it failed its messages wait again.
    pub(crate) fn answer(&mut self, name: SetName, is_failed: bool) {
        let at = self.sets.iter().position(|it| it.name == name);
        let Some(set) = at.and_then(|at| self.sets.remove(at)) else {
            self.is_sure = false;
            return;
        };
        for waiting in self.waiting.values_mut() {
            if is_failed && waiting.set == Some(set.id) {
                waiting.set = None;
            }
        }
    }

    /// A message is done. One that is delivered was in a request, or the log was understood wrongly.
    pub(crate) fn done(&mut self, place: u64, is_delivered: bool) {
        let waiting = self.waiting.remove(&place);
        if is_delivered && waiting.is_none_or(|it| it.set.is_none()) {
            self.is_sure = false;
        }
    }

    pub(crate) fn is_sure(&self) -> bool {
        self.is_sure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(count: u64) -> Lane {
        let mut lane = Lane::new();
        for number in 101..=100 + count {
            lane.take(number);
        }
        lane
    }

    fn set(first: u64, count: u64) -> SetName {
        SetName {
            first,
            count,
            broker: Some(1),
        }
    }

    #[test]
    fn a_set_that_is_sent_again_passes_over_what_is_on_the_way_and_what_is_done() {
        let mut lane = of(4);
        assert_eq!(lane.send(set(1, 1)), [101]);
        assert_eq!(lane.send(set(2, 2)), [102, 103]);
        lane.answer(set(1, 1), true);
        // 102 and 103 are still on the way.
        assert_eq!(lane.send(set(1, 2)), [101, 104]);
        lane.answer(set(2, 2), false);
        lane.done(2, true);
        lane.done(3, true);
        lane.answer(set(1, 2), true);
        assert_eq!(lane.send(set(1, 2)), [101, 104]);
        lane.done(1, true);
        lane.done(4, true);
        assert!(lane.is_sure());
    }

    #[test]
    fn sets_without_a_number_are_answered_in_their_order() {
        let mut lane = of(3);
        assert_eq!(lane.send(set(0, 1)), [101]);
        assert_eq!(lane.send(set(0, 1)), [102]);
        assert_eq!(lane.send(set(0, 1)), [103]);
        lane.answer(set(0, 1), false);
        lane.done(1, true);
        lane.answer(set(0, 1), true);
        assert_eq!(lane.send(set(0, 1)), [102]);
        assert!(lane.is_sure());
    }

    #[test]
    fn what_was_not_taken_has_no_number() {
        let mut lane = of(1);
        let place = lane.take(102);
        lane.untake(place);
        assert_eq!(lane.take(103), 2);
        assert_eq!(lane.send(set(1, 2)), [101, 103]);
        assert!(lane.is_sure());
    }

    #[test]
    fn a_log_that_contradicts_what_is_delivered_tells_nothing_until_all_of_it_is_over() {
        let mut lane = of(2);
        lane.done(1, true);
        assert!(!lane.is_sure(), "it was in no set");
        lane.done(2, false);
        lane.take(103);
        assert!(lane.is_sure());
        let mut lane = of(2);
        lane.send(set(0, 3));
        assert!(!lane.is_sure(), "a set had a message that was not taken");
        let mut lane = of(2);
        lane.send(set(2, 1));
        assert!(!lane.is_sure(), "a set began with another message");
        let mut lane = of(2);
        lane.answer(set(0, 1), true);
        assert!(!lane.is_sure(), "a set failed that was not sent");
        let mut lane = of(2);
        lane.done(1, false);
        assert!(
            lane.is_sure(),
            "one that was given up need not have been sent"
        );
    }
}
