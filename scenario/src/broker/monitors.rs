//! Java monitors: who holds one, and who waits for it.
//!
//! The order is nearly first come, first served: the JVM now and then wakes another waiter than the
//! first. A released monitor belongs to the waiter that is woken, although it goes on only some time
//! later; in a long convoy these times add up.

use std::collections::VecDeque;

use super::{Event, Simulation};
use crate::history::{Activity, RunQueueWait, Span, Time, Wait};

/// Share of releases that wake another waiter than the first.
const OUT_OF_ORDER: f64 = 0.1;

/// Who holds a monitor and who waits.
#[derive(Debug, Default)]
pub(super) struct Queue {
    owner: Option<(usize, Time)>,
    waiters: VecDeque<(usize, Time)>,
}

impl Simulation<'_> {
    /// A thread asks for a monitor; it goes on with `Step` when it has it.
    pub(super) fn acquire(&mut self, thread: usize, monitor: usize) {
        let queue = &mut self.queues[monitor];
        if queue.owner.is_none() {
            queue.owner = Some((thread, self.now));
            self.schedule(self.now, Event::Step(thread));
        } else {
            queue.waiters.push_back((thread, self.now));
        }
    }

    /// The owner gives a monitor up, and a waiter is woken.
    pub(super) fn release(&mut self, monitor: usize) {
        let Some((owner, since)) = self.queues[monitor].owner.take() else {
            return;
        };
        let hold = Span {
            start: since,
            end: self.now,
        };
        self.history.monitors[monitor].holds.push((hold, owner));
        let count = self.queues[monitor].waiters.len();
        if count == 0 {
            return;
        }
        let chosen = if self.wake.chance(OUT_OF_ORDER) {
            self.wake.below(count)
        } else {
            0
        };
        let Some((waiter, start)) = self.queues[monitor].waiters.remove(chosen) else {
            return;
        };
        self.queues[monitor].owner = Some((waiter, self.now));
        let ready = self.now + self.wake.around_ns(35_000.0);
        let mut end = ready;
        while let Some((stop, stopped)) = self.stop_at(end) {
            if matches!(stopped, Activity::Throttle(_)) {
                let span = Span {
                    start: end,
                    end: stop,
                };
                let wait = RunQueueWait {
                    span,
                    thread: waiter,
                };
                self.history.run_queue_waits.push(wait);
            }
            end = stop;
        }
        let number = self.history.waits.len();
        self.history.waits.push(Wait {
            span: Span { start, end },
            thread: waiter,
            monitor,
            previous_owner: owner,
        });
        self.did(waiter, start, end, Activity::Wait(number));
        self.schedule(end, Event::Step(waiter));
    }
}
