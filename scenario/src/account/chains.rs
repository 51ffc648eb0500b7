//! What a thread was truly held up by, at each moment: through the monitors it waited for, down to a
//! thread that waited for nobody.

use crate::history::{Activity, History, Span, WriteState};
use crate::stops::{self, Stop};

/// The end of a chain of waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// A file operation, and what it was doing.
    Write(usize, WriteState),
    /// A thread computed.
    Cpu,
    /// A thread was ready to compute, and had no CPU; during a stop it would not have run anyway.
    RunQueue(bool),
    /// A stop of the JVM.
    Pause(usize),
    /// A stop of the process, which had used up its quota of CPU time.
    Throttle(usize),
    /// A stop of the process by a signal.
    Stopped,
    /// A monitor was given to a thread that was waking up.
    HandOver,
    /// The thread had nothing to do.
    Idle,
}

/// A chain of waits for a stretch of time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chain {
    pub(super) span: Span,
    pub(super) end: End,
    /// The thread at the end.
    pub(super) thread: usize,
    /// The thread's own wait that it begins with, if it is one.
    pub(super) wait: Option<usize>,
    /// The last monitor of the chain.
    pub(super) monitor: Option<usize>,
}

/// The chains of a thread's time, in order and without gaps.
pub(super) fn of_thread(history: &History, thread: usize, span: Span) -> Vec<Chain> {
    let mut chains = Vec::new();
    push_thread(history, thread, span, None, &mut chains);
    chains
}

fn push_thread(
    history: &History,
    thread: usize,
    span: Span,
    monitor: Option<usize>,
    chains: &mut Vec<Chain>,
) {
    let activities = &history.threads[thread].activities;
    let first = activities.partition_point(|(of, _)| of.end <= span.start);
    let mut time = span.start;
    let chain = |span, end| Chain {
        span,
        end,
        thread,
        wait: None,
        monitor,
    };
    for (of, activity) in &activities[first..] {
        let Some(part) = of.common(span) else { break };
        if time < part.start {
            let gap = Span {
                start: time,
                end: part.start,
            };
            chains.push(chain(gap, End::Idle));
        }
        time = part.end;
        match activity {
            Activity::Cpu => chains.push(chain(part, End::Cpu)),
            Activity::RunQueue => {
                let cut = cut_by_stops(history, part).into_iter();
                chains.extend(cut.map(|(part, stop)| chain(part, End::RunQueue(stop.is_some()))));
            }
            Activity::Pause(pause) => chains.push(chain(part, End::Pause(*pause))),
            Activity::Throttle(throttle) => chains.push(chain(part, End::Throttle(*throttle))),
            Activity::Stopped(_) => chains.push(chain(part, End::Stopped)),
            Activity::Write(write) => {
                for (of, state) in &history.writes[*write].states {
                    if let Some(part) = of.common(part) {
                        chains.push(chain(part, End::Write(*write, *state)));
                    }
                }
            }
            Activity::Wait(wait) => push_wait(history, *wait, part, chains),
        }
    }
    if time < span.end {
        let gap = Span {
            start: time,
            end: span.end,
        };
        chains.push(chain(gap, End::Idle));
    }
}

/// The chains of a wait: those of the holders, one after another.
fn push_wait(history: &History, wait: usize, span: Span, chains: &mut Vec<Chain>) {
    let of = &history.waits[wait];
    let holds = &history.monitors[of.monitor].holds;
    let first = holds.partition_point(|(hold, _)| hold.end <= span.start);
    for (hold, owner) in &holds[first..] {
        let Some(part) = hold.common(span) else { break };
        let before = chains.len();
        if *owner == of.thread {
            push_hand_over(history, of.thread, of.monitor, part, chains);
        } else {
            push_thread(history, *owner, part, Some(of.monitor), chains);
        }
        for chain in &mut chains[before..] {
            chain.wait = Some(wait);
        }
    }
}

/// A thread that was given a monitor wakes up; a stop may come in between.
fn push_hand_over(
    history: &History,
    thread: usize,
    monitor: usize,
    span: Span,
    chains: &mut Vec<Chain>,
) {
    for (part, stop) in cut_by_stops(history, span) {
        chains.push(Chain {
            span: part,
            end: stop.unwrap_or(End::HandOver),
            thread,
            wait: None,
            monitor: Some(monitor),
        });
    }
}

/// A span cut at stops of the JVM and of the process: the parts, each with the stop it lies in.
pub(super) fn cut_by_stops(history: &History, span: Span) -> Vec<(Span, Option<End>)> {
    let end = |stop| match stop {
        Stop::Pause(pause) => End::Pause(pause),
        Stop::Throttle(throttle) => End::Throttle(throttle),
        Stop::Process(_) => End::Stopped,
    };
    let parts = stops::cut(history, span).into_iter();
    parts.map(|(part, stop)| (part, stop.map(end))).collect()
}
