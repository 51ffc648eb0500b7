//! What happens to the broker from outside, drawn before the simulation starts: stops of the JVM and of
//! the process, and commits of the journal.

use crate::Options;
use crate::history::{Commit, PauseState, Span, Time};
use crate::random::Random;

const MS: i64 = 1_000_000;

/// Until all threads have come to a safepoint, if none is late.
const REACH_NS: i64 = 6_000;
/// Between that and the collection.
const CLEANUP_NS: i64 = 90_000;
/// From the end of the collection, or of its log, to that of the safepoint.
const LEAVE_NS: i64 = 4_000;

/// Stops of the JVM, and what happens in each. Java code does not run in one; a thread in a system call
/// goes on.
pub(crate) fn pauses(options: &Options) -> (Vec<Span>, Vec<Vec<(Span, PauseState)>>) {
    let mut random = Random::new(options.seed, "pauses");
    let mut inside = Random::new(options.seed, "inside of pauses");
    let (mut pauses, mut states) = (Vec::new(), Vec::new());
    let last = 2 * options.duration_ms * MS;
    let mut time = random.gap_ns(options.pauses_per_second);
    while time < last {
        let median = if random.chance(options.slow_pause_share) {
            options.slow_pause_ms
        } else {
            options.pause_ms
        };
        let ns = random.slow_ns(median);
        let mut late = |share, ms| {
            let is_late = inside.chance(share);
            if is_late { inside.slow_ns(ms) } else { 0 }
        };
        let reach = REACH_NS + late(options.late_thread_share, options.late_thread_ms);
        let io = late(options.pause_io_share, options.pause_io_ms);
        let collection = (ns - REACH_NS - CLEANUP_NS - LEAVE_NS).max(1_000);
        let start = time;
        let mut inside = Vec::new();
        for (state, ns) in [
            (PauseState::TimeToSafepoint, reach),
            (PauseState::VmOperation, CLEANUP_NS),
            (PauseState::Gc, collection),
            (PauseState::Io, io),
            (PauseState::VmOperation, LEAVE_NS),
        ] {
            let span = Span {
                start: time,
                end: time + ns,
            };
            time = span.end;
            if ns > 0 {
                inside.push((span, state));
            }
        }
        pauses.push(Span { start, end: time });
        states.push(inside);
        time += MS + random.gap_ns(options.pauses_per_second);
    }
    (pauses, states)
}

/// The kernel gives out CPU time in periods (`cpu.max`, CFS bandwidth).
const QUOTA_PERIOD_NS: i64 = 100 * MS;

/// Stops of the process that has used up its quota of CPU time, each to the end of its period. What it
/// would have used in a stop of the JVM is left, so none meets one.
pub(crate) fn throttles(options: &Options, pauses: &[Span]) -> Vec<Span> {
    let mut random = Random::new(options.seed, "quota");
    let mut throttles = Vec::new();
    for period in 1..=2 * options.duration_ms * MS / QUOTA_PERIOD_NS {
        if !random.chance(options.throttled_share) {
            continue;
        }
        let end = period * QUOTA_PERIOD_NS;
        let ns = random.slow_ns(options.throttled_ms);
        let start = end - ns.min(QUOTA_PERIOD_NS * 9 / 10);
        let span = Span { start, end };
        let next = pauses.partition_point(|pause| pause.end <= start);
        if pauses
            .get(next)
            .is_none_or(|pause| pause.common(span).is_none())
        {
            throttles.push(span);
        }
    }
    throttles
}

/// Stops of the process by a signal; none meets a stop of the JVM.
pub(crate) fn process_stops(options: &Options, pauses: &[Span]) -> Vec<Span> {
    let mut random = Random::new(options.seed, "signals");
    let mut stops = Vec::new();
    let last = 2 * options.duration_ms * MS;
    let mut time = random.gap_ns(options.process_stops_per_second);
    while time < last {
        let span = Span {
            start: time,
            end: time + random.slow_ns(options.process_stop_ms),
        };
        let next = pauses.partition_point(|pause| pause.end <= span.start);
        let meets = pauses
            .get(next)
            .is_some_and(|pause| pause.common(span).is_some());
        if !meets {
            stops.push(span);
        }
        time = span.end + MS + random.gap_ns(options.process_stops_per_second);
    }
    stops
}

/// Commits of the journal, one after another.
pub(crate) fn commits(options: &Options) -> Vec<Commit> {
    let mut random = Random::new(options.seed, "commits");
    let mut commits = Vec::new();
    let last = 2 * options.duration_ms * MS;
    let interval = options.commit_interval_ms.max(1) * MS;
    let mut start = interval / 2;
    let mut transaction = 4_000;
    while start < last {
        let median = if random.chance(options.slow_commit_share) {
            options.slow_commit_ms
        } else {
            options.commit_ms
        };
        let end = start + random.slow_ns(median);
        // The transaction is locked until the handles that are open are given back.
        let locked_until = start + (end - start) / 3;
        commits.push(Commit {
            span: Span { start, end },
            locked_until,
            transaction,
        });
        transaction += 1;
        start = (start + interval + random.between(-interval / 20, interval / 20)).max(end + MS);
    }
    commits
}

/// The span of a sorted list that holds a time.
pub(crate) fn at(spans: &[Span], time: Time) -> Option<usize> {
    let next = spans.partition_point(|span| span.start <= time);
    let index = next.checked_sub(1)?;
    (time < spans[index].end).then_some(index)
}
