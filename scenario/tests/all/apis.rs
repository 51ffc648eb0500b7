//! Quotas, coordinators, reads and followers that stop: each is simulated, and in the truth.

use kcorr_scenario::account::{Root, Stage, Truth, truths};
use kcorr_scenario::history::{EPOCH_NS, History, Kind};
use kcorr_scenario::simulate;

use crate::short;

fn true_of(preset: &str, duration_ms: i64) -> (History, Vec<Truth>) {
    let options = short(preset, duration_ms);
    let history = simulate(&options);
    let truth = truths(&history, &options).collect();
    (history, truth)
}

#[test]
fn a_muted_connection_is_not_read_before_its_time_is_over() {
    let (history, truth) = true_of("throttled", 8_000);
    let mut muted = 0;
    for (request, truth) in history.requests.iter().zip(&truth) {
        assert!(request.queued >= request.muted_until);
        // The answer that tells so leaves at once.
        assert_eq!(request.released, request.completed);
        let own = truth
            .segments
            .iter()
            .filter(|s| s.cause == Root::Throttled.own());
        for segment in own {
            assert_eq!(segment.segment, Stage::Throttle);
            assert_eq!(segment.end_ns - EPOCH_NS, request.muted_until);
            muted += 1;
        }
    }
    assert!(muted > 5, "{muted}");
}

#[test]
fn what_is_held_back_leaves_as_much_later_as_it_tells() {
    let (history, truth) = true_of("held-back", 8_000);
    let mut held = 0;
    for (request, truth) in history.requests.iter().zip(&truth) {
        assert_eq!(request.released - request.completed, request.throttle);
        assert!(request.response >= request.released);
        let own = truth
            .segments
            .iter()
            .filter(|s| s.cause == Root::Throttled.own());
        let ns: i64 = own.map(|s| s.end_ns - s.start_ns).sum();
        assert!(!truth.slow || ns == request.throttle);
        held += i32::from(truth.slow && ns > 0);
    }
    assert!(held > 5, "{held}");
}

#[test]
fn a_handlers_read_from_the_disk_is_its_fetchs_own() {
    let (history, truth) = true_of("fetches", 10_000);
    let (mut handlers, mut senders) = (0, 0);
    for (request, truth) in history.requests.iter().zip(&truth) {
        let reads = truth
            .segments
            .iter()
            .filter(|s| s.cause == Root::SlowRead.own());
        for segment in reads.filter(|s| s.end_ns - s.start_ns > 5_000_000) {
            assert_eq!(request.kind, Kind::ConsumerFetch);
            let is_sent = segment.segment == Stage::Response;
            assert_eq!(segment.reason.as_deref(), is_sent.then_some("sendfile"));
            senders += i32::from(is_sent);
            handlers += i32::from(segment.segment == Stage::Handler);
        }
    }
    assert!(handlers > 2 && senders > 2, "{handlers} {senders}");
}

#[test]
fn polls_are_satisfied_or_run_out() {
    let (history, _) = true_of("fetches", 5_000);
    let (mut satisfied, mut run_out) = (0, 0);
    for fetch in history
        .requests
        .iter()
        .filter(|r| r.kind == Kind::ConsumerFetch)
    {
        let waited = fetch.completed - fetch.local_end;
        assert!(waited <= fetch.max_wait);
        let got = fetch.parts.iter().any(|part| part.end > part.offset);
        satisfied += i32::from(waited > 1_000_000 && got && waited < fetch.max_wait);
        run_out += i32::from(waited == fetch.max_wait && !got);
    }
    assert!(satisfied > 5 && run_out > 5, "{satisfied} {run_out}");
}

#[test]
fn what_a_coordinator_keeps_is_in_the_log_of_the_ids_hash() {
    let (history, truth) = true_of("coordinators", 5_000);
    let mut kept = 0;
    for (request, truth) in history.requests.iter().zip(&truth) {
        let topic = match request.kind {
            Kind::OffsetCommit | Kind::TxnOffsetCommit => "__consumer_offsets",
            Kind::InitProducerId | Kind::AddPartitionsToTxn | Kind::EndTxn => "__transaction_state",
            _ => continue,
        };
        assert_eq!(truth.partitions.len(), 1);
        assert_eq!(truth.partitions[0].topic, topic);
        let client = &history.connections[request.connection].client_id;
        // As a JVM has them: Math.abs("billing-1".hashCode()) % 50, and so on.
        if client.starts_with("consumer-billing-1-") {
            assert_eq!(truth.partitions[0].partition, java_partition("billing-1"));
            kept += 1;
        }
    }
    assert!(kept > 20, "{kept}");
}

fn java_partition(id: &str) -> i32 {
    let hash = id.bytes().fold(0_i64, |hash, byte| {
        (hash * 31 + i64::from(byte)) & 0xffff_ffff
    });
    (hash as u32 as i32).abs() % 50
}

#[test]
fn members_wait_for_the_last_of_their_group_as_they_asked() {
    let (history, truth) = true_of("coordinators", 12_000);
    let (mut joins, mut lasts) = (0, 0);
    for (request, truth) in history.requests.iter().zip(&truth) {
        if request.kind != Kind::JoinGroup {
            continue;
        }
        assert!(truth.requested_wait_ns >= request.completed - request.local_end);
        joins += i32::from(truth.requested_wait_ns > 20_000_000);
        lasts += i32::from(request.completed == request.local_end);
    }
    assert!(joins > 10 && lasts > 1, "{joins} {lasts}");
}

#[test]
fn the_leader_answers_without_a_follower_that_stopped() {
    let (history, truth) = true_of("isr", 15_000);
    let (mut shrunk, mut caught_up) = (0, 0);
    for (request, truth) in history.requests.iter().zip(&truth) {
        let remote = truth
            .segments
            .iter()
            .filter(|s| s.cause == Root::Remote.own());
        for segment in remote.filter(|s| s.end_ns - s.start_ns > 65_000_000) {
            assert_eq!(segment.reason.is_some(), request.shrunk);
            shrunk += i32::from(segment.reason.as_deref() == Some("isr_shrink"));
            caught_up += i32::from(segment.reason.is_none());
        }
        assert!(!(request.shrunk && request.completed_by.is_some()));
    }
    assert!(shrunk > 5 && caught_up > 5, "{shrunk} {caught_up}");
}

#[test]
fn any_preset_is_recorded_with_losses_and_of_the_same_broker() {
    let whole = short("fetches", 2_000);
    let degraded = whole.clone().degraded();
    assert!(degraded.lost_share > 0.0 && degraded.clock_error_ms > 0.0);
    let truth = |options| truths(&simulate(options), options).collect::<Vec<_>>();
    assert_eq!(truth(&whole), truth(&degraded));
}
