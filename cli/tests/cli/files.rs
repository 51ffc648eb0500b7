//! Files that are written: whole or not at all.

use crate::{Desk, status, stderr, stdout};

/// Names in the desk's folder, but for the store.
fn names(desk: &Desk) -> Vec<String> {
    let entries = std::fs::read_dir(desk.path(".")).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.retain(|name| name != "incident.kcorr");
    names.sort();
    names
}

#[test]
fn a_query_that_fails_while_it_runs_leaves_the_old_file() {
    let desk = Desk::with_incident();
    desk.write("rows.csv", "the old rows\n");
    // The last row is no number, and that shows only after many others were written.
    let sql = "SELECT CAST(x AS BIGINT) AS n FROM (
        SELECT CAST(request_id AS VARCHAR) AS x, request_id AS place FROM requests
        UNION ALL SELECT client_id AS x, request_id AS place FROM requests)";
    let output = desk.kcorr(&["query", "-c", sql, "--format", "csv", "-o", "rows.csv"]);
    assert_eq!(status(&output), 2, "{}", stderr(&output));
    let kept = std::fs::read_to_string(desk.path("rows.csv")).expect("a file");
    assert_eq!(kept, "the old rows\n");
    assert_eq!(names(&desk), ["rows.csv"]);
}

#[test]
fn every_output_replaces_the_old_file_and_leaves_no_other() {
    let desk = Desk::with_incident();
    let commands: &[&[&str]] = &[
        &["query", "causes", "--format", "csv", "-o", "out"],
        &[
            "report",
            "--format",
            "html",
            "--shifts",
            "0",
            "--no-ablation",
            "-o",
            "out",
        ],
        &["export", "openmetrics", "-o", "out"],
        &["export", "perfetto", "-o", "out"],
        &[
            "compare",
            "incident.kcorr",
            "./incident.kcorr",
            "--replicates",
            "10",
            "-o",
            "out",
        ],
        &[
            "compare",
            "incident.kcorr",
            "./incident.kcorr",
            "--replicates",
            "10",
            "--format",
            "html",
            "-o",
            "out",
        ],
        &["whatif", "--without", "gc", "-o", "out"],
        &["clocks", "-o", "out"],
    ];
    for command in commands {
        desk.write("out", "old");
        let output = desk.kcorr(command);
        assert_eq!(status(&output), 0, "{command:?}: {}", stderr(&output));
        let new = std::fs::read(desk.path("out")).expect("a file");
        assert!(new.len() > 10, "{command:?}");
        assert_eq!(names(&desk), ["out"], "{command:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_device_is_written_to_and_not_replaced() {
    let desk = Desk::with_incident();
    let output = desk.kcorr(&["query", "causes", "--format", "csv", "-o", "/dev/stdout"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).starts_with("cause,"), "{}", stdout(&output));
    let output = desk.kcorr(&["export", "openmetrics", "-o", "/dev/null"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert!(!std::fs::metadata("/dev/null").expect("a device").is_file());
}

#[test]
fn what_a_spreadsheet_would_run_is_text_when_it_is_asked_for() {
    let desk = Desk::with_incident();
    let sql = "SELECT '=1+1' AS a, -1 AS b";
    let csv = |more: &[&str]| {
        let arguments = ["query", "-c", sql, "--format", "csv"];
        stdout(&desk.kcorr(&[&arguments[..], more].concat()))
    };
    assert_eq!(csv(&[]), "a,b\n=1+1,-1\n");
    assert_eq!(csv(&["--safe-csv"]), "a,b\n'=1+1,-1\n");
    let output = desk.kcorr(&["query", "-c", sql, "--safe-csv"]);
    assert_eq!(status(&output), 2);
    assert!(
        stderr(&output).contains("--format csv"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn every_command_that_queries_takes_a_memory_limit() {
    let desk = Desk::with_incident();
    let commands: &[&[&str]] = &[
        &["query", "causes"],
        &["clocks"],
        &["report", "--shifts", "0", "--no-ablation"],
        &["export", "openmetrics", "-o", "out"],
        &[
            "compare",
            "incident.kcorr",
            "./incident.kcorr",
            "--replicates",
            "10",
        ],
        &["whatif", "--without", "gc"],
        &["verify", "--shifts", "0"],
        &["sql"],
    ];
    for command in commands {
        let output = desk.kcorr(&[command, &["--memory-limit", "1GB"][..]].concat());
        assert_eq!(status(&output), 0, "{command:?}: {}", stderr(&output));
    }
}

#[test]
fn a_misspelt_parameter_is_refused_by_every_command() {
    let desk = Desk::with_incident();
    let commands: &[(&[&str], &str)] = &[
        (
            &["compare", "incident.kcorr", "./incident.kcorr"],
            "clock_slak_ms=2",
        ),
        (&["whatif", "--without", "gc"], "clock_slak_ms=2"),
        (&["verify", "--shifts", "0"], "clock_slak_ms=2"),
        (&["report"], "clock_slak_ms=2"),
        (&["query", "blame"], "clock_slak_ms=2"),
        (&["export", "openmetrics", "-o", "out"], "clock_slak_ms=2"),
        // These are what an option of the command says.
        (
            &["compare", "incident.kcorr", "./incident.kcorr"],
            "slo_ms=2",
        ),
        (&["whatif", "--without", "gc"], "slo_ms=2"),
    ];
    for (command, parameter) in commands {
        let output = desk.kcorr(&[command, &["--param", parameter][..]].concat());
        assert_eq!(status(&output), 2, "{command:?} {parameter}");
        let name = parameter.split('=').next().unwrap_or_default();
        assert!(stderr(&output).contains(name), "{}", stderr(&output));
    }
    assert!(names(&desk).is_empty(), "{:?}", names(&desk));
}

/// A part of a workbook.
fn part(desk: &Desk, workbook: &str, name: &str) -> String {
    let file = std::fs::File::open(desk.path(workbook)).expect("a workbook");
    let mut archive = zip::ZipArchive::new(file).expect("an archive");
    let mut text = String::new();
    let mut part = archive.by_name(name).expect("a part");
    std::io::Read::read_to_string(&mut part, &mut text).expect("text");
    text
}

#[test]
fn a_workbook_has_a_sheet_for_each_result() {
    let desk = Desk::with_incident();
    let sql = "SELECT COUNT(*) AS n FROM requests; SELECT '=1+1' AS formula";
    for arguments in [&["query", "causes"][..], &["query", "-c", sql]] {
        let output = desk.kcorr(&[arguments, &["--format", "xlsx", "-o", "out.xlsx"]].concat());
        assert_eq!(status(&output), 0, "{}", stderr(&output));
        let book = part(&desk, "out.xlsx", "xl/workbook.xml");
        let sheet = part(&desk, "out.xlsx", "xl/worksheets/sheet1.xml");
        if arguments[1] == "causes" {
            assert!(book.contains("name=\"causes\""), "{book}");
            assert!(sheet.contains("queued_behind_slow_write"), "{sheet}");
            continue;
        }
        assert!(
            book.contains("name=\"query\"") && book.contains("name=\"query 2\""),
            "{book}"
        );
        let count = desk.number("SELECT COUNT(*) AS n FROM requests");
        assert!(sheet.contains(&format!("<v>{count}</v>")), "{sheet}");
        let second = part(&desk, "out.xlsx", "xl/worksheets/sheet2.xml");
        assert!(
            second.contains("<t>=1+1</t>") && !second.contains("<f>"),
            "{second}"
        );
    }
}
