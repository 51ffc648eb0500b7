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
//! - For followers of the cluster: what the last one was in: its fetcher thread, until its next fetch left it; and the
//!   way between the two brokers.
//! - A pause counts where a thread that the request needed would have run Java code. A file operation, or
//!   a wait for one, goes on in a pause, and stays what it is.

use super::chains::{self, End};
use super::{Piece, Root, Stage, Via, request_queue};
use crate::history::{History, Hold, Request, Role, Span};

/// Resolves requests of a history.
#[derive(Debug, Clone, Copy)]
pub struct Resolver<'a> {
    /// All brokers, and the one of which requests are resolved.
    brokers: &'a [History],
    history: &'a History,
    handlers: usize,
}

impl<'a> Resolver<'a> {
    /// For the history of a broker that is alone, when it is over.
    pub fn new(history: &'a History) -> Self {
        Self::of_broker(std::slice::from_ref(history), 0)
    }

    /// For the history of one of several brokers, by its place.
    pub fn of_broker(brokers: &'a [History], broker: usize) -> Self {
        let history = &brokers[broker];
        let threads = history.threads.iter();
        Self {
            brokers,
            history,
            handlers: threads.filter(|t| t.role == Role::Handler).count(),
        }
    }

    /// The history of the broker where the root of a piece is.
    pub fn root_of(&self, piece: &Piece) -> &'a History {
        self.history_at(piece.at)
    }

    /// The history of another broker, by its place, or of this one.
    pub(super) fn history_at(&self, at: Option<usize>) -> &'a History {
        at.map_or(self.history, |at| &self.brokers[at])
    }

    /// The pieces of a request's life, from the first byte of the request to the last of its response,
    /// in order and without gaps.
    pub fn pieces(&self, number: usize) -> Vec<Piece> {
        let mut pieces = self.connection_queue(number);
        pieces.extend(self.service(number));
        let mut merged: Vec<Piece> = Vec::with_capacity(pieces.len());
        let pieces = pieces.into_iter();
        for piece in pieces.flat_map(|piece| piece.by_pause_state(self.root_of(&piece))) {
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
            } else if stop == Some(End::Stopped) {
                piece.cause = Root::Pause.own();
                piece.is_stopped = true;
                piece.or(Root::Remote.own());
            } else if stop.is_some() {
                piece.or(Root::CpuThrottle.own());
                piece.or(Root::Cpu.own());
            }
            pieces.push(piece);
        }
        if let Some(fetch) = request.completed_by {
            let remote = pieces.split_off(before);
            let details = self.follower_states(fetch, span);
            pieces.extend(remote.iter().flat_map(|piece| overlaid(piece, &details)));
        }
    }

    /// What the follower was in whose fetch told that it had the records, and what held that fetch up here.
    fn follower_states(&self, fetch: usize, span: Span) -> Vec<Piece> {
        let of = &self.history.requests[fetch];
        let connection = &self.history.connections[of.connection];
        let Some(fetcher) = connection.fetcher else {
            return self.leaders_turn(fetch);
        };
        let place = connection.requests.partition_point(|r| *r <= fetch);
        let mut states = Vec::new();
        let mut next_sent = None;
        let between = |start, end| Span { start, end };
        for number in connection.requests[..place].iter().rev() {
            let of = &self.history.requests[*number];
            // From the last to the first.
            if let Some(next_sent) = next_sent {
                let history = &self.brokers[fetcher.broker];
                let turn = between(of.has_answer, next_sent);
                let chains = chains::of_thread(history, fetcher.thread, turn);
                let chains = chains.into_iter().rev();
                states
                    .extend(chains.map(|chain| Piece::of_follower(history, chain, fetcher.broker)));
                states.extend(self.answers_way(fetcher.broker, between(of.end, of.has_answer)));
            }
            states.extend(self.leaders_turn(*number).into_iter().rev());
            // The first requests of a connection are no fetches.
            if !of.kind.is_fetch() {
                break;
            }
            states.push(Piece::of_link(between(of.sent, of.arrival), fetcher.broker));
            if of.sent <= span.start {
                break;
            }
            next_sent = Some(of.sent);
        }
        states.reverse();
        states
    }

    /// An answer on its way to a follower, from the last part to the first: while that was stopped, its fetcher would
    /// not have gone on either.
    fn answers_way(&self, follower: usize, span: Span) -> impl Iterator<Item = Piece> {
        let way = Piece::of_link(span, follower);
        let parts = chains::cut_by_stops(&self.brokers[follower], span);
        parts.into_iter().rev().map(move |(span, stop)| {
            let mut piece = Piece { span, ..way };
            match stop {
                Some(End::Pause(_) | End::Stopped) => piece.or(Root::Pause.via(Via::Remote)),
                Some(_) => piece.or(Root::CpuThrottle.via(Via::Remote)),
                None => {}
            }
            piece
        })
    }

    /// A fetch may have been held up here itself: while it was, to blame the cause of that is not wrong.
    fn leaders_turn(&self, fetch: usize) -> Vec<Piece> {
        let pieces = self.service(fetch).into_iter();
        let pieces = pieces.filter(|piece| piece.stage != Stage::Receive);
        let turns = pieces.map(|held_up| {
            let mut piece = Piece::new(held_up.span, Stage::Remote, Root::Remote.own());
            let causes = held_up.also.with(held_up.cause).iter();
            for cause in causes.filter(|cause| cause.root != Root::RequestedWait) {
                for via in Via::ALL.into_iter().filter(|via| *via != Via::Remote) {
                    piece.or(cause.root.via(via));
                }
            }
            piece
        });
        turns.collect()
    }
}

/// A stretch of waiting for followers, in parts by what the last of them was in. A stop of the leader stays one.
fn overlaid(piece: &Piece, details: &[Piece]) -> Vec<Piece> {
    let mut cut = Vec::new();
    let mut time = piece.span.start;
    let till = |start, end| Piece {
        span: Span { start, end },
        ..*piece
    };
    for detail in details {
        let Some(span) = detail.span.common(piece.span) else {
            continue;
        };
        if time < span.start {
            cut.push(till(time, span.start));
        }
        time = span.end;
        let part = if piece.cause == Root::Remote.own() {
            Piece {
                span,
                is_shrunk: piece.is_shrunk,
                also: piece.also.and(detail.also).without(detail.cause),
                ..*detail
            }
        } else {
            let mut part = Piece { span, ..*piece };
            for cause in detail.also.with(detail.cause).iter() {
                part.or(cause);
            }
            part
        };
        cut.push(part);
    }
    if time < piece.span.end {
        cut.push(till(time, piece.span.end));
    }
    cut
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
