//! What a store keeps, whatever happens while it is written.

use crate::{Desk, recording, status, stderr};

const COUNTS: &str = "SELECT (SELECT count(*) FROM writes) AS writes, \
     (SELECT count(*) FROM requests) AS requests, (SELECT count(*) FROM sources) AS sources";

#[test]
fn the_same_input_again_replaces_itself() {
    let desk = Desk::with_incident();
    let before = desk.rows(&["-c", COUNTS]);
    let ids = desk.number("SELECT min(write_id) AS n FROM writes");
    let again = desk.kcorr(&["ingest", "--bpf", &recording("writes.jsonl")]);
    assert!(status(&again) <= 1, "{}", stderr(&again));
    assert_eq!(desk.rows(&["-c", COUNTS]), before);
    assert_eq!(desk.number("SELECT min(write_id) AS n FROM writes"), ids);
}

#[test]
fn a_copy_under_another_name_is_the_same_input() {
    let desk = Desk::with_incident();
    let before = desk.rows(&["-c", COUNTS]);
    std::fs::copy(recording("writes.jsonl"), desk.path("copy.jsonl")).expect("a copy");
    desk.kcorr(&["ingest", "--bpf", "copy.jsonl"]);
    assert_eq!(desk.rows(&["-c", COUNTS]), before);
}

#[test]
fn any_one_recording_alone_can_be_queried() {
    for (flag, file) in [
        ("--jfr", "profile.jfr"),
        ("--bpf", "writes.jsonl"),
        ("--pcap", "dump.pcap.zst"),
    ] {
        let desk = Desk::new();
        let output = desk.kcorr(&["--store", "one.kcorr", "ingest", flag, &recording(file)]);
        assert!(status(&output) <= 1, "{flag}: {}", stderr(&output));
        for query in ["blame.sql", "summary", "slow_writes", "lock_waits"] {
            let output = desk.kcorr(&["--store", "one.kcorr", "query", query]);
            assert_eq!(status(&output), 0, "{flag} {query}: {}", stderr(&output));
        }
    }
}

#[test]
fn inputs_that_do_not_fit_their_flag_leave_the_others_and_say_what_they_look_like() {
    let desk = Desk::new();
    let output = desk.kcorr(&[
        "ingest",
        "--jfr",
        &recording("writes.jsonl"),
        "--bpf",
        &recording("writes.jsonl"),
        "--pcap",
        &recording("profile.jfr"),
    ]);
    assert_eq!(status(&output), 2);
    let text = stderr(&output);
    assert!(text.contains("--bpf") && text.contains("--jfr"), "{text}");
    assert_eq!(desk.number("SELECT count(*) AS n FROM sources"), 1.0);
    assert!(desk.number("SELECT count(*) AS n FROM writes") > 1000.0);
}

#[test]
fn a_killed_ingest_leaves_the_store_as_it_was() {
    let desk = Desk::with_incident();
    let before = desk.rows(&["-c", COUNTS]);
    for delay_ms in [1, 20, 60, 120, 200] {
        let mut child = desk.start(&[
            "-q",
            "ingest",
            "--pcap",
            &recording("dump.pcap.zst"),
            "--bpf",
            &recording("writes.jsonl"),
        ]);
        std::thread::sleep(std::time::Duration::from_millis(delay_ms));
        child.kill().expect("killed");
        child.wait().expect("ended");
        assert_eq!(
            desk.rows(&["-c", COUNTS]),
            before,
            "killed after {delay_ms} ms"
        );
    }
}

#[test]
fn two_writers_at_once_both_store_their_input() {
    let desk = Desk::new();
    let children = [
        desk.start(&["-q", "ingest", "--bpf", &recording("writes.jsonl")]),
        desk.start(&["-q", "ingest", "--jfr", &recording("profile.jfr")]),
    ];
    for mut child in children {
        let code = child.wait().expect("ended").code();
        assert!(matches!(code, Some(0 | 1)), "{code:?}");
    }
    assert_eq!(desk.number("SELECT count(*) AS n FROM sources"), 2.0);
    assert!(desk.number("SELECT count(*) AS n FROM writes") > 0.0);
    assert!(desk.number("SELECT count(*) AS n FROM threads") > 0.0);
}

#[test]
fn a_folder_that_is_no_store_is_not_written_to() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("photos")).expect("a folder");
    desk.write("photos/a.jpg", b"x");
    let output = desk.kcorr(&[
        "--store",
        "photos",
        "ingest",
        "--bpf",
        &recording("writes.jsonl"),
    ]);
    assert_eq!(status(&output), 2);
    assert!(
        stderr(&output).contains("not a kcorr store"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn files_of_others_below_a_folder_named_data_are_kept() {
    let desk = Desk::new();
    std::fs::create_dir_all(desk.path("photos/data/raw")).expect("folders");
    desk.write("photos/data/raw/notes.txt", b"precious");
    let output = desk.kcorr(&[
        "--store",
        "photos",
        "ingest",
        "--bpf",
        &recording("writes.jsonl"),
    ]);
    assert_eq!(status(&output), 2, "{}", stderr(&output));
    assert!(desk.path("photos/data/raw/notes.txt").exists());
}

#[test]
fn a_missing_data_file_is_an_error_and_not_no_rows() {
    let desk = Desk::with_incident();
    let folder = desk.path("incident.kcorr/data/requests");
    let file = std::fs::read_dir(folder)
        .expect("files")
        .next()
        .expect("a file")
        .expect("a file");
    std::fs::remove_file(file.path()).expect("removed");
    let output = desk.kcorr(&["query", "-c", "SELECT count(*) FROM requests"]);
    assert_eq!(status(&output), 2);
    assert!(stderr(&output).contains("missing"), "{}", stderr(&output));
}

#[test]
fn a_store_may_have_any_name() {
    let desk = Desk::new();
    for name in ["a [1]", "b*x%20", "c?#y", "d ä"] {
        let writes = recording("writes.jsonl");
        let output = desk.kcorr(&["--store", name, "ingest", "--bpf", &writes, &writes]);
        assert_eq!(status(&output), 0, "{name}: {}", stderr(&output));
        let sql = "SELECT count(*) > 1000 AS many FROM writes";
        let rows = desk.rows(&["--store", name, "-c", sql]);
        assert_eq!(rows[0]["many"], true, "{name}");
    }
}

#[test]
fn a_recording_that_is_there_twice_counts_once_in_verdicts() {
    let desk = Desk::with_incident();
    let before = desk.rows(&["blame"]);
    // The same traces and profile again, but not byte for byte.
    let mut writes = std::fs::read(recording("writes.jsonl")).expect("a recording");
    writes.extend_from_slice(b"\n");
    let writes = desk.write("again.jsonl", writes);
    let mut profile = std::fs::read(recording("profile.jfr")).expect("a recording");
    profile.extend_from_slice(&[0; 64]);
    let profile = desk.write("again.jfr", profile);
    let output = desk.kcorr(&["ingest", "--bpf", &writes, "--jfr", &profile]);
    assert!(status(&output) <= 1, "{}", stderr(&output));
    assert_eq!(desk.number("SELECT count(*) AS n FROM sources"), 5.0);
    let after = desk.rows(&["blame"]);
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before["cause"], after["cause"], "{after:?}");
        assert!(
            after["share_ratio"].as_f64().expect("a share") <= 1.0,
            "{after:?}"
        );
    }
}
