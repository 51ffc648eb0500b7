//! Inputs as people have them, from the command line to the tables; and what is said of those that are none.

use std::path::Path;

use crate::{Desk, recording, status, stderr};

/// A file that a decoder's own tests read.
fn data(crate_name: &str, path: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let path = folder.join(crate_name).join("tests/data").join(path);
    path.display().to_string()
}

/// Rows of a query as `1|2|3`, one a line, its columns in alphabetical order.
fn rows(desk: &Desk, sql: &str) -> Vec<String> {
    let rows = desk.rows(&["-c", sql]);
    let line = |row: &serde_json::Map<String, serde_json::Value>| {
        let cells = row.values().map(|value| match value {
            serde_json::Value::String(text) => text.clone(),
            value => value.to_string(),
        });
        cells.collect::<Vec<_>>().join("|")
    };
    rows.iter().map(line).collect()
}

/// Ingests, and says what was said.
fn ingest(desk: &Desk, arguments: &[&str], expected: i32) -> String {
    let output = desk.kcorr(&[&["ingest"], arguments].concat());
    let text = stderr(&output);
    assert_eq!(status(&output), expected, "{arguments:?}: {text}");
    text
}

#[test]
fn request_logs_of_any_layout_have_their_times() {
    let desk = Desk::new();
    let layouts = [
        "rl-json-EcsLayout.json.log",
        "rl-default.log",
        "rl-levelfirst.log",
        "rl-bracketlevel.log",
        "rl-pipe.log",
        "wrap-docker-json.log",
        "wrap-journald.log",
    ];
    let files: Vec<String> = layouts
        .iter()
        .map(|name| data("ingest-broker", &format!("layouts/{name}")))
        .collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    ingest(&desk, &[&["--request-log"], &files[..]].concat(), 0);
    let found = rows(
        &desk,
        "SELECT COUNT(*) AS a, COUNT(end_time) AS b, SUM(total_ns) AS c FROM broker_requests
         GROUP BY source_id ORDER BY source_id",
    );
    assert_eq!(found, vec!["20|20|217441000"; layouts.len()]);
}

#[test]
fn a_request_log_in_local_time_is_put_where_the_others_are_in_either_order() {
    let local = |hour: u32, second: u32| {
        let line = "DEBUG Completed request:{\"requestHeader\":{\"requestApiKey\":3,\"requestApiVersion\":9,\
                    \"correlationId\":4,\"requestApiKeyName\":\"METADATA\"},\"connection\":\"127.0.0.1:9092-127.0.0.1:44352-1-0\",\
                    \"totalTimeMs\":1.5}";
        format!("[2026-11-28 {hour:02}:30:{second:02},798] {line}\n")
    };
    let minute = |hour| {
        (0..60)
            .map(|second| local(hour, second))
            .collect::<String>()
    };
    let utc = minute(11)
        .replace(",798]", ",798Z]")
        .replace("28 11", "28T11");
    for options in [["away.log", "utc.log"], ["utc.log", "away.log"]] {
        let desk = Desk::new();
        desk.write("away.log", minute(13));
        desk.write("utc.log", &utc);
        ingest(&desk, &["--request-log", options[0], options[1]], 0);
        let sql = "SELECT COUNT(DISTINCT first_time) AS a, COUNT(first_time) AS b, \
                   MIN(clock_offset_ns) / 1000000000 AS c FROM sources";
        assert_eq!(rows(&desk, sql), ["1|2|-7200"], "{options:?}");
    }
}

#[test]
fn segments_are_read_under_every_name_and_from_an_archive() {
    for path in ["compacted/cmp-0", "compacted/cmp-0.tar"] {
        let desk = Desk::new();
        ingest(&desk, &["--segments", &data("ingest-broker", path)], 0);
        let sql = "SELECT COUNT(*) AS a, SUM(record_count) AS b FROM log_batches";
        assert_eq!(rows(&desk, sql)[0].split('|').next(), Some("13"), "{path}");
    }
}

