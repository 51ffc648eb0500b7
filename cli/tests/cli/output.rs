//! Output formats, parameters and the shell.

use crate::{Desk, status, stderr, stdout};

#[test]
fn csv_is_one_header_line_and_rows_even_without_rows() {
    let desk = Desk::with_incident();
    let csv = stdout(&desk.kcorr(&["query", "requests", "--format", "csv"]));
    let lines: Vec<&str> = csv.lines().collect();
    assert!(lines[0].starts_with("arrival_time,end_time,latency_ms,message_id"));
    assert!(lines.len() > 1000);
    assert_eq!(lines.iter().filter(|line| **line == lines[0]).count(), 1);
    let none = stdout(&desk.kcorr(&[
        "query",
        "blame.sql",
        "--format",
        "csv",
        "--param",
        "slo_ms=1000000",
    ]));
    assert_eq!(none.lines().count(), 1, "{none}");
    assert!(
        none.starts_with("latency_ms,topic,partition,cause"),
        "{none}"
    );
}

#[test]
fn lists_are_text_in_csv() {
    let desk = Desk::with_incident();
    let csv = stdout(&desk.kcorr(&[
        "query",
        "--format",
        "csv",
        "-c",
        "SELECT completeness FROM sources ORDER BY source_id",
    ]));
    assert!(csv.starts_with("completeness\n"), "{csv}");
}

#[test]
fn a_parquet_file_holds_what_json_shows() {
    let desk = Desk::with_incident();
    let output = desk.kcorr(&[
        "query",
        "slow_requests",
        "--format",
        "parquet",
        "-o",
        "slow.parquet",
    ]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let bytes = std::fs::read(desk.path("slow.parquet")).expect("a file");
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    let rows = desk.rows(&["slow_requests"]);
    let from_parquet = desk.rows(&[
        "--allow-files",
        "-c",
        "SELECT count(*) AS n FROM 'slow.parquet'",
    ]);
    assert_eq!(from_parquet[0]["n"], rows.len());
}

#[test]
fn a_parameter_replaces_the_default_also_below_other_queries() {
    let desk = Desk::with_incident();
    let at = |slo: &str| {
        let parameter = format!("slo_ms={slo}");
        let sql = "SELECT count(*) AS n FROM blame";
        let rows = desk.rows(&["-c", sql, "--param", &parameter]);
        rows[0]["n"].as_i64().expect("a count")
    };
    let (few, many) = (at("1300"), at("65"));
    assert!(few > 0 && few < many, "{few} at 1300 ms, {many} at 65 ms");
    let bad = desk.kcorr(&["query", "blame", "--param", "slo_ms=soon"]);
    assert_eq!(status(&bad), 2);
    assert!(stderr(&bad).contains("slo_ms"), "{}", stderr(&bad));
}

#[test]
fn a_file_of_ones_own_runs_by_its_path() {
    let desk = Desk::with_incident();
    desk.write(
        "mine.sql",
        "-- Mine.\n-- @param n BIGINT = 3 -- rows\nSELECT topic FROM request_partitions LIMIT $n;\n",
    );
    assert_eq!(desk.rows(&["mine.sql"]).len(), 3);
    assert_eq!(desk.rows(&["./mine.sql", "--param", "n=2"]).len(), 2);
    let missing = desk.kcorr(&["query", "nosuch.sql"]);
    assert_eq!(status(&missing), 2);
    let asked_first = stderr(&missing);
    assert!(asked_first.contains("blame"), "{asked_first}");
    assert!(!asked_first.contains("own_writes"), "{asked_first}");
    let piped = desk
        .command(&["query", "-f", "csv", "-"])
        .write_stdin("SELECT 1 + 1 AS two")
        .output()
        .expect("kcorr runs");
    assert_eq!(stdout(&piped), "two\n2\n", "{}", stderr(&piped));
}

#[test]
fn a_wrong_query_says_what_is_wrong() {
    let desk = Desk::with_incident();
    let output = desk.kcorr(&["query", "-c", "SELECT nosuch FROM writes"]);
    assert_eq!(status(&output), 2);
    assert!(stderr(&output).contains("nosuch"), "{}", stderr(&output));
}

#[test]
fn the_shell_answers_from_a_pipe() {
    let desk = Desk::with_incident();
    let output = desk
        .command(&["sql", "--format", "csv"])
        .env("XDG_STATE_HOME", desk.path("state"))
        .write_stdin("SELECT count(*) AS n\nFROM requests;\n\\d writes\n")
        .output()
        .expect("kcorr runs");
    let text = stdout(&output);
    assert!(text.starts_with("n\n"), "{text}{}", stderr(&output));
    assert!(text.contains("file_offset"), "{text}");
}

#[test]
fn a_missing_store_says_how_to_make_one() {
    let desk = Desk::new();
    let output = desk.kcorr(&["--store", "none.kcorr", "query", "blame"]);
    assert_eq!(status(&output), 2);
    assert!(
        stderr(&output).contains("kcorr ingest"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_parameter_that_the_query_does_not_have_is_refused() {
    let desk = Desk::with_incident();
    let output = desk.kcorr(&["query", "slow_requests", "--param", "slo=400"]);
    assert_eq!(status(&output), 2);
    assert!(stderr(&output).contains("slo_ms"), "{}", stderr(&output));
}

#[test]
fn a_canned_query_can_be_explained() {
    let desk = Desk::with_incident();
    let output = desk.kcorr(&["query", "--explain", "slow_writes"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert!(
        stdout(&output).contains("physical_plan"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn what_each_step_below_a_query_took_is_shown() {
    let desk = Desk::with_incident();
    let output = desk.kcorr(&["query", "--explain=analyze", "near_writes"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    let (steps, last) = text
        .split_once("Plan with Metrics")
        .expect("the query's own plan");
    let first = steps.find("step accounted_requests: ");
    let second = steps.find("step near_times: ");
    assert!(first.is_some() && first < second, "{text}");
    assert!(last.contains("IntervalJoinExec"), "{text}");
    let quiet = stderr(&desk.kcorr(&["query", "near_writes"]));
    assert!(!quiet.contains("step near_times"), "{quiet}");
    let verbose = stderr(&desk.kcorr(&["query", "-v", "near_writes"]));
    assert!(verbose.contains("step near_times: "), "{verbose}");
}

#[test]
fn a_wrong_query_leaves_the_output_file_as_it_was() {
    let desk = Desk::with_incident();
    desk.write("keep.csv", b"keep");
    for sql in ["SELECT nosuch FROM writes", "SELECT 1 AS a; SELECT 2 AS b"] {
        let output = desk.kcorr(&["query", "-c", sql, "-f", "json", "-o", "keep.csv"]);
        assert_eq!(status(&output), 2, "{sql}");
        assert_eq!(
            std::fs::read(desk.path("keep.csv")).expect("a file"),
            b"keep",
            "{sql}"
        );
    }
}

#[test]
fn every_json_object_has_every_key() {
    let desk = Desk::with_incident();
    let rows = desk.rows(&["-c", "SELECT 1 AS a, CAST(NULL AS BIGINT) AS b"]);
    assert!(rows[0].contains_key("b"), "{rows:?}");
}
