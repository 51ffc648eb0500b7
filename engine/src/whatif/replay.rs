//! The larger prediction: the recording is run again with the cut waits shorter.
//!
//! Connections, handler threads and logs are resources that serve one at a time, in the recorded order.
//! Each step begins when everything that it needs is free, and as much later as it did in the recording;
//! that delay, and the length of what no change cuts, stay as recorded. Every resource carries two times, as
//! recorded and as replayed, so a replay without changes gives the recorded latencies exactly, and a
//! shorter wait never makes a request slower.

use std::collections::HashMap;

use super::recording::{Append, Recording, Request};
use super::{Change, WaitKind};

/// A thread that waited for a monitor writes this soon after getting it, in ns.
const HANDOFF_NS: i64 = 1_000_000;

/// An instant as recorded and as replayed, in ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Instant {
    recorded: i64,
    replayed: i64,
}

impl Instant {
    /// One that no change can move.
    fn fixed(time: i64) -> Self {
        Self {
            recorded: time,
            replayed: time,
        }
    }

    /// When both have come.
    fn and(self, other: Option<Self>) -> Self {
        other.map_or(self, |other| Self {
            recorded: self.recorded.max(other.recorded),
            replayed: self.replayed.max(other.replayed),
        })
    }
}

/// A step of the recording.
#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Append(&'a Append),
    End(&'a Request),
}

/// Latencies of the produce requests in ns, by arrival.
pub(super) fn latencies(recording: &Recording, changes: &[Change]) -> Vec<i64> {
    let mut replay = Replay::new(recording, changes);
    let mut ends: HashMap<i64, i64> = HashMap::new();
    for step in steps(recording) {
        match step {
            Step::Append(append) => replay.append(append),
            Step::End(request) => {
                ends.insert(request.id, replay.end(request));
            }
        }
    }
    let produced = recording
        .requests
        .iter()
        .filter(|request| request.is_produce);
    produced
        .map(|request| ends.get(&request.id).copied().unwrap_or(request.end) - request.arrival)
        .collect()
}

/// All steps, each behind what it needs: appends by their start, ends by their time. A request's
/// appends come before its end, also where clocks are a little apart.
fn steps(recording: &Recording) -> Vec<Step<'_>> {
    let mut last_append: HashMap<i64, i64> = HashMap::new();
    let mut steps: Vec<((i64, u8, i64), Step<'_>)> = Vec::new();
    for append in &recording.appends {
        if let Some(request) = append.request {
            let last = last_append.entry(request).or_insert(append.start);
            *last = append.start.max(*last);
        }
        steps.push(((append.start, 1, append.write), Step::Append(append)));
    }
    for request in &recording.requests {
        let last = last_append.get(&request.id).copied().unwrap_or(i64::MIN);
        let is_late = request.end <= last;
        let key = (
            request.end.max(last),
            if is_late { 2 } else { 0 },
            request.id,
        );
        steps.push((key, Step::End(request)));
    }
    steps.sort_by_key(|(key, _)| *key);
    steps.into_iter().map(|(_, step)| step).collect()
}

struct Replay<'a> {
    recording: &'a Recording,
    changes: &'a [Change],
    requests: HashMap<i64, &'a Request>,
    /// When the last response of a connection was sent.
    connections: HashMap<i64, Instant>,
    /// When a thread ended its last append.
    handlers: HashMap<i64, Instant>,
    /// When the last append to a log ended.
    logs: HashMap<&'a (String, i64), Instant>,
    /// When a request's last append so far ended.
    progress: HashMap<i64, Instant>,
}

impl<'a> Replay<'a> {
    fn new(recording: &'a Recording, changes: &'a [Change]) -> Self {
        Self {
            recording,
            changes,
            requests: recording.requests.iter().map(|r| (r.id, r)).collect(),
            connections: HashMap::new(),
            handlers: HashMap::new(),
            logs: HashMap::new(),
            progress: HashMap::new(),
        }
    }

    fn append(&mut self, append: &'a Append) {
        let ended = self.ended(append);
        self.handlers.insert(append.tid, ended);
        self.logs.insert(&append.log, ended);
        if let Some(request) = append.request {
            self.progress.insert(request, ended);
        }
    }

