//! What a store keeps, whatever happens while it is written.

use crate::{Desk, ended_in_time, recording, status, stderr};

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
        ended_in_time(&mut child);
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
        let code = ended_in_time(&mut child).code();
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
    let packed = |name: &str| {
        let bytes = std::fs::read(recording(name)).expect("a recording");
        let bytes = zstd::encode_all(&bytes[..], 1).expect("compressed");
        desk.write(&format!("{name}.zst"), bytes)
    };
    let (writes, profile) = (packed("writes.jsonl"), packed("profile.jfr"));
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

/// Ingests parts of the bundled traces as recordings of their own.
fn pile_up(desk: &Desk, count: usize) {
    let text = std::fs::read_to_string(recording("writes.jsonl")).expect("a recording");
    let clocks: String = lines(&text, |line| line.contains("\"clock\"")).concat();
    let events = lines(&text, |line| line.contains("\"start_ns\""));
    let mut arguments = vec!["-q".to_owned(), "ingest".to_owned(), "--bpf".to_owned()];
    for (number, part) in events.chunks(events.len().div_ceil(count)).enumerate() {
        let part = clocks.clone() + &part.concat();
        arguments.push(desk.write(&format!("part{number}.jsonl"), part));
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = desk.kcorr(&arguments);
    assert!(status(&output) <= 1, "{}", stderr(&output));
}

fn lines(text: &str, is_wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let lines = text.lines().filter(|line| is_wanted(line));
    lines.map(|line| format!("{line}\n")).collect()
}

fn files(desk: &Desk, table: &str) -> usize {
    let folder = desk.path("incident.kcorr/data").join(table);
    std::fs::read_dir(folder).expect("files").count()
}

#[test]
fn merging_files_changes_no_answer_and_a_recording_still_replaces_itself() {
    let desk = Desk::with_incident();
    pile_up(&desk, 30);
    let sources = "SELECT source_id, row_count, first_time FROM sources ORDER BY source_id";
    let all = "SELECT * FROM writes ORDER BY write_id";
    let before = [desk.rows(&["-c", sources]), desk.rows(&["-c", all])];
    let blame = desk.rows(&["blame"]);
    assert_eq!(files(&desk, "writes"), 31);
    let output = desk.kcorr(&["compact"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("writes: 31 files"),
        "{}",
        stderr(&output)
    );
    assert_eq!(files(&desk, "writes"), 1);
    assert_eq!(
        before,
        [desk.rows(&["-c", sources]), desk.rows(&["-c", all])]
    );
    assert_eq!(desk.rows(&["blame"]), blame);
    let again = desk.kcorr(&["ingest", "--bpf", "part7.jsonl"]);
    assert!(
        stderr(&again).contains("replaces the earlier ingest"),
        "{}",
        stderr(&again)
    );
    assert_eq!(
        before,
        [desk.rows(&["-c", sources]), desk.rows(&["-c", all])]
    );
}

#[test]
fn many_small_ingests_are_merged_unasked() {
    let desk = Desk::new();
    pile_up(&desk, 80);
    assert_eq!(files(&desk, "writes"), 1);
    assert_eq!(desk.number("SELECT count(*) AS n FROM sources"), 80.0);
}

#[test]
fn a_killed_compaction_leaves_the_store_as_it_was() {
    let desk = Desk::with_incident();
    pile_up(&desk, 60);
    let counts = "SELECT source_id, count(*) AS n, sum(duration_ns) AS s FROM writes
        GROUP BY source_id ORDER BY source_id";
    let before = desk.rows(&["-c", counts]);
    for delay_ms in [1, 5, 10, 15, 20, 30, 40, 60] {
        let mut child = desk.start(&["-q", "compact"]);
        std::thread::sleep(std::time::Duration::from_millis(delay_ms));
        child.kill().expect("killed");
        ended_in_time(&mut child);
        assert_eq!(
            desk.rows(&["-c", counts]),
            before,
            "killed after {delay_ms} ms"
        );
    }
    let output = desk.kcorr(&["compact"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert_eq!(desk.rows(&["-c", counts]), before);
    assert_eq!(
        files(&desk, "writes"),
        1,
        "nothing of the killed ones is left"
    );
}

#[test]
fn a_capture_that_went_on_replaces_its_beginning() {
    let desk = Desk::new();
    let whole = std::fs::read(recording("writes.jsonl")).expect("a recording");
    let short = desk.write("short.jsonl", &whole[..whole.len() / 2]);
    desk.kcorr(&["ingest", "--bpf", &short]);
    let half = desk.number("SELECT count(*) AS n FROM writes");
    let first = desk.number("SELECT min(write_id) AS n FROM writes");
    let grown = desk.write("grown.jsonl", &whole);
    let output = desk.kcorr(&["ingest", "--bpf", &grown]);
    let text = stderr(&output);
    assert!(
        text.contains("grown.jsonl") && text.contains("it holds all of"),
        "{text}"
    );
    assert!(text.contains("short.jsonl (source 1)"), "{text}");
    assert_eq!(desk.number("SELECT count(*) AS n FROM sources"), 1.0);
    assert!(desk.number("SELECT count(*) AS n FROM writes") > half);
    assert_eq!(desk.number("SELECT min(write_id) AS n FROM writes"), first);
    let all = desk.rows(&["-c", COUNTS]);

    // The other way round nothing is lost, either.
    let output = desk.kcorr(&["ingest", "--bpf", &short]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let text = stderr(&output);
    assert!(text.contains("it is the beginning of"), "{text}");
    assert!(text.contains("grown.jsonl (source 1)"), "{text}");
    assert_eq!(desk.rows(&["-c", COUNTS]), all);
}

#[test]
fn a_capture_that_begins_like_another_is_stored_with_a_warning() {
    let desk = Desk::new();
    let mut bytes = std::fs::read(recording("writes.jsonl")).expect("a recording");
    desk.kcorr(&["ingest", "--bpf", &recording("writes.jsonl")]);
    bytes.truncate(bytes.len() - 1000);
    bytes.extend_from_slice(b"\n{}\n");
    let other = desk.write("other.jsonl", &bytes);
    let output = desk.kcorr(&["ingest", "--bpf", &other]);
    assert!(
        stderr(&output).contains("stored twice"),
        "{}",
        stderr(&output)
    );
    assert_eq!(desk.number("SELECT count(*) AS n FROM sources"), 2.0);
}

#[test]
fn a_shorter_file_of_the_same_name_replaces_it_with_a_warning() {
    let desk = Desk::new();
    let whole = std::fs::read(recording("writes.jsonl")).expect("a recording");
    let path = desk.write("w.jsonl", &whole);
    desk.kcorr(&["ingest", "--bpf", &path]);
    desk.write("w.jsonl", &whole[..whole.len() / 2]);
    let output = desk.kcorr(&["ingest", "--bpf", &path]);
    assert!(
        stderr(&output).contains("had more rows"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn progress_is_not_drawn_where_nobody_watches() {
    let desk = Desk::new();
    let output = desk.kcorr(&["ingest", "--bpf", &recording("writes.jsonl")]);
    assert!(!stderr(&output).contains('\u{1b}') && !stderr(&output).contains('\r'));
}
