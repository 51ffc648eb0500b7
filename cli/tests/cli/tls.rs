//! Key logs of encrypted connections: where they are given and found, who may read them, and that nothing of
//! them is kept.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::{Desk, status, stderr};

/// A capture, and the key log of its connections, in a folder of the desk.
struct Recording {
    desk: Desk,
    folder: PathBuf,
    secrets: Vec<String>,
}

impl Recording {
    fn new(mode: u32) -> Self {
        let desk = Desk::new();
        let folder = desk.path("monday");
        std::fs::create_dir(&folder).expect("a folder of the test");
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ingest-pcap/tests/data/tls");
        std::fs::copy(data.join("kcat.pcap.zst"), folder.join("dump.pcap.zst"))
            .expect("a folder of the test");
        let text = std::fs::read_to_string(data.join("kcat.keys")).expect("a folder of the test");
        let secrets = text.lines().filter_map(|line| line.split(' ').nth(2));
        let recording = Self {
            desk,
            folder,
            secrets: secrets.map(str::to_owned).collect(),
        };
        std::fs::write(recording.keys(), text).expect("a folder of the test");
        recording.set_mode(mode);
        recording
    }

    fn keys(&self) -> PathBuf {
        self.folder.join("tls-keys.log")
    }

    fn set_mode(&self, mode: u32) {
        std::fs::set_permissions(self.keys(), std::fs::Permissions::from_mode(mode))
            .expect("a folder of the test");
    }

    /// Runs kcorr in the folder; what it says has no secret in it.
    fn kcorr(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.desk.kcorr(arguments);
        let text = stderr(&output);
        for secret in &self.secrets {
            // The beginning of one would be too much, too.
            assert!(!text.contains(&secret[..12]), "{text}");
        }
        (status(&output), text)
    }

    fn requests(&self) -> f64 {
        self.desk.number("SELECT count(*) AS n FROM requests")
    }
}

const REQUESTS: f64 = 80.0;

/// Where kcorr puts rows without another word.
const STORE: &str = "incident.kcorr";

#[test]
fn a_key_log_is_found_beside_its_capture_and_not_kept() {
    let recording = Recording::new(0o600);
    let (status, text) = recording.kcorr(&["ingest", "monday"]);
    assert_eq!(status, 0, "{text}");
    assert_eq!(recording.requests(), REQUESTS);
    let mut files = vec![recording.desk.path(STORE)];
    let mut read = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(
                std::fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            continue;
        }
        read += 1;
        let bytes = std::fs::read(&path).unwrap();
        for secret in &recording.secrets {
            let is_kept = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!is_kept, "{}", path.display());
        }
    }
    assert!(read > 3);
}

#[test]
fn a_key_log_that_others_can_read_is_refused_unless_it_is_said() {
    let recording = Recording::new(0o644);
    let named = [
        "ingest",
        "--pcap",
        "monday/dump.pcap.zst",
        "--tls-keys",
        "monday/tls-keys.log",
    ];
    let (status, text) = recording.kcorr(&named);
    assert_eq!(status, 2);
    assert!(text.contains("chmod 600 monday/tls-keys.log"), "{text}");
    // In a folder the rest is stored, and what to do with the keys is said.
    let (status, text) = recording.kcorr(&["ingest", "monday"]);
    assert_eq!(status, 2);
    assert!(
        text.contains("chmod 600") && text.contains("--tls-keys-readable"),
        "{text}"
    );
    assert!(text.contains("tls_no_key"), "{text}");
    assert_eq!(recording.requests(), 0.0);
    let (status, text) = recording.kcorr(&["ingest", "monday", "--tls-keys-readable"]);
    assert_eq!(status, 0, "{text}");
    assert_eq!(recording.requests(), REQUESTS);
    // The same capture again, without keys: its rows go, and that is said.
    recording.set_mode(0o600);
    let (status, text) = recording.kcorr(&named);
    assert_eq!(status, 0, "{text}");
    assert_eq!(recording.requests(), REQUESTS);
}

#[test]
fn a_key_log_that_is_given_as_something_else_is_told_and_not_shown() {
    let recording = Recording::new(0o600);
    for option in [
        "--bpf",
        "--request-log",
        "--threads",
        "--gc-log",
        "--jfr",
        "--pcap",
    ] {
        let (status, text) = recording.kcorr(&["ingest", option, "monday/tls-keys.log"]);
        assert_eq!(status, 2, "{option}");
        assert!(text.contains("give it with --tls-keys"), "{option}: {text}");
    }
    let (status, text) = recording.kcorr(&[
        "ingest",
        "--tls-keys",
        "monday/tls-keys.log",
        "--bpf",
        "nothing.jsonl",
    ]);
    assert_eq!(status, 2);
    assert!(text.contains("give one, with --pcap"), "{text}");
    let (status, text) = recording.kcorr(&[
        "ingest",
        "--pcap",
        "monday/dump.pcap.zst",
        "--tls-keys",
        "monday/dump.pcap.zst",
    ]);
    assert_eq!(status, 2);
    assert!(
        text.contains("holds no keys") || text.contains("other users"),
        "{text}"
    );
}

