//! How records are fetched. The handler looks in the segment file where those of each topic-partition are (pread), and
//! they leave from there: the network thread hands the kernel a part of a segment file for each
//! topic-partition (sendfile). What is not in the page cache is read from the disk meanwhile, and neither
//! this connection nor any other of the thread is served.

use super::Simulation;
use super::job::Job;
use crate::history::{Kind, Time};

/// A handler reads so much: the header of a batch, and what its buffer takes with it.
const READ_BYTES: i64 = 4_096;

impl Simulation<'_> {
    /// A handler reads the beginning of the next topic-partition that a fetch gets records of, or is done.
    pub(super) fn read_part(&mut self, thread: usize, request: usize, place: usize) {
        let fetch = &self.history.requests[request];
        let is_replay = self.clients[fetch.connection].is_replay();
        let parts = fetch.parts.iter().enumerate().skip(place);
        let found = parts.filter(|(_, part)| part.offset < self.fetch_limit(request, part.log));
        let mut found = found.filter_map(|(place, part)| {
            let (file, offset, is_full) = self.history.logs[part.log].place_of(part.offset)?;
            Some((place, part.log, file, offset, is_full))
        });
        let Some((place, log, file, offset, is_full)) = found.next() else {
            self.go_on(thread, Job::Finish(request), self.now);
            return;
        };
        let is_cold =
            is_replay && is_full && self.reads.chance(self.options.cold_handler_read_share);
        let states = self.disk.read(self.now, READ_BYTES, is_cold);
        let end = self.file_operation(thread, log, "pread", file, offset, READ_BYTES, states);
        if let Some(read) = self.history.writes.last_mut() {
            read.fetch = Some(request);
        }
        self.go_on(thread, Job::ReadPart(request, place), end);
    }

    /// It has read it.
    pub(super) fn part_read(&mut self, thread: usize, request: usize, place: usize) {
        let back = self.after_stop(thread, self.now);
        let ns = self.cpu.around_ns(4_000.0);
        let end = self.compute(thread, back, ns);
        self.go_on(thread, Job::Read(request, place + 1), end);
    }

    /// A network thread sends the records of a fetch from `start` on; answers when it is done.
    ///
    /// A consumer that reads its topic again finds some of the segments that are full not in the page cache.
    pub(super) fn send_records(&mut self, request: usize, thread: usize, start: Time) -> Time {
        let fetch = &self.history.requests[request];
        // Clients are numbered like their connections.
        let is_replay =
            fetch.kind == Kind::ConsumerFetch && self.clients[fetch.connection].is_replay();
        let parts = fetch.parts.iter();
        let parts: Vec<_> = parts.map(|p| (p.log, p.offset, p.end)).collect();
        let mut time = start;
        for (log, offset, end) in parts {
            let of = &self.history.logs[log];
            let bytes = of.records(offset, end).len() as i64;
            let Some((file, place, is_full)) = of.place_of(offset).filter(|_| bytes > 0) else {
                continue;
            };
            let is_cold = is_replay && is_full && self.reads.chance(self.options.cold_read_share);
            let states = self.disk.read(time, bytes, is_cold);
            let end = self.file_operation(thread, log, "sendfile", file, place, bytes, states);
            if let Some(read) = self.history.writes.last_mut() {
                read.fetch = Some(request);
            }
            // What comes back from a system call goes on after a stop.
            time = self.after_stop(thread, end);
        }
        time
    }
}
