//! What other threads of the broker do: one syncs a log under its monitor, one holds a lock that
//! handlers need, one flushes logs without their monitors.

use super::job::{Flush, Job, Task};
use super::{Event, Simulation};

const FIRST_WAKE_NS: i64 = 1_000_000;

impl Simulation<'_> {
    pub(super) fn start_others(&mut self) {
        for thread in [self.scheduler(), self.reporter(), self.flusher()] {
            self.sleep(thread, FIRST_WAKE_NS);
        }
    }

    fn rate(&self, thread: usize) -> f64 {
        if thread == self.scheduler() {
            self.options.scheduler_syncs_per_second
        } else if thread == self.reporter() {
            self.options.other_lock_per_second
        } else {
            self.options.unlocked_flushes_per_second
        }
    }

    fn sleep(&mut self, thread: usize, at_least: i64) {
        let gap = self.wake.gap_ns(self.rate(thread));
        let time = self.now.saturating_add(at_least).saturating_add(gap);
        if time < self.options.duration_ms * 1_000_000 {
            let event = if thread == self.flusher() {
                Event::FlushDue
            } else {
                Event::Wake(thread)
            };
            self.schedule(time, event);
        }
    }

    /// A log is due to be flushed (`flush.ms`).
    pub(super) fn flush_due(&mut self) {
        let log = self.wake.below(self.history.logs.len());
        let segment = self.last_segment(log);
        self.flush_later(log, segment);
        self.sleep(self.flusher(), FIRST_WAKE_NS);
    }

    pub(super) fn wake_other(&mut self, thread: usize) {
        if let Some((end, _)) = self.stop_at(self.now) {
            self.schedule(end, Event::Wake(thread));
            return;
        }
        if thread == self.flusher() {
            self.wake_flusher();
            return;
        }
        if thread == self.marker() {
            self.wake_marker();
            return;
        }
        let (task, monitor) = if thread == self.scheduler() {
            let log = self.wake.below(self.history.logs.len());
            (Task::Sync(log, Flush::Log), log)
        } else {
            (Task::Report, self.other_lock())
        };
        self.jobs[thread] = Some(Job::Other(task));
        self.acquire(thread, monitor);
    }

    pub(super) fn other_step(&mut self, thread: usize, task: Task) {
        // What comes back from a system call goes on after the stop.
        let back = self.after_stop(thread, self.now);
        if back > self.now {
            self.go_on(thread, Job::Other(task), back);
            return;
        }
        match task {
            Task::Sync(log, flush) => {
                let segment = self.last_segment(log);
                let median = self.options.scheduler_sync_ms;
                let end = self.sync(thread, log, &segment, flush, median);
                self.go_on(thread, Job::Other(Task::Synced(log, flush)), end);
            }
            Task::Synced(log, flush) => match self.after(flush) {
                Some(next) => {
                    let end = self.short_work(thread, 4_000.0);
                    self.go_on(thread, Job::Other(Task::Sync(log, next)), end);
                }
                None => {
                    self.release(log);
                    self.sleep(thread, FIRST_WAKE_NS);
                }
            },
            Task::Report => {
                let ns = self.cpu.slow_ns(self.options.other_lock_ms);
                let end = self.compute(thread, self.now, ns);
                self.go_on(thread, Job::Other(Task::Reported), end);
            }
            Task::Reported => {
                self.release(self.other_lock());
                self.sleep(thread, FIRST_WAKE_NS);
            }
            Task::Flushed(log, flush) => self.flushed_unlocked(thread, log, flush),
            Task::MarkFlushed(log) => {
                let end = self.short_work(thread, 3_000.0);
                self.go_on(thread, Job::Other(Task::Marked(log)), end);
            }
            Task::Marked(log) => {
                self.release(log);
                self.wake_flusher();
            }
            Task::Complete(log) => self.complete_transaction(thread, log),
            Task::Completed(log) => {
                self.release(log);
                self.wake_marker();
            }
        }
    }
}