#[test]
fn lines_of_a_key_log_that_cannot_be_read_are_told() {
    let recording = Recording::new(0o600);
    let mut file = std::fs::File::options()
        .append(true)
        .open(recording.keys())
        .unwrap();
    writeln!(file, "CLIENT_RANDOM 1234 5678").unwrap();
    let (status, text) = recording.kcorr(&["ingest", "monday"]);
    assert_eq!(status, 1);
    assert!(
        text.contains("tls_key_log_line") && text.contains("tls-keys.log, line"),
        "{text}"
    );
    assert_eq!(recording.requests(), REQUESTS);
}

/// The verdict of a request.
#[derive(Debug, PartialEq)]
struct Verdict {
    cause: String,
    latency_ms: f64,
    confidence: Option<f64>,
    evidence: String,
    limits: String,
}

/// The verdicts of all requests of 2 ms and more, by client address and correlation id.
fn verdicts(desk: &Desk) -> BTreeMap<(String, i64), Verdict> {
    let sql =
        "SELECT client_address, correlation_id, cause, latency_ms, confidence, evidence, limits
        FROM blame";
    let rows = desk.rows(&["--slo", "2ms", "-c", sql]);
    let verdict = |row: &serde_json::Map<String, serde_json::Value>| {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let number = row["correlation_id"].as_i64().expect("a number");
        let verdict = Verdict {
            cause: text("cause"),
            latency_ms: row["latency_ms"].as_f64().expect("a number"),
            confidence: row["confidence"].as_f64(),
            evidence: text("evidence"),
            limits: text("limits"),
        };
        ((text("client_address"), number), verdict)
    };
    rows.iter().map(verdict).collect()
}

/// A store of a capture of encrypted connections, the broker's request log and its file operations; with the
/// key log or without.
fn logged(with_keys: bool) -> Desk {
    let desk = Desk::new();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ingest-pcap/tests/data/tls");
    let file = |ending: &str| data.join(format!("logged.{ending}")).display().to_string();
    let (pcap, log, writes) = (file("pcap.zst"), file("log.zst"), file("jsonl.zst"));
    let keys = file("keys");
    let mut arguments = vec![
        "ingest",
        "--pcap",
        &pcap,
        "--request-log",
        &log,
        "--bpf",
        &writes,
    ];
    if with_keys {
        arguments.extend(["--tls-keys", &keys, "--tls-keys-readable"]);
    }
    let output = desk.kcorr(&arguments);
    assert!(status(&output) <= 1, "{}", stderr(&output));
    desk
}

#[test]
fn an_encrypted_turn_and_its_line_of_the_log_are_one_request_with_the_verdict_that_the_keys_show() {
    let (with_keys, without) = (logged(true), logged(false));
    let (read, unread) = (verdicts(&with_keys), verdicts(&without));
    let (mut same, mut turns) = (0, 0);
    for (request, verdict) in &unread {
        if !verdict.limits.contains("encrypted=line_by_") {
            assert!(verdict.limits.contains("not_captured="), "{verdict:?}");
            continue;
        }
        turns += 1;
        let known = &read[request];
        assert_eq!(verdict.latency_ms, known.latency_ms, "{request:?}");
        assert!(verdict.evidence.contains("encrypted turn "), "{verdict:?}");
        if verdict.cause == known.cause && verdict.cause != "unexplained" {
            same += 1;
            // As sure as that turn and line are one, too.
            assert!(
                verdict.confidence < known.confidence,
                "{verdict:?} {known:?}"
            );
        } else {
            assert_eq!(verdict.cause, "unexplained", "{request:?}: {known:?}");
        }
    }
    assert!(turns > 60 && same > 30, "{turns} turns, {same} causes");
    // All lines are requests, whether with a turn or alone, and what is no request is counted.
    let lines = without.number("SELECT COUNT(*) AS n FROM broker_requests");
    let requests = without.number("SELECT COUNT(*) AS n FROM recorded_requests");
    assert_eq!(requests, lines);
    let told = without.number("SELECT SUM(turn_count) AS n FROM connections");
    let unmatched = without.number("SELECT COUNT(*) AS n FROM turns WHERE matched_by IS NULL");
    let matched = without.number("SELECT COUNT(turn_id) AS n FROM recorded_requests");
    assert!(matched >= f64::from(turns) && unmatched > 0.0);
    assert_eq!(told, matched + unmatched);
}
