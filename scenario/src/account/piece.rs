//! A stretch of a request's life, and what a chain of waits is to the request.

use super::chains::{Chain, End};
use super::{Cause, Causes, Root, Stage, Via};
use crate::history::{History, Hold, PauseState, Span, WriteState};

/// A stretch of a request's life.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Piece {
    /// When.
    pub span: Span,
    /// The stage of the request.
    pub stage: Stage,
    /// What to blame.
    pub cause: Cause,
    /// Other answers that are not wrong.
    pub also: Causes,
    /// Answers that say less, and nothing else: a lock, where what its holder was in is known.
    pub less: Causes,
    /// The file operation at the root, and what it was doing.
    pub write: Option<(usize, WriteState)>,
    /// The thread at the root.
    pub thread: Option<usize>,
    /// The wait of the request's handler.
    pub wait: Option<usize>,
    /// The pause.
    pub pause: Option<usize>,
    /// What happened in the pause then.
    pub pause_state: Option<PauseState>,
    /// The request ahead, while in the connection's queue.
    pub ahead: Option<usize>,
    /// The followers' wait ended as the leader no longer waited for one of them.
    pub is_shrunk: bool,
    /// What kept bytes on their way, where the root is receive or response.
    pub hold: Option<Hold>,
    /// The pause is a stop of the process by a signal.
    pub is_stopped: bool,
    /// The other broker where the root is (its place in the cluster), which file operation, thread and pause are of.
    pub at: Option<usize>,
}

impl Piece {
    pub(super) fn new(span: Span, stage: Stage, cause: Cause) -> Self {
        Self {
            span,
            stage,
            cause,
            also: Causes::default(),
            less: Causes::default(),
            write: None,
            thread: None,
            wait: None,
            pause: None,
            pause_state: None,
            ahead: None,
            is_shrunk: false,
            hold: None,
            is_stopped: false,
            at: None,
        }
    }

