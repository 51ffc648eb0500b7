//! What a report tells of every bundled recording: its numbers are cells of its queries, its parts add up, and it
//! proposes nothing that the host has already.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use crate::incidents::{entries, incidents, ingest, name_of, option_of};
use crate::report::numbers;
use crate::{Desk, status, stderr};

/// What the context of a broker says for each change of `ON` to be so.
const SETTINGS: [(&str, &str, &str, &str); 10] = [
    ("log_directory", "/logs", "file_system", "ext4"),
    ("log_directory", "/logs", "source", "/dev/sdz"),
    ("log_directory", "/logs", "mount_point", "/logs"),
    (
        "log_directory",
        "/logs",
        "options_in_force",
        "rw,commit=1,data=writeback",
    ),
    ("log_directory", "/logs", "fast_commit", "true"),
    ("control_group", "", "cpu.max", "max 100000"),
    ("jvm", "", "flag", "-Xlog:async"),
    ("jvm", "", "flag", "-XX:+PerfDisableSharedMem"),
    ("jvm", "", "flag", "-XX:+SafepointTimeout"),
    ("kernel", "", "vm.dirty_ratio", "20"),
];
/// What is so by that.
const ON: [&str; 6] = [
    "journal_writeback",
    "journal_fast_commit",
    "journal_interval",
    "cpu_quota",
    "gc_log_disk",
    "late_threads",
];

type Row = Map<String, Json>;

/// The folders of all bundled recordings.
fn recordings() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = entries(&incidents())
        .into_iter()
        .flat_map(|path| [path.join("follower"), path])
        .collect();
    folders.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/ext4-ordered"));
    folders.retain(|path| path.is_dir());
    folders
}

/// A desk whose store holds the recordings of a folder, and a context by which much is so already.
fn desk_with(folder: &Path) -> Desk {
    let desk = Desk::new();
    let context = PathBuf::from(desk.write("context.jsonl", context()));
    let files = entries(folder);
    let mut files: Vec<(&str, &Path)> = files
        .iter()
        .filter_map(|path| Some((option_of(&name_of(path))?, path.as_path())))
        .collect();
    files.push(("--context", &context));
    ingest(&desk, &files);
    desk
}

fn text(row: &Row, column: &str) -> String {
    row[column].as_str().unwrap_or_default().to_owned()
}

fn changes(rows: &[Row]) -> BTreeSet<String> {
    rows.iter().map(|row| text(row, "change")).collect()
}

/// The texts of a block with their cells, in all that is below it.
fn texts<'a>(json: &'a Json, into: &mut Vec<(&'a str, &'a [Json])>) {
    match json {
        Json::Array(items) => items.iter().for_each(|item| texts(item, into)),
        Json::Object(fields) => match (fields.get("text"), fields.get("cells")) {
            (Some(Json::String(text)), Some(Json::Array(cells))) => into.push((text, cells)),
            _ => fields.values().for_each(|item| texts(item, into)),
        },
        _ => {}
    }
}

/// Holds each sentence of the first screen against its cells, and these against their queries.
fn assert_numbers_are_cells(desk: &Desk, place: &str) {
    let output = desk.kcorr(&[
        "report",
        "--shifts",
        "0",
        "--no-ablation",
        "-f",
        "json",
        "-o",
        "-",
    ]);
    assert_eq!(status(&output), 0, "{place}: {}", stderr(&output));
    let report: Json = serde_json::from_slice(&output.stdout).expect("JSON");
    let sections = report["sections"].as_array().expect("sections");
    let summary = sections.iter().find(|it| it["id"] == "summary");
    let blocks = summary.expect("a summary")["blocks"]
        .as_array()
        .expect("blocks");
    let mut sentences = Vec::new();
    for block in blocks.iter().filter(|block| block["kind"] != "drawing") {
        texts(block, &mut sentences);
    }
    assert!(!sentences.is_empty(), "{place}");
    let mut answers: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for (sentence, cells) in sentences {
        let told = |cell: &Json| numbers(cell["text"].as_str().unwrap_or_default());
        let known: BTreeSet<String> = cells.iter().flat_map(told).collect();
        for number in numbers(sentence) {
            assert!(
                known.contains(&number),
                "{place}: {number} is no cell of {sentence}"
            );
        }
        for cell in cells {
            let query = cell["query"].as_str().expect("a query");
            // What a replay gives; another test holds it against the replay.
            if query == "expected_gains" {
                continue;
            }
            let rows = answers
                .entry(query.to_owned())
                .or_insert_with(|| desk.rows(&[query]));
            let row = cell["row"]
                .as_u64()
                .and_then(|row| usize::try_from(row).ok());
            let column = cell["column"].as_str().expect("a column");
            let found = rows[row.expect("a row")].get(column).unwrap_or(&Json::Null);
            match (found.as_f64(), cell["value"].as_f64()) {
                (Some(a), Some(b)) => {
                    assert!(
                        (a - b).abs() <= a.abs() * 1e-9,
                        "{place}: {query}.{column}: {a}, {b}"
                    );
                }
                // Times have as many digits as they need.
                _ if column.ends_with("_time") => {}
                _ => assert_eq!(*found, cell["value"], "{place}: {query}.{column}"),
            }
        }
    }
}

