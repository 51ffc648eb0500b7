//! Captures as people give them: files in the shell's order, ports in either form or none.

use std::path::Path;

use crate::{Desk, status, stderr};

fn field(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ingest-pcap/tests/data/field");
    folder.join(format!("{name}.zst")).display().to_string()
}

#[test]
fn rotated_files_are_one_capture_in_whatever_order_they_are_given() {
    // As a shell sorts `dump.pcap*`.
    let names = ["", "1", "10", "11", "2", "3", "4", "5", "6", "7", "8", "9"];
    let mut files: Vec<String> = names
        .iter()
        .map(|n| field(&format!("dump.pcap{n}")))
        .collect();
    for _ in 0..2 {
        let desk = Desk::new();
        let mut arguments = vec!["ingest", "--pcap"];
        arguments.extend(files.iter().map(String::as_str));
        let output = desk.kcorr(&arguments);
        let text = stderr(&output);
        assert_eq!(status(&output), 0, "{text}");
        assert!(text.contains("port 19092 (found)"), "{text}");
        assert!(text.contains("next: kcorr query blame"), "{text}");
        let sum = "SELECT sum(latency_ns) AS n FROM requests";
        assert_eq!(desk.number(sum), 1_714_315_000.0);
        let count = "SELECT count(*) AS n FROM requests";
        assert_eq!(desk.number(count), 131.0);
        files.reverse();
    }
}

#[test]
fn ports_are_given_with_commas_or_spaces() {
    for ports in [&["19092,9093"][..], &["9093", "19092"]] {
        let desk = Desk::new();
        let base = field("tunnels-base.pcap");
        let mut arguments = vec!["ingest", "--pcap", &base, "--kafka-port"];
        arguments.extend(ports);
        let output = desk.kcorr(&arguments);
        assert_eq!(status(&output), 0, "{}", stderr(&output));
        assert_eq!(desk.number("SELECT count(*) AS n FROM requests"), 71.0);
    }
}
