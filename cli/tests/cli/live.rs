//! `kcorr live`: accounts of windows against an account of all of it, and a run with a program that stands for a tracer.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::record::{Process, TRACER, awaited, free_address, interrupted, recorder, with_tracer};
use crate::{Desk, status, stderr};

/// The account that a window's process writes.
fn account(desk: &Desk, from_ns: i64, to_ns: i64) -> Value {
    let (from, to) = (from_ns.to_string(), to_ns.to_string());
    let words = ["account-window", "--from-ns", &from, "--to-ns", &to];
    let output = desk.kcorr(&[&words[..], &["--result", "account.json"]].concat());
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let text = std::fs::read(desk.path("account.json")).expect("an account");
    serde_json::from_slice(&text).expect("JSON")
}

#[test]
fn windows_have_each_slow_request_once_with_the_cause_that_an_account_of_all_has() {
    let desk = Desk::with_incident();
    let number = |sql: &str| {
        let row = &desk.rows(&["-c", sql])[0];
        row.values()
            .next()
            .and_then(Value::as_i64)
            .expect("a number")
    };
    let first = number("SELECT CAST(MIN(end_time) AS BIGINT) AS ns FROM requests");
    let last = number("SELECT CAST(MAX(end_time) AS BIGINT) AS ns FROM requests");
    let answered = number("SELECT COUNT(*) AS n FROM requests WHERE latency_ns IS NOT NULL");
    let blamed = desk.rows(&["blame"]);
    assert!(blamed.len() > 20, "{}", blamed.len());
    let window = (last - first) / 5 + 1;
    let (mut causes, mut others) = (BTreeMap::new(), 0);
    for place in 0..5 {
        let (from, to) = (first + place * window, first + (place + 1) * window);
        let account = account(&desk, from, to);
        for verdict in account["verdicts"].as_array().expect("verdicts") {
            let end = verdict["end_ns"].as_i64().expect("an end");
            // Those before are for what came too late for its own window.
            assert!((from - 5_000_000_000..to).contains(&end));
            assert!(!verdict["episode_kind"].is_null(), "{verdict}");
            if end >= from {
                let id = verdict["request_id"].as_i64().expect("an id");
                let cause = verdict["cause"].as_str().expect("a cause").to_owned();
                assert_eq!(causes.insert(id, cause), None, "{id} is in two windows");
            }
        }
        let buckets = account["others"].as_array().expect("buckets");
        others += buckets
            .iter()
            .filter_map(|it| it["count"].as_i64())
            .sum::<i64>();
    }
    assert_eq!(causes.len(), blamed.len());
    for row in &blamed {
        let id = row["request_id"].as_i64().expect("an id");
        assert_eq!(row["cause"].as_str(), causes.get(&id).map(String::as_str));
    }
    assert_eq!(others + i64::try_from(blamed.len()).expect("few"), answered);
}

/// What a page says of a counter.
fn counted(page: &str, sample: &str) -> Option<f64> {
    let line = page.lines().find_map(|line| line.strip_prefix(sample))?;
    line.trim().parse().ok()
}

fn page(address: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    let words = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(words.as_bytes()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

/// `kcorr live` of a process, with what it says in a file.
pub(crate) fn live(desk: &Desk, path: &str, process: &Process, address: &str, said: &str) -> Child {
    let file = std::fs::File::create(desk.path(said)).expect("a file");
    // The same words as for `kcorr record`.
    let words = recorder(desk, path, process, "");
    let words: Vec<_> = words.get_args().skip(1).map(ToOwned::to_owned).collect();
    let mut command = desk.process(&["live"]);
    command.env("PATH", path).args(words);
    command.args([
        "--only",
        "file-writes",
        "--window",
        "2s",
        "--lag",
        "1s",
        "--listen",
        address,
    ]);
    command.stderr(file).stdout(Stdio::null());
    command.spawn().expect("kcorr runs")
}

#[test]
fn windows_are_accounted_for_and_a_start_after_a_kill_says_what_is_missing() {
    let desk = Desk::new();
    let path = with_tracer(&desk, TRACER);
    let process = Process::sleeping();
    let address = free_address();
    let sample = "kcorr_live_windows_total{broker=\"\",outcome=\"accounted\"} ";
    let accounted = |at_least: f64| {
        awaited(120, "no window was accounted for", || {
            page(&address).filter(|page| counted(page, sample) >= Some(at_least))
        })
    };
    let mut first = live(&desk, &path, &process, &address, "said");
    let text = accounted(1.0);
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    assert!(text.contains("\r\ncontent-type: text/plain; version=0.0.4"));
    assert!(
        text.contains("kcorr_live_source_up{broker=\"\",source=\"file-writes\"} 1\n"),
        "{text}"
    );
    // The page counts a window a moment before it has its line.
    awaited(10, "no window was kept", || {
        let mut kept = std::fs::read_dir(desk.path("live.kcorr/rollups")).ok()?;
        kept.next().map(drop)
    });
    first.kill().expect("killed");
    first.wait().expect("ended");

    let second = live(&desk, &path, &process, &address, "said-again");
    accounted(1.0);
    let status = interrupted(second);
    let said = std::fs::read_to_string(desk.path("said-again")).expect("what it said");
    assert!(matches!(status, Some(0 | 1)), "{status:?}: {said}");
    assert!(
        said.contains("the last window that was accounted for ended"),
        "{said}"
    );
    assert!(said.contains("s before this have no account"), "{said}");
    // Each window has a line, and they follow each other.
    let folder = std::fs::read_dir(desk.path("live.kcorr/rollups")).expect("roll-ups");
    let mut lines: Vec<Value> = Vec::new();
    for entry in folder.flatten() {
        let text = std::fs::read_to_string(entry.path()).expect("lines");
        lines.extend(
            text.lines()
                .map(|line| serde_json::from_str(line).expect("JSON")),
        );
    }
    let mut times: Vec<_> = lines
        .iter()
        .map(|it| (it["from_ns"].as_i64(), it["to_ns"].as_i64()))
        .collect();
    times.sort_unstable();
    assert!(
        times.windows(2).all(|pair| pair[0].1 == pair[1].0),
        "{lines:?}"
    );
    let of = |outcome: &str| lines.iter().filter(|it| it["outcome"] == outcome).count();
    assert!(of("accounted") >= 2 && of("gap") == 1, "{lines:?}");
    // Nothing is left of recordings that are accounted for.
    let left = std::fs::read_dir(desk.path("live.kcorr/work")).expect("a folder");
    assert_eq!(left.flatten().count(), 0);
}

#[test]
fn metrics_are_on_loopback_unless_there_is_a_token() {
    let desk = Desk::new();
    let process = Process::sleeping();
    let pid = process.pid();
    let output = desk.kcorr(&["live", "--pid", &pid, "--listen", "0.0.0.0:0"]);
    assert_eq!(status(&output), 2);
    assert!(
        stderr(&output).contains("--token-file"),
        "{}",
        stderr(&output)
    );
    desk.write("token", "\n");
    let output = desk.kcorr(&["live", "--pid", &pid, "--token-file", "token"]);
    assert!(
        stderr(&output).contains("token has no token"),
        "{}",
        stderr(&output)
    );
    let output = desk.kcorr(&["live", "--pid", &pid, "--on-episode", "https://127.0.0.1/"]);
    assert!(stderr(&output).contains("curl"), "{}", stderr(&output));
    let output = desk.kcorr(&["--store", "x.kcorr", "live", "--pid", &pid]);
    assert_eq!(status(&output), 2);
    assert!(
        stderr(&output).contains("--store has no effect"),
        "{}",
        stderr(&output)
    );
}
