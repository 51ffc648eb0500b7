//! Appends with what the recording tells around them: since when a thread waited for a log, and since when
//! it held it.
//!
//! Recordings have writes and waits, not who held which log. What follows from them:
//!
//! - A thread that waited for a monitor and writes at once after waited for the log.
//! - While one waits, somebody holds the log; once the writer before is done, the one that writes next.
//!   So a holder may have had the log long before its write.
//! - When the one that writes next was not there yet, somebody else held the log until then, unseen.
//! - A wait that began before anybody is known to have held the log was for something else until then.

use std::collections::HashMap;

use super::super::recording::{Append, Recording};

/// An append, and when its thread waited for the log and held it; times in ns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recorded<'a> {
    pub(super) append: &'a Append,
    /// Which log.
    pub(super) log: usize,
    /// Place in the recording: who got the log first. Even ones are left for those unseen.
    pub(super) place: usize,
    /// End of the thread's append before.
    pub(super) thread_free: i64,
    /// Since when its thread waited for a monitor.
    pub(super) asked: i64,
    /// Since when it waited for a known holder of the log.
    pub(super) queued: i64,
    /// Since when it held the log.
    pub(super) granted: i64,
    /// Who held the log between the append before and this one, unseen.
    pub(super) unseen: Option<Unseen>,
    /// End of the log's append before.
    log_free: i64,
}

/// Somebody that held a log while others waited for it; times in ns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unseen {
    /// Since when those others waited.
    pub(super) asked: i64,
    /// Since when it held the log.
    pub(super) granted: i64,
    /// When it gave it back.
    pub(super) end: i64,
}

/// All appends by start, and how many logs they are to.
pub(super) fn appends(recording: &Recording) -> (Vec<Recorded<'_>>, usize) {
    let begins: HashMap<i64, i64> = recording
        .requests
        .iter()
        .map(|request| (request.id, request.service_start))
        .collect();
    let begin_of = |append: &Append| begins.get(&append.request?).copied();
    let mut logs: HashMap<&(String, i64), usize> = HashMap::new();
    let mut log_free: HashMap<usize, i64> = HashMap::new();
    let mut thread_free: HashMap<i64, i64> = HashMap::new();
    let each = recording.appends.iter().enumerate().map(|(place, append)| {
        let count = logs.len();
        let log = *logs.entry(&append.log).or_insert(count);
        let free = thread_free
            .insert(append.tid, append.end)
            .unwrap_or(i64::MIN);
        let before = log_free.get(&log).copied().unwrap_or(i64::MIN);
        log_free.insert(log, before.max(append.end));
        let asked = asked_at(recording, append, begin_of(append))
            .max(free)
            .min(append.start);
        Recorded {
            append,
            log,
            place: 2 * place + 1,
            thread_free: free,
            asked,
            queued: asked,
            granted: asked.max(before.min(append.start)),
            unseen: None,
            log_free: before,
        }
    });
    let mut appends: Vec<Recorded<'_>> = each.collect();
    hold_while_others_wait(&mut appends, begin_of);
    queue_behind_known_holders(&mut appends);
    (appends, logs.len())
}

/// When an append's thread asked for the log's monitor: not before its request was there.
fn asked_at(recording: &Recording, append: &Append, begin: Option<i64>) -> i64 {
    let Some(waits) = recording.monitor_waits.get(&append.tid) else {
        return append.start;
    };
    let allowed = recording.allowed;
    let earliest = begin.map_or(i64::MIN, |begin| begin.saturating_sub(allowed.clock_slack));
    let latest = append.start.saturating_add(allowed.handoff);
    let to = waits.partition_point(|&(_, end)| end <= latest);
    // Backwards; a thread may have to wait again at once.
    let before = waits.get(..to).unwrap_or_default().iter().rev();
    before
        .filter(|&&(start, _)| start >= earliest)
        .try_fold(append.start, |asked, &(start, end)| {
            if end < asked.saturating_sub(allowed.handoff) {
                Err(asked)
            } else {
                Ok(asked.min(start))
            }
        })
        .unwrap_or_else(|asked| asked)
}

