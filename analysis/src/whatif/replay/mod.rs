//! The prediction by replay: the recording is run again with the cut waits shorter.
//!
//! A discrete-event simulation. Connections serve one request at a time, in order of arrival; a request
//! takes a free handler or waits for one; an append waits for its log. Every delay that is not such a wait
//! (until a handler can take it, until that queues for the log, from getting the log to the write, from the
//! write to the response) is as long as recorded, and so are the writes, but for what a change cuts. Where
//! several wait for a log or a handler, the one that got it first in the recording does.
//!
//! Replaying a recording without changes shows how well this describes the broker; [`super::Prediction`]
//! has it beside the prediction, and widens its range by the difference.

mod plan;
mod pool;
mod recorded;
mod simulation;

use super::Change;
use super::recording::Recording;
use plan::Plan;

/// Latencies of the produce requests in ns, by arrival.
pub(super) fn latencies(recording: &Recording, changes: &[Change]) -> Vec<i64> {
    let plan = Plan::new(recording, changes);
    let ends = simulation::run(&plan);
    let produced = recording
        .requests
        .iter()
        .filter(|request| request.is_produce);
    produced
        .map(|request| ends.get(&request.id).copied().unwrap_or(request.end) - request.arrival)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::super::WaitKind;
    use super::super::recording::{Append, OwnTime, Request};
    use super::*;

    const MS: i64 = 1_000_000;

    fn request(id: i64, connection: i64, times_ms: [i64; 3]) -> Request {
        let [arrival, service_start, end] = times_ms.map(|time| time * MS);
        Request {
            id,
            connection,
            is_produce: true,
            arrival,
            ready: arrival,
            service_start,
            end,
        }
    }

    fn append(request: i64, tid: i64, start_ms: i64, end_ms: i64) -> Append {
        Append {
            write: request,
            tid,
            start: start_ms * MS,
            end: end_ms * MS,
            log: ("orders".to_owned(), 0),
            request: Some(request),
        }
    }

    /// Request 1 writes for 100 ms, 90 of them in the journal. 2 waits for the log behind it; 3 waits
    /// for 1 on its connection.
    fn convoy() -> Recording {
        Recording {
            requests: vec![
                request(1, 1, [0, 0, 103]),
                request(2, 2, [2, 2, 104]),
                request(3, 1, [50, 103, 108]),
            ],
            appends: vec![
                append(1, 7, 1, 101),
                append(2, 8, 101, 102),
                append(3, 7, 105, 106),
            ],
            monitor_waits: HashMap::from([(8, vec![(3 * MS, 101 * MS)])]),
            states: HashMap::from([(
                1,
                vec![
                    ("journal_commit".to_owned(), 90 * MS),
                    ("unknown".to_owned(), 10 * MS),
                ],
            )]),
            ..Recording::default()
        }
    }

    fn replayed(recording: &Recording, kind: WaitKind, cap_ns: i64) -> Vec<i64> {
        let latencies = latencies(recording, &[Change { kind, cap_ns }]);
        latencies.into_iter().map(|ns| ns / MS).collect()
    }

    #[test]
    fn a_replay_without_changes_gives_the_recorded_latencies() {
        assert_eq!(latencies(&convoy(), &[]), convoy().produce_latencies());
    }

    #[test]
    fn a_shorter_write_lets_those_behind_it_go_earlier() {
        // 3 arrives at 50 ms, when nothing is ahead of it any more.
        assert_eq!(replayed(&convoy(), WaitKind::JournalCommit, 0), [13, 12, 5]);
        assert_eq!(
            replayed(&convoy(), WaitKind::JournalCommit, 5 * MS),
            [18, 17, 5]
        );
    }

    #[test]
    fn one_that_was_behind_a_later_one_no_longer_is() {
        let mut recording = convoy();
        // 4 arrives at 99 ms, and in the recording it gets the log before 3.
        recording.requests.push(request(4, 3, [99, 99, 105]));
        recording.appends.push(append(4, 9, 102, 104));
        recording
            .monitor_waits
            .insert(9, vec![(100 * MS, 102 * MS)]);
        recording.appends.sort_by_key(|append| append.start);
        assert_eq!(
            replayed(&recording, WaitKind::JournalCommit, 0),
            [13, 12, 5, 4]
        );
    }

    #[test]
    fn without_lock_waits_a_request_writes_when_it_asks() {
        assert_eq!(replayed(&convoy(), WaitKind::LockWait, 0), [103, 4, 58]);
        assert_eq!(
            replayed(&convoy(), WaitKind::LockWait, 10 * MS),
            [103, 14, 58]
        );
    }

    #[test]
    fn a_pause_is_taken_from_the_time_around_it_once() {
        let mut recording = convoy();
        // Between the last append of request 1 and its response, seen twice.
        recording.pauses = vec![(101 * MS, 102 * MS), (101 * MS, 102 * MS)];
        assert_eq!(replayed(&recording, WaitKind::Gc, 0)[0], 102);
    }

    #[test]
    fn what_a_request_itself_was_in_is_taken_from_it_and_from_those_behind() {
        let mut recording = convoy();
        // Before its append, and between that and its response.
        let own = |root: &str, start, end| OwnTime {
            root: root.to_owned(),
            start: start * MS,
            end: end * MS,
        };
        recording.requests[0].end = 153 * MS;
        recording.requests[2] = request(3, 1, [50, 153, 158]);
        recording.appends[2] = append(3, 7, 155, 156);
        recording
            .own_times
            .insert(1, vec![own("cpu_throttle", 0, 1), own("remote", 102, 152)]);
        assert_eq!(replayed(&recording, WaitKind::Followers, 0), [103, 102, 58]);
        assert_eq!(
            replayed(&recording, WaitKind::Followers, 10 * MS),
            [113, 102, 68]
        );
        assert_eq!(replayed(&recording, WaitKind::CpuQuota, 0), [152, 101, 107]);
        assert_eq!(
            replayed(&recording, WaitKind::ClientQuota, 0),
            [153, 102, 108]
        );
    }

    #[test]
    fn a_request_waits_for_a_handler_when_all_are_busy() {
        // One handler, two connections: the second request is taken when the first one is written.
        let recording = Recording {
            requests: vec![request(1, 1, [0, 0, 101]), request(2, 2, [10, 10, 103])],
            appends: vec![append(1, 7, 0, 100), append(2, 7, 101, 102)],
            states: HashMap::from([(1, vec![("journal_wait".to_owned(), 100 * MS)])]),
            ..Recording::default()
        };
        assert_eq!(latencies(&recording, &[]), recording.produce_latencies());
        assert_eq!(replayed(&recording, WaitKind::JournalCommit, 0), [1, 3]);
        assert_eq!(
            replayed(&recording, WaitKind::JournalCommit, 50 * MS),
            [51, 43]
        );
        // Another handler takes it at once, and waits for the log instead.
        let mut elsewhere = recording.clone();
        elsewhere.appends[1].log.1 = 1;
        assert_eq!(replayed(&elsewhere, WaitKind::RequestQueue, 0), [101, 3]);
        assert_eq!(
            replayed(&elsewhere, WaitKind::RequestQueue, 20 * MS),
            [101, 23]
        );
    }

    /// Requests of a few connections, handlers and logs at random times, with clocks a little apart.
    fn recordings() -> impl Strategy<Value = Recording> {
        let one = (
            0i64..3,
            0i64..400,
            0i64..60,
            0i64..3,
            0i64..2,
            0i64..50,
            0i64..40,
        );
        prop::collection::vec(one, 1..40).prop_map(|rows| {
            let mut recording = Recording::default();
            let mut free: HashMap<i64, i64> = HashMap::new();
            let mut rows: Vec<_> = (1..).zip(rows).collect();
            rows.sort_by_key(|(_, row)| row.1);
            for (id, (connection, arrival, lead, tid, log, length, tail)) in rows {
                let start = arrival.max(free.get(&connection).copied().unwrap_or(0));
                let write = start + lead - 1;
                let end = (write + length + tail).max(start);
                free.insert(connection, end);
                recording
                    .requests
                    .push(request(id, connection, [arrival, start, end]));
                recording.appends.push(Append {
                    log: ("orders".to_owned(), log),
                    ..append(id, tid, write, write + length)
                });
                let state = ("journal_wait".to_owned(), length * MS);
                recording.states.insert(id, vec![state]);
            }
            recording
                .appends
                .sort_by_key(|append| (append.start, append.write));
            recording
        })
    }

    proptest! {
        #[test]
        fn every_request_is_answered_after_its_own_writes(recording in recordings()) {
            let after = latencies(&recording, &[]);
            prop_assert_eq!(after.len(), recording.requests.len());
            let lengths: HashMap<i64, i64> = recording
                .appends
                .iter()
                .filter_map(|append| Some((append.request?, append.end - append.start)))
                .collect();
            for (latency, request) in after.iter().zip(&recording.requests) {
                // Its write may begin 1 ms before its first byte: the clocks are that far apart.
                prop_assert!(*latency >= lengths[&request.id] - MS);
            }
        }

        #[test]
        fn without_writes_only_the_recorded_delays_are_left(recording in recordings()) {
            let change = Change { kind: WaitKind::Write, cap_ns: 0 };
            let total = |changes: &[Change]| latencies(&recording, changes).iter().sum::<i64>();
            prop_assert!(total(&[change]) <= total(&[]));
        }
    }
}
