//! The truth is whole, and says what was simulated.

use kcorr_scenario::account::{Cause, Resolver, Root, Stage, Truth, Via, truths};
use kcorr_scenario::history::{History, Kind};
use kcorr_scenario::{Options, simulate};

use crate::short;

fn true_of(options: &Options) -> (History, Vec<Truth>) {
    let history = simulate(options);
    let truth = truths(&history, options).collect();
    (history, truth)
}

/// The pieces of each request follow each other from its arrival to its end.
pub(crate) fn assert_pieces_fill(preset: &str, history: &History, resolver: &Resolver<'_>) {
    for (number, request) in history.requests.iter().enumerate() {
        let mut time = request.arrival;
        for piece in resolver.pieces(number) {
            assert_eq!(piece.span.start, time, "{preset}: {request:?}");
            assert!(piece.span.ns() > 0);
            time = piece.span.end;
        }
        assert_eq!(time, request.end, "{preset}: {request:?}");
    }
}

#[test]
fn the_pieces_of_each_request_fill_its_latency() {
    for preset in [
        "clean",
        "replicated",
        "quiet",
        "syncs",
        "starved",
        "late-fetch",
        "quota",
        "cold-reads",
        "safepoints",
        "throttled",
        "held-back",
        "fetches",
        "coordinators",
        "isr",
        "everything",
    ] {
        let history = simulate(&short(preset, 5_000));
        assert_pieces_fill(preset, &history, &Resolver::new(&history));
    }
}

#[test]
fn segments_and_causes_sum_to_the_latency() {
    let (_, truth) = true_of(&short("clean", 10_000));
    let slow: Vec<&Truth> = truth.iter().filter(|truth| truth.slow).collect();
    assert!(slow.len() > 50);
    for truth in slow {
        assert_eq!(truth.causes.values().sum::<i64>(), truth.latency_ns);
        let segments = truth.segments.iter();
        let sum: i64 = segments.map(|s| s.end_ns - s.start_ns).sum();
        assert_eq!(sum, truth.latency_ns);
        assert_eq!(
            truth.causes[&truth.cause],
            *truth.causes.values().max().unwrap()
        );
    }
}

#[test]
fn a_shortened_account_of_a_convoy_still_sums_to_the_latency() {
    let mut options = short("convoy", 8_000);
    options.record_bytes = 40;
    let (_, truth) = true_of(&options);
    let merged = |truth: &&Truth| truth.segments.iter().any(|s| s.merged.is_some());
    let shortened: Vec<&Truth> = truth.iter().filter(merged).collect();
    assert!(!shortened.is_empty());
    for truth in shortened {
        let mut time = truth.arrival_ns;
        for segment in &truth.segments {
            assert_eq!(segment.start_ns, time);
            time = segment.end_ns;
        }
        assert_eq!(time, truth.end_ns);
    }
}

#[test]
fn a_quiet_broker_has_slow_requests_and_none_for_a_write() {
    let (_, truth) = true_of(&short("quiet", 20_000));
    let slow: Vec<&Truth> = truth.iter().filter(|truth| truth.slow).collect();
    assert!(slow.len() > 20);
    for truth in slow {
        let root = truth.cause.root;
        assert!(
            !matches!(root, Root::SlowWrite | Root::SlowSync),
            "{truth:?}"
        );
    }
}

#[test]
fn every_root_and_way_is_the_verdict_of_some_request() {
    let mut found: Vec<Cause> = Vec::new();
    for preset in ["replicated", "syncs", "starved", "quota", "cold-reads"] {
        let (_, truth) = true_of(&short(preset, 20_000));
        found.extend(truth.iter().filter(|t| t.slow).map(|truth| truth.cause));
    }
    for (root, ways) in [
        (Root::SlowWrite, &[Via::Own, Via::LockWait, Via::Queued][..]),
        (Root::SlowSync, &[Via::Own, Via::LockWait, Via::Queued]),
        (Root::SlowRead, &[Via::Queued, Via::NetworkThread]),
        (Root::Pause, &[Via::Own, Via::Queued]),
        (Root::Cpu, &[Via::Own, Via::Queued, Via::NetworkThread]),
        (Root::CpuThrottle, &[Via::Own, Via::Queued]),
        (Root::Remote, &[Via::Own, Via::Queued]),
        (Root::Response, &[Via::Own, Via::Queued]),
        (Root::LockOther, &[Via::LockWait, Via::Queued]),
    ] {
        for via in ways {
            assert!(found.contains(&root.via(*via)), "{}", root.via(*via));
        }
    }
    assert!(!found.contains(&Cause::UNEXPLAINED));
}

