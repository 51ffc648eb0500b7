//! Flushes of a log: fsync of the segment file, then msync of its mapped indexes, and now and then fsync
//! of the transaction index, one after another.
//!
//! A handler flushes under the log's monitor after so many messages (`flush.messages`), the scheduler
//! under it now and then; the flusher does so without it (`flush.ms`, and the old segment after a roll)
//! and takes the monitor only to note what it has flushed.

use super::job::{Flush, Job, Task};
use super::{Event, Simulation};
use crate::history::Time;

impl Simulation<'_> {
    /// A thread syncs a file of a segment from now on; answers the end. `log_ms` is how long the segment
    /// file itself takes, around.
    pub(super) fn sync(
        &mut self,
        thread: usize,
        log: usize,
        segment: &str,
        flush: Flush,
        log_ms: f64,
    ) -> Time {
        let median = match flush {
            Flush::Log => log_ms,
            _ => self.options.msync_ms,
        };
        let states = self.disk.sync(self.now, flush.operation(), median);
        let file = flush.file(segment);
        self.file_operation(thread, log, flush.operation(), file, 0, 0, states)
    }

    /// What comes after a file of a flush.
    pub(super) fn after(&mut self, flush: Flush) -> Option<Flush> {
        match flush {
            Flush::Log => Some(Flush::OffsetIndex),
            Flush::OffsetIndex => Some(Flush::TimeIndex),
            Flush::TimeIndex => {
                let share = self.options.transaction_index_share;
                self.cpu.chance(share).then_some(Flush::TransactionIndex)
            }
            Flush::TransactionIndex => None,
        }
    }

    /// Name of a log's last segment file.
    pub(super) fn last_segment(&self, log: usize) -> String {
        let segment = self.history.logs[log].segments.last();
        segment.map(|segment| segment.file()).unwrap_or_default()
    }

    /// A handler syncs the next file of the log that it has appended to, under its monitor.
    pub(super) fn flush(&mut self, thread: usize, request: usize, place: usize, flush: Flush) {
        let log = self.log_of(request, place);
        let segment = self.last_segment(log);
        let end = self.sync(thread, log, &segment, flush, self.options.sync_ms);
        self.go_on(thread, Job::Flushed(request, place, flush), end);
    }

    /// It has.
    pub(super) fn flushed(&mut self, thread: usize, request: usize, place: usize, flush: Flush) {
        let back = self.after_stop(thread, self.now);
        let ns = self.cpu.around_ns(4_000.0);
        let end = self.compute(thread, back, ns);
        let job = match self.after(flush) {
            Some(next) => Job::Flush(request, place, next),
            None => Job::Unlock(request, place),
        };
        self.go_on(thread, job, end);
    }

    /// The flusher is to flush a segment.
    pub(super) fn flush_later(&mut self, log: usize, segment: String) {
        self.flushes.push_back((log, segment));
        let flusher = self.flusher();
        self.schedule(self.now, Event::Wake(flusher));
    }

    /// The flusher takes up what is to be flushed next, unless it is at something.
    pub(super) fn wake_flusher(&mut self) {
        let thread = self.flusher();
        if self.jobs[thread].is_some() {
            return;
        }
        if let Some((log, segment)) = self.flushes.pop_front() {
            self.flush_unlocked(thread, log, segment, Flush::Log);
        }
    }

    fn flush_unlocked(&mut self, thread: usize, log: usize, segment: String, flush: Flush) {
        let median = self.options.unlocked_flush_ms;
        let end = self.sync(thread, log, &segment, flush, median);
        self.flushing = segment;
        self.go_on(thread, Job::Other(Task::Flushed(log, flush)), end);
    }

    /// The flusher has synced a file.
    pub(super) fn flushed_unlocked(&mut self, thread: usize, log: usize, flush: Flush) {
        match self.after(flush) {
            Some(next) => {
                let segment = std::mem::take(&mut self.flushing);
                self.flush_unlocked(thread, log, segment, next);
            }
            None => {
                self.jobs[thread] = Some(Job::Other(Task::MarkFlushed(log)));
                self.acquire(thread, log);
            }
        }
    }
}
