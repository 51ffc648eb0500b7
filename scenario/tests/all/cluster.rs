//! Several brokers: what one sends the other gets, and the truth follows a wait to the broker that it was for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use kcorr_ingest_pcap::{PcapDecoder, PcapOptions};
use kcorr_model::SourceId;
use kcorr_scenario::account::{Resolver, Root, Truth, Via, truths_at};
use kcorr_scenario::history::{Activity, EPOCH_NS, History, Kind, Role};
use kcorr_scenario::{Options, recordings, simulate_brokers};

use crate::account::assert_pieces_fill;
use crate::recordings::Decoded;
use crate::short;

/// Processes are stopped often.
fn stopped() -> (Options, Vec<History>) {
    let options = Options {
        process_stops_per_second: 0.3,
        pauses_per_second: 2.0,
        fetcher_run_queue_per_second: 0.5,
        ..short("cluster-stops", 6_000)
    };
    let brokers = simulate_brokers(&options);
    (options, brokers)
}

fn brokers(preset: &str, duration_ms: i64) -> (Options, Vec<History>) {
    // What is to be seen comes often.
    let options = Options {
        slow_links_per_second: 1.0,
        fetcher_run_queue_per_second: 0.5,
        ..short(preset, duration_ms)
    };
    let brokers = simulate_brokers(&options);
    assert_eq!(brokers.len(), 3);
    (options, brokers)
}

fn truths(options: &Options, brokers: &[History]) -> Vec<Truth> {
    let places = 0..brokers.len();
    places
        .flat_map(|place| truths_at(brokers, place, options))
        .collect()
}

/// All bytes of a log.
fn bytes(history: &History, log: usize) -> Vec<u8> {
    let segments = history.logs[log].segments.iter();
    segments.flat_map(|segment| segment.bytes.clone()).collect()
}

#[test]
fn each_log_is_led_by_one_broker_and_the_same_at_all() {
    let (_, brokers) = brokers("cluster", 3_000);
    for log in 0..brokers[0].logs.len() {
        let leads = brokers.iter().filter(|broker| broker.logs[log].is_led);
        assert_eq!(leads.count(), 1);
        let first = bytes(&brokers[0], log);
        assert!(!first.is_empty());
        assert!(brokers.iter().all(|broker| bytes(broker, log) == first));
    }
    for broker in &brokers {
        for write in broker.writes.iter().filter(|w| w.operation == "write") {
            let is_led = broker.logs[write.log].is_led;
            let role = broker.threads[write.thread].role;
            let writer = if is_led { Role::Handler } else { Role::Fetcher };
            assert_eq!(role, writer);
        }
    }
}

#[test]
fn a_fetcher_sends_one_fetch_at_a_time_and_what_it_sends_is_on_its_way() {
    let (_, brokers) = brokers("cluster-stops", 3_000);
    let mut late = 0;
    for (place, leader) in brokers.iter().enumerate() {
        for connection in &leader.connections {
            let Some(fetcher) = connection.fetcher else {
                continue;
            };
            let follower = &brokers[fetcher.broker];
            let thread = &follower.threads[fetcher.thread];
            let number = connection.client_id.rsplit_once('-').unwrap().1;
            let name = format!("ReplicaFetcherThread-{number}-{}", place + 1);
            assert_eq!(thread.name, name);
            let fetches = connection.requests.iter().map(|r| &leader.requests[*r]);
            let fetches: Vec<_> = fetches.filter(|r| r.kind.is_fetch()).collect();
            assert!(fetches.len() > 50);
            for fetch in &fetches {
                assert!(fetch.sent < fetch.arrival && fetch.end < fetch.has_answer);
                late += i64::from(fetch.arrival - fetch.sent > 1_000_000);
            }
            for pair in fetches.windows(2) {
                assert!(pair[0].has_answer < pair[1].sent);
            }
        }
    }
    assert!(late > 0, "no link was slow");
}

#[test]
fn an_answer_to_acks_all_waits_until_each_follower_has_written() {
    let (_, brokers) = brokers("cluster", 3_000);
    let mut waited = 0;
    for (place, leader) in brokers.iter().enumerate() {
        let produces = leader.requests.iter().filter(|r| r.kind == Kind::Produce);
        for request in produces {
            assert_eq!(request.acks, -1);
            for part in &request.parts {
                let log = &leader.logs[part.log];
                let (file, offset, _) = log.place_of(part.offset).unwrap();
                for (other, follower) in brokers.iter().enumerate() {
                    if other == place {
                        continue;
                    }
                    // Files are the same until a follower rolls one at another place.
                    let mut writes = follower.writes.iter().filter(|write| {
                        write.log == part.log
                            && write.operation == "write"
                            && write.file == file
                            && (write.offset..write.offset + write.bytes).contains(&offset)
                    });
                    if let Some(write) = writes.next() {
                        assert!(write.span.end < request.completed);
                        waited += 1;
                    }
                }
            }
        }
    }
    assert!(waited > 500);
}