    /// The mechanism at the root, as kcorr's `reason`; `history` is of the broker where the root is.
    pub fn reason(&self, history: &History) -> Option<&'static str> {
        if self.is_stopped {
            return Some("process_stopped");
        }
        if self.at.is_some() {
            match (self.cause.root, self.write) {
                (Root::Network, _) => return Some("slow_link"),
                (Root::Cpu, _) => return Some("run_queue"),
                (_, Some((_, WriteState::JournalWait(_) | WriteState::JournalCommit(_)))) => {
                    return Some("journal_commit");
                }
                _ => {}
            }
        }
        if self.cause.root == Root::SlowRead {
            let (write, _) = self.write?;
            let is_sent = history.writes[write].operation == "sendfile";
            return is_sent.then_some("sendfile");
        }
        if self.cause.root == Root::Remote {
            return self.is_shrunk.then_some("isr_shrink");
        }
        if self.cause.root == Root::Throttled {
            return Some("client_quota");
        }
        if let Some(state) = self.pause_state {
            return Some(state.name());
        }
        Some(match (self.hold?, self.cause.root) {
            (Hold::Loss, _) => "retransmission",
            (Hold::Window, Root::Receive) => "broker_window",
            (Hold::Window, _) => "client_window",
            (Hold::Idle, Root::Receive) => "client_slow",
            (Hold::Idle, _) => "broker_slow",
        })
    }

    /// Its parts, each in one state of its pause, if it is one.
    pub(super) fn by_pause_state(self, history: &History) -> Vec<Self> {
        let states = self.pause.and_then(|pause| history.pause_states.get(pause));
        let Some(states) = states else {
            return vec![self];
        };
        let parts = states.iter().filter_map(|(span, state)| {
            Some(Self {
                span: self.span.common(*span)?,
                pause_state: Some(*state),
                ..self
            })
        });
        parts.collect()
    }

    /// Whether two pieces differ in their time only.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        Self {
            span: other.span,
            ..*self
        } == *other
    }

    /// Another answer that is not wrong.
    pub(super) fn or(&mut self, cause: Cause) {
        if cause != self.cause {
            self.also = self.also.with(cause);
        }
    }

    /// What a chain is to the request whose handler is at its start.
    pub(super) fn of_handler(history: &History, chain: Chain) -> Self {
        let waits = chain.wait.is_some();
        let via = if waits { Via::LockWait } else { Via::Own };
        let root = match chain.end {
            End::Write(write, _) if history.writes[write].operation == "write" => Root::SlowWrite,
            End::Write(write, _) if history.writes[write].is_read() => Root::SlowRead,
            End::Write(..) => Root::SlowSync,
            End::Pause(_) | End::Stopped => Root::Pause,
            End::Throttle(_) => Root::CpuThrottle,
            End::RunQueue(_) => Root::Cpu,
            _ if waits => Root::LockOther,
            _ => Root::Cpu,
        };
        let stage = match root {
            _ if waits => Stage::LockWait,
            Root::SlowWrite => Stage::Write,
            Root::SlowSync => Stage::Sync,
            Root::Pause => Stage::Pause,
            _ => Stage::Handler,
        };
        let mut piece = Self::new(chain.span, stage, root.via(via));
        // The request's own handler could not have gone on either.
        if matches!(root, Root::Pause | Root::CpuThrottle) {
            piece.or(root.own());
        }
        if root == Root::CpuThrottle {
            piece.or(Root::Cpu.via(via));
            piece.or(Root::Cpu.own());
        }
        if waits && matches!(chain.end, End::Cpu | End::RunQueue(_)) {
            piece.or(Root::Cpu.via(via));
            piece.or(Root::LockOther.via(via));
        }
        if chain.end == End::RunQueue(true) {
            piece.or(Root::Pause.via(via));
            piece.or(Root::Pause.own());
        }
        // Between the file operations of a log's holders there is code, and the time until the next
        // holder wakes up. Whether that is still their fault is a matter of taste.
        if root == Root::LockOther && chain.monitor.is_some_and(|m| m < history.logs.len()) {
            piece.or(Root::SlowWrite.via(via));
            if history.syncs_under_lock {
                piece.or(Root::SlowSync.via(via));
            }
        }
        if waits && root != Root::LockOther {
            piece.less = piece.less.with(Root::LockOther.via(via));
        }
        piece.thread = Some(chain.thread);
        piece.wait = chain.wait;
        match chain.end {
            End::Write(write, state) => piece.write = Some((write, state)),
            End::Pause(pause) => piece.pause = Some(pause),
            End::Stopped => piece.is_stopped = true,
            _ => {}
        }
        piece
    }

    /// What a chain is to a request that its network thread has not read, or not yet sent; `is_own` when that
    /// is reading the records of its own answer.
    pub(super) fn of_network_thread(chain: Chain, stage: Stage, is_own: bool) -> Self {
        let mut piece = match chain.end {
            End::Pause(pause) => Self {
                pause: Some(pause),
                ..Self::new(chain.span, Stage::Pause, Root::Pause.own())
            },
            End::Stopped => Self {
                is_stopped: true,
                ..Self::new(chain.span, Stage::Pause, Root::Pause.own())
            },
            End::Throttle(_) => Self::new(chain.span, stage, Root::CpuThrottle.own()),
            // Network threads do no file operation but send records.
            End::Write(write, state) => Self {
                write: Some((write, state)),
                ..Self::new(
                    chain.span,
                    stage,
                    Root::SlowRead.via(if is_own { Via::Own } else { Via::NetworkThread }),
                )
            },
            _ => Self::new(chain.span, stage, Root::Cpu.via(Via::NetworkThread)),
        };
        match chain.end {
            End::Pause(_) | End::Stopped => piece.or(Root::Pause.via(Via::NetworkThread)),
            End::Throttle(_) => piece.or(Root::CpuThrottle.via(Via::NetworkThread)),
            End::RunQueue(true) => piece.or(Root::Pause.own()),
            _ => {}
        }
        if !matches!(chain.end, End::Pause(_) | End::Stopped) {
            // Who says no more than where it was says nothing wrong.
            if !matches!(chain.end, End::Write(..)) {
                piece.or(Root::Cpu.via(Via::NetworkThread));
                piece.or(Root::Cpu.own());
            }
            piece.or(Root::NetworkThread.own());
            if stage == Stage::Response {
                piece.or(Root::Response.own());
            }
        }
        piece.thread = Some(chain.thread);
        piece
    }

    /// What a chain is to a request whose last follower's fetcher is at its start: at another broker.
    pub(super) fn of_follower(history: &History, chain: Chain, at: usize) -> Self {
        let of_handler = Self::of_handler(history, chain);
        let root = of_handler.cause.root;
        let is_named = match chain.end {
            End::Cpu | End::HandOver | End::Idle => chain.wait.is_some(),
            _ => true,
        };
        let cause = if is_named {
            root.via(Via::Remote)
        } else {
            Root::Remote.own()
        };
        let mut piece = Self {
            at: is_named.then_some(at),
            stage: Stage::Remote,
            cause,
            also: Causes::default(),
            less: Causes::default(),
            wait: None,
            ..of_handler
        };
        if is_named {
            let also = of_handler.also.iter();
            for cause in also.filter(|cause| !matches!(cause.root, Root::RequestedWait)) {
                piece.or(cause.root.via(Via::Remote));
            }
            piece.less = piece.less.with(Root::Remote.own());
            if chain.wait.is_some() && root != Root::LockOther {
                piece.less = piece.less.with(Root::LockOther.via(Via::Remote));
            }
        } else {
            (piece.write, piece.thread) = (None, None);
            piece.or(Root::Cpu.via(Via::Remote));
        }
        piece
    }

    /// A message is on its way between two brokers.
    pub(super) fn of_link(span: Span, at: usize) -> Self {
        /// What any link takes is no slowness of it.
        const SHORT_NS: i64 = 1_000_000;
        let network = Root::Network.via(Via::Remote);
        let mut piece = Self::new(span, Stage::Remote, network);
        if span.ns() < SHORT_NS {
            piece.cause = Root::Remote.own();
            piece.or(network);
        } else {
            piece.at = Some(at);
            piece.less = piece.less.with(Root::Remote.own());
        }
        piece
    }
}