#[test]
fn threads_and_pauses_are_read_from_what_consoles_and_jdks_print() {
    let desk = Desk::new();
    let jstack = data("ingest-broker", "dumps/v25-jstack.txt");
    let journald = data("ingest-broker", "consoles/w-journald.txt");
    let kubectl = data("ingest-broker", "consoles/w-kubectl.log");
    ingest(
        &desk,
        &["--threads", &jstack, &journald, "--gc-log", &kubectl],
        0,
    );
    let sql =
        "SELECT source_id AS a, COUNT(tid) AS b FROM threads GROUP BY source_id ORDER BY source_id";
    assert_eq!(rows(&desk, sql), ["1|27", "2|23"]);
    let sql = "SELECT name AS a, tid AS b FROM threads WHERE name LIKE 'ForkJoin%' ORDER BY name";
    assert_eq!(
        rows(&desk, sql),
        [
            "ForkJoinPool-1-worker-1|27434",
            "ForkJoinPool-1-worker-2|27435"
        ]
    );
    let sql = "SELECT COUNT(*) AS a, SUM(duration_ns) / 1000 AS b FROM pauses";
    assert_eq!(rows(&desk, sql), ["22|75886"]);
    let text = ingest(
        &desk,
        &["--threads", &data("ingest-broker", "dumps/v25.json")],
        2,
    );
    assert!(text.contains("jcmd PID Thread.print"), "{text}");
    assert_eq!(text.matches("Thread.dump_to_file").count(), 1, "{text}");
}

#[test]
fn damage_and_cuts_of_a_brokers_files_are_told() {
    let desk = Desk::new();
    for (option, path, loss) in [
        (
            "--threads",
            "dumps/threads-damaged.txt",
            "thread_dump_damaged_line",
        ),
        ("--request-log", "request-cut.log", "request_log_cut_line"),
    ] {
        let text = ingest(&desk, &[option, &data("ingest-broker", path)], 1);
        assert!(text.contains(loss), "{text}");
        // A line is shown by its start.
        assert!(text.lines().all(|line| line.len() < 1_000), "{text}");
    }
}

#[test]
fn tracers_output_is_read_as_people_have_it() {
    let field = |name: &str| data("ingest-bpf", &format!("field/{name}"));
    let read = |name: &str, expected: i32, sql: &str| {
        let desk = Desk::new();
        let text = ingest(&desk, &["--bpf", &field(name)], expected);
        (text, rows(&desk, sql))
    };
    let partitions =
        "SELECT topic AS a, partition AS b, COUNT(*) AS c FROM writes GROUP BY ALL ORDER BY c DESC";
    let partitions = partitions.replace("GROUP BY ALL", "GROUP BY topic, partition");
    let (text, found) = read("directory-cut-63.jsonl", 1, &partitions);
    assert_eq!(found, ["null|null|2", "orders|7|1"]);
    assert!(text.contains("bpf_name_cut, first at line 3"), "{text}");
    let sql = "SELECT state AS a, SUM(weight_ns) AS w FROM stack_samples GROUP BY state";
    let (text, found) = read("offcputime-no-banner.txt", 0, sql);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("off_cpu|"), "{found:?}");
    assert!(text.contains("time off CPU in us"), "{text}");
    let sql = "SELECT tid AS a, duration_ns AS b FROM run_queue_waits ORDER BY tid";
    let (_, found) = read("runqslower-P.txt", 0, sql);
    assert_eq!(found, ["4101|4038000", "4144|105000"]);
    let sql = "SELECT comm, COUNT(*) AS n FROM writes GROUP BY comm ORDER BY n";
    let (_, found) = read("tab-in-comm.jsonl", 0, sql);
    assert_eq!(found, ["pool\t2|1", "data-plane-kafk|2"]);
    for (name, count) in [("colours.txt", "2"), ("utf-8-bom.csv", "1")] {
        let (_, found) = read(name, 0, "SELECT COUNT(*) AS n FROM writes");
        assert_eq!(found, [count], "{name}");
    }
    let desk = Desk::new();
    let (lines, map) = (field("map-letters.jsonl"), field("map-letters.toml"));
    ingest(&desk, &["--bpf", &lines, "--bpf-map", &map], 0);
    let sql = "SELECT operation FROM writes ORDER BY operation";
    assert_eq!(rows(&desk, sql), ["fsync", "write"]);
}

#[test]
fn a_recording_of_the_jvm_that_is_cut_is_read_to_the_cut() {
    let whole = data("ingest-jfr", "field/whole.jfr.gz");
    let desk = Desk::new();
    ingest(&desk, &["--jfr", &whole], 0);
    let sql = "SELECT (SELECT COUNT(*) FROM lock_waits) AS a, (SELECT COUNT(*) FROM writes) AS b,
        (SELECT COUNT(*) FROM load_samples) AS c";
    assert_eq!(rows(&desk, sql), ["1467|1615|16"]);
    let bytes = std::fs::read(&whole).expect("a file");
    desk.write("cut.jfr.gz", &bytes[..bytes.len() - 2_000]);
    let desk_of_cut = Desk::new();
    let cut = desk.path("cut.jfr.gz").display().to_string();
    let text = ingest(&desk_of_cut, &["--jfr", &cut], 1);
    assert!(text.contains("input_cut_off"), "{text}");
    let cut_rows = desk_of_cut.number("SELECT COUNT(*) FROM lock_waits");
    assert!(cut_rows > 1_000.0, "{cut_rows}");
}

