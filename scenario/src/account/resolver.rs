//! Cuts a request's life into stages, and says for each stretch what it truly waited for.
//!
//! - In its handler: what that thread did; for a monitor, what its holders did, one after another, and
//!   what these waited for themselves.
//! - In the request queue: what the handler that took it in the end was still busy with. Other handlers
//!   that had become free earlier would have taken it too, so what they were busy with is noted as
//!   another answer that is not wrong ([`Piece::also`]).
//! - Behind an earlier request of its connection: that request's own causes.
//! - A pause counts where a thread that the request needed would have run Java code. A file operation, or
//!   a wait for one, goes on in a pause, and stays what it is.

use super::roots::{self, End, Root};
use super::{Cause, Causes, Stage};
use crate::history::{History, Kind, Request, Role, Span, Time, WriteState};

/// Other handlers are looked at only in pools of up to so many.
const MAX_POOL: usize = 64;

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
    /// The file operation at the root, and what it was doing.
    pub write: Option<(usize, WriteState)>,
    /// The thread at the root.
    pub thread: Option<usize>,
    /// The wait of the request's handler.
    pub wait: Option<usize>,
    /// The pause.
    pub pause: Option<usize>,
    /// The request ahead, while in the connection's queue.
    pub ahead: Option<usize>,
}

impl Piece {
    fn new(span: Span, stage: Stage, cause: Cause) -> Self {
        Self {
            span,
            stage,
            cause,
            also: Causes::default(),
            write: None,
            thread: None,
            wait: None,
            pause: None,
            ahead: None,
        }
    }

    /// Whether two pieces differ in their time only.
    fn is_like(&self, other: &Self) -> bool {
        Self {
            span: other.span,
            ..*self
        } == *other
    }
}

/// Resolves requests of a history.
#[derive(Debug, Clone)]
pub struct Resolver<'a> {
    history: &'a History,
    handlers: usize,
    /// Followers' fetches by the time at which a handler had read them, sorted.
    fetches: Vec<(Time, usize)>,
}

impl<'a> Resolver<'a> {
    /// For a history that is over.
    pub fn new(history: &'a History) -> Self {
        let threads = history.threads.iter();
        let requests = history.requests.iter().enumerate();
        let fetches = requests.filter(|(_, r)| matches!(r.kind, Kind::FollowerFetch(_)));
        let mut fetches: Vec<_> = fetches.map(|(n, r)| (r.local_end, n)).collect();
        fetches.sort_unstable();
        Self {
            history,
            handlers: threads.filter(|t| t.role == Role::Handler).count(),
            fetches,
        }
    }

    /// The pieces of a request's life, from the first byte of the request to the last of its response,
    /// in order and without gaps.
    pub fn pieces(&self, number: usize) -> Vec<Piece> {
        let mut pieces = self.connection_queue(number);
        pieces.extend(self.service(number));
        let mut merged: Vec<Piece> = Vec::with_capacity(pieces.len());
        for piece in pieces {
            match merged.last_mut() {
                Some(last) if last.is_like(&piece) => last.span.end = piece.span.end,
                _ => merged.push(piece),
            }
        }
        merged
    }

    fn connection_queue(&self, number: usize) -> Vec<Piece> {
        let request = &self.history.requests[number];
        let waited = Span {
            start: request.arrival,
            end: request.unmuted,
        };
        let connection = &self.history.connections[request.connection];
        let place = connection.requests.partition_point(|r| *r < number);
        let mut pieces = Vec::new();
        // The earlier requests, from the first that was still open.
        let first = connection.requests[..place]
            .partition_point(|r| self.history.requests[*r].end <= waited.start);
        for ahead in &connection.requests[first..place] {
            for piece in self.service(*ahead) {
                if let Some(span) = piece.span.common(waited) {
                    pieces.push(Piece {
                        span,
                        stage: Stage::ConnectionQueue,
                        cause: piece.cause.behind(),
                        also: piece.also.behind().without(piece.cause.behind()),
                        ahead: Some(*ahead),
                        wait: None,
                        ..piece
                    });
                }
            }
        }
        pieces
    }

    /// From when no earlier request stands before it.
    fn service(&self, number: usize) -> Vec<Piece> {
        let request = &self.history.requests[number];
        let mut pieces = Vec::new();
        let span = |start, end| Span { start, end };
        let received = request.received.clamp(request.unmuted, request.queued);
        if received > request.unmuted {
            let arriving = span(request.unmuted, received);
            pieces.push(Piece::new(arriving, Stage::Receive, Cause::Cpu));
        }
        self.push_cut(
            span(received, request.queued),
            Stage::RequestQueue,
            Cause::Cpu,
            &mut pieces,
        );
        self.push_queued(request, &mut pieces);
        let handled = span(request.taken, request.local_end);
        for root in roots::of_thread(self.history, request.handler, handled) {
            pieces.push(self.handled(root));
        }
        let remote = span(request.local_end, request.completed);
        let before = pieces.len();
        self.push_cut(remote, Stage::Remote, Cause::Remote, &mut pieces);
        if request.kind == Kind::Produce && remote.ns() > 0 {
            self.note_fetch(remote, &mut pieces, before);
        }
        self.push_cut(
            span(request.completed, request.response),
            Stage::Response,
            Cause::Response,
            &mut pieces,
        );
        let sent = span(request.response, request.end);
        if sent.ns() > 0 {
            pieces.push(Piece::new(sent, Stage::Response, Cause::Response));
        }
        pieces
    }

