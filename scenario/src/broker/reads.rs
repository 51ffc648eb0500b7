//! How fetched records leave: the network thread hands the kernel a part of a segment file for each
//! topic-partition (sendfile). What is not in the page cache is read from the disk meanwhile, and neither
//! this connection nor any other of the thread is served.

use super::Simulation;
use crate::history::{Kind, Time};

impl Simulation<'_> {
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
