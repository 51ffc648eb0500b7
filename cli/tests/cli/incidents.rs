//! The small real incidents in `examples/incidents`: each gives the verdicts that its folder expects.

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

fn verdicts(desk: &Desk) -> String {
    let query = incidents().join("verdicts.sql").display().to_string();
    let output = desk.kcorr(&["query", "--format", "csv", &query]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    stdout(&output)
}

#[test]
fn each_incident_gives_the_verdicts_that_it_expects() {
    let mut incident_count = 0;
    let folders = entries(&incidents()).into_iter();
    for folder in folders.filter(|path| path.join("expected.csv").is_file()) {
        let name = name_of(&folder);
        let files = entries(&folder);
        let recordings: Vec<(&str, &Path)> = files
            .iter()
            .filter_map(|path| Some((option_of(&name_of(path))?, path.as_path())))
            .collect();
        let desk = Desk::new();
        ingest(&desk, &recordings);
        let expected = std::fs::read_to_string(folder.join("expected.csv")).expect("expected.csv");
        assert_eq!(verdicts(&desk), expected, "{name}");
        incident_count += 1;
    }
    assert!(incident_count > 1);
}