/// Parts of one whole are all of it.
fn assert_parts_add_up(desk: &Desk, place: &str) {
    let slow = desk.number("SELECT COUNT(*) AS n FROM request_verdicts");
    for (whole, sql) in [
        (
            slow,
            "SELECT COUNT(DISTINCT request_id) AS n FROM episode_requests",
        ),
        (slow, "SELECT COUNT(*) AS n FROM episode_requests"),
        (
            slow,
            "SELECT COALESCE(SUM(request_count), 0) AS n FROM causes",
        ),
        (
            slow,
            "SELECT COALESCE(SUM(request_count), 0) AS n FROM root_classes",
        ),
        (
            slow.min(1.0),
            "SELECT COALESCE(SUM(request_ratio), 0) AS n FROM causes",
        ),
        (
            slow.min(1.0),
            "SELECT COALESCE(SUM(request_ratio), 0) AS n FROM root_classes",
        ),
        (
            0.0,
            "SELECT COUNT(*) AS n FROM (
                SELECT s.request_id
                FROM request_segments AS s
                INNER JOIN request_verdicts AS v ON v.request_id = s.request_id
                GROUP BY s.request_id
                HAVING ABS(SUM(s.segment_ns) / 1e6 - MIN(v.latency_ms)) > 1e-6
            )",
        ),
        (
            0.0,
            "SELECT COUNT(*) AS n FROM (
                SELECT c.request_id
                FROM request_causes AS c
                INNER JOIN request_verdicts AS v ON v.request_id = c.request_id
                GROUP BY c.request_id
                HAVING ABS(SUM(c.cause_ns) / 1e6 - MIN(v.latency_ms)) > 1e-6
            )",
        ),
        (
            0.0,
            "SELECT COUNT(*) AS n FROM advice WHERE gain_ratio > 1.000001 OR request_ratio > 1",
        ),
    ] {
        let found = desk.number(sql);
        assert!(
            (found - whole).abs() < 1e-6,
            "{place}: {found}, not {whole}: {sql}"
        );
    }
}

/// The context of a recorder: what is set.
fn context() -> String {
    let lines = SETTINGS.iter().map(|(kind, of, name, value)| {
        let fact = serde_json::json!({
            "context": kind, "of": of, "name": name, "value": value, "time_ns": 1_700_000_000_000_000_000_u64,
        });
        fact.to_string() + "\n"
    });
    lines.collect()
}

/// Proposes what the recordings ask for, except what is so by the context.
fn assert_what_is_on_is_not_proposed(desk: &Desk, place: &str) -> BTreeSet<String> {
    let asked = changes(&desk.rows(&["asked_changes"]));
    let is_on = |change: &String| ON.contains(&change.as_str());
    let (on, off): (BTreeSet<_>, BTreeSet<_>) = asked.into_iter().partition(is_on);
    let settled = desk.rows(&["settled_changes"]);
    assert_eq!(changes(&desk.rows(&["advice"])), off, "{place}");
    assert_eq!(changes(&settled), on, "{place}");
    for row in &settled {
        assert_ne!(text(row, "present"), "", "{place}: {row:?}");
    }
    on
}

#[test]
fn what_is_told_of_each_bundled_recording_is_in_its_rows_and_not_so_already() {
    let mut settled = BTreeSet::new();
    for folder in recordings() {
        let place = folder.display().to_string();
        let desk = desk_with(&folder);
        assert_numbers_are_cells(&desk, &place);
        assert_parts_add_up(&desk, &place);
        settled.extend(assert_what_is_on_is_not_proposed(&desk, &place));
    }
    assert!(settled.len() > 3, "{settled:?}");
}
