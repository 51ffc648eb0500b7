//! A statistical broker: appends to logs, one after another in each, in the order of their arrival.
//!
//! Each log is a queue with one server, its monitor; each append holds it for a write. That is computed
//! when an append arrives, so nothing has to be kept but when each log is free and which threads are.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::options::{Skew, TableOptions};
use crate::random::Random;

/// Appends arrive so many a second.
const PER_SECOND: f64 = 50_000.0;
/// An ordinary write.
const WRITE_NS: f64 = 8_000.0;
/// From having the monitor to the write, and from the write to letting it go.
const AROUND_WRITE_NS: i64 = 1_500;
const FIRST_TID: i32 = 4_461;

/// An append, and the request that it belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Append {
    /// First byte of the request, ns since 1970.
    pub(super) arrival: i64,
    /// The handler took it, and asked for the monitor.
    pub(super) taken: i64,
    /// The handler had the monitor.
    pub(super) locked: i64,
    pub(super) write_start: i64,
    pub(super) write_end: i64,
    /// Last byte of the response.
    pub(super) end: i64,
    pub(super) tid: i32,
    /// The log, from 0.
    pub(super) log: usize,
    pub(super) bytes: i64,
    pub(super) base_offset: i64,
    pub(super) file_offset: i64,
    /// Whether the write waited for a commit of the journal.
    pub(super) is_stalled: bool,
    /// Whether the wait for the monitor is recorded; there may be none.
    pub(super) shows_wait: bool,
    /// Whether the request was on the wire that was captured.
    pub(super) shows_request: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Log {
    free: i64,
    next_offset: i64,
    file_offset: i64,
}

/// All appends of a scenario, by arrival.
pub(super) struct Appends {
    random: Random,
    logs: Vec<Log>,
    skew: Skew,
    slow_share: f64,
    /// When each thread at work is free.
    busy: BinaryHeap<Reverse<(i64, i32)>>,
    idle: Vec<i32>,
    next_tid: i32,
    arrival: i64,
    left: u64,
    requests_left: u64,
    waits_left: u64,
    heavy_at: u64,
    heavy_ns: i64,
}

impl Appends {
    pub(super) fn new(options: &TableOptions) -> Self {
        let heavy = match options.skew {
            Skew::HeavyWrite => options.lock_waits.min(1_000_000).min(options.writes / 2),
            _ => 0,
        };
        Self {
            random: Random::new(options.seed, "appends"),
            logs: vec![Log::default(); options.logs.max(1)],
            skew: options.skew,
            slow_share: options.slow_share,
            busy: BinaryHeap::new(),
            idle: Vec::new(),
            next_tid: FIRST_TID,
            arrival: crate::history::EPOCH_NS,
            left: options.writes,
            requests_left: options.requests.min(options.writes),
            waits_left: options.lock_waits,
            heavy_at: options.writes - options.writes / 4,
            // Every fourth append goes to the first log in that skew.
            heavy_ns: (heavy as f64 * 4.0 * 1e9 / PER_SECOND) as i64,
        }
    }

    fn log(&mut self) -> usize {
        let is_first = match self.skew {
            Skew::None => false,
            Skew::OnePartition => true,
            Skew::HeavyWrite => self.random.chance(0.25),
        };
        if is_first {
            0
        } else {
            self.random.below(self.logs.len())
        }
    }

    /// A thread that has nothing to do.
    fn thread(&mut self, now: i64) -> i32 {
        while let Some(Reverse((free, tid))) = self.busy.peek().copied() {
            if free > now {
                break;
            }
            self.busy.pop();
            self.idle.push(tid);
        }
        self.idle.pop().unwrap_or_else(|| {
            self.next_tid += 1;
            self.next_tid - 1
        })
    }

    /// One of what is left of `of`, spread evenly over what is left of all.
    fn is_drawn(&mut self, of: u64) -> bool {
        self.random.unit() * (self.left as f64) < of as f64
    }

    /// How long the write takes, and whether it stalls.
    fn write_ns(&mut self, log: usize) -> (i64, bool) {
        let usual = self.random.around_ns(WRITE_NS);
        if self.heavy_ns > 0 && log == 0 && self.left <= self.heavy_at {
            return (std::mem::take(&mut self.heavy_ns), true);
        }
        if self.random.chance(self.slow_share) {
            // Log 0 may be so busy that a long stall would never be made up for.
            let median = if self.skew == Skew::None { 150.0 } else { 20.0 };
            return (usual + self.random.slow_ns(median), true);
        }
        (usual, false)
    }
}

impl Iterator for Appends {
    type Item = Append;

    fn next(&mut self) -> Option<Append> {
        if self.left == 0 {
            return None;
        }
        self.arrival += self.random.gap_ns(PER_SECOND);
        let arrival = self.arrival;
        let number = self.log();
        let taken = arrival + self.random.around_ns(60_000.0);
        let tid = self.thread(arrival);
        let (write_ns, is_stalled) = self.write_ns(number);
        let bytes = 300 + self.random.below(4_000) as i64;
        let records = 1 + bytes / 1_000;
        let free = self.logs[number].free;
        let mut locked = taken;
        let is_contended = free > taken;
        if is_contended {
            locked = free + self.random.around_ns(1_500.0);
        }
        let shows_wait = self.is_drawn(self.waits_left);
        if shows_wait && !is_contended {
            // Behind somebody who had the monitor for a moment without a write.
            locked = taken + self.random.around_ns(2_500.0);
        }
        // Long ones are recorded always.
        let shows_wait = self.waits_left > 0 && (shows_wait || free - taken > 1_000_000);
        self.waits_left -= u64::from(shows_wait);
        let write_start = locked + AROUND_WRITE_NS;
        let write_end = write_start + write_ns;
        let end = write_end + AROUND_WRITE_NS + self.random.around_ns(80_000.0);
        let shows_request = self.is_drawn(self.requests_left);
        self.requests_left -= u64::from(shows_request);
        self.left -= 1;
        self.busy.push(Reverse((end, tid)));
        let log = &mut self.logs[number];
        log.free = write_end + AROUND_WRITE_NS;
        let (base_offset, file_offset) = (log.next_offset, log.file_offset);
        log.next_offset += records;
        log.file_offset += bytes;
        Some(Append {
            arrival,
            taken,
            locked,
            write_start,
            write_end,
            end,
            tid,
            log: number,
            bytes,
            base_offset,
            file_offset,
            is_stalled,
            shows_wait,
            shows_request,
        })
    }
}

impl Append {
    /// Records of its batch.
    pub(super) fn records(&self) -> i64 {
        1 + self.bytes / 1_000
    }
}
