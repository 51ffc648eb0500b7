//! Cut inputs: what comes before the cut is stored, and the cut is a loss.

use crate::{Desk, recording, status, stderr};

/// Decompressed bytes of a recording.
fn bytes(name: &str) -> Vec<u8> {
    let raw = std::fs::read(recording(name)).expect("a recording");
    match name.strip_suffix(".zst") {
        Some(_) => zstd::decode_all(&raw[..]).expect("zstd"),
        None => raw,
    }
}

#[test]
fn an_input_cut_at_any_byte_is_stored_up_to_the_cut() {
    let cases = [
        ("--jfr", "profile.jfr", "threads"),
        ("--bpf", "writes.jsonl", "writes"),
        ("--pcap", "dump.pcap.zst", "requests"),
    ];
    for (flag, name, table) in cases {
        let whole = bytes(name);
        for cut in [whole.len() / 3, whole.len() / 2 + 1, whole.len() - 7] {
            let desk = Desk::new();
            let file = desk.write("cut", &whole[..cut]);
            let output = desk.kcorr(&["ingest", flag, &file]);
            let text = stderr(&output);
            assert_eq!(status(&output), 1, "{flag} cut at {cut}: {text}");
            assert!(!text.contains("panicked"), "{text}");
            let rows = desk.number(&format!("SELECT count(*) AS n FROM {table}"));
            // A recording whose only chunk is cut may have no row of a table left.
            assert!(
                rows > 0.0 || flag == "--jfr",
                "{flag} cut at {cut}: no {table}"
            );
            let lost = desk.number("SELECT count(*) AS n FROM losses WHERE severity <> 'info'");
            assert!(lost > 0.0, "{flag} cut at {cut}");
        }
    }
}

#[test]
fn a_cut_compressed_file_is_stored_up_to_the_cut() {
    let desk = Desk::new();
    let raw = std::fs::read(recording("dump.pcap.zst")).expect("a recording");
    let file = desk.write("dump.pcap.zst", &raw[..raw.len() / 2]);
    let output = desk.kcorr(&["ingest", "--pcap", &file]);
    assert_eq!(status(&output), 1, "{}", stderr(&output));
    assert!(desk.number("SELECT count(*) AS n FROM requests") > 100.0);
    let strict = desk.kcorr(&["ingest", "--strict", "--pcap", &file]);
    assert_eq!(status(&strict), 2);
}

#[test]
fn standard_input_is_read_like_a_file() {
    let desk = Desk::with_incident();
    let sql = "SELECT count(*) AS n, sum(latency_ns) AS ns FROM requests";
    let from_file = desk.rows(&["-c", sql]);
    let piped = Desk::new();
    let output = piped
        .command(&["ingest", "--pcap", "-"])
        .write_stdin(bytes("dump.pcap.zst"))
        .output()
        .expect("kcorr runs");
    assert!(status(&output) <= 1, "{}", stderr(&output));
    assert_eq!(piped.rows(&["-c", sql]), from_file);
}

#[test]
fn an_empty_or_foreign_file_is_refused_with_its_name() {
    let desk = Desk::new();
    for (name, content) in [
        ("empty", &b""[..]),
        ("text", b"hello\nworld\n"),
        ("zip", b"PK\x03\x04"),
    ] {
        let file = desk.write(name, content);
        for flag in ["--jfr", "--pcap"] {
            let output = desk.kcorr(&["ingest", flag, &file]);
            assert_eq!(status(&output), 2, "{flag} {name}");
            assert!(stderr(&output).contains(&file), "{}", stderr(&output));
        }
    }
}
