//! The truth is whole, and says what was simulated.

use kcorr_scenario::account::{Cause, Resolver, Stage, Truth, truths};
use kcorr_scenario::history::{History, Kind};
use kcorr_scenario::{Options, simulate};

use crate::short;

fn true_of(options: &Options) -> (History, Vec<Truth>) {
    let history = simulate(options);
    let truth = truths(&history, options).collect();
    (history, truth)
}

#[test]
fn the_pieces_of_each_request_fill_its_latency() {
    for preset in ["clean", "replicated", "quiet"] {
        let history = simulate(&short(preset, 5_000));
        let resolver = Resolver::new(&history);
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
        assert!(
            !matches!(
                truth.cause,
                Cause::SlowWrite | Cause::LockWaitBehindSlowWrite | Cause::QueuedBehindSlowWrite
            ),
            "{truth:?}"
        );
    }
}

#[test]
fn every_cause_is_the_verdict_of_some_request() {
    let mut options = short("replicated", 30_000);
    options.acks_all_share = 0.5;
    let (_, truth) = true_of(&options);
    for cause in Cause::ALL {
        let is_some = truth.iter().any(|truth| truth.slow && truth.cause == cause);
        assert_eq!(is_some, cause != Cause::Unexplained, "{cause:?}");
    }
}

#[test]
fn a_wait_for_a_log_is_blamed_on_the_write_of_its_holder() {
    let (history, truth) = true_of(&short("clean", 10_000));
    let mut checked = 0;
    for truth in truth.iter().filter(|truth| truth.slow) {
        for segment in &truth.segments {
            if segment.segment != Stage::LockWait || segment.cause != Cause::LockWaitBehindSlowWrite
            {
                continue;
            }
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
    let produces = produces.filter(|(_, request)| request.kind == Kind::Produce);
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
            assert_ne!(piece.cause, Cause::SlowWrite, "{truth:?}");
            assert!(history.requests[piece.ahead.unwrap()].connection == request.connection);
            checked += 1;
        }
    }
    assert!(checked > 100);
}