    fn ended(&self, append: &Append) -> Instant {
        let length = append.end - append.start;
        let saved = self.recording.saved_of_write(append.write, self.changes);
        let rest = (length - saved).max(0);
        let request = append.request.and_then(|id| self.requests.get(&id));
        let Some(request) = request else {
            // Nobody knows what it waited for: it begins when it did.
            return Instant {
                recorded: append.end,
                replayed: append.start + rest,
            };
        };
        let before = match self.progress.get(&request.id) {
            Some(earlier) => *earlier,
            None => self
                .service_start(request)
                .and(self.handlers.get(&append.tid).copied()),
        };
        let asked_at = self.asked_at(append).max(before.recorded).min(append.start);
        let asked = self.later(before, asked_at);
        let log = self.logs.get(&append.log).copied();
        let free = asked.and(log);
        let mut started = self.later(free, append.start);
        if let Some(change) = self.change(WaitKind::LockWait) {
            let wait = change.rest(started.replayed - asked.replayed);
            started.replayed = asked.replayed + wait;
        }
        Instant {
            recorded: append.end,
            replayed: started.replayed + rest,
        }
    }

    /// When the response is sent, as replayed.
    fn end(&mut self, request: &'a Request) -> i64 {
        let before = match self.progress.remove(&request.id) {
            Some(appended) => appended,
            None => self.service_start(request),
        };
        let end = self.later(before, request.end);
        let connection = self.connections.get(&request.connection).copied();
        self.connections
            .insert(request.connection, end.and(connection));
        end.replayed
    }

    /// When the request was read and its connection was free.
    fn service_start(&self, request: &Request) -> Instant {
        let connection = self.connections.get(&request.connection).copied();
        // One that arrives with others in flight may be read before or after them.
        let connection = connection.filter(|free| free.recorded <= request.service_start);
        Instant::fixed(request.ready).and(connection)
    }

    /// When the append's thread asked for the log's monitor.
    fn asked_at(&self, append: &Append) -> i64 {
        let Some(waits) = self.recording.monitor_waits.get(&append.tid) else {
            return append.start;
        };
        let from = waits.partition_point(|&(_, end)| end < append.start - HANDOFF_NS);
        let near = waits.iter().skip(from);
        let near = near.take_while(|&&(_, end)| end <= append.start + HANDOFF_NS);
        near.map(|&(start, _)| start).min().unwrap_or(append.start)
    }

    /// A time in the recording, replayed: as long after what it follows as it was, less what a change
    /// takes from the JVM's stops between.
    fn later(&self, before: Instant, recorded: i64) -> Instant {
        let delay = recorded - before.recorded;
        let saved = match self.change(WaitKind::Gc) {
            Some(change) => self.saved_of_pauses(before.recorded, recorded, change),
            None => 0,
        };
        Instant {
            recorded,
            replayed: before.replayed + delay - saved,
        }
    }

    fn saved_of_pauses(&self, start: i64, end: i64, change: Change) -> i64 {
        // A stop is seen by several recordings, and one stop may hold another: each moment counts once.
        let pauses = &self.recording.pauses;
        let to = pauses.partition_point(|&(pause_start, _)| pause_start < end);
        let mut counted = start;
        let mut saved = 0;
        for &(pause_start, pause_end) in pauses.iter().take(to) {
            let from = pause_start.max(counted);
            let until = pause_end.min(end);
            if from < until {
                saved += change.saved(until - from);
                counted = until;
            }
        }
        saved
    }