#[test]
fn what_a_fetch_asked_to_wait_is_no_slowness() {
    let (history, truth) = true_of(&short("replicated", 10_000));
    let resolver = Resolver::new(&history);
    let (mut waited, mut slow) = (0, 0);
    for (number, truth) in truth.iter().enumerate() {
        let request = &history.requests[number];
        let asked = resolver.pieces(number).into_iter();
        let asked = asked.filter(|piece| piece.cause.root == Root::RequestedWait);
        let ns: i64 = asked.map(|piece| piece.span.ns()).sum();
        assert_eq!(ns, truth.requested_wait_ns);
        assert_eq!(truth.slow, truth.latency_ns - ns >= 65_000_000);
        if request.kind.api().1 == "Fetch" {
            assert!(ns >= request.completed - request.local_end);
            waited += i32::from(ns > 100_000_000 && !truth.slow);
            slow += i32::from(truth.slow);
        } else {
            assert_eq!(ns, 0, "{truth:?}");
        }
        assert!(!truth.slow || truth.root != Root::RequestedWait);
    }
    assert!(waited > 5 && slow > 5, "{waited} {slow}");
}

#[test]
fn what_happened_in_a_stop_is_its_reason() {
    let (history, truth) = true_of(&short("safepoints", 20_000));
    let slow = truth.iter().filter(|truth| truth.slow);
    let mut reasons = Vec::new();
    for truth in slow.filter(|truth| truth.root == Root::Pause) {
        reasons.extend(truth.reason.as_deref());
        for segment in truth.segments.iter().filter(|s| s.root == Root::Pause) {
            let start = segment.start_ns - kcorr_scenario::history::EPOCH_NS;
            let mut states = history.pause_states.iter().flatten();
            let state = states.find(|(span, _)| (span.start..span.end).contains(&start));
            let named = state.map(|(_, state)| state.name());
            assert_eq!(segment.reason.as_deref(), named);
        }
    }
    for reason in ["time_to_safepoint", "gc", "pause_io"] {
        assert!(reasons.contains(&reason), "{reason}");
    }
}

#[test]
fn a_wait_for_a_log_is_blamed_on_the_write_of_its_holder() {
    let (history, truth) = true_of(&short("clean", 10_000));
    let mut checked = 0;
    let produces = truth.iter().filter(|truth| truth.api == "Produce");
    for truth in produces.filter(|truth| truth.slow) {
        for segment in &truth.segments {
            if segment.segment != Stage::LockWait || segment.root != Root::SlowWrite {
                continue;
            }
            assert_eq!(segment.via, Via::LockWait);
            let own = truth.partitions[0].tid;
            assert_ne!(segment.blocker_tid, Some(own));
            let epoch = kcorr_scenario::history::EPOCH_NS;
            let start = segment.write_start_ns.unwrap() - epoch;
            let write = history
                .writes
                .iter()
                .find(|write| write.span.start == start);
            let write = write.unwrap();
            assert_eq!(Some(history.threads[write.thread].tid), segment.blocker_tid);
            assert!(write.span.start <= segment.start_ns - epoch);
            assert!(segment.end_ns - epoch <= write.span.end);
            checked += 1;
        }
    }
    assert!(checked > 10);
}

#[test]
fn what_is_behind_another_request_has_its_cause() {
    let (history, truth) = true_of(&short("clean", 10_000));
    let produces = history.requests.iter().enumerate();
    let resolver = Resolver::new(&history);
    let mut checked = 0;
    for ((number, request), truth) in produces.zip(&truth) {
        let queued: i64 = resolver
            .pieces(number)
            .iter()
            .filter(|piece| piece.stage == Stage::ConnectionQueue)
            .map(|piece| piece.span.ns())
            .sum();
        assert_eq!(queued, request.unmuted - request.arrival);
        let ahead = resolver.pieces(number);
        for piece in ahead.iter().filter(|p| p.stage == Stage::ConnectionQueue) {
            assert_eq!(piece.cause.via, Via::Queued, "{truth:?}");
            assert!(history.requests[piece.ahead.unwrap()].connection == request.connection);
            checked += 1;
        }
    }
    assert!(checked > 100);
}

#[test]
fn a_sync_is_a_slow_sync_before_between_and_after_the_writes() {
    let epoch = kcorr_scenario::history::EPOCH_NS;
    let [mut before, mut between, mut after, mut behind] = [0; 4];
    for preset in ["syncs", "roll"] {
        let (history, truth) = true_of(&short(preset, 10_000));
        let produces = truth.iter().filter(|truth| truth.api == "Produce");
        for truth in produces.filter(|truth| truth.slow) {
            let of_sync = truth.segments.iter().filter(|s| s.root == Root::SlowSync);
            for segment in of_sync {
                // In the queue it may be several.
                let Some(start) = segment.write_start_ns.map(|start| start - epoch) else {
                    continue;
                };
                let mut writes = history.writes.iter();
                let sync = writes.find(|w| w.span.start == start).unwrap();
                assert_ne!(sync.operation, "write");
                if segment.cause == Root::SlowSync.via(Via::LockWait) {
                    behind += 1;
                }
                if segment.cause != Root::SlowSync.own() {
                    continue;
                }
                let written = truth.partitions.iter();
                let written = written
                    .filter(|p| p.write_end_ns <= segment.start_ns)
                    .count();
                before += usize::from(written == 0);
                between += usize::from(written > 0 && written < truth.partitions.len());
                after += usize::from(written == truth.partitions.len());
            }
        }
    }
    for count in [before, between, after, behind] {
        assert!(count > 5, "{before} {between} {after} {behind}");
    }
}

