//! The vocabulary of accounts, as kcorr's tables have it.

use serde::{Deserialize, Serialize};

/// What to blame for a stretch of time: the root of the wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The request's own file operation.
    SlowWrite,
    /// Another thread's file operation under the log's monitor.
    LockWaitBehindSlowWrite,
    /// A file operation that an earlier request of the connection, or the handlers, were held up by.
    QueuedBehindSlowWrite,
    /// A lock that no file operation explains.
    LockWaitOther,
    /// A stop of the JVM.
    Pause,
    /// The followers.
    Remote,
    /// The way of the response out.
    Response,
    /// Code that ran, or was ready to.
    Cpu,
    /// Nothing of these. The truth never says so.
    Unexplained,
}

impl Cause {
    /// All causes.
    pub const ALL: [Self; 9] = [
        Self::SlowWrite,
        Self::LockWaitBehindSlowWrite,
        Self::QueuedBehindSlowWrite,
        Self::LockWaitOther,
        Self::Pause,
        Self::Remote,
        Self::Response,
        Self::Cpu,
        Self::Unexplained,
    ];

    /// Its name in kcorr's tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::SlowWrite => "slow_write",
            Self::LockWaitBehindSlowWrite => "lock_wait_behind_slow_write",
            Self::QueuedBehindSlowWrite => "queued_behind_slow_write",
            Self::LockWaitOther => "lock_wait_other",
            Self::Pause => "pause",
            Self::Remote => "remote",
            Self::Response => "response",
            Self::Cpu => "cpu",
            Self::Unexplained => "unexplained",
        }
    }

    /// The cause with a name; an unknown one is unexplained.
    pub fn from_name(name: &str) -> Self {
        let mut all = Self::ALL.into_iter();
        all.find(|cause| cause.name() == name)
            .unwrap_or(Self::Unexplained)
    }

    /// What it is to a request that queues behind the one that it is the cause of.
    pub fn behind(self) -> Self {
        match self {
            Self::SlowWrite | Self::LockWaitBehindSlowWrite => Self::QueuedBehindSlowWrite,
            cause => cause,
        }
    }
}

/// A set of causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Causes(u16);

impl Causes {
    /// The set with one more.
    #[must_use]
    pub fn with(self, cause: Cause) -> Self {
        Self(self.0 | 1 << cause as u16)
    }

    /// The set with all of another.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The set without one.
    #[must_use]
    pub fn without(self, cause: Cause) -> Self {
        Self(self.0 & !(1 << cause as u16))
    }

    /// Its members.
    pub fn iter(self) -> impl Iterator<Item = Cause> {
        let all = Cause::ALL.into_iter();
        all.filter(move |cause| self.0 & (1 << *cause as u16) != 0)
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
    /// Until a handler took it.
    RequestQueue,
    /// Its handler waited for a monitor.
    LockWait,
    /// Its handler was in a file operation.
    Write,
    /// Its handler, or the network thread, was stopped.
    Pause,
    /// Its handler computed, or was ready to.
    Handler,
    /// Until the followers had it.
    Remote,
    /// Until its response had left.
    Response,
}

impl Stage {
    /// Its name in kcorr's tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::ConnectionQueue => "connection_queue",
            Self::Receive => "receive",
            Self::RequestQueue => "request_queue",
            Self::LockWait => "lock_wait",
            Self::Write => "write",
            Self::Pause => "pause",
            Self::Handler => "handler",
            Self::Remote => "remote",
            Self::Response => "response",
        }
    }
}
