//! The broker's threads, and Java code that runs on them: a pause stops it.

use super::{Simulation, at};
use crate::Options;
use crate::history::{Activity, Role, RunQueueWait, Span, Thread, Time};

/// Id of the broker's process.
pub(crate) const PID: i32 = 4_400;
const FIRST_TID: i32 = 4_461;

/// Handlers first, then network threads, the scheduler and the reporter.
pub(super) fn all(options: &Options) -> Vec<Thread> {
    let handlers = (0..options.handlers).map(|n| {
        let name = format!("data-plane-kafka-request-handler-{n}");
        (Role::Handler, name)
    });
    let network = (0..options.network_threads).map(|n| {
        let name =
            format!("data-plane-kafka-network-thread-1-ListenerName(PLAINTEXT)-PLAINTEXT-{n}");
        (Role::Network, name)
    });
    let others = [
        (Role::Scheduler, "kafka-scheduler-3".to_owned()),
        (Role::Reporter, "metrics-reporter".to_owned()),
    ];
    let threads = handlers.chain(network).chain(others).enumerate();
    let threads = threads.map(|(number, (role, name))| Thread {
        role,
        name,
        tid: FIRST_TID + number as i32,
        java_id: 36 + number as i64,
        activities: Vec::new(),
    });
    threads.collect()
}

impl Simulation<'_> {
    /// The thread number of a network thread.
    pub(super) fn network_thread(&self, number: usize) -> usize {
        self.options.handlers + number
    }

    pub(super) fn scheduler(&self) -> usize {
        self.options.handlers + self.options.network_threads
    }

    pub(super) fn reporter(&self) -> usize {
        self.scheduler() + 1
    }

    /// A thread computes for `ns` from `start` on; answers when it is done, pauses included.
    pub(super) fn compute(&mut self, thread: usize, start: Time, ns: i64) -> Time {
        let mut time = start;
        let mut left = ns.max(1);
        while left > 0 {
            if let Some(pause) = at(&self.history.pauses, time) {
                let end = self.history.pauses[pause].end;
                self.did(thread, time, end, Activity::Pause(pause));
                time = end;
                continue;
            }
            let next = self.history.pauses.partition_point(|p| p.start <= time);
            let room = self
                .history
                .pauses
                .get(next)
                .map_or(left, |p| p.start - time);
            let part = left.min(room);
            self.did(thread, time, time + part, Activity::Cpu);
            time += part;
            left -= part;
        }
        time
    }

    /// The end of the pause at a time, or the time; a thread that comes back from a system call, or is
    /// given a monitor, goes on only then.
    pub(super) fn after_pause(&mut self, thread: usize, time: Time) -> Time {
        let Some(pause) = at(&self.history.pauses, time) else {
            return time;
        };
        let end = self.history.pauses[pause].end;
        self.did(thread, time, end, Activity::Pause(pause));
        end
    }

    /// Sometimes a thread has to wait for a CPU before it goes on.
    pub(super) fn run_queue_wait(&mut self, thread: usize, start: Time) -> Time {
        if !self.run_queue.is_due(start) {
            return start;
        }
        let end = start + self.cpu.slow_ns(self.options.run_queue_ms);
        self.did(thread, start, end, Activity::RunQueue);
        let span = Span { start, end };
        let wait = RunQueueWait { span, thread };
        self.history.run_queue_waits.push(wait);
        end
    }

    pub(super) fn did(&mut self, thread: usize, start: Time, end: Time, activity: Activity) {
        if start < end {
            let activities = &mut self.history.threads[thread].activities;
            debug_assert!(activities.last().is_none_or(|(span, _)| span.end <= start));
            activities.push((Span { start, end }, activity));
        }
    }
}
