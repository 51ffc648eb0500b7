//! The real binary on the bundled incident.

mod accessibility;
mod additions;
mod architecture;
mod brokers;
mod browser;
mod captures;
mod circles;
mod client_statistics;
mod clocks;
mod cold_reads;
mod compare;
mod compare_over;
mod damage;
mod docs;
mod everywhere;
mod export;
mod files;
mod help;
mod hostile;
mod incident;
mod incidents;
mod inputs;
mod integrity;
mod kept_steps;
mod live;
mod live_page;
mod many;
mod objective;
mod objects;
mod output;
mod permission;
mod profiles;
mod record;
mod report;
mod rooms;
mod rows;
mod signals;
#[cfg(feature = "sli")]
mod sli;
mod slow_client;
mod store;
mod stories;
mod terminal;
mod tls;
mod verify;
mod whatif;
mod workers;

use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Output};
use std::time::{Duration, Instant};

use assert_cmd::Command;

/// Time after which a run of kcorr is taken to stand still. The longest take half a minute.
const PATIENCE: Duration = Duration::from_secs(600);

/// A folder to work in, with a store of its own.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// A desk whose store holds the bundled incident.
    fn with_incident() -> Self {
        let desk = Self::new();
        let output = desk.kcorr(&[
            "ingest",
            "--jfr",
            &recording("profile.jfr"),
            "--bpf",
            &recording("writes.jsonl"),
            "--pcap",
            &recording("dump.pcap.zst"),
        ]);
        assert!(status(&output) <= 1, "{}", stderr(&output));
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("a file");
        path.display().to_string()
    }

    /// Runs kcorr here and waits for it.
    fn kcorr(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("kcorr runs")
    }

    /// Starts kcorr here; the test goes on meanwhile.
    fn start(&self, arguments: &[&str]) -> Child {
        self.process(arguments).spawn().expect("kcorr runs")
    }

    /// Kcorr here, to be started.
    fn process(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("kcorr"));
        command.current_dir(self.folder.path()).args(arguments);
        command.env_remove("KCORR_STORE").env("NO_COLOR", "1");
        command
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("kcorr"));
        command.current_dir(self.folder.path()).args(arguments);
        command.env_remove("KCORR_STORE").env("NO_COLOR", "1");
        command.timeout(PATIENCE);
        command
    }

    /// The rows of a query, by column.
    fn rows(&self, arguments: &[&str]) -> Vec<serde_json::Map<String, serde_json::Value>> {
        let output = self.kcorr(&[&["query", "--format", "json"], arguments].concat());
        assert_eq!(status(&output), 0, "{}", stderr(&output));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// The one number that a query gives.
    fn number(&self, sql: &str) -> f64 {
        let rows = self.rows(&["-c", sql]);
        let value = rows[0].values().next().expect("a column");
        value.as_f64().unwrap_or_else(|| panic!("{sql}: {value}"))
    }
}

/// Waits for a process; fails when it stands still.
fn ended_in_time(child: &mut Child) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a process") {
            return status;
        }
        if start.elapsed() > PATIENCE {
            child.kill().expect("killed");
            panic!("not ended after {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A file of the bundled incident.
fn recording(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/ext4-ordered");
    folder.join(name).display().to_string()
}

/// Folders of the large recordings that are not part of the repository; says so when they are absent.
fn shared(names: &[&str]) -> Option<Vec<PathBuf>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/incidents");
    let folders: Vec<PathBuf> = names.iter().map(|name| root.join(name)).collect();
    if folders.iter().all(|folder| folder.is_dir()) {
        return Some(folders);
    }
    println!("skipped: {} does not hold {names:?}", root.display());
    None
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