#[test]
fn what_its_network_thread_has_not_read_is_not_queued_behind_the_handlers() {
    let (history, _) = true_of(&short("starved", 10_000));
    let resolver = Resolver::new(&history);
    let mut late = 0;
    for (number, request) in history.requests.iter().enumerate() {
        let unread = request.received.max(request.unmuted);
        for piece in resolver.pieces(number) {
            if unread <= piece.span.start && piece.span.end <= request.queued {
                assert_ne!(piece.cause.via, Via::Queued, "{piece:?}");
                late += i32::from(
                    piece.cause == Root::Cpu.via(Via::NetworkThread)
                        && piece.span.ns() > 30_000_000,
                );
            }
        }
    }
    assert!(late > 5, "{late}");
}

#[test]
fn a_cold_read_keeps_the_other_connections_of_its_network_thread() {
    let (history, truth) = true_of(&short("cold-reads", 12_000));
    let epoch = kcorr_scenario::history::EPOCH_NS;
    let thread_of = |address: &str| {
        let mut connections = history.connections.iter();
        let connection = connections.find(|c| c.client_address() == address);
        history.threads[connection.unwrap().thread].tid
    };
    let [mut unread, mut unsent] = [0; 2];
    for truth in truth.iter().filter(|truth| truth.slow) {
        let reads = truth.segments.iter();
        for segment in reads.filter(|s| s.cause == Root::SlowRead.via(Via::NetworkThread)) {
            let start = segment.write_start_ns.unwrap() - epoch;
            let mut writes = history.writes.iter();
            let read = writes
                .find(|w| w.span.start == start && w.operation == "sendfile")
                .unwrap();
            assert_eq!(
                history.threads[read.thread].tid,
                thread_of(&truth.client_address)
            );
            assert!(read.span.end >= segment.end_ns - epoch);
            assert_eq!(segment.reason.as_deref(), Some("sendfile"));
            let is_long = segment.end_ns - segment.start_ns > 30_000_000;
            unread += i32::from(is_long && segment.segment == Stage::Unread);
            unsent += i32::from(is_long && segment.segment == Stage::Response);
        }
    }
    assert!(unread > 5 && unsent > 2, "{unread} {unsent}");
}

#[test]
fn remote_lasts_until_the_fetch_is_processed() {
    let (history, _) = true_of(&short("late-fetch", 10_000));
    let resolver = Resolver::new(&history);
    let mut held_up = 0;
    let requests = history.requests.iter().enumerate();
    for (number, request) in requests.filter(|(_, request)| !request.kind.may_wait()) {
        let pieces = resolver.pieces(number);
        let remote = pieces.iter().filter(|piece| piece.stage == Stage::Remote);
        let ns: i64 = remote.clone().map(|piece| piece.span.ns()).sum();
        assert_eq!(ns, request.completed - request.local_end);
        // What the leader was late with the fetch for is not wrong, and only then.
        let fetch = request
            .completed_by
            .map(|fetch| history.requests[fetch].arrival);
        let mut ns = 0;
        for piece in remote {
            let also = piece.also.iter().any(|cause| cause.root == Root::SlowSync);
            assert!(!also || fetch.unwrap() <= piece.span.start);
            ns += if also { piece.span.ns() } else { 0 };
        }
        held_up += i32::from(ns > 20_000_000);
    }
    assert!(held_up > 3, "{held_up}");
}

#[test]
fn where_the_quota_is_used_up_cpu_is_no_wrong_answer() {
    let (_, truth) = true_of(&short("quota", 10_000));
    let segments = truth.iter().flat_map(|truth| &truth.segments);
    let stopped: Vec<_> = segments.filter(|s| s.root == Root::CpuThrottle).collect();
    assert!(stopped.len() > 10);
    for segment in stopped {
        assert!(
            segment.also.iter().any(|cause| cause.root == Root::Cpu),
            "{segment:?}"
        );
    }
}

#[test]
fn a_short_wait_after_the_write_is_the_logs_monitor_again() {
    let (history, _) = true_of(&short("syncs", 10_000));
    let mut again = 0;
    for request in history.requests.iter().filter(|r| r.kind == Kind::Produce) {
        for part in &request.parts {
            let write = &history.writes[part.write.unwrap()];
            again += history
                .waits
                .iter()
                .filter(|wait| wait.thread == write.thread && wait.monitor == write.log)
                .filter(|wait| {
                    write.span.end <= wait.span.start && wait.span.end <= request.local_end
                })
                .count();
        }
    }
    assert!(again > 20, "{again}");
}