#[test]
fn events_that_are_in_two_recordings_are_told() {
    let desk = Desk::new();
    let text = std::fs::read_to_string(recording("writes.jsonl")).expect("a recording");
    let lines: Vec<&str> = text.lines().collect();
    desk.write("one.jsonl", lines[..3_000].join("\n"));
    desk.write("two.jsonl", lines[2_500..5_000].join("\n"));
    let text = ingest(&desk, &["--bpf", "one.jsonl"], 0);
    assert!(!text.contains("event_stored_twice"), "{text}");
    let text = ingest(&desk, &["--bpf", "two.jsonl"], 1);
    assert!(text.contains("500 × event_stored_twice"), "{text}");
    assert!(text.contains("also in source 1"), "{text}");
    let sql = "SELECT source_id AS a, kind AS b, count AS c FROM losses";
    assert_eq!(rows(&desk, sql), ["2|event_stored_twice|500"]);
    // Other recordings of the same time share nothing.
    let text = ingest(&desk, &["--jfr", &recording("profile.jfr")], 0);
    assert!(!text.contains("event_stored_twice"), "{text}");
}

#[test]
fn an_input_that_is_none_is_called_by_what_it_looks_like() {
    let desk = Desk::new();
    let random: Vec<u8> = (0..2_000_u32)
        .map(|i| ((i * 7919) >> 3).to_le_bytes()[0])
        .collect();
    desk.write("random", random);
    desk.write("empty", "");
    desk.write("page", "<!DOCTYPE html>\n<html><body>404</body></html>\n");
    std::fs::create_dir(desk.path("folder")).expect("a folder");
    let capture = recording("dump.pcap.zst");
    let jfr = recording("profile.jfr");
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "--jfr",
            "random",
            &["looks like binary data", "--jfr reads", "async-profiler"],
        ),
        (
            "--bpf",
            "random",
            &[
                "it is no text",
                "--bpf reads",
                "--bpf-map",
                "--bpf-format",
                "ext4slower",
            ],
        ),
        ("--bpf", "page", &["a web page", "--bpf reads"]),
        (
            "--threads",
            "page",
            &["a web page", "--threads reads", "jstack"],
        ),
        ("--gc-log", "random", &["it is no text", "--gc-log reads"]),
        ("--request-log", "page", &["--request-log reads"]),
        ("--server-log", "page", &["--server-log reads"]),
        ("--segments", "page", &["--segments reads", "tar archive"]),
        ("--pcap", "empty", &["the input is empty"]),
        ("--bpf", "folder", &["is a directory", "--bpf folder/*"]),
        ("--bpf", "missing", &["No such file"]),
        ("--bpf", "missing*", &["nothing matched the pattern"]),
        (
            "--bpf",
            &jfr,
            &["looks like JDK Flight Recorder: give it with --jfr"],
        ),
        (
            "--jfr",
            &capture,
            &["looks like pcap capture: give it with --pcap"],
        ),
    ];
    for (option, file, expected) in cases {
        let text = ingest(&desk, &[option, file], 2);
        for words in *expected {
            assert!(
                text.contains(words),
                "{option} {file}: no `{words}` in {text}"
            );
        }
        let is_known = text.contains("give it with") || text.contains("the input is empty");
        assert!(!is_known || !text.contains(" reads, plain"), "{text}");
    }
    let text = ingest(&desk, &[], 2);
    assert!(
        text.contains("--segments") && text.contains("--gc-log"),
        "{text}"
    );
}

#[test]
fn the_next_command_names_the_store_that_it_is_asked_of() {
    let desk = Desk::new();
    let file = data("ingest-bpf", "field/tab-in-comm.jsonl");
    let said = |store: &[&str]| {
        let text = stderr(&desk.kcorr(&[store, &["ingest", "--bpf", &file]].concat()));
        let next = text.lines().find(|line| line.starts_with("next: "));
        next.unwrap_or(&text).to_owned()
    };
    assert_eq!(said(&[]), "next: kcorr tables");
    assert_eq!(
        said(&["--store", "a.kcorr"]),
        "next: kcorr --store a.kcorr tables"
    );
    assert_eq!(
        said(&["--store", "it's mine"]),
        "next: kcorr --store 'it'\\''s mine' tables"
    );
}

