//! Queries whose brokers' parts are run by workers: the real binary, several times, on loopback.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::everywhere::cluster_desk;
use crate::{Desk, ended_in_time, status, stderr, stdout};

/// A worker. It is killed when it goes out of scope.
pub(crate) struct Worker {
    process: Child,
    pub(crate) url: String,
}

impl Worker {
    /// Starts one of a desk's store; returns when it listens.
    pub(crate) fn start(desk: &Desk, arguments: &[&str]) -> Self {
        Self::start_with(
            desk.process(&[&["worker", "--listen", "127.0.0.1:0"], arguments].concat()),
        )
    }

    /// The same, of any command that is one.
    pub(crate) fn start_with(mut command: Command) -> Self {
        let mut process = command.stderr(Stdio::piped()).spawn().expect("it starts");
        let mut said = BufReader::new(process.stderr.take().expect("piped"));
        let mut line = String::new();
        said.read_line(&mut line).expect("a line");
        let url = line.trim().rsplit(' ').next().expect("a word").to_owned();
        assert!(url.starts_with("http"), "{line}");
        // What else it says is not waited for.
        thread::spawn(move || said.read_to_string(&mut String::new()));
        Self { process, url }
    }

    fn kill(&mut self) {
        self.process.kill().expect("killed");
        ended_in_time(&mut self.process);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// URLs of workers, as `--workers` takes them.
pub(crate) fn urls(workers: &[Worker]) -> String {
    let urls: Vec<&str> = workers.iter().map(|worker| worker.url.as_str()).collect();
    urls.join(",")
}

fn several(desk: &Desk, count: usize) -> Vec<Worker> {
    (0..count).map(|_| Worker::start(desk, &[])).collect()
}

/// A session of SQL that stays open.
struct Asking {
    process: Child,
    answers: BufReader<ChildStdout>,
}

impl Asking {
    fn start(desk: &Desk, arguments: &[&str]) -> Self {
        let arguments = [arguments, &["sql", "--format", "json"]].concat();
        let mut command = desk.process(&arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.stderr(Stdio::piped()).spawn().expect("it starts");
        let answers = BufReader::new(process.stdout.take().expect("piped"));
        Self { process, answers }
    }

    fn ask(&mut self, statement: &str) {
        let input = self.process.stdin.as_mut().expect("piped");
        writeln!(input, "{statement}").expect("written");
    }

    fn answer(&mut self) -> Value {
        let mut rows = serde_json::Deserializer::from_reader(&mut self.answers).into_iter();
        rows.next().expect("an answer").expect("JSON")
    }

    /// What it says when nothing more is asked, and its status.
    fn end(mut self) -> (String, Option<i32>) {
        drop(self.process.stdin.take());
        let mut said = String::new();
        let mut stream = self.process.stderr.take().expect("piped");
        stream.read_to_string(&mut said).expect("text");
        (said, ended_in_time(&mut self.process).code())
    }
}

#[test]
fn a_worker_that_dies_fails_the_query_by_its_name_and_with_retry_the_others_do_its_part() {
    let desk = cluster_desk();
    let alone = desk.rows(&["blame_partitions"]);
    assert!(alone.len() > 10);
    for retry in [false, true] {
        let mut workers = several(&desk, 3);
        let urls = urls(&workers);
        let retries: &[&str] = if retry { &["--retry"] } else { &[] };
        let mut asking = Asking::start(&desk, &[&["--workers", &urls], retries].concat());
        asking.ask("\\lock_waits");
        assert!(asking.answer().is_array());
        workers[1].kill();
        let dead = workers[1].url.clone();
        asking.ask("\\blame_partitions");
        if retry {
            let rows = asking.answer();
            let rows = rows.as_array().expect("rows");
            assert_eq!(rows.len(), alone.len());
            assert!(
                rows.iter()
                    .zip(&alone)
                    .all(|(a, b)| a.as_object() == Some(b))
            );
        }
        let (said, ended) = asking.end();
        assert_eq!(ended, Some(if retry { 0 } else { 2 }), "{said}");
        assert!(
            said.contains(&format!("the worker {dead} did not answer")),
            "{said}"
        );
        assert_eq!(said.contains("does the part of broker"), retry, "{said}");
        if retry {
            // One that is not there at the beginning is left out.
            let again = desk.rows(&["blame_partitions", "--workers", &urls, "--retry"]);
            assert_eq!(again, alone);
            workers.iter_mut().for_each(Worker::kill);
            let output = desk.kcorr(&["blame", "--workers", &urls, "--retry"]);
            assert_eq!(status(&output), 2);
            assert!(stderr(&output).contains("no worker answers"));
        }
        let output = desk.kcorr(&["blame", "--workers", &dead]);
        assert_eq!(status(&output), 2);
        assert!(stderr(&output).contains(&dead), "{}", stderr(&output));
        assert_eq!(stdout(&output), "");
    }
}

#[test]
fn a_worker_of_another_store_is_refused_and_one_that_was_changed_is_seen_anew() {
    let desk = cluster_desk();
    let mut other = desk.process(&[
        "worker",
        "--listen",
        "127.0.0.1:0",
        "--store",
        "other.kcorr",
    ]);
    let output = desk.kcorr(&["--store", "other.kcorr", "ingest", "broker-1", "broker-2"]);
    assert!(status(&output) <= 1, "{}", stderr(&output));
    other.current_dir(desk.path(""));
    let (own, other) = (Worker::start(&desk, &[]), Worker::start_with(other));
    let urls = format!("{},{}", own.url, other.url);
    let output = desk.kcorr(&["blame", "--workers", &urls]);
    assert_eq!(status(&output), 2);
    let said = stderr(&output);
    assert!(said.contains(&other.url), "{said}");
    assert!(said.contains("two stores, or it was changed"), "{said}");

    let before = desk.rows(&["blame", "--workers", &own.url]);
    let rows = desk.rows(&[
        "-c",
        "SELECT max(source_id) AS id FROM sources WHERE broker = 3",
    ]);
    let output = desk.kcorr(&["sources", "rm", &rows[0]["id"].to_string()]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let after = desk.rows(&["blame", "--workers", &own.url]);
    assert_ne!(before, after);
    assert_eq!(after, desk.rows(&["blame"]));
}

/// An answer to whoever asks by HTTP.
fn asked(url: &str, request: &str) -> String {
    let address = url.strip_prefix("http://").expect("a URL");
    let mut stream = TcpStream::connect(address).expect("a worker");
    stream.write_all(request.as_bytes()).expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    answer
}

#[test]
fn programs_of_two_versions_do_not_compute_one_answer() {
    let desk = cluster_desk();
    let worker = Worker::start(&desk, &[]);
    // Asked by another.
    for program in ["", "kcorr-program: 0.0.1 with queries 0123456789abcdef\r\n"] {
        let request =
            format!("GET /v1 HTTP/1.1\r\nHost: 127.0.0.1\r\n{program}Connection: close\r\n\r\n");
        let answer = asked(&worker.url, &request);
        assert!(answer.starts_with("HTTP/1.1 412 "), "{answer}");
        assert!(answer.contains("was asked by kcorr"), "{answer}");
    }
    // Nor by a web page under a name of its own.
    let request = "GET /v1 HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n";
    assert!(asked(&worker.url, request).starts_with("HTTP/1.1 403 "));
    // Asking another.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut request = [0; 4096];
        let _ = stream.read(&mut request);
        let body = r#"{"program":"9.9.9 with queries 00","run":"1","store":"s","state":"0"}"#;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", body.len());
        let _ = stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes());
    });
    let output = desk.kcorr(&["blame", "--workers", &url]);
    assert_eq!(status(&output), 2);
    let said = stderr(&output);
    assert!(
        said.contains(&url) && said.contains("it is kcorr 9.9.9"),
        "{said}"
    );
}

#[test]
fn rows_that_end_too_early_are_an_error() {
    let desk = cluster_desk();
    let worker = Worker::start(&desk, &[]);
    let address = worker
        .url
        .strip_prefix("http://")
        .expect("a URL")
        .to_owned();
    // Hands on all that is asked and answered, but for the end of the first rows.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for client in listener.incoming() {
            let (Ok(client), Ok(server)) = (client, TcpStream::connect(&address)) else {
                break;
            };
            let (mut from, mut to) = (
                client.try_clone().expect("one"),
                server.try_clone().expect("one"),
            );
            thread::spawn(move || std::io::copy(&mut from, &mut to));
            let (mut from, mut to) = (server, client);
            thread::spawn(move || {
                let mut bytes = [0; 512];
                while let Ok(count) = from.read(&mut bytes) {
                    let text = String::from_utf8_lossy(&bytes[..count]);
                    let is_rows = text.contains("application/octet-stream");
                    if count == 0 || to.write_all(&bytes[..count]).is_err() || is_rows {
                        break;
                    }
                }
                let _ = to.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    let output = desk.kcorr(&["blame", "--workers", &url, "--format", "json"]);
    assert_eq!(status(&output), 2, "{}", stdout(&output));
    assert!(
        stderr(&output).contains(&format!("the worker {url} did not answer")),
        "{}",
        stderr(&output)
    );
    assert_eq!(stdout(&output), "");
}

fn test_certificate(name: &str) -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates");
    folder.join(name).display().to_string()
}

#[test]
fn beyond_loopback_a_worker_has_tls_and_asks_for_a_token() {
    let desk = cluster_desk();
    let certificate = test_certificate("worker.pem");
    let key = test_certificate("worker.key");
    let token = desk.write("token", "a long secret\n");
    let wrong = desk.write("wrong", "another\n");
    for (arguments, said) in [
        (&[][..], "give --token-file"),
        (&["--token-file", "token"], "give --tls-certificate"),
        (&["--plaintext"], "give --token-file"),
    ] {
        let listen = ["worker", "--listen", "0.0.0.0:0"];
        let output = desk.kcorr(&[&listen, arguments].concat());
        assert_eq!(status(&output), 2);
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
    let worker = Worker::start(
        &desk,
        &[
            "--tls-certificate",
            &certificate,
            "--tls-key",
            &key,
            "--token-file",
            &token,
        ],
    );
    assert!(
        worker.url.starts_with("https://127.0.0.1:"),
        "{}",
        worker.url
    );
    let authority = test_certificate("authority.pem");
    let trusted = [
        "blame",
        "--workers",
        &worker.url,
        "--workers-ca",
        &authority,
    ];
    let rows = desk.rows(&[&trusted[..], &["--workers-token-file", &token]].concat());
    assert_eq!(rows, desk.rows(&["blame"]));
    for (arguments, said) in [
        (&trusted[..], "expected the token"),
        (
            &[&trusted[..], &["--workers-token-file", &wrong]].concat(),
            "expected the token",
        ),
        (&["blame", "--workers", &worker.url], "did not answer"),
        (
            &["blame", "--workers", "http://10.0.0.1:1"],
            "beyond loopback and without TLS",
        ),
    ] {
        let output = desk.kcorr(&[&["query"], arguments].concat());
        assert_eq!(status(&output), 2, "{arguments:?}");
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
}

#[test]
fn options_of_workers_without_an_effect_are_errors() {
    let desk = cluster_desk();
    for (arguments, said) in [
        (
            &["verify", "--workers", "http://127.0.0.1:1"][..],
            "--workers has no effect here",
        ),
        (&["blame", "--retry"], "no effect without --workers"),
        (&["blame", "--workers", "nowhere"], "nowhere"),
    ] {
        let output = desk.kcorr(arguments);
        assert_eq!(status(&output), 2, "{arguments:?}");
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
    // A broker's part alone is run here.
    let one = ["blame", "--broker", "1", "--workers", "http://127.0.0.1:1"];
    let output = desk.kcorr(&one);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("no worker was asked"),
        "{}",
        stderr(&output)
    );
}
