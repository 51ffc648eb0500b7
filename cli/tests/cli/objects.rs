//! Stores in an object store: the real binary and a server that speaks S3 on loopback.
//!
//! `KCORR_S3_SERVER` names moto's server (`moto_server` of the package `moto[server]` on PyPI); `.ci/run` installs it.
//! Without it these tests pass, and `.ci/run` says that they were left out. Its conditional puts look and put in two
//! steps, so that writers at once are tested with a store in memory (`store/tests/store/objects.rs`), whose puts are one.

use std::io::Read;
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use crate::{Desk, ended_in_time, recording, status, stderr, stdout};

const COUNTS: &str = "SELECT (SELECT count(*) FROM writes) AS writes, \
     (SELECT count(*) FROM requests) AS requests, (SELECT count(*) FROM sources) AS sources";

/// A server with one bucket. It is ended when it goes out of scope.
pub(crate) struct Server {
    process: Child,
    endpoint: String,
}

impl Server {
    /// Starts it; `None` where there is none.
    pub(crate) fn start() -> Option<Self> {
        let Some(program) = std::env::var_os("KCORR_S3_SERVER") else {
            println!("skipped: KCORR_S3_SERVER does not name moto's server");
            return None;
        };
        // Taken by nobody a moment ago.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self {
            process: command.spawn().expect("the server starts"),
            endpoint: format!("http://127.0.0.1:{port}"),
        };
        server.make_bucket(port);
        Some(server)
    }

    /// Makes the bucket as soon as the server answers.
    fn make_bucket(&self, port: u16) {
        use std::io::Write;
        for _ in 0..600 {
            if let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) {
                let request = "PUT /bucket HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\
                    Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request\r\n\
                    Connection: close\r\n\r\n";
                let mut answer = String::new();
                let asked = stream
                    .write_all(request.as_bytes())
                    .and_then(|()| stream.read_to_string(&mut answer));
                if asked.is_ok() && answer.starts_with("HTTP/1.1 200") {
                    return;
                }
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the server at {} does not answer", self.endpoint);
    }

    pub(crate) fn environment(&self) -> [(&'static str, &str); 5] {
        [
            ("AWS_ENDPOINT", &self.endpoint),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", "us-east-1"),
        ]
    }

    /// Runs kcorr on the store in the bucket.
    pub(crate) fn kcorr(&self, desk: &Desk, arguments: &[&str]) -> Output {
        let mut command = desk.command(&[&["--store", STORE], arguments].concat());
        command.envs(self.environment()).output().expect("it runs")
    }

    /// The same, to go on meanwhile.
    fn spawn(&self, desk: &Desk, arguments: &[&str]) -> Child {
        let mut command = desk.process(&[&["--store", STORE], arguments].concat());
        command.envs(self.environment()).stderr(Stdio::null());
        command.spawn().expect("it runs")
    }

    /// What a query gives, as JSON.
    fn rows(&self, desk: &Desk, sql: &str) -> String {
        let output = self.kcorr(desk, &["query", "--format", "json", "-c", sql]);
        assert_eq!(status(&output), 0, "{}", stderr(&output));
        stdout(&output)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) const STORE: &str = "s3://bucket/monday/incident.kcorr";

/// What was answered, without the line of a report that says when it was made.
fn answer(text: &str) -> String {
    let is_when = |line: &&str| {
        let made = line.trim().strip_prefix("\"text\": \"20");
        made.is_some_and(|rest| rest.len() == "26-11-20 16:23 UTC\"".len())
    };
    let lines = text.lines().filter(|line| !is_when(line));
    lines.collect::<Vec<_>>().join("\n")
}

/// Ingests the bundled incident in two goes; so numbers are the same wherever it is.
fn ingest_incident(kcorr: impl Fn(&[&str]) -> Output) {
    for recordings in [
        &[
            "ingest",
            "--jfr",
            &recording("profile.jfr"),
            "--bpf",
            &recording("writes.jsonl"),
        ][..],
        &["ingest", "--pcap", &recording("dump.pcap.zst")],
    ] {
        let output = kcorr(recordings);
        assert!(status(&output) <= 1, "{}", stderr(&output));
    }
}

#[test]
fn a_store_in_s3_gives_the_answers_of_a_folder_and_can_be_changed() {
    let Some(server) = Server::start() else {
        return;
    };
    let desk = Desk::new();
    ingest_incident(|arguments| desk.kcorr(arguments));
    let none = server.kcorr(&desk, &["blame"]);
    assert_eq!(status(&none), 2);
    assert!(
        stderr(&none).contains("does not exist"),
        "{}",
        stderr(&none)
    );
    ingest_incident(|arguments| server.kcorr(&desk, arguments));

    // Reports ask most of the queries.
    for command in [
        &["blame", "--format", "csv"][..],
        &[
            "report", "--format", "json", "--shifts", "2", "--output", "-",
        ],
        &["causes", "--format", "csv"],
        &["clocks", "--format", "csv"],
        &["why", "3"],
        &["sources", "--format", "csv"],
    ] {
        let (here, there) = (desk.kcorr(command), server.kcorr(&desk, command));
        assert_eq!(
            status(&there),
            status(&here),
            "{command:?}: {}",
            stderr(&there)
        );
        let text = answer(&stdout(&there)).replace(STORE, "incident.kcorr");
        assert!(text.len() > 200, "{command:?}: {text}");
        let same = text == answer(&stdout(&here));
        assert!(same, "{command:?}\n{}\n{text}", stdout(&here));
    }
    let output = server.kcorr(
        &desk,
        &["compare", "incident.kcorr", STORE, "--replicates", "10"],
    );
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let output = server.kcorr(&desk, &["info"]);
    assert!(stdout(&output).contains(STORE), "{}", stdout(&output));
    let output = server.kcorr(&desk, &["export", "duckdb", "--output", "incident.sql"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let script = std::fs::read_to_string(desk.path("incident.sql")).expect("a script");
    assert!(
        script.contains(&format!("'{STORE}/data/writes/")),
        "{script}"
    );

    let counts = server.rows(&desk, COUNTS);
    // The same input again replaces itself; what is merged has the same rows.
    let again = server.kcorr(&desk, &["ingest", "--bpf", &recording("writes.jsonl")]);
    assert!(status(&again) <= 1, "{}", stderr(&again));
    assert_eq!(server.rows(&desk, COUNTS), counts);
    for command in [
        &["compact"][..],
        &["check"],
        &["sources", "rm", "2"],
        &["check"],
    ] {
        let output = server.kcorr(&desk, command);
        assert_eq!(status(&output), 0, "{command:?}: {}", stderr(&output));
    }
    assert!(server.rows(&desk, COUNTS).contains("\"writes\":0"));

    let output = server.kcorr(&desk, &["record", "--keep", "5m"]);
    assert_eq!(status(&output), 2);
    assert!(
        stderr(&output).contains("makes stores in folders"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_killed_ingest_leaves_a_store_in_s3_as_it_was() {
    let Some(server) = Server::start() else {
        return;
    };
    let desk = Desk::new();
    let first = [
        "ingest",
        "--jfr",
        &recording("profile.jfr"),
        "--bpf",
        &recording("writes.jsonl"),
    ];
    // One that is replaced, and one that is new.
    let second = [
        "-q",
        "ingest",
        "--pcap",
        &recording("dump.pcap.zst"),
        "--bpf",
        &recording("writes.jsonl"),
    ];
    // What a folder has after both.
    for arguments in [&first[..], &second] {
        let output = desk.kcorr(arguments);
        assert!(status(&output) <= 1, "{}", stderr(&output));
    }
    let after = desk.kcorr(&["query", "--format", "json", "-c", COUNTS]);
    let after = stdout(&after);
    let output = server.kcorr(&desk, &first);
    assert!(status(&output) <= 1, "{}", stderr(&output));
    let before = server.rows(&desk, COUNTS);
    assert_ne!(before, after);
    for delay_ms in [20, 100, 200, 300, 400, 500, 700, 1000] {
        let mut child = server.spawn(&desk, &second);
        std::thread::sleep(Duration::from_millis(delay_ms));
        let _ = child.kill();
        ended_in_time(&mut child);
        let counts = server.rows(&desk, COUNTS);
        assert!(
            counts == before || counts == after,
            "killed after {delay_ms} ms: {counts}, and {before} or {after} were expected"
        );
        let check = server.kcorr(&desk, &["check"]);
        assert_eq!(status(&check), 0, "{}", stderr(&check));
        if counts == after {
            // It is new to the next one, too.
            let new = server.rows(&desk, "SELECT max(source_id) AS id FROM sources");
            let id: String = new.chars().filter(char::is_ascii_digit).collect();
            let output = server.kcorr(&desk, &["sources", "rm", &id]);
            assert_eq!(status(&output), 0, "{}", stderr(&output));
            assert_eq!(server.rows(&desk, COUNTS), before);
        }
    }
}

#[test]
fn what_is_secret_in_a_url_is_not_repeated() {
    let desk = Desk::new();
    for (url, why) in [
        ("s3://bucket/a?X-Amz-Signature=pa55word", "environment"),
        ("https://me:pa55word@example.com/a", "environment"),
        ("https://me:pa55/word@example.com/a", "cannot be read"),
    ] {
        for command in [
            &["record", "--keep", "5m"][..],
            &["record", "--dump"],
            &["blame"],
        ] {
            let output = desk.kcorr(&[&["--store", url][..], command].concat());
            assert_eq!(status(&output), 2, "{command:?}");
            let said = format!("{}{}", stdout(&output), stderr(&output));
            assert!(said.contains(why), "{command:?}: {said}");
            assert!(!said.contains("pa55"), "{command:?}: {said}");
        }
    }
}

#[test]
fn a_url_of_a_folder_in_the_configuration_is_the_folder() {
    let desk = Desk::new();
    let url = format!("file://{}", desk.path("monday.kcorr").display());
    desk.write("kcorr.toml", format!("store = '{url}'"));
    let output = desk.kcorr(&["ingest", "--bpf", &recording("writes.jsonl")]);
    assert!(status(&output) <= 1, "{}", stderr(&output));
    assert!(desk.path("monday.kcorr/manifest.json").is_file());
    assert!(!desk.path("file:").exists());
    assert!(desk.number("SELECT count(*) FROM writes") > 0.0);
}