    /// The fetch that told that the last follower has it may have been held up here itself: to blame the
    /// cause of that is not wrong.
    fn note_fetch(&self, remote: Span, pieces: &mut [Piece], from: usize) {
        let place = self.fetches.partition_point(|(end, _)| *end < remote.end);
        let fetch = self.fetches.get(place);
        let Some((_, fetch)) = fetch.filter(|(end, _)| *end == remote.end) else {
            return;
        };
        for held_up in self.service(*fetch) {
            let is_held_up = matches!(
                held_up.stage,
                Stage::RequestQueue | Stage::Handler | Stage::LockWait | Stage::Pause
            );
            for piece in &mut pieces[from..] {
                if is_held_up && held_up.span.common(piece.span).is_some() {
                    piece.also = piece.also.with(held_up.cause.behind());
                    piece.also = piece.also.and(held_up.also.behind());
                    piece.also = piece.also.without(piece.cause);
                }
            }
        }
    }

    /// A stage in which nothing but a pause comes in between.
    fn push_cut(&self, span: Span, stage: Stage, cause: Cause, pieces: &mut Vec<Piece>) {
        if span.ns() <= 0 {
            return;
        }
        for (part, pause) in roots::cut_by_pauses(self.history, span) {
            let mut piece = Piece::new(part, stage, cause);
            if pause.is_some() {
                piece.cause = Cause::Pause;
                piece.pause = pause;
                if stage == Stage::Remote {
                    piece.also = piece.also.with(Cause::Remote);
                } else {
                    piece.stage = Stage::Pause;
                }
            }
            pieces.push(piece);
        }
    }

    fn push_queued(&self, request: &Request, pieces: &mut Vec<Piece>) {
        let span = Span {
            start: request.queued,
            end: request.taken,
        };
        for root in roots::of_thread(self.history, request.handler, span) {
            let mut piece = self.handled(root);
            piece.stage = Stage::RequestQueue;
            piece.cause = piece.cause.behind();
            piece.also = piece.also.behind();
            piece.wait = None;
            // What a pool of many is busy with cannot be told by one answer.
            if self.handlers <= MAX_POOL && root.span.ns() > 100_000 {
                for other in 0..self.handlers {
                    let middle = root.span.start + root.span.ns() / 2;
                    let at = Span {
                        start: middle,
                        end: middle + 1,
                    };
                    for root in roots::of_thread(self.history, other, at) {
                        if root.end != End::Idle {
                            let other = self.handled(root);
                            piece.also = piece.also.with(other.cause.behind());
                            piece.also = piece.also.and(other.also.behind());
                        }
                    }
                }
            }
            piece.also = piece.also.without(piece.cause);
            pieces.push(piece);
        }
    }

    /// What a root is to the request whose handler it is a root of.
    fn handled(&self, root: Root) -> Piece {
        let is_log = |monitor: usize| monitor < self.history.logs.len();
        let waits = root.wait.is_some();
        let stage = match root.end {
            _ if waits => Stage::LockWait,
            End::Write(..) => Stage::Write,
            End::Pause(_) => Stage::Pause,
            End::Cpu | End::HandOver | End::Idle => Stage::Handler,
        };
        let cause = match root.end {
            End::Write(..) if waits => Cause::LockWaitBehindSlowWrite,
            End::Write(..) => Cause::SlowWrite,
            End::Pause(_) => Cause::Pause,
            _ if waits => Cause::LockWaitOther,
            _ => Cause::Cpu,
        };
        let mut piece = Piece::new(root.span, stage, cause);
        // Between the writes of a log's holders there is code, and the time until the next holder wakes
        // up. Whether that is still the write's fault is a matter of taste.
        if cause == Cause::LockWaitOther && root.monitor.is_some_and(is_log) {
            piece.also = piece.also.with(Cause::LockWaitBehindSlowWrite);
        }
        piece.thread = Some(root.thread);
        piece.wait = root.wait;
        match root.end {
            End::Write(write, state) => piece.write = Some((write, state)),
            End::Pause(pause) => piece.pause = Some(pause),
            _ => {}
        }
        piece
    }
}
