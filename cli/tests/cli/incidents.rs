//! The small real incidents in `examples/incidents`: each gives the verdicts and answers that its folder expects.

use std::path::{Path, PathBuf};

use crate::{Desk, status, stderr, stdout};

/// The option for a file of an incident, by its name; none for what people read. The broker's request log is
/// apart: verdicts stand without it, and it contradicts none.
fn option_of(name: &str) -> Option<&'static str> {
    let plain = name.trim_end_matches(".zst");
    match plain {
        "gc.log" => Some("--gc-log"),
        "threads.txt" => Some("--threads"),
        "segments.tar" => Some("--segments"),
        "cpu-stat.txt" => Some("--cpu-stat"),
        _ if plain.ends_with(".jsonl") => Some("--bpf"),
        _ if plain.ends_with(".pcap") => Some("--pcap"),
        _ if plain.ends_with(".jfr") => Some("--jfr"),
        _ => None,
    }
}

fn incidents() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/incidents")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut entries: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    entries.sort();
    entries
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Ingests files, each with its option.
fn ingest(desk: &Desk, files: &[(&str, &Path)]) {
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
        let files = entries(&folder);
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
