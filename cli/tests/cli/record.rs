//! `kcorr record`, with programs that stand for the tracers, and a process that is no broker.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Desk, status, stderr};

/// A process, ended when it is dropped.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn sleeping() -> Self {
        Self(Command::new("sleep").arg("300").spawn().expect("a process"))
    }

    pub(crate) fn pid(&self) -> String {
        self.0.id().to_string()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder with a bpftrace that prints what a probe would.
pub(crate) fn with_tracer(desk: &Desk, script: &str) -> String {
    std::fs::create_dir(desk.path("tracers")).expect("a folder");
    let path = desk.write("tracers/bpftrace", format!("#!/bin/sh\n{script}\n"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("executable");
    // Processes that other tests start meanwhile hold the file open for a moment.
    let begun = Instant::now();
    while Command::new(&path).arg("--version").output().is_err() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{path} cannot be run"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    let folder = desk.path("tracers");
    format!(
        "{}:{}",
        folder.display(),
        std::env::var("PATH").unwrap_or_default()
    )
}

pub(crate) const TRACER: &str = r#"
[ "$1" = --version ] && { echo "bpftrace v0.17.0"; exit 0; }
echo '{"ev":"probe","name":"file-writes","pid":7,"threshold_ns":0}'
echo '{"ev":"clock","mono_ns":1000000000,"wall":"1700000000.000000"}'
echo '{"ev":"write","start_ns":1000000000,"end_ns":1002000000,"pid":7,"tid":8,"comm":"h","bytes":9,"offset":0,"dir":"a-0","file":"00000000000000000000.log"}'
trap 'exit 0' INT
while :; do sleep 0.05; done"#;

/// `kcorr record` of a process with bpftrace as `path` has it, and what else is asked for: words between blanks.
pub(crate) fn recorder(desk: &Desk, path: &str, process: &Process, words: &str) -> Command {
    let pid = process.pid();
    let mut all = vec!["record", "--bpf-engine=bpftrace", "--pid", &pid];
    all.extend(words.split_ascii_whitespace());
    let mut command = desk.process(&all);
    command.env("PATH", path);
    command
}

/// Names of all that is in the desk's folder.
fn names(desk: &Desk) -> Vec<String> {
    let entries = std::fs::read_dir(desk.path("")).expect("a folder");
    let names = entries.flatten().map(|entry| entry.file_name());
    names
        .map(|name| name.into_string().unwrap_or_default())
        .collect()
}

/// Looks until there is something; fails after a while with what was waited for.
pub(crate) fn awaited<T>(seconds: u64, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        let is_early = begun.elapsed() < Duration::from_secs(seconds);
        assert!(is_early, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// An address of loopback that nobody listens on.
pub(crate) fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

/// Asks a recorder to end, as Ctrl-C does, and waits for it.
pub(crate) fn interrupted(mut recorder: Child) -> Option<i32> {
    let words = ["-INT", &recorder.id().to_string()];
    let killed = Command::new("kill").args(words).status();
    assert!(killed.expect("kill runs").success());
    crate::ended_in_time(&mut recorder).code()
}

#[test]
fn what_can_be_recorded_becomes_a_store_and_what_cannot_is_told() {
    let desk = Desk::new();
    let path = with_tracer(&desk, TRACER);
    let process = Process::sleeping();
    let recorded = |words: &str| {
        let output = recorder(&desk, &path, &process, words).output();
        output.expect("kcorr runs")
    };
    let output = recorded("--for 1s --only file-writes,jvm");
    assert_eq!(status(&output), 1, "{}", stderr(&output));
    assert!(stderr(&output).contains("jvm: left out: the process has no libjvm.so"));
    assert_eq!(desk.number("SELECT count(*) FROM writes"), 1.0);
    // The raw files went when they were stored.
    let names = names(&desk);
    assert!(
        !names.iter().any(|name| name.starts_with("kcorr-raw")),
        "{names:?}"
    );

    let words = "--for 1s --raw raw --only file-writes";
    let output = recorded(words);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert!(desk.path("raw/file-writes.jsonl").exists());
    // Never over what is there.
    assert_eq!(status(&recorded(words)), 2);
}

#[test]
fn a_tracer_that_fails_is_told_with_its_own_words() {
    let desk = Desk::new();
    let script = r#"[ "$1" = --version ] && { echo "bpftrace v0.17.0"; exit 0; }
echo 'ERROR: bpftrace currently only supports running as the root user.' >&2; exit 1"#;
    let path = with_tracer(&desk, script);
    let process = Process::sleeping();
    let words = "--for 1s --raw raw --only journal";
    let output = recorder(&desk, &path, &process, words).output();
    let output = output.expect("kcorr runs");
    assert_eq!(status(&output), 2);
    let text = stderr(&output);
    assert!(
        text.contains("only supports running as the root user.: run as root"),
        "{text}"
    );
    assert!(text.contains("nothing was recorded"), "{text}");
}

#[test]
fn an_interrupted_recording_is_kept() {
    let desk = Desk::new();
    let path = with_tracer(&desk, TRACER);
    let process = Process::sleeping();
    let running = recorder(&desk, &path, &process, "--only file-writes").spawn();
    let running = running.expect("kcorr runs");
    awaited(60, "nothing is recorded", || {
        let mut files = names(&desk).into_iter();
        files.find(|name| {
            let file = desk.path(name).join("file-writes.jsonl");
            std::fs::read_to_string(file).is_ok_and(|text| text.contains("a-0"))
        })
    });
    assert_eq!(interrupted(running), Some(0));
    assert_eq!(desk.number("SELECT count(*) FROM writes"), 1.0);
}

#[test]
fn what_a_killed_recorder_has_started_is_killed_too() {
    let desk = Desk::new();
    let script = TRACER.replace("trap", "echo $$ > \"$KCORR_TEST_PID\"; trap");
    let path = with_tracer(&desk, &script);
    let file = desk.path("pid");
    let process = Process::sleeping();
    let running = recorder(&desk, &path, &process, "--raw raw --only file-writes")
        .env("KCORR_TEST_PID", &file)
        .stderr(Stdio::null())
        .spawn();
    let running = Process(running.expect("kcorr runs"));
    let tracer = awaited(60, "the tracer was not started", || {
        let text = std::fs::read_to_string(&file).ok()?;
        text.trim().parse::<u32>().ok()
    });
    // Killed, not asked to end.
    drop(running);
    let is_running = || {
        let stat = std::fs::read_to_string(format!("/proc/{tracer}/stat"));
        stat.is_ok_and(|stat| !stat.contains(") Z "))
    };
    let what = format!("process {tracer} still runs");
    awaited(10, &what, || (!is_running()).then_some(()));
}

#[test]
fn unknown_words_and_processes_are_refused() {
    let desk = Desk::new();
    let output = desk.kcorr(&["record", "--pid", "999999999"]);
    assert_eq!(status(&output), 2);
    assert!(stderr(&output).contains("there is no process 999999999"));
    let process = Process::sleeping();
    let output = desk.kcorr(&["record", "--pid", &process.pid(), "--only", "packts"]);
    assert_eq!(status(&output), 2);
    assert!(stderr(&output).contains("there is no source or probe packts"));
    let words = ["record", "--pid", &process.pid(), "--keep", "1m"];
    let elsewhere = [&words[..], &["--trigger-http", "0.0.0.0:0"]].concat();
    let output = desk.kcorr(&elsewhere);
    assert_eq!(status(&output), 2);
    assert!(
        stderr(&output).contains("not on loopback"),
        "{}",
        stderr(&output)
    );
    let output = desk.kcorr(&["record", "--for", "60"]);
    assert!(
        stderr(&output).contains("with its unit"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn the_doctor_says_what_is_missing_and_its_status_whether_it_was_asked_for() {
    let desk = Desk::new();
    let process = Process::sleeping();
    let pid = process.pid();
    let output = desk.kcorr(&["doctor", "--pid", &pid, "--format", "json", "--only", "jvm"]);
    assert_eq!(status(&output), 1, "{}", stderr(&output));
    let checks: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let checks = checks.as_array().expect("an array");
    let attach = checks
        .iter()
        .find(|check| check["check"] == "attach")
        .expect("a check");
    assert_eq!(attach["verdict"], "missing");
    let listeners = checks
        .iter()
        .find(|check| check["check"] == "listeners")
        .expect("a check");
    assert_eq!(listeners["verdict"], "note");
    let output = desk.kcorr(&["doctor", "--pid", &pid, "--only", "context"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert!(crate::stdout(&output).lines().count() > 10);
}

#[test]
fn a_write_that_takes_too_long_becomes_a_store_and_so_does_what_is_asked_for() {
    let desk = Desk::new();
    let script = TRACER.replace("while :;", "sleep 1; echo \"$SLOW\"; while :;");
    let path = with_tracer(&desk, &script);
    let slow = r#"{"ev":"write","start_ns":2000000000,"end_ns":2900000000,"pid":7,"tid":8,"comm":"h","bytes":9,"offset":9,"dir":"a-0","file":"00000000000000000000.log"}"#;
    let process = Process::sleeping();
    let words = "--store monday.kcorr --keep 30s --only file-writes";
    let address = free_address();
    let running = recorder(&desk, &path, &process, words)
        .args(["--when", "write > 500ms", "--trigger-http", &address])
        .env("SLOW", slow)
        .spawn();
    let running = running.expect("kcorr runs");
    let stores = || {
        let mut names = names(&desk);
        names.retain(|name| name.starts_with("monday-") && name.ends_with(".kcorr"));
        names.sort();
        names
    };
    let is_whole = |name: &&String| desk.path(name).join("manifest.json").exists();
    let wait = |count: usize| {
        let what = format!("no {count} stores were made");
        awaited(120, &what, || {
            (stores().iter().filter(is_whole).count() >= count).then_some(())
        });
    };
    wait(1);
    let asked = desk.kcorr(&["--store", "monday.kcorr", "record", "--dump"]);
    assert_eq!(status(&asked), 0, "{}", stderr(&asked));
    wait(2);
    let mut asking = TcpStream::connect(&address).expect("the recorder listens");
    asking
        .write_all(b"POST /dump HTTP/1.1\r\nHost: x\r\n\r\n")
        .expect("it reads");
    let mut answer = String::new();
    asking.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    wait(3);
    assert_eq!(interrupted(running), Some(0));
    for store in stores() {
        let sql = "SELECT count(*) AS c, max(duration_ns) AS longest FROM writes";
        let rows = desk.rows(&["--store", &store, "-c", sql]);
        assert_eq!(
            (rows[0]["c"].as_i64(), rows[0]["longest"].as_i64()),
            (Some(2), Some(900_000_000))
        );
    }
    // Nothing of the ring is left, and nobody to ask.
    let left = names(&desk);
    assert!(
        !left
            .iter()
            .any(|name| name.contains("raw") || name.ends_with(".recorder")),
        "{left:?}"
    );
    let asked = desk.kcorr(&["--store", "monday.kcorr", "record", "--dump"]);
    assert_eq!(status(&asked), 2);
}