#[test]
fn requests_of_a_request_log_alone_are_blamed_with_the_stage_that_it_names() {
    let desk = Desk::new();
    let log = data("ingest-broker", "layouts/rl-default.log");
    let text = ingest(&desk, &["--request-log", &log], 0);
    assert!(text.contains("next: kcorr query blame"), "{text}");
    let sql = "SELECT COUNT(*) AS a, COUNT(arrival_time) AS b, COUNT(stage) AS c,
             COUNT(*) FILTER (WHERE limits LIKE 'not_captured=%') AS d,
             COUNT(*) FILTER (WHERE cause NOT IN ('unexplained', 'remote')) AS e
         FROM blame";
    let found = desk.rows(&["--slo", "5ms", "-c", sql]);
    let found = found[0].values().map(ToString::to_string);
    let found = found.collect::<Vec<_>>().join("|");
    let logged = rows(
        &desk,
        "SELECT COUNT(*) AS a FROM broker_requests WHERE total_ns >= 5e6",
    );
    let count = &logged[0];
    assert_ne!(count, "0");
    assert_eq!(found, format!("{count}|{count}|{count}|{count}|0"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_log_directory_may_have_more_files_than_a_process_may_open() {
    let desk = Desk::new();
    let segment = data("ingest-broker", "compacted/cmp-0/00000000000000000000.log");
    let segment = std::fs::read(segment).expect("a segment");
    for partition in 0..400 {
        let folder = desk.path(&format!("log/t-{partition}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("00000000000000000000.log"), &segment).expect("a file");
    }
    let kcorr = assert_cmd::cargo::cargo_bin!("kcorr").display().to_string();
    let output = std::process::Command::new("sh")
        .args([
            "-c",
            "ulimit -n 100; exec \"$0\" ingest --segments log",
            &kcorr,
        ])
        .current_dir(desk.path("."))
        .env_remove("KCORR_STORE")
        .output()
        .expect("kcorr runs");
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let sql = "SELECT COUNT(DISTINCT partition) FROM log_batches";
    assert!((desk.number(sql) - 400.0).abs() < 0.5);
}

#[test]
fn recordings_in_a_folder_are_known_by_their_content() {
    let named = Desk::with_incident();
    let counts = |desk: &Desk| {
        ["requests", "request_partitions", "writes", "lock_waits"]
            .map(|table| desk.number(&format!("SELECT COUNT(*) FROM {table}")))
    };
    let desk = Desk::new();
    let folder = desk.path("monday");
    std::fs::create_dir_all(folder.join("broker")).expect("a folder");
    // Names say nothing of what is in them.
    for (name, place) in [
        ("profile.jfr", "a"),
        ("writes.jsonl", "broker/b"),
        ("dump.pcap.zst", "broker/c"),
    ] {
        std::fs::copy(recording(name), folder.join(place)).expect("a copy");
    }
    let broker = include_str!("../../../ingest-broker/tests/data/server.log");
    std::fs::write(folder.join("broker/d"), broker).expect("a file");
    std::fs::write(folder.join("notes.md"), "Restarted at noon.\n").expect("a file");
    let output = desk.kcorr(&["ingest", &folder.display().to_string()]);
    assert!(status(&output) <= 1, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("notes.md: left out, text of an unknown kind"),
        "{}",
        stderr(&output)
    );
    assert_eq!(counts(&desk), counts(&named));
    assert_eq!(desk.number("SELECT COUNT(*) FROM isr_changes"), 7.0);
    let blame = |desk: &Desk, arguments: &[&str]| {
        let output = desk.kcorr(&[arguments, &["--format", "csv"]].concat());
        assert_eq!(status(&output), 0, "{}", stderr(&output));
        crate::stdout(&output)
    };
    let asked = "SELECT cause, COUNT(*) AS requests FROM blame GROUP BY cause ORDER BY cause";
    assert_eq!(
        blame(&desk, &["query", "-c", asked]),
        blame(&named, &["query", "-c", asked])
    );
    // The name of a query is a command.
    assert_eq!(
        blame(&named, &["causes"]),
        blame(&named, &["query", "causes"])
    );
}

#[test]
fn a_named_file_that_is_no_recording_fails_and_the_others_are_stored() {
    let desk = Desk::new();
    let letter = desk.write("letter.txt", "Dear diary");
    let text = ingest(&desk, &[&letter, &recording("profile.jfr"), "no-such"], 2);
    assert!(
        text.contains("letter.txt: looks like text of an unknown kind: give it with the option"),
        "{text}"
    );
    assert!(text.contains("no-such: "), "{text}");
    assert!(desk.number("SELECT COUNT(*) FROM lock_waits") > 0.0);
}
