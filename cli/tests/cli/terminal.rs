//! What a terminal shows: the columns that answer, a pager, and times in a zone.

use std::process::{Command, Stdio};

use crate::{Desk, status, stderr, stdout};

/// What kcorr shows on a terminal of so many columns, where `PAGER` is set or not; in a pipe of a shell when `into` says
/// so.
fn on_terminal(desk: &Desk, columns: u16, pager: &str, command: &str) -> String {
    let kcorr = assert_cmd::cargo::cargo_bin!("kcorr");
    let line = format!("stty cols {columns} rows 50; {} {command}", kcorr.display());
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]);
    script.current_dir(desk.path("")).stdin(Stdio::null());
    script.env_remove("KCORR_STORE").env_remove("COLUMNS");
    script
        .env("NO_COLOR", "1")
        .env("TERM", "dumb")
        .env("PAGER", pager);
    let output = script.output().expect("script, of util-linux");
    stdout(&output).replace('\r', "")
}

#[test]
fn the_columns_that_answer_are_shown_at_every_width() {
    let desk = Desk::with_incident();
    // Who, when, how long and why.
    let answers = ["arrival_time", "client_id", "latency_ms", "cause"];
    let mut counts = Vec::new();
    for columns in [80, 120, 200] {
        let shown = on_terminal(&desk, columns, "cat", "blame --limit 30");
        let lines: Vec<&str> = shown.lines().collect();
        let table: Vec<&&str> = lines
            .iter()
            .take_while(|line| !line.starts_with('('))
            .collect();
        assert_eq!(table.len(), 31, "{shown}");
        for line in &table {
            assert!(
                line.chars().count() <= usize::from(columns),
                "{columns}: {line}"
            );
        }
        for name in answers {
            assert!(table[0].contains(name), "{columns}: {}", table[0]);
        }
        assert!(table[1].contains("16:23:15.945"), "{shown}");
        assert!(
            table[1].contains("lock wait behind a slow write"),
            "{shown}"
        );
        assert!(shown.contains("times of 2026-11-20 in UTC)"), "{shown}");
        counts.push(table[0].split_whitespace().count());
    }
    assert!(counts.is_sorted() && counts[0] < counts[2], "{counts:?}");
    let all = on_terminal(&desk, 80, "cat", "blame --limit 3 --wide");
    let head = all.lines().next().expect("a line");
    assert!(
        head.contains("partitions") && head.contains("evidence"),
        "{head}"
    );
    assert!(!all.contains("more columns"), "{all}");
}

#[test]
fn every_answer_that_people_ask_first_fits_its_terminal() {
    let desk = Desk::with_incident();
    for query in [
        "blame_partitions",
        "causes",
        "episodes",
        "blockers",
        "why_not",
        "advice",
        "slow_requests",
        "slow_writes",
        "lock_waits",
        "connections",
        "readers",
        "sources",
        "clocks",
        "data_quality",
    ] {
        for columns in [80, 120, 200] {
            let shown = on_terminal(&desk, columns, "cat", query);
            assert!(shown.contains(" row"), "{query}: {shown}");
            let table = shown.lines().take_while(|line| !line.starts_with('('));
            for line in table {
                let width = line.chars().count();
                assert!(
                    width <= usize::from(columns),
                    "{query} at {columns}: {width} {line}"
                );
            }
        }
    }
}

#[test]
fn a_pager_shows_what_goes_to_a_terminal_and_nothing_else() {
    let desk = Desk::with_incident();
    let counting = "sed 's/^/paged: /'";
    let shown = on_terminal(&desk, 120, counting, "blame");
    assert!(shown.lines().count() > 20, "{shown}");
    assert!(
        shown.lines().all(|line| line.starts_with("paged: ")),
        "{shown}"
    );
    // Neither in a pipe, nor into a file.
    let piped = on_terminal(&desk, 120, counting, "blame | cat");
    assert!(!piped.contains("paged: "), "{piped}");
    let into_file = on_terminal(&desk, 120, counting, "blame -f csv -o blame.csv");
    assert!(!into_file.contains("paged: "), "{into_file}");
    let output = desk.kcorr(&["blame", "--limit", "1"]);
    assert!(
        stdout(&output).contains("confidence"),
        "a pipe has all columns"
    );
    // One that is not there is told, and whoever leaves early has seen enough.
    let shown = on_terminal(&desk, 120, "no-such-pager", "blame; echo status $?");
    assert!(
        shown.contains("no-such-pager cannot be run") && shown.contains("status 2"),
        "{shown}"
    );
    let shown = on_terminal(
        &desk,
        120,
        "head -n 1",
        "blame --all --wide; echo status $?",
    );
    assert!(shown.contains("status 0"), "{shown}");
}

