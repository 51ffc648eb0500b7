//! What happens to the broker from outside, drawn before the simulation starts: stops of the JVM and of
//! the process, and commits of the journal.

use crate::Options;
use crate::history::{Commit, Span, Time};
use crate::random::Random;

const MS: i64 = 1_000_000;

/// Stops of the JVM. Java code does not run in one; a thread in a system call goes on.
pub(crate) fn pauses(options: &Options) -> Vec<Span> {
    let mut random = Random::new(options.seed, "pauses");
    let mut pauses = Vec::new();
    let last = 2 * options.duration_ms * MS;
    let mut time = random.gap_ns(options.pauses_per_second);
    while time < last {
        let median = if random.chance(options.slow_pause_share) {
            options.slow_pause_ms
        } else {
            options.pause_ms
        };
        let end = time + random.slow_ns(median);
        pauses.push(Span { start: time, end });
        time = end + MS + random.gap_ns(options.pauses_per_second);
    }
    pauses
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
