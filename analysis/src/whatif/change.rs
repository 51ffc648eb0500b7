//! Which waits are cut, and to what.

use std::fmt;

/// A kind of wait, cut to at most a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The kind of wait.
    pub kind: WaitKind,
    /// The longest that one such wait may be, in ns; 0 takes it away.
    pub cap_ns: i64,
}

/// A kind of wait that can be cut.
///
/// Waits behind earlier requests of the same connection are none: without them, all requests of a stall go for
/// the same handlers and logs at once, and for how long each would hold them is not recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitKind {
    /// Writes that wait for the file system's journal: for a handle, or for a commit.
    JournalCommit,
    /// Writes that wait for the disk.
    BlockIo,
    /// Writes whose thread waits for a CPU.
    RunQueue,
    /// Writes, whatever they do.
    Write,
    /// Stops of the JVM.
    Gc,
    /// Waits for a log's monitor.
    LockWait,
    /// Waits for a free request handler.
    RequestQueue,
    /// Syncs of logs, indexes and checkpoints, whose they are.
    Sync,
    /// Reads that had to come from the disk, whose they are.
    Read,
    /// Code, and waits for a CPU, outside writes.
    Cpu,
    /// Stops for want of CPU quota.
    CpuQuota,
    /// Waits for followers.
    Followers,
    /// Being held back by a quota of the broker.
    ClientQuota,
}

impl WaitKind {
    /// Every kind with its name.
    pub const ALL: &[(&str, Self)] = &[
        ("journal_commit", Self::JournalCommit),
        ("block_io", Self::BlockIo),
        ("run_queue", Self::RunQueue),
        ("write", Self::Write),
        ("gc", Self::Gc),
        ("lock_wait", Self::LockWait),
        ("request_queue", Self::RequestQueue),
        ("sync", Self::Sync),
        ("read", Self::Read),
        ("cpu", Self::Cpu),
        ("cpu_quota", Self::CpuQuota),
        ("followers", Self::Followers),
        ("client_quota", Self::ClientQuota),
    ];

    /// The root of such waits in the account, where that alone tells them.
    pub(super) fn root(self) -> Option<&'static str> {
        Some(match self {
            Self::Sync => "slow_sync",
            Self::Read => "slow_read",
            Self::Cpu => "cpu",
            Self::CpuQuota => "cpu_throttle",
            Self::Followers => "remote",
            Self::ClientQuota => "throttled",
            Self::JournalCommit
            | Self::BlockIo
            | Self::RunQueue
            | Self::Write
            | Self::Gc
            | Self::LockWait
            | Self::RequestQueue => return None,
        })
    }

    /// Whether time of a write in this state (see `write_states`) is such a wait.
    pub(super) fn has_state(self, state: &str) -> bool {
        match self {
            // `journal_handle`, `journal_buffer`, …: what its thread stood still for.
            Self::JournalCommit => state.starts_with("journal_"),
            Self::BlockIo => matches!(
                state,
                "block_io" | "block_read" | "block_write" | "block_flush"
            ),
            Self::RunQueue => state == "run_queue",
            Self::Write => true,
            _ => false,
        }
    }
}

impl Change {
    /// What is left of a wait.
    pub(super) fn rest(self, wait_ns: i64) -> i64 {
        wait_ns.min(self.cap_ns)
    }

    /// What is taken from a wait.
    pub(super) fn saved(self, wait_ns: i64) -> i64 {
        wait_ns - self.rest(wait_ns)
    }
}

impl std::str::FromStr for WaitKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|(name, _)| *name == text.trim());
        found.map(|(_, kind)| *kind).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|(name, _)| *name).collect();
            format!("`{text}` is no kind of wait: expected {}", names.join(", "))
        })
    }
}

impl fmt::Display for WaitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, kind)| kind == self);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_by_their_names() {
        for (name, kind) in WaitKind::ALL {
            assert_eq!(name.parse(), Ok(*kind));
            assert_eq!(kind.to_string(), *name);
        }
        let error = "disk".parse::<WaitKind>().expect_err("no kind");
        assert!(error.contains("journal_commit"), "{error}");
    }

    #[test]
    fn a_wait_is_cut_to_the_cap_and_shorter_ones_stay() {
        let change = Change {
            kind: WaitKind::Write,
            cap_ns: 5,
        };
        assert_eq!((change.rest(20), change.saved(20)), (5, 15));
        assert_eq!((change.rest(3), change.saved(3)), (3, 0));
    }
}
