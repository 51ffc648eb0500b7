//! What can be recorded, under the names that kcorr's bpftrace scripts have.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A group of programs that record one thing: of each there is a bpftrace script of the same name, whose rows are
/// the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Probe {
    /// Writes and syncs of files.
    FileWrites,
    /// Reads of files, and sendfile.
    FileReads,
    /// ext4's journal: commits, waits for a handle, stalls on a buffer.
    Journal,
    /// XFS's log: waits for space, reservations, log forces of a sync.
    XfsLog,
    /// Waits of runnable threads for a CPU.
    RunQueue,
    /// Stretches in which threads did not run: state, kernel stack, call, waker.
    Standing,
    /// Waits for memory: reclaim, compaction, dirty pages, page faults that read.
    Memory,
    /// Which thread uses which TCP connection.
    Network,
    /// Requests to block devices.
    BlockIo,
}

/// All of them, by the numbers that they have in `bpf/state.h`.
pub const PROBES: [Probe; 9] = [
    Probe::FileWrites,
    Probe::FileReads,
    Probe::Journal,
    Probe::XfsLog,
    Probe::RunQueue,
    Probe::Standing,
    Probe::Memory,
    Probe::Network,
    Probe::BlockIo,
];

impl Probe {
    /// Its name, which is that of its script.
    pub fn name(self) -> &'static str {
        match self {
            Self::FileWrites => "file-writes",
            Self::FileReads => "file-reads",
            Self::Journal => "journal",
            Self::XfsLog => "xfs-log",
            Self::RunQueue => "run-queue",
            Self::Standing => "standing",
            Self::Memory => "memory",
            Self::Network => "network",
            Self::BlockIo => "block-io",
        }
    }

    /// How long an event is at least to be recorded, unless it is said otherwise. Commits of the journal always
    /// are.
    pub fn usual_threshold(self) -> Duration {
        match self {
            Self::FileWrites | Self::FileReads | Self::Network | Self::BlockIo => Duration::ZERO,
            Self::Journal | Self::XfsLog => Duration::from_micros(100),
            Self::RunQueue | Self::Standing | Self::Memory => Duration::from_millis(1),
        }
    }

    /// Whether it records all processes, because what it sees is done by threads of the kernel.
    pub fn is_of_every_process(self) -> bool {
        matches!(self, Self::Journal | Self::BlockIo)
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name is none of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownProbe(String);

impl fmt::Display for UnknownProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = PROBES.map(Probe::name).join(", ");
        write!(f, "`{}` is none of {names}", self.0)
    }
}

impl std::error::Error for UnknownProbe {}

impl FromStr for Probe {
    type Err = UnknownProbe;

    fn from_str(name: &str) -> Result<Self, UnknownProbe> {
        let found = PROBES.into_iter().find(|probe| probe.name() == name);
        found.ok_or_else(|| UnknownProbe(name.to_owned()))
    }
}
