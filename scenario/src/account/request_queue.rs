//! What a request in the shared queue waited for.
//!
//! Any handler that is free takes the next request, so while one waits all are busy, each with
//! something: what most of them are in is to blame, and what any of them is in is no wrong answer.

use std::collections::BTreeMap;

use super::chains::{self, End};
use super::{Causes, Piece, Root, Stage};
use crate::history::{History, Span};

/// In larger pools only the handler that takes the request in the end is looked at.
const MAX_POOL: usize = 64;
/// What is shorter is not looked at where it is only another answer.
const SHORT_NS: i64 = 100_000;

/// The pieces of a span in which a request was in the queue and all handlers were busy; `taker` is the
/// handler that took it in the end.
pub(super) fn pieces(history: &History, handlers: usize, taker: usize, span: Span) -> Vec<Piece> {
    sweep(history, handlers, taker, span, false)
}

/// The pieces of a span in which all handlers were busy: what a request that came then would wait for.
pub(super) fn all_busy(history: &History, handlers: usize, span: Span) -> Vec<Piece> {
    if handlers > MAX_POOL || span.ns() < SHORT_NS {
        return Vec::new();
    }
    sweep(history, handlers, 0, span, true)
}

/// Goes through a span; with `only_busy`, moments at which a handler has nothing to do are left out.
fn sweep(
    history: &History,
    handlers: usize,
    taker: usize,
    span: Span,
    only_busy: bool,
) -> Vec<Piece> {
    let pool = if handlers <= MAX_POOL {
        (0..handlers).collect()
    } else {
        vec![taker]
    };
    let of_each: Vec<Vec<(Piece, bool)>> = pool
        .iter()
        .map(|handler| {
            let chains = chains::of_thread(history, *handler, span).into_iter();
            let pieces = chains.map(|chain| {
                let is_idle = chain.end == End::Idle && chain.wait.is_none();
                (Piece::of_handler(history, chain), is_idle)
            });
            pieces.collect()
        })
        .collect();
    let ends = of_each.iter().flatten().map(|(piece, _)| piece.span.end);
    let mut ends: Vec<i64> = ends.collect();
    ends.sort_unstable();
    ends.dedup();

    let place = pool.iter().position(|handler| *handler == taker);
    let mut at = vec![0; of_each.len()];
    let mut start = span.start;
    let mut pieces = Vec::with_capacity(ends.len());
    for end in ends {
        for (at, of_one) in at.iter_mut().zip(&of_each) {
            while of_one
                .get(*at)
                .is_some_and(|(piece, _)| piece.span.end <= start)
            {
                *at += 1;
            }
        }
        let now = at.iter().zip(&of_each).map(|(at, of_one)| of_one.get(*at));
        let now = now.flatten();
        let is_left_out = only_busy && now.clone().any(|(_, is_idle)| *is_idle);
        let now: Vec<&Piece> = now.map(|(piece, _)| piece).collect();
        if !is_left_out {
            pieces.extend(summed(&now, place, Span { start, end }));
        }
        start = end;
    }
    pieces
}

/// What a moment is to the request: `now` is what each handler is in.
fn summed(now: &[&Piece], taker: Option<usize>, span: Span) -> Option<Piece> {
    let mut counts = BTreeMap::<Root, usize>::new();
    for piece in now {
        *counts.entry(piece.cause.root).or_default() += 1;
    }
    let most = counts.values().copied().max()?;
    // Of equals, what the handler was in that takes the request.
    let of_taker = taker.and_then(|place| now.get(place));
    let of_taker = of_taker.filter(|piece| counts.get(&piece.cause.root) == Some(&most));
    let mut of_most = now.iter().filter(|p| counts[&p.cause.root] == most);
    let first = of_taker.or(of_most.next())?;
    let root = first.cause.root;
    let cause = first.cause.behind();
    let also = now.iter().fold(Causes::default(), |set, piece| {
        set.and(piece.also.behind()).with(piece.cause.behind())
    });
    let mut piece = Piece::new(span, Stage::RequestQueue, cause);
    piece.also = also.without(cause);
    // A stop is one of the handlers that are free, too.
    if matches!(root, Root::Pause | Root::CpuThrottle) {
        piece.or(root.own());
    }
    piece.less = now
        .iter()
        .fold(Causes::default(), |set, p| set.and(p.less.behind()));
    piece.pause = first.pause;
    // Where they are in several file operations, none is the one.
    let same = now.iter().filter(|piece| piece.cause.root == root);
    let writes: Vec<_> = same.clone().map(|piece| piece.write).collect();
    if writes.iter().all(|write| *write == writes[0]) {
        piece.write = writes[0];
    }
    let threads: Vec<_> = same.map(|piece| piece.thread).collect();
    if threads.iter().all(|thread| *thread == threads[0]) {
        piece.thread = threads[0];
    }
    Some(piece)
}