#[test]
fn the_pieces_of_each_request_of_a_cluster_fill_its_latency() {
    for preset in ["cluster", "cluster-stops"] {
        let (_, brokers) = brokers(preset, 3_000);
        for (place, history) in brokers.iter().enumerate() {
            assert_pieces_fill(preset, history, &Resolver::of_broker(&brokers, place));
        }
    }
}

#[test]
fn the_truth_names_the_broker_whose_thread_was_waited_for() {
    let (options, brokers) = stopped();
    let mut seen = BTreeSet::new();
    for truth in truths(&options, &brokers).iter().filter(|truth| truth.slow) {
        for segment in &truth.segments {
            assert_ne!(segment.blocker_broker, truth.broker);
            if segment.via == Via::Remote {
                assert!(segment.blocker_broker.is_some(), "{segment:?}");
            }
            let (Some(id), Some(tid)) = (segment.blocker_broker, segment.blocker_tid) else {
                continue;
            };
            seen.insert((segment.root.name(), segment.reason.clone()));
            let broker = &brokers[id as usize - 1];
            let thread = broker.threads.iter().find(|thread| thread.tid == tid);
            let span = (segment.start_ns - EPOCH_NS, segment.end_ns - EPOCH_NS);
            if segment.root == Root::SlowWrite {
                let mut activities = thread.unwrap().activities.iter();
                let is_in = activities.any(|(of, activity)| {
                    of.start <= span.0 && span.1 <= of.end && matches!(activity, Activity::Write(_))
                });
                assert!(is_in, "{segment:?}");
            }
        }
    }
    for (root, reason) in [
        ("slow_write", "journal_commit"),
        ("pause", "process_stopped"),
        ("pause", "gc"),
        ("cpu", "run_queue"),
    ] {
        assert!(seen.contains(&(root, Some(reason.to_owned()))), "{seen:?}");
    }
}

#[test]
fn no_thread_runs_while_its_process_is_stopped_by_a_signal() {
    let (_, brokers) = stopped();
    let stops = brokers.iter().flat_map(|broker| &broker.process_stops);
    assert!(stops.count() > 1);
    for broker in &brokers {
        for (span, activity) in broker.threads.iter().flat_map(|t| &t.activities) {
            let mut stops = broker.process_stops.iter();
            if *activity == Activity::Cpu {
                assert!(stops.all(|stop| stop.common(*span).is_none()));
            }
        }
    }
}

/// Fetches of a capture, by connection and correlation id: when they came, and their answers.
fn fetches(folder: &std::path::Path) -> BTreeMap<(String, String, i64), (i64, i64)> {
    let decoder = PcapDecoder::new(SourceId(1), PcapOptions::default());
    let pcap = Decoded::of(decoder, &folder.join("dump.pcap"));
    pcap.lost_nothing();
    let of = |column| pcap.texts("requests", column);
    let number = |column| pcap.numbers("requests", column);
    let keys = of("client_address").into_iter().zip(of("server_address"));
    let keys = keys.zip(number("correlation_id"));
    let times = number("arrival_time").into_iter().zip(number("end_time"));
    let rows = keys.zip(times).zip(of("client_id"));
    let rows = rows.filter(|(_, client)| client.starts_with("broker-"));
    rows.map(|((((client, server), id), times), _)| ((client, server, id), times))
        .collect()
}

#[test]
fn a_follower_captures_what_it_sends_and_its_hosts_clock_is_its_own() {
    let options = Options {
        host_drift_ppm: 0.0,
        slow_links_per_second: 0.0,
        ..short("cluster", 2_000)
    };
    let folder = tempfile::tempdir().unwrap();
    recordings::generate(&options, folder.path()).unwrap();
    let captures = [1, 2, 3].map(|id| fetches(&folder.path().join(format!("broker-{id}"))));
    let meta = fs::read_to_string(folder.path().join("broker-2/meta.properties")).unwrap();
    assert!(meta.contains("node.id=2"));
    for (own, other) in [(0, 1), (1, 2), (0, 2)] {
        let address = |id: usize| format!("10.0.0.{}:", id + 1);
        // What the one fetched from the other, both have.
        for (from, to) in [(own, other), (other, own)] {
            let mut bounds = (i64::MIN, i64::MAX);
            let mut count = 0;
            for ((client, server, id), (sent, has)) in &captures[from] {
                if !client.starts_with(&address(from)) || !server.starts_with(&address(to)) {
                    continue;
                }
                let key = (client.clone(), server.clone(), *id);
                let (arrived, answered) = captures[to][&key];
                count += 1;
                bounds = (bounds.0.max(answered - has), bounds.1.min(arrived - sent));
            }
            assert!(count > 100);
            // Both ways take some time, so that the difference of the clocks lies between.
            assert!(bounds.0 < bounds.1, "{bounds:?}");
            assert!(bounds.1 - bounds.0 < 200_000, "{bounds:?}");
            assert!(bounds.0.abs() < 101_000_000, "{bounds:?}");
        }
    }
}