/// Lets appends hold their log since somebody waited for it.
fn hold_while_others_wait(appends: &mut [Recorded<'_>], begin_of: impl Fn(&Append) -> Option<i64>) {
    // The earliest that one of the later writers asked for the log.
    let mut waited_since: HashMap<usize, i64> = HashMap::new();
    for recorded in appends.iter_mut().rev() {
        let since = waited_since.entry(recorded.log).or_insert(i64::MAX);
        let others = *since;
        *since = others.min(recorded.asked);
        let begin = begin_of(recorded.append);
        let held = others
            .max(recorded.log_free)
            .max(recorded.thread_free)
            .max(begin.unwrap_or(i64::MIN));
        if held < recorded.granted {
            recorded.granted = held;
            recorded.asked = recorded.asked.min(held);
            recorded.queued = recorded.asked;
        }
        // They came to wait while the log was held, and it was held on.
        if others < recorded.log_free && recorded.log_free < recorded.granted {
            recorded.unseen = Some(Unseen {
                asked: others,
                granted: recorded.log_free,
                end: recorded.granted,
            });
        }
    }
}

/// Lets appends wait for the log only while it was held.
fn queue_behind_known_holders(appends: &mut [Recorded<'_>]) {
    // Of each log: since when it was held without a gap, and until when.
    let mut held: HashMap<usize, (i64, i64)> = HashMap::new();
    for recorded in appends {
        let granted = recorded.granted;
        let (since, until) = held.entry(recorded.log).or_insert((i64::MIN, i64::MIN));
        *until = recorded.unseen.map_or(*until, |unseen| unseen.end);
        recorded.queued = recorded.asked.max((*since).min(granted));
        if granted > *until {
            *since = granted;
            recorded.queued = granted;
        }
        *until = recorded.append.end.max(*until);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::recording::{Allowed, Request};
    use super::*;

    fn append(write: i64, start: i64, end: i64) -> Append {
        Append {
            write,
            tid: write,
            start,
            end,
            log: ("orders".to_owned(), 0),
            request: None,
        }
    }

    fn times(recording: &Recording) -> Vec<(i64, i64, i64)> {
        let (appends, _) = appends(recording);
        appends
            .iter()
            .map(|append| (append.asked, append.queued, append.granted))
            .collect()
    }

    #[test]
    fn a_waiter_shows_how_long_the_log_was_held_before_the_write() {
        let recording = Recording {
            appends: vec![append(1, 50, 60), append(2, 61, 70)],
            monitor_waits: HashMap::from([(2, vec![(10, 61)])]),
            ..Recording::default()
        };
        assert_eq!(times(&recording), [(10, 10, 10), (10, 10, 60)]);
    }

    #[test]
    fn a_wait_belongs_to_the_append_that_the_handoff_reaches() {
        let mut recording = Recording {
            appends: vec![append(1, 5_000_000, 6_000_000)],
            monitor_waits: HashMap::from([(1, vec![(1_000_000, 2_000_000)])]),
            ..Recording::default()
        };
        assert_eq!(times(&recording)[0].0, 5_000_000);
        recording.allowed.handoff = 3_000_000;
        assert_eq!(times(&recording)[0].0, 1_000_000);
    }

    #[test]
    fn nobody_holds_a_log_before_its_own_request_is_there() {
        let mut first = append(1, 50, 60);
        first.request = Some(7);
        let recording = Recording {
            requests: vec![Request {
                id: 7,
                service_start: 40,
                ..Request::default()
            }],
            appends: vec![first, append(2, 61, 70)],
            monitor_waits: HashMap::from([(2, vec![(10, 61)])]),
            ..Recording::default()
        };
        // What thread 2 waited for until 40 is not known.
        assert_eq!(times(&recording), [(40, 40, 40), (10, 40, 60)]);
    }

    #[test]
    fn waits_right_after_each_other_are_one() {
        let at = |ms: i64| ms * Allowed::default().handoff;
        let recording = Recording {
            appends: vec![append(1, at(50), at(60))],
            monitor_waits: HashMap::from([(
                1,
                vec![(at(2), at(5)), (at(10), at(40)), (at(41), at(49))],
            )]),
            ..Recording::default()
        };
        // Nobody is known to have held the log.
        assert_eq!(times(&recording), [(at(10), at(10), at(10))]);
    }

    #[test]
    fn somebody_unseen_held_a_log_that_was_waited_for_on_and_on() {
        // 3 waits from 10 on. The log is held by 1 until 60; 2 is at another log until 75.
        let mut elsewhere = append(2, 70, 75);
        elsewhere.log.1 = 1;
        let recording = Recording {
            appends: vec![
                append(1, 5, 60),
                elsewhere,
                append(2, 76, 80),
                append(3, 81, 90),
            ],
            monitor_waits: HashMap::from([(3, vec![(10, 81)])]),
            ..Recording::default()
        };
        let (appends, _) = appends(&recording);
        let unseen = appends[2].unseen.expect("somebody");
        assert_eq!((unseen.asked, unseen.granted, unseen.end), (10, 60, 75));
        assert_eq!((appends[2].granted, appends[3].queued), (75, 10));
    }

    #[test]
    fn a_wait_from_before_a_request_was_there_is_none_of_its() {
        let slack = Allowed::default().clock_slack;
        let mut only = append(1, 50 * slack, 60 * slack);
        only.request = Some(7);
        let recording = Recording {
            requests: vec![Request {
                id: 7,
                service_start: 40 * slack,
                ..Request::default()
            }],
            appends: vec![only],
            monitor_waits: HashMap::from([(1, vec![(10, 50 * slack)])]),
            ..Recording::default()
        };
        let at = 50 * slack;
        assert_eq!(times(&recording), [(at, at, at)]);
    }
}
