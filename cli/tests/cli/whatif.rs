//! What-ifs against what they claim: that nothing changed is what was recorded, and that the range holds
//! what the same load has when the cut waits are not there.

use std::collections::BTreeMap;

use kcorr_scenario::{Options, recordings};
use serde_json::Value;

use super::{Desk, shared, status, stderr};

/// The values of a statistic by column; none where there is nothing to say.
type Statistics = BTreeMap<String, BTreeMap<String, Option<f64>>>;

fn what_if(desk: &Desk, store: &str, kind: &str) -> (Statistics, String) {
    let output = desk.kcorr(&[
        "whatif",
        "--store",
        store,
        "--without",
        kind,
        "--format",
        "json",
    ]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let rows: Vec<serde_json::Map<String, Value>> =
        serde_json::from_slice(&output.stdout).expect("JSON");
    let statistics = rows.into_iter().map(|row| {
        let name = row["statistic"].as_str().expect("a name").to_owned();
        let values = row
            .into_iter()
            .map(|(column, value)| (column, value.as_f64()));
        (name, values.collect())
    });
    (statistics.collect(), stderr(&output))
}

/// Times are within a part in a hundred, counts equal.
fn assert_reproduced(statistics: &Statistics, what: &str) {
    for name in ["p50_ms", "p99_ms", "p999_ms", "max_ms", "slow_count"] {
        let row = &statistics[name];
        let (before, unchanged) = (row["before"], row["unchanged"]);
        let (Some(before), Some(unchanged)) = (before, unchanged) else {
            panic!("{what}: {row:?}");
        };
        let allowed = if name == "slow_count" {
            0.0
        } else {
            before / 100.0
        };
        assert!(
            (before - unchanged).abs() <= allowed,
            "{what}: {name} {row:?}"
        );
    }
}

#[test]
fn a_replay_with_nothing_cut_gives_what_was_recorded() {
    let names = ["xfs", "ext4-owners", "ext4-ordered"];
    let Some(folders) = shared(&names) else {
        return;
    };
    let desk = Desk::new();
    for (name, folder) in names.iter().zip(&folders) {
        let file = |file: &str| folder.join(file).display().to_string();
        let store = format!("{name}.kcorr");
        let output = desk.kcorr(&[
            "ingest",
            "--store",
            &store,
            "--jfr",
            &file("profile.jfr"),
            "--bpf",
            &file("writes.jsonl"),
            "--pcap",
            &file("dump.pcap.zst"),
        ]);
        assert!(status(&output) <= 1, "{}", stderr(&output));
        let (statistics, _) = what_if(&desk, &store, "journal_commit");
        assert_reproduced(&statistics, name);
    }
}

/// A broker whose stalls are journal commits and stops of the JVM, at given times; nothing that comes at
/// random times, which would come at others when the load changes.
fn stalling(preset: &str, seed: u64) -> Options {
    let mut options = Options::preset(preset).expect("a preset");
    options.seed = seed;
    options.duration_ms = 20_000;
    options.pauses_per_second = 2.0;
    options.slow_pause_share = 0.3;
    options.scheduler_syncs_per_second = 0.0;
    options.block_io_per_second = 0.0;
    options.write_run_queue_per_second = 0.0;
    options.run_queue_per_second = 0.0;
    options.late_run_queue_per_second = 0.0;
    options.network_run_queue_per_second = 0.0;
    options.cpu_write_per_second = 0.0;
    options.cpu_bound_per_second = 0.0;
    options.other_lock_per_second = 0.0;
    options.slow_send_per_second = 0.0;
    options.network_busy_per_second = 0.0;
    options
}

/// True latencies of a scenario's produce requests in ms, ascending.
fn true_latencies(truth: &std::path::Path) -> Vec<f64> {
    let text = std::fs::read_to_string(truth).expect("the truth");
    let mut latencies: Vec<f64> = text
        .lines()
        .map(|line| {
            let row: Value = serde_json::from_str(line).expect("JSON");
            row["latency_ns"].as_f64().expect("a latency") / 1e6
        })
        .collect();
    latencies.sort_by(f64::total_cmp);
    latencies
}

#[test]
fn the_same_load_without_the_stalls_is_in_the_range() {
    for (preset, seed) in [
        ("clean", 1),
        ("clean", 2),
        ("clean", 3),
        ("shared-queue", 1),
    ] {
        let desk = Desk::new();
        let with = stalling(preset, seed);
        let mut without = with.clone();
        without.commit_stall_share = 0.0;
        recordings::generate(&with, &desk.path("with")).expect("a scenario");
        recordings::generate(&without, &desk.path("without")).expect("a scenario");
        let output = desk.kcorr(&[
            "ingest",
            "--jfr",
            "with/profile.jfr",
            "--bpf",
            "with/writes.jsonl",
            "--pcap",
            "with/dump.pcap",
            "--segments",
            "with/segments",
            "--gc-log",
            "with/gc.log",
        ]);
        assert!(status(&output) <= 1, "{}", stderr(&output));
        let what = format!("{preset} {seed}");
        let (statistics, note) = what_if(&desk, "incident.kcorr", "journal_commit");
        assert!(note.contains("to within 1 ms"), "{note}");
        let slow = &statistics["slow_count"];
        assert!(slow["after_high"] < slow["before"], "{what}: {slow:?}");

        let truth = true_latencies(&desk.path("without/truth.jsonl"));
        let at = |per_mille: usize| truth[(per_mille * (truth.len() - 1) + 500) / 1000];
        let slow_count = truth.iter().filter(|&&latency| latency >= 65.0).count() as f64;
        for (name, value) in [
            ("p99_ms", at(990)),
            ("p999_ms", at(999)),
            ("slow_count", slow_count),
        ] {
            let row = &statistics[name];
            let (low, high) = (
                row["run_low"].expect("a number"),
                row["run_high"].expect("a number"),
            );
            assert!(
                (low..=high).contains(&value),
                "{what}: {name} was {value}: {row:?}"
            );
        }
    }
}
