//! Consumers that read old segments from the disk: what the probes of reads and of network threads tell of it.

use std::path::{Path, PathBuf};

use crate::{Desk, status, stderr, stdout};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/incidents/cold-reads")
}

fn expected(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).expect("what is expected")
}

/// A desk with the incident, without the recordings of some names.
fn ingested(without: &[&str]) -> Desk {
    let desk = Desk::new();
    let mut arguments = vec!["ingest".to_owned()];
    for (option, name) in [
        ("--pcap", "dump.pcap.zst"),
        ("--bpf", "block-io.jsonl.zst"),
        ("--bpf", "file-reads.jsonl.zst"),
        ("--bpf", "file-writes.jsonl.zst"),
        ("--bpf", "monitors.jsonl.zst"),
        ("--bpf", "network.jsonl.zst"),
        ("--bpf", "run-queue.jsonl.zst"),
        ("--gc-log", "gc.log.zst"),
        ("--threads", "threads.txt.zst"),
        ("--segments", "segments.tar.zst"),
    ] {
        if !without.contains(&name) {
            let path = folder().join(name).display().to_string();
            arguments.extend([option.to_owned(), path]);
        }
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = desk.kcorr(&arguments);
    // Packets were cut.
    assert!(status(&output) <= 1, "{}", stderr(&output));
    desk
}

fn answer(desk: &Desk, sql: &str) -> String {
    let output = desk.kcorr(&["query", "--format", "csv", "-c", sql]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    stdout(&output)
}

#[test]
fn requests_wait_for_the_reads_of_their_network_thread() {
    let desk = ingested(&[]);
    let verdicts = "SELECT cause, reason, COUNT(*) AS request_count FROM request_verdicts \
                    GROUP BY cause, reason ORDER BY request_count DESC, cause, reason";
    assert_eq!(answer(&desk, verdicts), expected("expected.csv"));
    let readers = "SELECT client_id, topic, slow_read_count, disk_read_count, blamed_requests \
                   FROM readers ORDER BY client_id, topic";
    assert_eq!(answer(&desk, readers), expected("readers.csv"));
}

#[test]
fn without_the_reads_nothing_is_blamed_on_any() {
    let desk = ingested(&["file-reads.jsonl.zst"]);
    let reads = "SELECT COUNT(*) AS request_count FROM blame WHERE root = 'slow_read'";
    assert_eq!(answer(&desk, reads), "request_count\n0\n");
}
