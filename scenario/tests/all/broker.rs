//! The simulated broker does what Kafka, the JVM and Linux do.

use kcorr_scenario::history::{Activity, History, Kind};
use kcorr_scenario::simulate;

use crate::short;

fn all() -> Vec<(&'static str, History)> {
    ["clean", "replicated", "quiet"]
        .map(|preset| (preset, simulate(&short(preset, 5_000))))
        .into()
}

#[test]
fn every_request_is_answered() {
    for (preset, history) in all() {
        assert!(history.requests.len() > 1_000, "{preset}");
        for request in &history.requests {
            let stations = [
                request.arrival,
                request.received,
                request.queued,
                request.taken,
                request.local_end,
                request.completed,
                request.sending,
                request.response,
                request.end,
            ];
            assert!(stations.is_sorted(), "{preset}: {request:?}");
            assert!(request.arrival <= request.unmuted && request.unmuted <= request.queued);
        }
    }
}

#[test]
fn a_connection_has_one_request_in_service_at_a_time() {
    for (_, history) in all() {
        for connection in &history.connections {
            for pair in connection.requests.windows(2) {
                let [before, after] = [pair[0], pair[1]].map(|r| &history.requests[r]);
                assert!(before.end <= after.queued);
                assert_eq!(after.unmuted, after.arrival.max(before.end));
            }
        }
    }
}

#[test]
fn a_thread_does_one_thing_at_a_time() {
    for (_, history) in all() {
        for thread in &history.threads {
            let pairs = thread.activities.windows(2);
            assert!(pairs.into_iter().all(|p| p[0].0.end <= p[1].0.start));
        }
        let mut by_handler: Vec<_> = history.requests.iter().collect();
        by_handler.sort_by_key(|request| (request.handler, request.taken));
        for pair in by_handler.windows(2) {
            assert!(pair[0].handler != pair[1].handler || pair[0].local_end <= pair[1].taken);
        }
    }
}

#[test]
fn a_monitor_has_one_holder_and_no_write_to_its_log_is_outside() {
    for (_, history) in all() {
        for monitor in &history.monitors {
            let pairs = monitor.holds.windows(2);
            assert!(pairs.into_iter().all(|p| p[0].0.end <= p[1].0.start));
        }
        for write in &history.writes {
            let mut holds = history.monitors[write.log].holds.iter();
            let held = holds.any(|(span, owner)| {
                *owner == write.thread
                    && span.start <= write.span.start
                    && write.span.end <= span.end
            });
            assert!(held, "{write:?}");
        }
    }
}

#[test]
fn no_java_code_runs_in_a_pause_and_writes_go_on() {
    let mut goes_on = 0;
    for (_, history) in all() {
        for thread in &history.threads {
            for (span, activity) in &thread.activities {
                let mut pauses = history.pauses.iter();
                let pause = pauses.find(|pause| pause.common(*span).is_some());
                match activity {
                    Activity::Cpu => assert_eq!(pause, None, "{span:?}"),
                    Activity::Write(_) if pause.is_some() => goes_on += 1,
                    _ => {}
                }
            }
        }
    }
    assert!(goes_on > 0);
}

#[test]
fn batches_follow_each_other_in_the_files_and_in_offsets() {
    let history = simulate(&short("clean", 5_000));
    let mut appended = 0;
    for log in &history.logs {
        let mut offset = log.segments[0].base_offset;
        for segment in &log.segments {
            assert_eq!(segment.base_offset, offset);
            offset = segment.next_offset;
            let last = segment.batches.last();
            assert!(
                last.is_none_or(|(base, place)| *base < offset && *place < segment.bytes.len())
            );
            appended += segment.batches.len();
        }
        assert_eq!(offset, log.next_offset);
    }
    let parts = history.requests.iter().filter(|r| r.kind == Kind::Produce);
    assert_eq!(appended, parts.map(|r| r.parts.len()).sum::<usize>());
}

#[test]
fn acks_all_waits_for_the_followers_and_others_do_not() {
    let history = simulate(&short("replicated", 5_000));
    let produces = history.requests.iter().filter(|r| r.kind == Kind::Produce);
    let (all, one): (Vec<_>, Vec<_>) = produces.partition(|request| request.acks == -1);
    assert!(!all.is_empty() && !one.is_empty());
    assert!(
        one.iter()
            .all(|request| request.completed == request.local_end)
    );
    for request in all {
        for part in &request.parts {
            let end = part.offset + part.ids.len() as i64;
            let followers = history.requests.iter().filter(|fetch| {
                let has = |p: &kcorr_scenario::history::Part| p.log == part.log && p.offset >= end;
                matches!(fetch.kind, Kind::FollowerFetch(_))
                    && fetch.local_end <= request.completed
                    && fetch.parts.iter().any(has)
            });
            let mut kinds: Vec<String> = followers.map(|f| format!("{:?}", f.kind)).collect();
            kinds.sort();
            kinds.dedup();
            assert_eq!(kinds.len(), 2, "{request:?}");
        }
    }
}

#[test]
fn a_convoy_has_a_thousand_waiters_behind_one_write() {
    let mut options = short("convoy", 8_000);
    options.record_bytes = 40;
    // At least a fifth of this.
    options.slow_commit_ms = 8_000.0;
    let history = simulate(&options);
    let most = history.writes.iter().map(|write| {
        let waits = history.waits.iter();
        let behind = waits
            .filter(|wait| wait.monitor == write.log && wait.span.common(write.span).is_some());
        if write.span.ns() < 100_000_000 {
            0
        } else {
            behind.count()
        }
    });
    assert!(most.max() > Some(1_000));
}
