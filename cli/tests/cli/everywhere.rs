//! Every canned query gives the same rows wherever the store lies, and however its brokers are divided among stores.

use std::collections::BTreeMap;
use std::path::Path;

use kcorr_scenario::{Options, recordings};
use serde_json::Value;

use crate::objects::{STORE, Server};
use crate::workers::{Worker, urls};
use crate::{Desk, recording, status, stderr, stdout};

/// Queries that are about one request.
const OF_A_REQUEST: [&str; 2] = ["chain", "request_parts"];

/// The rows of a query, each as text.
type Rows = Vec<String>;

/// Names of all canned queries.
fn names(desk: &Desk) -> Vec<String> {
    let output = desk.kcorr(&["queries", "--all"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    let lines = text.lines().filter(|line| !line.ends_with(':'));
    let names = lines.filter_map(|line| line.split_whitespace().next());
    let names: Vec<String> = names.map(str::to_owned).collect();
    assert!(names.len() > 120, "{names:?}");
    names
}

fn in_text(rows: &Value) -> Rows {
    let rows = rows.as_array().expect("rows");
    rows.iter().map(Value::to_string).collect()
}

/// What all canned queries give, asked in one session, and those about one request of the slowest. `store` are the
/// options that say where it is, and who reads it.
fn answers(
    desk: &Desk,
    store: &[&str],
    environment: &[(&'static str, &str)],
) -> BTreeMap<String, Rows> {
    let mut names = names(desk);
    names.retain(|name| !OF_A_REQUEST.contains(&name.as_str()));
    let statements: String = names.iter().map(|name| format!("\\{name}\n")).collect();
    let environment = environment.iter().copied();
    let mut session = desk.command(&[&["-q"], store, &["sql", "--format", "json"]].concat());
    let session = session.envs(environment.clone()).write_stdin(statements);
    let output = session.output().expect("it runs");
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let given = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
    let given: Vec<Rows> = given.map(|rows| in_text(&rows.expect("JSON"))).collect();
    assert_eq!(given.len(), names.len());
    let mut answers: BTreeMap<String, Rows> = names.into_iter().zip(given).collect();
    let id = slowest(&answers);
    answers.extend(about(desk, store, environment, &id));
    answers
}

/// The id of the slowest request.
fn slowest(answers: &BTreeMap<String, Rows>) -> String {
    let slowest = answers["blame"].first().expect("a slow request");
    let slowest: Value = serde_json::from_str(slowest).expect("JSON");
    slowest["request_id"].to_string()
}

/// What is asked about a request.
fn about<'a>(
    desk: &Desk,
    store: &[&str],
    environment: impl IntoIterator<Item = (&'a str, &'a str)> + Clone,
    id: &str,
) -> BTreeMap<String, Rows> {
    let id = format!("request_id={id}");
    let answers = OF_A_REQUEST.map(|name| {
        let asked = ["query", name, "--param", &id, "--format", "json"];
        let mut command = desk.command(&[store, &asked].concat());
        let output = command.envs(environment.clone()).output().expect("it runs");
        assert_eq!(status(&output), 0, "{name}: {}", stderr(&output));
        let rows = serde_json::from_slice(&output.stdout).expect("JSON");
        (name.to_owned(), in_text(&rows))
    });
    answers.into()
}

/// Recordings of three brokers that follow each other.
fn cluster(desk: &Desk) {
    let mut options = Options::preset("cluster").expect("a preset");
    options.set("duration_ms=6000").expect("an option");
    recordings::generate(&options, &desk.path("")).expect("recordings");
}

const BROKERS: [&str; 3] = ["broker-1", "broker-2", "broker-3"];

/// A desk whose store holds these.
pub(crate) fn cluster_desk() -> Desk {
    let desk = Desk::new();
    cluster(&desk);
    let output = desk.kcorr(&[&["ingest"], &BROKERS[..]].concat());
    assert!(status(&output) <= 1, "{}", stderr(&output));
    desk
}

fn assert_same(here: &BTreeMap<String, Rows>, there: &BTreeMap<String, Rows>) {
    let mut differ = Vec::new();
    for (name, rows) in here {
        let there = &there[name];
        let there = there.iter().map(|row| row.replace(STORE, "incident.kcorr"));
        let there: Rows = there.collect();
        let pairs = rows.iter().zip(&there);
        let first = pairs.filter(|(here, there)| here != there).take(1);
        let first: Vec<_> = first.collect();
        if !first.is_empty() || rows.len() != there.len() {
            differ.push((name, rows.len(), there.len(), format!("{first:?}")));
        }
    }
    assert!(differ.is_empty(), "{differ:#?}");
}

#[test]
fn every_canned_query_has_the_same_rows_here_and_on_three_workers() {
    let desk = cluster_desk();
    let here = answers(&desk, &[], &[]);
    // What a follower was in is among them.
    assert!(here["followed_waits"].len() > 1);
    assert!(here["blame"].iter().any(|row| row.contains("followed")));
    let workers = [(); 3].map(|()| Worker::start(&desk, &[]));
    let there = answers(&desk, &["--workers", &urls(&workers)], &[]);
    assert_same(&here, &there);
}

#[test]
fn every_canned_query_has_the_same_rows_in_a_folder_and_in_s3() {
    let Some(server) = Server::start() else {
        return;
    };
    let desk = cluster_desk();
    let output = server.kcorr(&desk, &[&["ingest"], &BROKERS[..]].concat());
    assert!(status(&output) <= 1, "{}", stderr(&output));
    let environment = server.environment();
    let here = answers(&desk, &[], &[]);
    let there = answers(&desk, &["--store", STORE], &environment);
    assert_same(&here, &there);
    let workers = [(); 3].map(|()| {
        let worker = ["--store", STORE, "worker", "--listen", "127.0.0.1:0"];
        let mut worker = desk.process(&worker);
        worker.envs(environment);
        Worker::start_with(worker)
    });
    let store = ["--store", STORE, "--workers", &urls(&workers)];
    assert_same(&here, &answers(&desk, &store, &environment));
}

/// Why rows of a store of several brokers are not those of a store of each.
const SUM: &str = "adds up what all brokers had";
const FIRST: &str = "the first of all, of which each store has its own";
const AXIS: &str = "one axis of time, from the first to the last of all";
const ORDER: &str = "numbers what all brokers had, in one order";
const CONSTANT: &str = "reads nothing recorded: once, in whatever store";

/// Canned queries that are about all brokers of a store together.
const OVER_BROKERS: [(&str, &str); 37] = [
    ("advice", SUM),
    ("asked_changes", SUM),
    ("brokers", SUM),
    ("causes", SUM),
    ("causes_over_time", SUM),
    ("compare_heatmap", AXIS),
    ("episode_requests", ORDER),
    ("episode_rows", ORDER),
    ("episodes", ORDER),
    ("fine_cells", AXIS),
    ("flame_frames", SUM),
    ("headline", SUM),
    ("latency_groups", SUM),
    ("latency_heatmap", AXIS),
    ("latency_histograms", SUM),
    ("latency_over_time", AXIS),
    ("lock_ranking", FIRST),
    ("log_ranking", FIRST),
    ("off_cpu_writes", SUM),
    ("one_request", FIRST),
    ("reasons", CONSTANT),
    ("request_chains", FIRST),
    ("root_classes", SUM),
    ("root_states", SUM),
    ("rule_shares", SUM),
    ("rules", CONSTANT),
    ("store_facts", SUM),
    ("summary", SUM),
    ("thread_ranking", FIRST),
    ("time_axis", AXIS),
    ("trace_flows", ORDER),
    ("wait_classes", CONSTANT),
    ("who_waited", SUM),
    ("window_latencies", SUM),
    ("worst_requests", FIRST),
    ("write_figures", SUM),
    ("write_heatmap", AXIS),
];

/// Copies a folder.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).expect("a copy");
        }
    }
}