    fn change(&self, kind: WaitKind) -> Option<Change> {
        self.changes
            .iter()
            .find(|change| change.kind == kind)
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(id: i64, connection: i64, arrival: i64, service_start: i64, end: i64) -> Request {
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

    fn append(request: i64, tid: i64, start: i64, end: i64) -> Append {
        Append {
            write: request,
            tid,
            start,
            end,
            log: ("orders".to_owned(), 0),
            request: Some(request),
        }
    }

    /// Request 1 writes for 100 ms, 90 of them in the journal. 2 waits for the log behind it; 3 waits for 1
    /// on its connection.
    fn convoy() -> Recording {
        let ms = 1_000_000;
        let scaled = |mut r: Request| {
            for time in [
                &mut r.arrival,
                &mut r.ready,
                &mut r.service_start,
                &mut r.end,
            ] {
                *time *= ms;
            }
            r
        };
        let mut appends = vec![
            append(1, 7, ms, 101 * ms),
            append(2, 8, 101 * ms, 102 * ms),
            append(3, 7, 105 * ms, 106 * ms),
        ];
        appends.sort_by_key(|append| append.start);
        Recording {
            requests: vec![
                scaled(request(1, 1, 0, 0, 103)),
                scaled(request(2, 2, 2, 2, 104)),
                scaled(request(3, 1, 50, 103, 108)),
            ],
            appends,
            monitor_waits: HashMap::from([(8, vec![(3 * ms, 101 * ms)])]),
            states: HashMap::from([(
                1,
                vec![
                    ("journal_commit".to_owned(), 90 * ms),
                    ("unknown".to_owned(), 10 * ms),
                ],
            )]),
            ..Recording::default()
        }
    }

    fn milliseconds(recording: &Recording, changes: &[Change]) -> Vec<i64> {
        let latencies = latencies(recording, changes);
        latencies.into_iter().map(|ns| ns / 1_000_000).collect()
    }

    #[test]
    fn a_shorter_write_lets_those_behind_it_go_earlier() {
        let cut = |cap_ns| {
            let kind = WaitKind::JournalCommit;
            milliseconds(&convoy(), &[Change { kind, cap_ns }])
        };
        // 3 arrives at 50 ms, when nothing is ahead of it any more.
        assert_eq!(cut(0), [13, 12, 5]);
        assert_eq!(cut(5_000_000), [18, 17, 5]);
    }

    #[test]
    fn without_lock_waits_a_request_writes_when_it_asks() {
        let kind = WaitKind::LockWait;
        let change = Change { kind, cap_ns: 0 };
        assert_eq!(milliseconds(&convoy(), &[change]), [103, 4, 58]);
    }

    #[test]
    fn a_pause_is_taken_from_the_time_around_it_once() {
        let mut recording = convoy();
        let ms = 1_000_000;
        // Between the last append of request 1 and its response, seen twice.
        recording.pauses = vec![(101 * ms, 102 * ms), (101 * ms, 102 * ms)];
        let kind = WaitKind::Gc;
        let change = Change { kind, cap_ns: 0 };
        assert_eq!(milliseconds(&recording, &[change])[0], 102);
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
            0i64..40,
        );
        prop::collection::vec(one, 1..40).prop_map(|rows| {
            let mut recording = Recording::default();
            let mut free: HashMap<i64, i64> = HashMap::new();
            let mut rows: Vec<_> = (1..).zip(rows).collect();
            rows.sort_by_key(|(_, row)| row.1);
            for (id, (connection, arrival, lead, tid, log, length, journal, tail)) in rows {
                let start = arrival.max(free.get(&connection).copied().unwrap_or(0));
                let write = start + lead - 1;
                let end = (write + length + tail).max(start);
                free.insert(connection, end);
                recording
                    .requests
                    .push(request(id, connection, arrival, start, end));
                recording.appends.push(Append {
                    log: ("orders".to_owned(), log),
                    ..append(id, tid, write, write + length)
                });
                let states = vec![("journal_wait".to_owned(), journal.min(length))];
                recording.states.insert(id, states);
            }
            recording
                .appends
                .sort_by_key(|append| (append.start, append.write));
            recording
        })
    }

    proptest! {
        #[test]
        fn a_replay_without_changes_gives_the_recorded_latencies(recording in recordings()) {
            prop_assert_eq!(latencies(&recording, &[]), recording.produce_latencies());
        }

        #[test]
        fn a_cut_never_makes_a_request_slower(recording in recordings(), cap_ns in 0i64..30) {
            let change = Change { kind: WaitKind::JournalCommit, cap_ns };
            let after = latencies(&recording, &[change]);
            for (after, before) in after.iter().zip(recording.produce_latencies()) {
                prop_assert!(*after <= before);
            }
        }
    }
}
