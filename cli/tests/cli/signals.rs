//! Ctrl-C and TERM while a capture comes through a pipe.

use std::io::{Read, Write};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::{Desk, ended_in_time, recording, stderr};

/// An ingest of a capture from a pipe that stays open behind its bytes.
fn piped(desk: &Desk, bytes: &[u8]) -> (Child, std::process::ChildStdin) {
    let mut child = desk
        .process(&["ingest", "--pcap", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kcorr runs");
    let mut pipe = child.stdin.take().expect("a pipe");
    // More than a pipe holds: kcorr has begun to read when it is written.
    assert!(bytes.len() > 1 << 20);
    pipe.write_all(bytes).expect("bytes written");
    (child, pipe)
}

fn signal(child: &Child, name: &str) {
    let status = std::process::Command::new("kill")
        .args([name, &child.id().to_string()])
        .status();
    assert!(status.expect("kill runs").success());
}

fn words(child: &mut Child) -> String {
    let mut text = String::new();
    let pipe = child.stderr.as_mut().expect("a pipe");
    pipe.read_to_string(&mut text).expect("text");
    text
}

fn capture() -> Vec<u8> {
    let packed = std::fs::read(recording("dump.pcap.zst")).expect("a recording");
    zstd::decode_all(&packed[..]).expect("a capture")
}

#[test]
fn a_signal_ends_a_pipe_and_what_came_is_stored() {
    let capture = capture();
    for name in ["-INT", "-TERM"] {
        let desk = Desk::new();
        let part = &capture[..capture.len() / 2];
        let (mut child, pipe) = piped(&desk, part);
        signal(&child, name);
        let status = ended_in_time(&mut child);
        let text = words(&mut child);
        assert_eq!(status.code(), Some(1), "{name}: {text}");
        assert!(text.contains("ended by a signal"), "{text}");
        drop(pipe);
        // As if the capture had ended there.
        let sql = "SELECT count(*) AS n, sum(latency_ns) AS ns FROM requests";
        let found = desk.rows(&["-c", sql]);
        let other = Desk::new();
        other.kcorr(&["ingest", "--pcap", &other.write("half.pcap", part)]);
        assert_eq!(found, other.rows(&["-c", sql]));
        let lost = "SELECT count(*) AS n FROM losses WHERE kind = 'input_stopped'";
        assert_eq!(desk.number(lost), 1.0);
    }
}

#[test]
fn a_second_signal_ends_kcorr_and_leaves_the_store() {
    let desk = Desk::with_incident();
    let count = "SELECT count(*) AS n FROM sources";
    let (mut child, pipe) = piped(&desk, &capture()[..3 << 20]);
    signal(&child, "-INT");
    sleep(Duration::from_millis(200));
    signal(&child, "-INT");
    let status = ended_in_time(&mut child);
    assert_eq!(status.code(), Some(130), "{}", words(&mut child));
    drop(pipe);
    assert_eq!(desk.number(count), 3.0);
}

#[test]
fn a_pipe_that_ends_by_itself_is_no_loss() {
    let desk = Desk::new();
    let output = desk
        .command(&["ingest", "--pcap", "-"])
        .write_stdin(capture())
        .output()
        .expect("kcorr runs");
    assert!(!stderr(&output).contains("signal"), "{}", stderr(&output));
}

/// What `script` records of a terminal that kcorr writes to.
#[test]
fn progress_is_shown_before_a_pipe_has_brought_much() {
    let desk = Desk::new();
    let kcorr = assert_cmd::cargo::cargo_bin!("kcorr").display().to_string();
    let command = format!("sleep 3 | {kcorr} ingest --pcap -");
    let output = assert_cmd::Command::new("script")
        .current_dir(desk.folder.path())
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .env_remove("KCORR_STORE")
        .timeout(crate::PATIENCE)
        .output();
    let Ok(output) = output else {
        println!("skipped: there is no script(1)");
        return;
    };
    let text = crate::stdout(&output);
    // The spinner of an input whose size is not known, with what came so far.
    assert!(text.contains("0 B"), "{text:?}");
}