/// A store with one incident three times, as that of three brokers, and a store of each of these alone, in which
/// rows have the ids that they have in the first.
fn one_store_and_three(desk: &Desk) {
    for broker in ["1", "2", "3"] {
        let recordings = [
            ("--jfr", "profile.jfr"),
            ("--bpf", "writes.jsonl"),
            ("--pcap", "dump.pcap.zst"),
        ];
        let mut arguments = vec!["ingest", "--broker", broker];
        let copies = recordings.map(|(option, name)| {
            let copy = format!("{broker}-{name}");
            std::fs::copy(recording(name), desk.path(&copy)).expect("a copy");
            (option, copy)
        });
        for (option, copy) in &copies {
            arguments.extend([option, copy.as_str()]);
        }
        let output = desk.kcorr(&arguments);
        assert!(status(&output) <= 1, "{}", stderr(&output));
    }
    for broker in [1, 2, 3] {
        let store = format!("{broker}.kcorr");
        copy(&desk.path("incident.kcorr"), &desk.path(&store));
        let others = format!("SELECT source_id FROM sources WHERE broker <> {broker}");
        let others = desk.rows(&["-c", &others]);
        let others: Vec<String> = others
            .iter()
            .map(|row| row["source_id"].to_string())
            .collect();
        assert_eq!(others.len(), 6);
        let mut arguments = vec!["--store", &store, "sources", "rm"];
        arguments.extend(others.iter().map(String::as_str));
        let output = desk.kcorr(&arguments);
        assert_eq!(status(&output), 0, "{}", stderr(&output));
    }
}

#[test]
fn every_canned_query_of_three_brokers_has_the_rows_of_three_stores_of_one() {
    let desk = Desk::new();
    one_store_and_three(&desk);
    let mut together = answers(&desk, &[], &[]);
    let mut apart: BTreeMap<String, Rows> = BTreeMap::new();
    for broker in [1, 2, 3] {
        let store = format!("{broker}.kcorr");
        let mut alone = answers(&desk, &["--store", &store], &[]);
        let of_its_slowest = about(&desk, &[], [], &slowest(&alone));
        for name in OF_A_REQUEST {
            assert_eq!(
                alone.remove(name),
                of_its_slowest.get(name).cloned(),
                "{name}"
            );
        }
        for (name, rows) in alone {
            apart.entry(name).or_default().extend(rows);
        }
    }
    let mut differ = Vec::new();
    for (name, others) in &mut apart {
        let rows = together.get_mut(name).expect("the same queries");
        rows.sort();
        others.sort();
        if rows != others {
            differ.push(name.as_str());
        }
    }
    // One that is named here without need is as wrong as one that is not.
    let named = OVER_BROKERS.map(|(name, _)| name);
    assert_eq!(differ, named);
}
