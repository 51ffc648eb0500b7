//! The vocabulary of accounts, as kcorr's tables have it: a root, and the way by which it reached the
//! request, written together as a cause.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

/// What the time was in, at the end of the chain of waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Root {
    /// A write(2).
    SlowWrite,
    /// An fsync, fdatasync or msync.
    SlowSync,
    /// A read or sendfile.
    SlowRead,
    /// A stop of the JVM.
    Pause,
    /// Code that ran, or was ready to.
    Cpu,
    /// The process had used up its quota of CPU time.
    CpuThrottle,
    /// Kafka's own quotas.
    Throttled,
    /// The followers.
    Remote,
    /// The way between two brokers.
    Network,
    /// The way of the response out.
    Response,
    /// The way of the request in.
    Receive,
    /// A network thread, busy with nothing that another root names.
    NetworkThread,
    /// A lock whose holder was in nothing that another root names.
    LockOther,
    /// What the request asked for: a long poll, or the other members of a group. No slowness.
    RequestedWait,
    /// Nothing of these. The truth never says so.
    Unexplained,
}

impl Root {
    /// All roots.
    pub const ALL: [Self; 15] = [
        Self::SlowWrite,
        Self::SlowSync,
        Self::SlowRead,
        Self::Pause,
        Self::Cpu,
        Self::CpuThrottle,
        Self::Throttled,
        Self::Remote,
        Self::Network,
        Self::Response,
        Self::Receive,
        Self::NetworkThread,
        Self::LockOther,
        Self::RequestedWait,
        Self::Unexplained,
    ];

    /// Its name in kcorr's tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::SlowWrite => "slow_write",
            Self::SlowSync => "slow_sync",
            Self::SlowRead => "slow_read",
            Self::Pause => "pause",
            Self::Cpu => "cpu",
            Self::CpuThrottle => "cpu_throttle",
            Self::Throttled => "throttled",
            Self::Remote => "remote",
            Self::Network => "network",
            Self::Response => "response",
            Self::Receive => "receive",
            Self::NetworkThread => "network_thread",
            Self::LockOther => "lock_other",
            Self::RequestedWait => "requested_wait",
            Self::Unexplained => "unexplained",
        }
    }

    /// The root with a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|root| root.name() == name)
    }
}

/// How a root reached the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// The request's own handler, or the request itself, was in it.
    Own,
    /// Its handler waited for a lock, whose holder was in it.
    LockWait,
    /// An earlier request of its connection, or the handlers that were all busy, were in it.
    Queued,
    /// Its network thread was in it.
    NetworkThread,
    /// A follower that it waited for was in it.
    Remote,
}

impl Via {
    /// All ways.
    pub const ALL: [Self; 5] = [
        Self::Own,
        Self::LockWait,
        Self::Queued,
        Self::NetworkThread,
        Self::Remote,
    ];

    /// Its name in kcorr's tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::LockWait => "lock_wait",
            Self::Queued => "queued",
            Self::NetworkThread => "network_thread",
            Self::Remote => "remote",
        }
    }

    /// The way with a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|via| via.name() == name)
    }
}

/// What to blame for a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Cause {
    /// What the time was in.
    pub root: Root,
    /// How that reached the request.
    pub via: Via,
}

impl Cause {
    /// Nothing is known. The truth never says so.
    pub const UNEXPLAINED: Self = Root::Unexplained.own();

    /// All pairs that have a name of their own, and only once: something unexplained is unexplained by
    /// whatever way.
    pub fn all() -> impl Iterator<Item = Self> {
        let pairs = Root::ALL
            .into_iter()
            .flat_map(|root| Via::ALL.map(|via| Self { root, via }));
        pairs.filter(|cause| *cause == cause.root.via(cause.via))
    }

    /// The cause with a name, as `blame` has it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|cause| cause.to_string() == name)
    }

    /// What it is to a request that queues behind one that it is the cause of.
    pub fn behind(self) -> Self {
        self.root.via(Via::Queued)
    }
}

impl Root {
    /// As the request's own.
    pub const fn own(self) -> Cause {
        Cause {
            root: self,
            via: Via::Own,
        }
    }

    /// As it reached the request in another way.
    pub fn via(self, via: Via) -> Cause {
        if self == Self::Unexplained {
            return Cause::UNEXPLAINED;
        }
        Cause { root: self, via }
    }
}

impl Display for Cause {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (root, via) = (self.root.name(), self.via.name());
        match (self.root, self.via) {
            (_, Via::Own) => f.pad(root),
            (Root::LockOther, Via::LockWait) => f.pad("lock_wait_other"),
            _ => f.pad(&format!("{via}_behind_{root}")),
        }
    }
}

impl From<Cause> for String {
    fn from(cause: Cause) -> Self {
        cause.to_string()
    }
}

impl TryFrom<String> for Cause {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::from_name(&name).ok_or_else(|| format!("{name} is no cause"))
    }
}

/// A set of causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Causes(u128);

impl Causes {
    fn bit(cause: Cause) -> u128 {
        1 << (cause.root as u32 * Via::ALL.len() as u32 + cause.via as u32)
    }

    /// The set with one more.
    #[must_use]
    pub fn with(self, cause: Cause) -> Self {
        Self(self.0 | Self::bit(cause))
    }

    /// The set with all of another.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The set without one.
    #[must_use]
    pub fn without(self, cause: Cause) -> Self {
        Self(self.0 & !Self::bit(cause))
    }

    /// Its members.
    pub fn iter(self) -> impl Iterator<Item = Cause> {
        Cause::all().filter(move |cause| self.0 & Self::bit(*cause) != 0)
    }

    /// What the set is to a request that queues behind.
    #[must_use]
    pub fn behind(self) -> Self {
        self.iter()
            .fold(Self::default(), |set, cause| set.with(cause.behind()))
    }
}

/// The stage of a request's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Behind an earlier request of its connection.
    ConnectionQueue,
    /// Its bytes were still arriving, and nothing was ahead of it.
    Receive,
    /// It was there, and its network thread had not read it.
    Unread,
    /// Until a handler took it.
    RequestQueue,
    /// Its handler waited for a monitor.
    LockWait,
    /// Its handler was in a write(2).
    Write,
    /// Its handler was in an fsync or msync.
    Sync,
    /// Its handler, or the network thread, was stopped.
    Pause,
    /// Its handler computed, or was ready to.
    Handler,
    /// Until the followers had it.
    Remote,
    /// It was held back for a quota.
    Throttle,
    /// It waited as it had asked to.
    RequestedWait,
    /// Until its response had left.
    Response,
}

impl Stage {
    /// Its name in kcorr's tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::ConnectionQueue => "connection_queue",
            Self::Receive => "receive",
            Self::Unread => "unread",
            Self::RequestQueue => "request_queue",
            Self::LockWait => "lock_wait",
            Self::Write => "write",
            Self::Sync => "sync",
            Self::Pause => "pause",
            Self::Handler => "handler",
            Self::Remote => "remote",
            Self::Throttle => "throttle",
            Self::RequestedWait => "requested_wait",
            Self::Response => "response",
        }
    }
}
