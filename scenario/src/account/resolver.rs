//! Cuts a request's life into stages, and says for each stretch what it truly waited for.
//!
//! - In its handler: what that thread did; for a monitor, what its holders did, one after another, and
//!   what these waited for themselves.
//! - In the request queue: any handler that is free takes the next request, so until one was woken for it
//!   all were busy. What most of them were in is to blame; what any was in is another answer that is not
//!   wrong ([`Piece::also`]).
//! - Behind an earlier request of its connection: that request's own causes.
//! - Before it was read and until its response left: what its network thread did.
//! - What a request asked to wait is no slowness, whatever happened meanwhile.
//! - A pause counts where a thread that the request needed would have run Java code. A file operation, or
//!   a wait for one, goes on in a pause, and stays what it is.

use super::chains::{self, End};
use super::{Piece, Root, Stage, Via, request_queue};
use crate::history::{History, Hold, Request, Role, Span};

/// Resolves requests of a history.
#[derive(Debug, Clone, Copy)]
pub struct Resolver<'a> {
    history: &'a History,
    handlers: usize,
}

impl<'a> Resolver<'a> {
    /// For a history that is over.
    pub fn new(history: &'a History) -> Self {
        let threads = history.threads.iter();
        Self {
            history,
            handlers: threads.filter(|t| t.role == Role::Handler).count(),
        }
    }

    /// The pieces of a request's life, from the first byte of the request to the last of its response,
    /// in order and without gaps.
    pub fn pieces(&self, number: usize) -> Vec<Piece> {
        let mut pieces = self.connection_queue(number);
        pieces.extend(self.service(number));
        let mut merged: Vec<Piece> = Vec::with_capacity(pieces.len());
        let pieces = pieces.into_iter();
        for piece in pieces.flat_map(|piece| piece.by_pause_state(self.history)) {
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
                        less: piece.less.behind(),
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
            let piece = Piece::new(arriving, Stage::Receive, Root::Receive.own());
            pieces.extend(held(piece, request.held_in));
        }
        let unmuted = request.muted_until.clamp(received, request.queued);
        pieces.extend(throttled(span(received, unmuted)));
        let unread = span(unmuted, request.queued);
        let before = pieces.len();
        self.push_network(number, unread, Stage::Unread, &mut pieces);
        let unread = pieces.split_off(before);
        pieces.extend(unread.into_iter().flat_map(|piece| self.unread(piece)));
        let queued = span(request.queued, request.assigned);
        let queued = request_queue::pieces(self.history, self.handlers, request.handler, queued);
        pieces.extend(queued);
        // A handler that was woken for it is on its way.
        let woken = span(request.assigned, request.taken);
        let woken = self.handled(request, woken).map(|piece| Piece {
            stage: Stage::RequestQueue,
            ..piece
        });
        pieces.extend(woken);
        pieces.extend(self.handled(request, span(request.taken, request.local_end)));
        self.push_remote(request, &mut pieces);
        pieces.extend(throttled(span(request.completed, request.released)));
        let unsent = span(request.released, request.response);
        self.push_network(number, unsent, Stage::Response, &mut pieces);
        let sent = span(request.response, request.end);
        if sent.ns() > 0 {
            let piece = Piece::new(sent, Stage::Response, Root::Response.own());
            pieces.extend(held(piece, request.held_out));
        }
        pieces
    }

    fn handled(&self, request: &Request, span: Span) -> impl Iterator<Item = Piece> {
        let chains = chains::of_thread(self.history, request.handler, span).into_iter();
        chains.map(|chain| Piece::of_handler(self.history, chain))
    }

    /// A stage in which the request is at its network thread.
    fn push_network(&self, number: usize, span: Span, stage: Stage, pieces: &mut Vec<Piece>) {
        let request = &self.history.requests[number];
        let thread = self.history.connections[request.connection].thread;
        let chains = chains::of_thread(self.history, thread, span).into_iter();
        pieces.extend(chains.map(|chain| {
            let is_own = match chain.end {
                End::Write(write, _) => self.history.writes[write].fetch == Some(number),
                _ => false,
            };
            Piece::of_network_thread(chain, stage, is_own)
        }));
    }

