//! How long a file operation takes, and why.

use std::collections::HashSet;

use crate::Options;
use crate::history::{Commit, Span, Time, WriteState};
use crate::random::{Random, Recurring};

/// The disk with its file system's journal.
#[derive(Debug)]
pub(crate) struct Disk {
    random: Random,
    commit_stall_share: f64,
    journal_wait_share: f64,
    /// Commits that a log's inode was drawn for: a commit has hold of it or not.
    drawn: HashSet<(usize, usize)>,
    block_io: Recurring,
    block_io_ms: f64,
    run_queue: Recurring,
    run_queue_ms: f64,
    on_cpu: Recurring,
    on_cpu_ms: f64,
    slow_sync: Recurring,
    slow_msync: Recurring,
    slow_sync_ms: f64,
    reads: Random,
    cold_read_ms: f64,
}

impl Disk {
    pub(crate) fn new(options: &Options) -> Self {
        let seed = options.seed;
        Self {
            random: Random::new(seed, "disk"),
            commit_stall_share: options.commit_stall_share,
            journal_wait_share: options.journal_wait_share,
            drawn: HashSet::new(),
            block_io: Recurring::new(seed, "block io", options.block_io_per_second),
            block_io_ms: options.block_io_ms,
            run_queue: Recurring::new(seed, "run queue", options.write_run_queue_per_second),
            run_queue_ms: options.run_queue_ms,
            on_cpu: Recurring::new(seed, "cpu write", options.cpu_write_per_second),
            on_cpu_ms: options.cpu_write_ms,
            slow_sync: Recurring::new(seed, "slow sync", options.slow_syncs_per_second),
            slow_msync: Recurring::new(seed, "slow msync", options.slow_msyncs_per_second),
            slow_sync_ms: options.slow_sync_ms,
            reads: Random::new(seed, "disk reads"),
            cold_read_ms: options.cold_read_ms,
        }
    }

    /// A write(2) to a log that starts now: what it does, without gaps.
    pub(crate) fn write(
        &mut self,
        now: Time,
        log: usize,
        bytes: i64,
        commits: &[Commit],
    ) -> Vec<(Span, WriteState)> {
        let mut states = States::at(now);
        states.push(WriteState::OnCpu, self.random.around_ns(3_000.0));
        if let Some((state, end)) = self.stall(now, log, commits) {
            let wake = self.random.around_ns(20_000.0);
            states.push(state, end - states.end + wake);
        } else if self.block_io.is_due(now) {
            let ns = self.random.slow_ns(self.block_io_ms);
            states.push(WriteState::BlockIo, ns);
        } else if self.run_queue.is_due(now) {
            let ns = self.random.slow_ns(self.run_queue_ms);
            states.push(WriteState::RunQueue, ns);
        } else if self.on_cpu.is_due(now) {
            let ns = self.random.slow_ns(self.on_cpu_ms);
            states.push(WriteState::OnCpu, ns);
        }
        let copy = self.random.around_ns(8_000.0) + bytes / 4;
        states.push(WriteState::OnCpu, copy);
        states.states
    }

    /// A read of so many bytes that starts then; from the disk, when they are not in the page cache.
    pub(crate) fn read(
        &mut self,
        start: Time,
        bytes: i64,
        is_cold: bool,
    ) -> Vec<(Span, WriteState)> {
        let mut states = States::at(start);
        states.push(WriteState::OnCpu, self.reads.around_ns(6_000.0));
        if is_cold {
            let ns = self.reads.slow_ns(self.cold_read_ms);
            states.push(WriteState::BlockIo, ns);
        }
        states.push(WriteState::OnCpu, self.reads.around_ns(6_000.0) + bytes / 8);
        states.states
    }

    /// An fsync or msync that starts now.
    pub(crate) fn sync(
        &mut self,
        now: Time,
        operation: &str,
        median_ms: f64,
    ) -> Vec<(Span, WriteState)> {
        let slow_ms = match operation {
            "fsync" if self.slow_sync.is_due(now) => self.slow_sync_ms,
            "msync" if self.slow_msync.is_due(now) => self.slow_sync_ms,
            _ => 0.0,
        };
        let mut states = States::at(now);
        states.push(WriteState::OnCpu, self.random.around_ns(10_000.0));
        let ns = self.random.slow_ns(median_ms.max(slow_ms));
        states.push(WriteState::BlockIo, ns);
        states.states
    }

    /// Until when, and how, a write waits for the journal. The first write to a log in a commit that has
    /// hold of its inode waits for the commit's end.
    fn stall(&mut self, now: Time, log: usize, commits: &[Commit]) -> Option<(WriteState, Time)> {
        let next = commits.partition_point(|commit| commit.span.start <= now);
        let index = next.checked_sub(1)?;
        let commit = commits.get(index).filter(|commit| now < commit.span.end)?;
        if !self.drawn.insert((index, log)) || !self.random.chance(self.commit_stall_share) {
            return None;
        }
        let waits = now < commit.locked_until && self.random.chance(self.journal_wait_share);
        Some(if waits {
            (WriteState::JournalWait(index), commit.span.end)
        } else {
            (WriteState::JournalCommit(index), commit.span.end)
        })
    }
}

/// States one after another.
struct States {
    states: Vec<(Span, WriteState)>,
    end: Time,
}

impl States {
    fn at(start: Time) -> Self {
        Self {
            states: Vec::new(),
            end: start,
        }
    }

    fn push(&mut self, state: WriteState, ns: i64) {
        let start = self.end;
        self.end = start + ns.max(1);
        self.states.push((
            Span {
                start,
                end: self.end,
            },
            state,
        ));
    }
}
