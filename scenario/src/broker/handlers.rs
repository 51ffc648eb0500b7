//! Request handler threads: each takes the next request from the queue when it is free, and works on it
//! to its end. A produce request's partitions are appended one after another, each under its log's
//! monitor.
//!
//! One state machine with `flushes` and `others`, whose states are in `job`: a thread's step may begin a flush,
//! whose end is the next step.

use super::job::{Flush, Job};
use super::{Event, Simulation};
use crate::history::{Activity, Kind, Segment, Span, Time, Write, WriteState};
use crate::wire::batch;

impl Simulation<'_> {
    /// Gives requests to idle handlers.
    pub(super) fn hand_out(&mut self) {
        while !self.request_queue.is_empty() {
            let Some(handler) = self.idle.pop_front() else {
                return;
            };
            self.take(handler, true);
        }
    }

    /// A handler takes the first request of the queue; one that was idle is woken for it.
    fn take(&mut self, handler: usize, was_idle: bool) {
        let Some(request) = self.request_queue.pop_front() else {
            self.idle.push_back(handler);
            return;
        };
        let wake = self.wake.around_ns(12_000.0);
        let mut start = self.now;
        let is_due = self.run_queue.is_due(start);
        if was_idle {
            start = self.run_queue_wait(handler, start, is_due);
        }
        let taken = self.compute(handler, start, wake);
        let of = &mut self.history.requests[request];
        (of.assigned, of.taken, of.handler) = (self.now, taken, handler);
        let start = self.run_queue_wait(handler, taken, is_due && !was_idle);
        let ns = self.parse_ns(request);
        let end = self.compute(handler, start, ns);
        self.go_on(handler, Job::Parse(request), end);
    }

    fn parse_ns(&mut self, request: usize) -> i64 {
        let is_produce = self.history.requests[request].kind == Kind::Produce;
        let usual = self
            .cpu
            .around_ns(if is_produce { 70_000.0 } else { 40_000.0 });
        if is_produce && self.cpu_bound.is_due(self.now) {
            usual + self.cpu.slow_ns(self.options.cpu_bound_ms)
        } else {
            usual
        }
    }

    /// The thread's job goes on at a time.
    pub(super) fn go_on(&mut self, thread: usize, job: Job, time: i64) {
        self.jobs[thread] = Some(job);
        self.schedule(time, Event::Step(thread));
    }

    /// The thread asks for a monitor, and goes on when it has it.
    pub(super) fn ask(&mut self, thread: usize, job: Job, monitor: usize) {
        self.jobs[thread] = Some(job);
        self.acquire(thread, monitor);
    }

    pub(super) fn log_of(&self, request: usize, place: usize) -> usize {
        self.history.requests[request].parts[place].log
    }

    /// The number of the lock that is no log's.
    pub(super) fn other_lock(&self) -> usize {
        self.history.logs.len()
    }

    pub(super) fn step(&mut self, thread: usize) {
        let Some(job) = self.jobs[thread].take() else {
            return;
        };
        match job {
            Job::Parse(request) => self.parsed(thread, request),
            Job::TakeOther(request) => {
                let end = self.short_work(thread, 4_000.0);
                self.go_on(thread, Job::HoldOther(request), end);
            }
            Job::HoldOther(request) => {
                self.release(self.other_lock());
                self.go_on(thread, Job::Lock(request, 0), self.now);
            }
            Job::Lock(request, place) => {
                let log = self.log_of(request, place);
                self.ask(thread, Job::Prepare(request, place), log);
            }
            Job::Prepare(request, place) => {
                let end = self.short_work(thread, 14_000.0);
                let share = self.options.other_lock_share / 2.0;
                if self.cpu.chance(share) {
                    self.go_on(thread, Job::TakeInner(request, place), end);
                } else {
                    self.go_on(thread, Job::Roll(request, place), end);
                }
            }
            Job::TakeInner(request, place) => {
                let lock = self.other_lock();
                self.ask(thread, Job::HoldInner(request, place), lock);
            }
            Job::HoldInner(request, place) => {
                // The hold is short: it ends before the thread's next step.
                let end = self.short_work(thread, 3_000.0);
                self.release(self.other_lock());
                self.go_on(thread, Job::Roll(request, place), end);
            }
            Job::Roll(request, place) => self.roll(thread, request, place),
            Job::Rolled(request, place) => {
                let back = self.after_stop(thread, self.now);
                self.go_on(thread, Job::Write(request, place), back);
            }
            Job::Write(request, place) => self.append(thread, request, place),
            Job::Written(request, place) => self.written(thread, request, place),
            Job::Flush(request, place, flush) => self.flush(thread, request, place, flush),
            Job::Flushed(request, place, flush) => self.flushed(thread, request, place, flush),
            Job::Unlock(request, place) => self.unlock(thread, request, place),
            Job::Relock(request, place) => {
                let log = self.log_of(request, place);
                self.ask(thread, Job::Mark(request, place), log);
            }
            Job::Mark(request, place) => {
                let end = self.short_work(thread, 2_000.0);
                self.go_on(thread, Job::Marked(request, place), end);
            }
            Job::Marked(request, place) => {
                self.release(self.log_of(request, place));
                self.appended(thread, request, place);
            }
            Job::Heed(request, place) => self.heed(thread, request, place),
            Job::Followed(request, place) => {
                let end = self.short_work(thread, 3_000.0);
                self.go_on(thread, Job::Advance(request, place), end);
            }
            Job::Advance(request, place) => self.advance(thread, request, place),
            Job::Read(request, place) => self.read_part(thread, request, place),
            Job::ReadPart(request, place) => self.part_read(thread, request, place),
            Job::Finish(request) => self.finish(thread, request),
            Job::Follow(follow) => self.follow_step(thread, follow),
            Job::Other(task) => self.other_step(thread, task),
        }
    }

    /// Some Java code around a median, from now on.
    pub(super) fn short_work(&mut self, thread: usize, median_ns: f64) -> i64 {
        let ns = self.cpu.around_ns(median_ns);
        self.compute(thread, self.now, ns)
    }

    fn parsed(&mut self, thread: usize, request: usize) {
        let kind = self.history.requests[request].kind;
        if let Kind::FollowerFetch(_) = kind {
            self.go_on(thread, Job::Heed(request, 0), self.now);
        } else if kind == Kind::ConsumerFetch && self.options.handler_reads {
            self.go_on(thread, Job::Read(request, 0), self.now);
        } else if kind != Kind::Produce && !self.appends(request) {
            self.go_on(thread, Job::Finish(request), self.now);
        } else if self.cpu.chance(self.options.other_lock_share / 2.0) {
            let lock = self.other_lock();
            self.ask(thread, Job::TakeOther(request), lock);
        } else {
            self.go_on(thread, Job::Lock(request, 0), self.now);
        }
    }

    fn roll(&mut self, thread: usize, request: usize, place: usize) {
        let log = self.log_of(request, place);
        let bytes = self.history.requests[request].parts[place].records.len();
        match self.roll_if_full(thread, log, bytes) {
            None => self.go_on(thread, Job::Write(request, place), self.now),
            Some(end) => self.go_on(thread, Job::Rolled(request, place), end),
        }
    }

    /// Begins another segment where the last has no room for so many bytes; answers until when the snapshot of
    /// producers is synced then.
    pub(super) fn roll_if_full(&mut self, thread: usize, log: usize, bytes: usize) -> Option<Time> {
        let next_offset = self.history.logs[log].next_offset;
        let segments = &mut self.history.logs[log].segments;
        let size = segments.last().map_or(0, |segment| segment.bytes.len());
        if (size + bytes) as i64 <= self.options.segment_bytes {
            return None;
        }
        let old = segments.last().map(Segment::file);
        segments.push(Segment {
            base_offset: next_offset,
            next_offset,
            ..Segment::default()
        });
        if let Some(old) = old.filter(|_| self.options.roll_flush) {
            self.flush_later(log, old);
        }
        let file = format!("{next_offset:020}.snapshot");
        let median = self.options.roll_sync_ms;
        let states = self.disk.sync(self.now, "snapshot", median);
        Some(self.file_operation(thread, log, "fsync", file, 0, 0, states))
    }

    fn append(&mut self, thread: usize, request: usize, place: usize) {
        let part = &mut self.history.requests[request].parts[place];
        let log = part.log;
        let mut records = std::mem::take(&mut part.records);
        let count = part.ids.len() as i64;
        let into = &self.history.logs[log];
        part.offset = into.next_offset;
        part.write = Some(self.history.writes.len());
        batch::assign_offset(&mut records, into.next_offset);
        let end = self.write_records(thread, log, &records, count);
        self.go_on(thread, Job::Written(request, place), end);
    }

    /// Appends so many records to a log; answers the end of the write.
    pub(super) fn write_records(
        &mut self,
        thread: usize,
        log: usize,
        records: &[u8],
        count: i64,
    ) -> Time {
        let into = &mut self.history.logs[log];
        let Some(segment) = into.segments.last_mut() else {
            return self.now;
        };
        let (file, offset) = (segment.file(), segment.bytes.len());
        segment.batches.push((into.next_offset, offset));
        segment.bytes.extend_from_slice(records);
        into.next_offset += count;
        segment.next_offset = into.next_offset;
        let bytes = records.len() as i64;
        let states = self.disk.write(self.now, log, bytes, &self.history.commits);
        self.file_operation(thread, log, "write", file, offset as i64, bytes, states)
    }

    /// Writes a file operation down; answers its end.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn file_operation(
        &mut self,
        thread: usize,
        log: usize,
        operation: &'static str,
        file: String,
        offset: i64,
        bytes: i64,
        states: Vec<(Span, WriteState)>,
    ) -> i64 {
        let number = self.history.writes.len();
        let start = states.first().map_or(self.now, |(span, _)| span.start);
        let end = states.last().map_or(start, |(span, _)| span.end);
        let span = Span { start, end };
        self.did(thread, start, end, Activity::Write(number));
        self.history.writes.push(Write {
            operation,
            span,
            thread,
            log,
            file,
            offset,
            bytes,
            states,
            fetch: None,
        });
        end
    }

    fn written(&mut self, thread: usize, request: usize, place: usize) {
        let back = self.after_stop(thread, self.now);
        let is_due = self.late_run_queue.is_due(back) && self.cpu.chance(0.5);
        let start = self.run_queue_wait(thread, back, is_due);
        let ns = self.cpu.around_ns(5_000.0);
        let end = self.compute(thread, start, ns);
        let part = &self.history.requests[request].parts[place];
        let unflushed = &mut self.unflushed[part.log];
        *unflushed += part.ids.len() as i64;
        if self.options.flush_messages > 0 && *unflushed >= self.options.flush_messages {
            *unflushed = 0;
            self.go_on(thread, Job::Flush(request, place, Flush::Log), end);
        } else {
            self.go_on(thread, Job::Unlock(request, place), end);
        }
    }

    /// Kafka takes the log's monitor again after the append. Mostly it has it before anybody who waited
    /// wakes up; otherwise it waits for its turn.
    fn unlock(&mut self, thread: usize, request: usize, place: usize) {
        let log = self.log_of(request, place);
        let part = &self.history.requests[request].parts[place];
        self.history.logs[log].end_offset = part.offset + part.ids.len() as i64;
        if self.wake.chance(self.options.relock_share) {
            self.release(log);
            let end = self.short_work(thread, 3_000.0);
            self.go_on(thread, Job::Relock(request, place), end);
        } else {
            let end = self.short_work(thread, 4_000.0);
            self.go_on(thread, Job::Marked(request, place), end);
        }
    }

    /// A partition is appended: the next one, or the end.
    fn appended(&mut self, thread: usize, request: usize, place: usize) {
        self.complete_fetches();
        let is_last = place + 1 >= self.history.requests[request].parts.len();
        let is_due = is_last && self.late_run_queue.is_due(self.now);
        let start = self.run_queue_wait(thread, self.now, is_due);
        if is_last {
            let ns = self.cpu.around_ns(15_000.0);
            let end = self.compute(thread, start, ns);
            self.go_on(thread, Job::Finish(request), end);
        } else {
            self.go_on(thread, Job::Lock(request, place + 1), start);
        }
    }

    /// What a follower has got of a log, if it is more than before, is noted under the log's monitor.
    fn heed(&mut self, thread: usize, request: usize, place: usize) {
        let Kind::FollowerFetch(follower) = self.history.requests[request].kind else {
            return;
        };
        let replicas = &self.replicas[follower];
        let mut parts = self.history.requests[request].parts[place..].iter();
        match parts.position(|part| part.offset > replicas[part.log].end) {
            Some(next) => {
                let place = place + next;
                let log = self.log_of(request, place);
                self.ask(thread, Job::Followed(request, place), log);
            }
            None => self.go_on(thread, Job::Finish(request), self.now),
        }
    }

    /// The high watermark moves, and who waited for that is answered.
    fn advance(&mut self, thread: usize, request: usize, place: usize) {
        let Kind::FollowerFetch(follower) = self.history.requests[request].kind else {
            return;
        };
        let part = &self.history.requests[request].parts[place];
        let (log, offset) = (part.log, part.offset);
        self.follower_has(follower, log, offset);
        self.release(log);
        self.complete_produces(Some(request));
        self.complete_fetches();
        self.go_on(thread, Job::Heed(request, place + 1), self.now);
    }

    /// The handler is done: it answers or leaves the request waiting, and takes the next.
    fn finish(&mut self, thread: usize, request: usize) {
        self.history.requests[request].local_end = self.now;
        match self.history.requests[request].kind {
            // What a coordinator keeps, all replicas have to have.
            kind if self.appends(request)
                && (kind != Kind::Produce || self.history.requests[request].acks == -1) =>
            {
                self.delayed_produces.push(request);
                self.complete_produces(None);
            }
            Kind::ConsumerFetch | Kind::FollowerFetch(_) => self.fetch_or_wait(request),
            Kind::JoinGroup | Kind::SyncGroup => self.join_or_wait(request),
            _ => self.respond(request),
        }
        self.take(thread, false);
    }
}