    /// While no handler was free, a request that is not read had nobody to wait for but them, either.
    fn unread(&self, piece: Piece) -> Vec<Piece> {
        let busy = request_queue::all_busy(self.history, self.handlers, piece.span);
        if busy.is_empty() {
            return vec![piece];
        }
        let mut cut = Vec::new();
        let mut time = piece.span.start;
        for queued in busy {
            if time < queued.span.start {
                let span = Span {
                    start: time,
                    end: queued.span.start,
                };
                cut.push(Piece { span, ..piece });
            }
            let mut part = Piece {
                span: queued.span,
                ..piece
            };
            part.also = part.also.and(queued.also).with(queued.cause);
            part.also = part.also.without(part.cause);
            part.less = queued.less;
            time = part.span.end;
            cut.push(part);
        }
        if time < piece.span.end {
            let span = Span {
                start: time,
                end: piece.span.end,
            };
            cut.push(Piece { span, ..piece });
        }
        cut
    }

    /// Until the followers had it; or for as long as it had asked to wait.
    fn push_remote(&self, request: &Request, pieces: &mut Vec<Piece>) {
        let span = Span {
            start: request.local_end,
            end: request.completed,
        };
        // The member that tells all waits for what is appended.
        let appends = request.parts.iter().any(|part| part.write.is_some());
        if request.kind.may_wait() && !appends {
            if span.ns() > 0 {
                let cause = Root::RequestedWait.own();
                pieces.push(Piece::new(span, Stage::RequestedWait, cause));
            }
            return;
        }
        let before = pieces.len();
        for (part, stop) in chains::cut_by_stops(self.history, span) {
            let mut piece = Piece::new(part, Stage::Remote, Root::Remote.own());
            piece.is_shrunk = request.shrunk;
            if let Some(End::Pause(pause)) = stop {
                piece.cause = Root::Pause.own();
                piece.pause = Some(pause);
                piece.or(Root::Remote.own());
            } else if stop.is_some() {
                piece.or(Root::CpuThrottle.own());
                piece.or(Root::Cpu.own());
            }
            pieces.push(piece);
        }
        if let Some(fetch) = request.completed_by {
            let remote = pieces.split_off(before);
            pieces.extend(self.held_up(remote, fetch));
        }
    }

    /// The fetch that told that the last follower has it may have been held up here itself: while it
    /// was, to blame the cause of that is not wrong.
    fn held_up(&self, remote: Vec<Piece>, fetch: usize) -> Vec<Piece> {
        let fetched = self.service(fetch);
        let mut cut = Vec::with_capacity(remote.len() + fetched.len());
        for piece in remote {
            let mut time = piece.span.start;
            let held_up = fetched.iter().filter(|p| p.stage != Stage::Receive);
            for held_up in held_up {
                let Some(part) = held_up.span.common(piece.span) else {
                    continue;
                };
                if time < part.start {
                    let span = Span {
                        start: time,
                        end: part.start,
                    };
                    cut.push(Piece { span, ..piece });
                }
                let mut part = Piece {
                    span: part,
                    ..piece
                };
                for cause in held_up.also.with(held_up.cause).iter() {
                    for via in Via::ALL {
                        part.or(cause.root.via(via));
                    }
                }
                time = part.span.end;
                cut.push(part);
            }
            if time < piece.span.end {
                let span = Span {
                    start: time,
                    end: piece.span.end,
                };
                cut.push(Piece { span, ..piece });
            }
        }
        cut
    }
}

/// A stretch in which the broker had a client wait for its quota.
fn throttled(span: Span) -> Option<Piece> {
    (span.ns() > 0).then(|| Piece::new(span, Stage::Throttle, Root::Throttled.own()))
}

/// A stretch in which bytes were on their way, cut where something kept them.
fn held(piece: Piece, hold: Option<(Span, Hold)>) -> impl Iterator<Item = Piece> {
    let part = |start, end, hold| {
        (start < end).then_some(Piece {
            span: Span { start, end },
            hold,
            ..piece
        })
    };
    let (span, hold) = hold
        .and_then(|(span, hold)| Some((span.common(piece.span)?, Some(hold))))
        .unwrap_or((piece.span, None));
    let parts = [
        part(piece.span.start, span.start, None),
        part(span.start, span.end, hold),
        part(span.end, piece.span.end, None),
    ];
    parts.into_iter().flatten()
}
