//! Key logs of encrypted connections: where they are given and found, who may read them, and that nothing of
//! them is kept.
#![cfg(unix)]

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::{Desk, status, stderr};

/// A capture, and the key log of its connections, in a folder of the desk.
struct Recording {
    desk: Desk,
    folder: PathBuf,
    secrets: Vec<String>,
}

impl Recording {
    fn new(mode: u32) -> Self {
        let desk = Desk::new();
        let folder = desk.path("monday");
        std::fs::create_dir(&folder).expect("a folder of the test");
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ingest-pcap/tests/data/tls");
        std::fs::copy(data.join("kcat.pcap.zst"), folder.join("dump.pcap.zst"))
            .expect("a folder of the test");
        let text = std::fs::read_to_string(data.join("kcat.keys")).expect("a folder of the test");
        let secrets = text.lines().filter_map(|line| line.split(' ').nth(2));
        let recording = Self {
            desk,
            folder,
            secrets: secrets.map(str::to_owned).collect(),
        };
        std::fs::write(recording.keys(), text).expect("a folder of the test");
        recording.set_mode(mode);
        recording
    }

    fn keys(&self) -> PathBuf {
        self.folder.join("tls-keys.log")
    }

    fn set_mode(&self, mode: u32) {
        std::fs::set_permissions(self.keys(), std::fs::Permissions::from_mode(mode))
            .expect("a folder of the test");
    }

    /// Runs kcorr in the folder; what it says has no secret in it.
    fn kcorr(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.desk.kcorr(arguments);
        let text = stderr(&output);
        for secret in &self.secrets {
            // The beginning of one would be too much, too.
            assert!(!text.contains(&secret[..12]), "{text}");
        }
        (status(&output), text)
    }

    fn requests(&self) -> f64 {
        self.desk.number("SELECT count(*) AS n FROM requests")
    }
}

const REQUESTS: f64 = 80.0;

/// Where kcorr puts rows without another word.
const STORE: &str = "incident.kcorr";

#[test]
fn a_key_log_is_found_beside_its_capture_and_not_kept() {
    let recording = Recording::new(0o600);
    let (status, text) = recording.kcorr(&["ingest", "monday"]);
    assert_eq!(status, 0, "{text}");
    assert_eq!(recording.requests(), REQUESTS);
    let mut files = vec![recording.desk.path(STORE)];
    let mut read = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(
                std::fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            continue;
        }
        read += 1;
        let bytes = std::fs::read(&path).unwrap();
        for secret in &recording.secrets {
            let is_kept = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!is_kept, "{}", path.display());
        }
    }
    assert!(read > 3);
}

#[test]
fn a_key_log_that_others_can_read_is_refused_unless_it_is_said() {
    let recording = Recording::new(0o644);
    let named = [
        "ingest",
        "--pcap",
        "monday/dump.pcap.zst",
        "--tls-keys",
        "monday/tls-keys.log",
    ];
    let (status, text) = recording.kcorr(&named);
    assert_eq!(status, 2);
    assert!(text.contains("chmod 600 monday/tls-keys.log"), "{text}");
    // In a folder the rest is stored, and what to do with the keys is said.
    let (status, text) = recording.kcorr(&["ingest", "monday"]);
    assert_eq!(status, 2);
    assert!(
        text.contains("chmod 600") && text.contains("--tls-keys-readable"),
        "{text}"
    );
    assert!(text.contains("tls_no_key"), "{text}");
    assert_eq!(recording.requests(), 0.0);
    let (status, text) = recording.kcorr(&["ingest", "monday", "--tls-keys-readable"]);
    assert_eq!(status, 0, "{text}");
    assert_eq!(recording.requests(), REQUESTS);
    // The same capture again, without keys: its rows go, and that is said.
    recording.set_mode(0o600);
    let (status, text) = recording.kcorr(&named);
    assert_eq!(status, 0, "{text}");
    assert_eq!(recording.requests(), REQUESTS);
}

#[test]
fn a_key_log_that_is_given_as_something_else_is_told_and_not_shown() {
    let recording = Recording::new(0o600);
    for option in [
        "--bpf",
        "--request-log",
        "--threads",
        "--gc-log",
        "--jfr",
        "--pcap",
    ] {
        let (status, text) = recording.kcorr(&["ingest", option, "monday/tls-keys.log"]);
        assert_eq!(status, 2, "{option}");
        assert!(text.contains("give it with --tls-keys"), "{option}: {text}");
    }
    let (status, text) = recording.kcorr(&[
        "ingest",
        "--tls-keys",
        "monday/tls-keys.log",
        "--bpf",
        "nothing.jsonl",
    ]);
    assert_eq!(status, 2);
    assert!(text.contains("give one, with --pcap"), "{text}");
    let (status, text) = recording.kcorr(&[
        "ingest",
        "--pcap",
        "monday/dump.pcap.zst",
        "--tls-keys",
        "monday/dump.pcap.zst",
    ]);
    assert_eq!(status, 2);
    assert!(
        text.contains("holds no keys") || text.contains("other users"),
        "{text}"
    );
}

#[test]
fn lines_of_a_key_log_that_cannot_be_read_are_told() {
    let recording = Recording::new(0o600);
    let mut file = std::fs::File::options()
        .append(true)
        .open(recording.keys())
        .unwrap();
    writeln!(file, "CLIENT_RANDOM 1234 5678").unwrap();
    let (status, text) = recording.kcorr(&["ingest", "monday"]);
    assert_eq!(status, 1);
    assert!(
        text.contains("tls_key_log_line") && text.contains("tls-keys.log, line"),
        "{text}"
    );
    assert_eq!(recording.requests(), REQUESTS);
}
