//! Several brokers in one store.

use crate::{Desk, recording, status, stderr};

const RECORDINGS: [(&str, &str); 3] = [
    ("--jfr", "profile.jfr"),
    ("--bpf", "writes.jsonl"),
    ("--pcap", "dump.pcap.zst"),
];

/// What is the same of rows that are of other recordings.
const VERDICTS: &str = "SELECT client_address, correlation_id, topic, partition, latency_ms, cause, waited_ms, \
     runner_up_cause, confidence, rule, reasons, tid, thread_name, matched_by, write_ms, blocker_tid, \
     blocker_thread, blocker_ms, commit_ms, lock_wait_ms, limits";
const ORDER: &str = "ORDER BY latency_ms DESC, client_address, correlation_id, topic, partition";

/// A store with one incident twice: as broker 1's, and as broker 2's.
fn desk_of_two() -> Desk {
    let desk = Desk::with_incident();
    for broker in ["1", "2"] {
        let mut arguments = vec!["--store", "two.kcorr", "ingest", "--broker", broker];
        let copies: Vec<(&str, String)> = RECORDINGS
            .iter()
            .map(|(flag, name)| {
                let copy = format!("{broker}-{name}");
                std::fs::copy(recording(name), desk.path(&copy)).expect("a copy");
                (*flag, copy)
            })
            .collect();
        for (flag, copy) in &copies {
            arguments.extend([flag, copy.as_str()]);
        }
        let output = desk.kcorr(&arguments);
        assert!(status(&output) <= 1, "{}", stderr(&output));
    }
    desk
}

/// Threads, files, connections and times of both are the same: whatever is laid beside each other by these must be
/// of one broker.
#[test]
fn each_broker_has_the_account_that_it_has_in_a_store_of_its_own() {
    let desk = desk_of_two();
    let alone = desk.rows(&["-c", &format!("{VERDICTS} FROM blame {ORDER}")]);
    assert!(alone.len() > 10);
    for broker in ["1", "2"] {
        let sql = format!("{VERDICTS} FROM blame WHERE broker = {broker} {ORDER}");
        assert_eq!(desk.rows(&["--store", "two.kcorr", "-c", &sql]), alone);
        let sql = format!("{VERDICTS} FROM blame {ORDER}");
        let asked = ["--store", "two.kcorr", "--broker", broker, "-c", &sql];
        assert_eq!(desk.rows(&asked), alone);
    }
    for query in [
        "own_writes",
        "wait_holders",
        "lock_waits",
        "explained_times",
        "wait_edges",
    ] {
        let count = format!("SELECT count(*) AS n FROM {query}");
        let of = |store: &str| desk.rows(&["--store", store, "-c", &count])[0]["n"].clone();
        let (one, two) = (of("incident.kcorr").as_f64(), of("two.kcorr").as_f64());
        assert_eq!(one.map(|n| 2.0 * n), two, "{query}");
    }
    let whole = desk.rows(&["--store", "two.kcorr", "blame"]);
    let latency = |row: &serde_json::Map<String, serde_json::Value>| row["latency_ms"].as_f64();
    assert_eq!(whole.len(), 2 * alone.len());
    assert!(whole.is_sorted_by(|a, b| latency(a) >= latency(b)));
    assert_eq!(
        desk.rows(&[
            "--store",
            "two.kcorr",
            "-c",
            "SELECT sum(request_count) AS n FROM causes"
        ]),
        desk.rows(&["-c", "SELECT 2 * sum(request_count) AS n FROM causes"])
    );
}

#[test]
fn a_broker_that_no_recording_is_of_is_an_error_and_so_is_a_broker_without_effect() {
    let desk = desk_of_two();
    for (arguments, expected) in [
        (
            &["--store", "two.kcorr", "blame", "--broker", "7"][..],
            "no recordings of broker 7: it has those of 1, 2",
        ),
        (&["blame", "--broker", "1"], "ingest them with --broker"),
        (
            &["--store", "two.kcorr", "compact", "--broker", "1"],
            "--broker has no effect here",
        ),
        (
            &["--store", "two.kcorr", "whatif", "--without", "gc"],
            "a what-if is of one broker",
        ),
    ] {
        let output = desk.kcorr(arguments);
        assert_eq!(status(&output), 2, "{arguments:?}");
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
}

#[test]
fn what_lies_beside_recordings_tells_their_broker() {
    let desk = Desk::new();
    for broker in [1, 3] {
        let folder = desk.path(&format!("host-{broker}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::copy(recording("writes.jsonl"), folder.join("writes.jsonl")).expect("a copy");
        desk.write(
            &format!("host-{broker}/meta.properties"),
            format!("version=1\nnode.id={broker}\n"),
        );
    }
    let output = desk.kcorr(&["ingest", "host-1", "host-3"]);
    assert!(status(&output) <= 1, "{}", stderr(&output));
    let rows = desk.rows(&["-c", "SELECT broker FROM sources ORDER BY broker"]);
    let brokers: Vec<i64> = rows
        .iter()
        .filter_map(|row| row["broker"].as_i64())
        .collect();
    assert_eq!(brokers, [1, 3]);
}
