//! The simulated broker does what Kafka, the JVM and Linux do.

use kcorr_scenario::history::{Activity, History, Kind, Role};
use kcorr_scenario::simulate;

use crate::short;

fn all() -> Vec<(&'static str, History)> {
    [
        "clean",
        "replicated",
        "quiet",
        "syncs",
        "late-fetch",
        "quota",
        "cluster-stops",
    ]
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
                request.assigned,
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

/// Whether a thread flushes logs without their monitors.
fn is_unlocked(history: &History, thread: usize) -> bool {
    history.threads[thread].name == "kafka-scheduler-7"
}

#[test]
fn a_monitor_has_one_holder_and_no_write_to_its_log_is_outside() {
    for (_, history) in all() {
        for monitor in &history.monitors {
            let pairs = monitor.holds.windows(2);
            assert!(pairs.into_iter().all(|p| p[0].0.end <= p[1].0.start));
        }
        for write in &history.writes {
            if is_unlocked(&history, write.thread) {
                assert_ne!(write.operation, "write");
                continue;
            }
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
fn no_java_code_runs_in_a_stop_and_writes_go_on() {
    let mut goes_on = 0;
    for (_, history) in all() {
        for thread in &history.threads {
            for (span, activity) in &thread.activities {
                let mut stops = history.pauses.iter().chain(&history.throttles);
                let stop = stops.find(|stop| stop.common(*span).is_some());
                match activity {
                    Activity::Cpu => assert_eq!(stop, None, "{span:?}"),
                    Activity::Write(_) if stop.is_some() => goes_on += 1,
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
                    && fetch.taken <= request.completed
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

#[test]
fn a_request_waits_in_the_queue_only_while_all_handlers_are_busy() {
    let history = simulate(&short("shared-queue", 8_000));
    let handlers = history.threads.iter().filter(|t| t.role == Role::Handler);
    let handlers = handlers.count();
    let is_busy = |handler: usize, time: i64| {
        let mut requests = history.requests.iter().filter(|r| r.handler == handler);
        requests.any(|r| r.assigned <= time && time < r.local_end)
    };
    let mut waited = 0;
    for request in history.requests.iter().filter(|r| r.assigned > r.queued) {
        for handler in 0..handlers {
            for time in [request.queued, request.assigned - 1] {
                assert!(is_busy(handler, time), "{handler} {request:?}");
            }
        }
        waited += i64::from(request.assigned - request.queued > 10_000_000);
    }
    assert!(waited > 20, "{waited}");
}

#[test]
fn a_network_thread_reads_late_while_handlers_are_idle() {
    let history = simulate(&short("starved", 10_000));
    let late = history.requests.iter().filter(|request| {
        let unread = request.received.max(request.unmuted);
        let handlers = history.threads.iter().filter(|t| t.role == Role::Handler);
        let idle = |time: i64| {
            let mut handlers = handlers.clone();
            handlers.any(|handler| {
                let mut activities = handler.activities.iter();
                !activities.any(|(span, _)| span.start <= time && time < span.end)
            })
        };
        request.queued - unread > 30_000_000 && idle(unread + 15_000_000)
    });
    assert!(late.count() > 5);
}

#[test]
fn a_flush_syncs_the_segment_first_and_then_its_indexes() {
    let history = simulate(&short("syncs", 5_000));
    let (mut flushes, mut transactions) = (0, 0);
    for (number, thread) in history.threads.iter().enumerate() {
        if thread.role != Role::Handler {
            continue;
        }
        let of_thread: Vec<_> = history
            .writes
            .iter()
            .filter(|w| w.thread == number)
            .collect();
        for (place, write) in of_thread.iter().enumerate() {
            let Some(next) = of_thread.get(place + 1..).filter(|next| next.len() > 3) else {
                continue;
            };
            if write.operation != "write" {
                continue;
            }
            let ends = [".log", ".index", ".timeindex"];
            for (sync, end) in next.iter().zip(ends) {
                let operation = if end == ".log" { "fsync" } else { "msync" };
                assert_eq!(sync.operation, operation);
                assert!(sync.file.ends_with(end) && sync.log == write.log);
            }
            flushes += 1;
            transactions += i32::from(next[3].file.ends_with(".txnindex"));
        }
    }
    assert!(
        flushes > 500 && transactions > 10,
        "{flushes} {transactions}"
    );
}

#[test]
fn a_roll_syncs_a_snapshot_under_the_lock_and_flushes_the_old_segment_without() {
    let history = simulate(&short("roll", 5_000));
    let snapshots = history
        .writes
        .iter()
        .filter(|w| w.file.ends_with(".snapshot"));
    assert!(snapshots.clone().count() > 10);
    assert!(
        snapshots
            .clone()
            .all(|write| history.threads[write.thread].role == Role::Handler)
    );
    let flushed = history
        .writes
        .iter()
        .filter(|w| is_unlocked(&history, w.thread));
    let under_another = flushed.filter(|write| {
        let mut holds = history.monitors[write.log].holds.iter();
        holds.any(|(span, owner)| *owner != write.thread && span.common(write.span).is_some())
    });
    assert!(under_another.count() > 10);
}

#[test]
fn acks_all_is_answered_by_the_fetch_as_it_is_processed() {
    let history = simulate(&short("late-fetch", 8_000));
    let mut late = 0;
    for request in &history.requests {
        let Some(fetch) = request.completed_by.map(|fetch| &history.requests[fetch]) else {
            continue;
        };
        assert!(fetch.taken <= request.completed && request.completed <= fetch.local_end);
        late += i32::from(request.completed - fetch.received.max(request.local_end) > 40_000_000);
    }
    assert!(late > 10, "{late}");
}

#[test]
fn the_quota_stops_all_threads_until_the_next_period() {
    let history = simulate(&short("quota", 10_000));
    assert!(history.throttles.len() > 3);
    let mut at_once = 0;
    for stop in &history.throttles {
        assert_eq!(stop.end % 100_000_000, 0);
        assert!(
            history
                .pauses
                .iter()
                .all(|pause| pause.common(*stop).is_none())
        );
        let waits = history.run_queue_waits.iter();
        let mut threads: Vec<usize> = waits
            .filter(|wait| wait.span.end == stop.end)
            .map(|wait| wait.thread)
            .collect();
        threads.sort_unstable();
        threads.dedup();
        at_once += usize::from(threads.len() > 3);
    }
    assert!(at_once > 3, "{at_once}");
}