#[test]
fn times_are_in_the_zone_that_is_asked_for() {
    let desk = Desk::with_incident();
    let asked = |more: &[&str]| {
        let output = desk.kcorr(&[more, &["--limit", "1"]].concat());
        assert_eq!(status(&output), 0, "{}", stderr(&output));
        stdout(&output)
    };
    let utc = asked(&["blame", "-f", "csv"]);
    assert!(utc.contains("2026-11-20T16:23:15.945183Z"), "{utc}");
    let berlin = asked(&["blame", "-f", "csv", "--tz", "Europe/Berlin"]);
    assert!(
        berlin.contains("2026-11-20T17:23:15.945183+01:00"),
        "{berlin}"
    );
    let json = asked(&["blame", "-f", "json", "--tz", "asia/tokyo"]);
    assert!(json.contains("2026-11-21T01:23:15.945183+09:00"), "{json}");
    let table = asked(&["blame", "--tz", "Europe/Berlin"]);
    assert!(table.contains("2026-11-20 17:23:15.945"), "{table}");
    assert!(table.contains("times in Europe/Berlin)"), "{table}");
    // Options are read in it, too.
    let since = asked(&[
        "blame",
        "-f",
        "csv",
        "--tz",
        "Europe/Berlin",
        "--since",
        "17:23:15",
    ]);
    assert_eq!(since, berlin);
    let exact = asked(&[
        "blame",
        "-f",
        "csv",
        "--tz",
        "Europe/Berlin",
        "--since",
        "2026-11-20T16:23:15Z",
    ]);
    assert_eq!(exact, berlin);
    let refused = desk.kcorr(&["blame", "--tz", "Mars"]);
    assert_eq!(status(&refused), 2);
    assert!(
        stderr(&refused).contains("no time zone Mars"),
        "{}",
        stderr(&refused)
    );
    let mut local = desk.command(&["blame", "-f", "csv", "--tz", "local", "--limit", "1"]);
    let output = local
        .env("TZ", "America/New_York")
        .output()
        .expect("kcorr runs");
    assert!(
        stdout(&output).contains("T11:23:15.945183-05:00"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn a_report_names_the_zone_of_its_times() {
    let desk = Desk::with_incident();
    let output = desk.kcorr(&[
        "report",
        "--brief",
        "--tz",
        "Asia/Tokyo",
        "--shifts",
        "0",
        "--no-ablation",
    ]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    assert!(
        text.contains("01:23:1") && text.contains("Asia/Tokyo"),
        "{text}"
    );
    assert!(!text.contains("UTC"), "{text}");
}

#[test]
fn one_request_is_told_in_sentences() {
    let desk = Desk::with_incident();
    let worst = &desk.rows(&["blame"])[0];
    let output = desk.kcorr(&["why"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    for said in [
        "Produce request 30000004029, 2026-11-20 16:23:15.945 to 16:23:17.323 UTC",
        "number 1 of 81 slow ones",
        "at a lock, behind a slow write; data-plane-kafka-request-handler-3 was in that",
        "Mechanism: journal_commit",
        "What waited for what",
        "jbd2_journal_commit_transaction",
        "its handler's lock wait, and another thread's append to the same log",
        worst["evidence"].as_str().expect("evidence"),
    ] {
        assert!(text.contains(said), "{said} is not in {text}");
    }
    let by_id = desk.kcorr(&["why", "30000004029"]);
    assert_eq!(stdout(&by_id), text);
    // Each number is a cell, and the parts add up.
    let json = desk.kcorr(&["why", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    let parts = desk.rows(&["request_parts", "--param", "request_id=30000004029"]);
    let sum: f64 = parts.iter().filter_map(|row| row["part_ms"].as_f64()).sum();
    assert!((sum - worst["latency_ms"].as_f64().expect("a latency")).abs() < 1e-6);
    assert!(
        json["sections"]
            .as_array()
            .is_some_and(|sections| sections.len() == 3)
    );
    for (arguments, said) in [
        (&["why", "82"][..], "81 slow requests"),
        (&["why", "1", "--slo", "1h"], "no request was slow"),
        (&["why", "--param", "request=2"], "without --param"),
    ] {
        let refused = desk.kcorr(arguments);
        assert_eq!(status(&refused), 2, "{arguments:?}");
        assert!(stderr(&refused).contains(said), "{}", stderr(&refused));
    }
}

#[test]
fn a_store_says_what_is_in_it() {
    let desk = Desk::with_incident();
    let output = desk.kcorr(&["info"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    for said in [
        "3 (bpf 1, jfr 1, pcap 1)",
        "127.0.0.1:9092",
        "Produce 4300, Fetch 1364",
        "losses      none",
        "UTC",
    ] {
        assert!(text.contains(said), "{said} is not in {text}");
    }
    let json = desk.kcorr(&["info", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    let requests = desk.number("SELECT COUNT(*) AS n FROM requests");
    assert_eq!(json["request_count"].as_f64(), Some(requests));
    assert_eq!(json["tables"]["requests"].as_f64(), Some(requests));
    assert!(json["store_bytes"].as_u64() > Some(500_000), "{json}");
}
