//! What a thread was truly held up by, at each moment: through the monitors it waited for, down to a
//! thread that waited for nobody.

use crate::history::{Activity, History, Span, WriteState};

/// The end of a chain of waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// A file operation, and what it was doing.
    Write(usize, WriteState),
    /// A thread computed, or was ready to.
    Cpu,
    /// A stop of the JVM.
    Pause(usize),
    /// A monitor was given to a thread that was waking up.
    HandOver,
    /// The thread had nothing to do.
    Idle,
}

/// A stretch of time and the end of its chain.
#[derive(Debug, Clone, Copy)]
pub(super) struct Root {
    pub(super) span: Span,
    pub(super) end: End,
    /// The thread at the end.
    pub(super) thread: usize,
    /// The thread's own wait that it begins with, if it is one.
    pub(super) wait: Option<usize>,
    /// The last monitor of the chain.
    pub(super) monitor: Option<usize>,
}

/// The roots of a thread's time, in order and without gaps.
pub(super) fn of_thread(history: &History, thread: usize, span: Span) -> Vec<Root> {
    let mut roots = Vec::new();
    push_thread(history, thread, span, None, &mut roots);
    roots
}

fn push_thread(
    history: &History,
    thread: usize,
    span: Span,
    monitor: Option<usize>,
    roots: &mut Vec<Root>,
) {
    let activities = &history.threads[thread].activities;
    let first = activities.partition_point(|(of, _)| of.end <= span.start);
    let mut time = span.start;
    let root = |span, end| Root {
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
            roots.push(root(gap, End::Idle));
        }
        time = part.end;
        match activity {
            Activity::Cpu | Activity::RunQueue => roots.push(root(part, End::Cpu)),
            Activity::Pause(pause) => roots.push(root(part, End::Pause(*pause))),
            Activity::Write(write) => {
                for (of, state) in &history.writes[*write].states {
                    if let Some(part) = of.common(part) {
                        roots.push(root(part, End::Write(*write, *state)));
                    }
                }
            }
            Activity::Wait(wait) => push_wait(history, *wait, part, roots),
        }
    }
    if time < span.end {
        let gap = Span {
            start: time,
            end: span.end,
        };
        roots.push(root(gap, End::Idle));
    }
}

/// The roots of a wait: those of the holders, one after another.
fn push_wait(history: &History, wait: usize, span: Span, roots: &mut Vec<Root>) {
    let of = &history.waits[wait];
    let holds = &history.monitors[of.monitor].holds;
    let first = holds.partition_point(|(hold, _)| hold.end <= span.start);
    for (hold, owner) in &holds[first..] {
        let Some(part) = hold.common(span) else { break };
        let before = roots.len();
        if *owner == of.thread {
            push_hand_over(history, of.thread, of.monitor, part, roots);
        } else {
            push_thread(history, *owner, part, Some(of.monitor), roots);
        }
        for root in &mut roots[before..] {
            root.wait = Some(wait);
        }
    }
}

/// A thread that was given a monitor wakes up; a pause may come in between.
fn push_hand_over(
    history: &History,
    thread: usize,
    monitor: usize,
    span: Span,
    roots: &mut Vec<Root>,
) {
    for (part, pause) in cut_by_pauses(history, span) {
        roots.push(Root {
            span: part,
            end: pause.map_or(End::HandOver, End::Pause),
            thread,
            wait: None,
            monitor: Some(monitor),
        });
    }
}

/// A span cut at pauses: the parts, each with the pause it lies in.
pub(super) fn cut_by_pauses(history: &History, span: Span) -> Vec<(Span, Option<usize>)> {
    let mut parts = Vec::new();
    let mut time = span.start;
    let first = history.pauses.partition_point(|p| p.end <= span.start);
    for (number, pause) in history.pauses.iter().enumerate().skip(first) {
        let Some(part) = pause.common(span) else {
            break;
        };
        if time < part.start {
            let before = Span {
                start: time,
                end: part.start,
            };
            parts.push((before, None));
        }
        parts.push((part, Some(number)));
        time = part.end;
    }
    if time < span.end {
        let rest = Span {
            start: time,
            end: span.end,
        };
        parts.push((rest, None));
    }
    parts
}
