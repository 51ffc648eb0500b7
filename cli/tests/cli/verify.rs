//! `kcorr verify`: what becomes of the verdicts when recordings are taken away.

use serde_json::{Map, Value};

use crate::{Desk, recording, status, stderr, stdout};

fn ablated(desk: &Desk, more: &[&str]) -> Vec<Map<String, Value>> {
    let arguments = ["-q", "verify", "--shifts", "0", "--format", "json"];
    let output = desk.kcorr(&[&arguments[..], more].concat());
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn row<'a>(rows: &'a [Map<String, Value>], taken: &str) -> &'a Map<String, Value> {
    let found = rows.iter().find(|row| row["taken"] == taken);
    found.unwrap_or_else(|| panic!("no {taken} in {rows:?}"))
}

#[test]
fn each_recording_and_each_kind_of_rows_is_taken_away() {
    let desk = Desk::with_incident();
    let rows = ablated(&desk, &[]);
    let slow = desk.number("SELECT COUNT(*) AS n FROM blame");
    for row in &rows {
        let count = |name: &str| row[name].as_f64().expect("a count");
        assert_eq!(count("request_count"), slow, "{row:?}");
        let outcomes = [
            "kept_count",
            "less_count",
            "unexplained_count",
            "changed_count",
        ];
        assert_eq!(outcomes.map(count).iter().sum::<f64>(), slow, "{row:?}");
    }
    // Without the trace of writes there is no slow write to blame; what was unexplained stays so.
    let unexplained = desk.number("SELECT COUNT(*) AS n FROM blame WHERE cause = 'unexplained'");
    let writes = desk.number("SELECT source_id FROM sources WHERE kind = 'bpf'");
    let without = row(&rows, &format!("recording {writes}"));
    assert_eq!(
        without["kept_count"].as_f64(),
        Some(unexplained),
        "{without:?}"
    );
    for taken in ["any", "lock_waits: jfr monitor"] {
        row(&rows, taken);
    }
    // The capture stays: without it there are no slow requests.
    let wire = desk.number("SELECT source_id FROM sources WHERE kind = 'pcap'");
    let wire = format!("recording {wire}");
    assert!(rows.iter().all(|row| row["taken"] != wire.as_str()));
}

#[test]
fn what_is_taken_away_is_gone_whatever_was_computed_before() {
    let desk = Desk::with_incident();
    let rows = ablated(&desk, &["--verdicts"]);
    let names: std::collections::BTreeSet<&str> = rows
        .iter()
        .filter(|row| {
            let cause = row["ablated_cause"].as_str().unwrap_or_default();
            cause.ends_with("slow_write")
        })
        .filter_map(|row| row["taken"].as_str())
        .collect();
    assert!(!names.is_empty());
    let writes = desk.number("SELECT source_id FROM sources WHERE kind = 'bpf'");
    assert!(
        !names.contains(format!("recording {writes}").as_str()),
        "{names:?}"
    );
    assert!(!names.contains("writes: write"), "{names:?}");
}

#[test]
fn one_recording_can_be_taken_away_alone() {
    let desk = Desk::with_incident();
    let bpf = desk
        .number("SELECT source_id FROM sources WHERE kind = 'bpf'")
        .to_string();
    let rows = ablated(&desk, &["--source", &bpf]);
    let taken: Vec<&str> = rows
        .iter()
        .filter_map(|row| row["taken"].as_str())
        .collect();
    assert_eq!(taken, ["any", &format!("recording {bpf}")]);
}

#[test]
fn both_tests_are_printed_one_after_the_other() {
    let desk = Desk::with_incident();
    let output = desk.kcorr(&["verify", "--shifts", "1", "--format", "csv"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.starts_with("cause,request_count"), "{text}");
    assert!(text.contains("\ntaken,path,taken_count"), "{text}");
}

#[test]
fn verdicts_are_the_same_of_tables_in_memory_and_of_files() {
    let desk = Desk::with_incident();
    let verdicts = |more: &[&str]| {
        let arguments = ["-q", "verify", "--verdicts", "--shifts", "2"];
        let csv = ["--format", "csv"];
        let output = desk.kcorr(&[&arguments[..], &csv, more].concat());
        assert_eq!(status(&output), 0, "{}", stderr(&output));
        stdout(&output)
    };
    // First nothing is kept of an account, then all of it. With a limit, files are read.
    let (planned, kept) = (verdicts(&[]), verdicts(&[]));
    let of_files = verdicts(&["--memory-limit", "4GB"]);
    assert!(planned.contains("slow_write"), "{planned}");
    assert_eq!(planned, kept);
    assert_eq!(planned, of_files);
}

#[test]
fn nothing_to_do_is_said_to_be_nothing() {
    let desk = Desk::with_incident();
    let output = desk.kcorr(&["verify", "--shifts", "0", "--no-ablation"]);
    assert_eq!(status(&output), 2);
    assert!(
        stderr(&output).contains("nothing to do"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn of_a_capture_alone_what_tcp_did_can_be_taken_away() {
    let desk = Desk::new();
    desk.kcorr(&["ingest", "--pcap", &recording("dump.pcap.zst")]);
    let rows = ablated(&desk, &[]);
    let taken: Vec<_> = rows
        .iter()
        .filter_map(|row| row["taken"].as_str())
        .collect();
    assert_eq!(taken, ["any", "tcp_stretches"]);
    assert_eq!(row(&rows, "any")["changed_count"], 0);
}
