//! The small real incidents in `examples/incidents`: each gives the verdicts and answers that its folder expects.

use std::path::{Path, PathBuf};

use crate::{Desk, status, stderr, stdout};

/// The option for a file of an incident, by its name; none for what people read. The broker's request log is
/// apart: verdicts stand without it, and it contradicts none.
pub(super) fn option_of(name: &str) -> Option<&'static str> {
    let plain = name.trim_end_matches(".zst");
    match plain {
        "gc.log" => Some("--gc-log"),
        "threads.txt" => Some("--threads"),
        "segments.tar" => Some("--segments"),
        "cpu-stat.txt" => Some("--cpu-stat"),
        "context.jsonl" => Some("--context"),
        _ if plain.ends_with(".jsonl") => Some("--bpf"),
        _ if plain.ends_with(".pcap") => Some("--pcap"),
        _ if plain.ends_with(".jfr") => Some("--jfr"),
        _ => None,
    }
}

pub(super) fn incidents() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/incidents")
}

pub(super) fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut entries: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    entries.sort();
    entries
}

pub(super) fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Ingests files, each with its option.
pub(super) fn ingest(desk: &Desk, files: &[(&str, &Path)]) {
    let mut arguments = vec!["ingest".to_owned()];
    for (option, path) in files {
        arguments.extend([(*option).to_owned(), path.display().to_string()]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = desk.kcorr(&arguments);
    assert!(status(&output) <= 1, "{}", stderr(&output));
}

fn answer(desk: &Desk, query: &Path) -> String {
    let query = query.display().to_string();
    let output = desk.kcorr(&["query", "--format", "csv", &query]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    stdout(&output)
}

/// The queries of a folder and the answers that it expects: `<name>.csv` is that of its `<name>.sql`, and
/// `expected.csv` that of the verdicts' query.
fn expectations(folder: &Path) -> Vec<(PathBuf, PathBuf)> {
    let mut expectations = vec![(
        incidents().join("verdicts.sql"),
        folder.join("expected.csv"),
    )];
    let answers = entries(folder).into_iter();
    expectations.extend(
        answers
            .filter(|path| path.extension().is_some_and(|extension| extension == "csv"))
            .map(|path| (path.with_extension("sql"), path)),
    );
    expectations.retain(|(query, expected)| query.is_file() && expected.is_file());
    expectations
}

/// The files of an incident; of one with several brokers those of each broker's folder, beside its `meta.properties`.
fn files_of(folder: &Path) -> Vec<PathBuf> {
    let (folders, mut files): (Vec<_>, Vec<_>) =
        entries(folder).into_iter().partition(|path| path.is_dir());
    let brokers = folders.iter();
    let brokers = brokers.filter(|path| name_of(path).starts_with("broker-"));
    files.extend(brokers.flat_map(|path| entries(path)));
    files
}

#[test]
fn each_incident_gives_the_answers_that_it_expects() {
    let mut incident_count = 0;
    // Recordings of another broker lie in a folder of their own.
    let folders = entries(&incidents()).into_iter();
    let folders = folders.filter(|path| path.is_dir());
    let folders = folders.flat_map(|path| [path.join("follower"), path]);
    for folder in folders.filter(|path| path.is_dir()) {
        let expectations = expectations(&folder);
        if expectations.is_empty() {
            continue;
        }
        let files = files_of(&folder);
        let recordings: Vec<(&str, &Path)> = files
            .iter()
            .filter_map(|path| Some((option_of(&name_of(path))?, path.as_path())))
            .collect();
        let desk = Desk::new();
        ingest(&desk, &recordings);
        for (query, expected) in expectations {
            let text = std::fs::read_to_string(&expected).expect("what is expected");
            assert_eq!(answer(&desk, &query), text, "{}", expected.display());
        }
        incident_count += 1;
    }
    assert!(incident_count > 1);
}

/// By what the leaders themselves wrote of their requests, and not by what was captured: of each slow request that
/// waited for followers for half of its time and more, the verdict says that it was broker 3, and why. (The logs begin
/// before the captures do.)
#[test]
fn the_follower_that_the_leaders_own_logs_show_to_be_waited_for_is_named_with_its_reason() {
    let files = files_of(&incidents().join("three-brokers"));
    let mut recordings: Vec<(&str, &Path)> = Vec::new();
    for file in &files {
        let option = match name_of(file).as_str() {
            "request.log.zst" => Some("--request-log"),
            name => option_of(name),
        };
        recordings.extend(option.map(|option| (option, file.as_path())));
    }
    let desk = Desk::new();
    ingest(&desk, &recordings);
    let waited = "SELECT b.* FROM blame AS b INNER JOIN broker_requests AS l \
        ON l.client_address = b.client_address AND l.correlation_id = b.correlation_id \
        INNER JOIN requests AS r ON r.request_id = b.request_id \
        WHERE l.api = 'Produce' AND l.acks = -1 AND l.remote_ns / 1e6 >= b.latency_ms / 2";
    let counts = desk.rows(&[
        "-c",
        &format!(
            "SELECT COUNT(*) AS all_count, COUNT(*) FILTER (
                WHERE blocker_broker = 3 AND via = 'remote' AND root = 'slow_write' AND reason IS NOT NULL
            ) AS named_count FROM ({waited})"
        ),
    ]);
    let count = |name: &str| counts[0][name].as_i64();
    assert!(count("all_count") > Some(10), "{counts:?}");
    assert_eq!(count("named_count"), count("all_count"));

    // Without what was recorded of broker 3 it is a follower that did not fetch, and nothing else.
    let of_3 = "SELECT source_id FROM sources WHERE broker = 3 AND kind = 'bpf'";
    let source = format!("{}", desk.number(of_3));
    let output = desk.kcorr(&[
        "-q", "verify", "--shifts", "0", "--source", &source, "--format", "json",
    ]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let rows: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(rows[0]["changed_count"], 0, "{rows}");
    assert!(rows[0]["less_count"].as_i64() > Some(10), "{rows}");
}
