//! What other threads of the broker do: one syncs a log under its monitor, one holds a lock that
//! handlers need.

use super::handlers::Job;
use super::{Event, Simulation};

const FIRST_WAKE_NS: i64 = 1_000_000;

/// A job of such a thread.
#[derive(Debug, Clone, Copy)]
pub(super) enum Task {
    /// The scheduler has a log's monitor.
    SyncLog(usize),
    /// It has synced the log.
    Synced(usize),
    /// The reporter has the other lock.
    Report,
    /// It has done what it took it for.
    Reported,
}

impl Simulation<'_> {
    pub(super) fn start_others(&mut self) {
        let (scheduler, reporter) = (self.scheduler(), self.reporter());
        self.sleep(scheduler, FIRST_WAKE_NS);
        self.sleep(reporter, FIRST_WAKE_NS);
    }

    fn rate(&self, thread: usize) -> f64 {
        if thread == self.scheduler() {
            self.options.scheduler_syncs_per_second
        } else {
            self.options.other_lock_per_second
        }
    }

    fn sleep(&mut self, thread: usize, at_least: i64) {
        let gap = self.wake.gap_ns(self.rate(thread));
        let time = self.now.saturating_add(at_least).saturating_add(gap);
        if time < self.options.duration_ms * 1_000_000 {
            self.schedule(time, Event::Wake(thread));
        }
    }

    pub(super) fn wake_other(&mut self, thread: usize) {
        let start = self.after_pause(thread, self.now);
        if start > self.now {
            self.schedule(start, Event::Wake(thread));
            return;
        }
        let (task, monitor) = if thread == self.scheduler() {
            let log = self.wake.below(self.history.logs.len());
            (Task::SyncLog(log), log)
        } else {
            (Task::Report, self.other_lock())
        };
        self.jobs[thread] = Some(Job::Other(task));
        self.acquire(thread, monitor);
    }

    pub(super) fn other_step(&mut self, thread: usize, task: Task) {
        match task {
            Task::SyncLog(log) => {
                let Some(file) = self.history.logs[log].segments.last().map(|s| s.file()) else {
                    return;
                };
                let states = self.disk.sync(self.now, self.options.scheduler_sync_ms);
                let end = self.file_operation(thread, log, "fsync", file, 0, 0, states);
                self.go_on(thread, Job::Other(Task::Synced(log)), end);
            }
            Task::Synced(log) => {
                let back = self.after_pause(thread, self.now);
                if back > self.now {
                    self.go_on(thread, Job::Other(Task::Synced(log)), back);
                    return;
                }
                self.release(log);
                self.sleep(thread, FIRST_WAKE_NS);
            }
            Task::Report => {
                let ns = self.cpu.slow_ns(self.options.other_lock_ms);
                let end = self.compute(thread, self.now, ns);
                self.go_on(thread, Job::Other(Task::Reported), end);
            }
            Task::Reported => {
                self.release(self.other_lock());
                self.sleep(thread, FIRST_WAKE_NS);
            }
        }
    }
}
