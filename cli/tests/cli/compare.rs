//! Comparisons of stores, and what-ifs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::report::shown;
use crate::{Desk, shared, status, stderr, stdout};

/// A store compared with itself, as JSON.
fn with_itself(desk: &Desk, more: &[&str]) -> Value {
    let arguments = [
        "compare",
        "incident.kcorr",
        "./incident.kcorr",
        "--format",
        "json",
    ];
    let output = desk.kcorr(&[&arguments[..], more].concat());
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn a_store_does_not_differ_from_itself() {
    let desk = Desk::with_incident();
    let comparison = with_itself(&desk, &[]);
    for row in comparison["latency"].as_array().expect("rows") {
        assert!(row["ratio"].is_null() || row["ratio"] == 1.0, "{row}");
        assert_eq!(row["place"], 1, "{row}");
    }
    for row in comparison["differences"].as_array().expect("rows") {
        assert_eq!(row["change_per_1000"], 0.0, "{row}");
    }
    let heat: i64 = comparison["heatmap"]
        .as_array()
        .expect("cells")
        .iter()
        .map(|cell| cell["request_count"].as_i64().expect("a count"))
        .sum();
    let sql = "SELECT count(*) AS n FROM requests WHERE api = 'Produce' AND latency_ns IS NOT NULL";
    assert_eq!(heat as f64, 2.0 * desk.number(sql));
}

#[test]
fn a_comparison_has_the_percentiles_of_the_summary_inside_their_intervals() {
    let desk = Desk::with_incident();
    let comparison = with_itself(&desk, &["--replicates", "200"]);
    let summary = desk.rows(&["-c", "SELECT * FROM summary WHERE name = 'Produce'"]);
    for name in ["p50_ms", "p99_ms", "p999_ms", "max_ms", "slow_ratio"] {
        let rows = comparison["latency"].as_array().expect("rows");
        let row = rows
            .iter()
            .find(|row| row["statistic"] == name)
            .expect("a row");
        let value = row["value"].as_f64().expect("a value");
        let expected = summary[0][name].as_f64().expect("a value");
        assert!(
            (value - expected).abs() < 1e-6 * expected,
            "{name}: {value}, {expected}"
        );
        if let (Some(low), Some(high)) = (row["low"].as_f64(), row["high"].as_f64()) {
            assert!(low <= value && value <= high, "{row}");
        }
    }
}

#[test]
fn a_condition_that_holds_is_exit_status_3() {
    let desk = Desk::with_incident();
    let run = |condition: &str| {
        desk.kcorr(&[
            "-q",
            "compare",
            "incident.kcorr",
            "./incident.kcorr",
            "--fail-if",
            condition,
        ])
    };
    let output = run("p999 >= 1x");
    assert_eq!(status(&output), 3, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("p999_ms is"),
        "{}",
        stderr(&output)
    );
    assert_eq!(status(&run("p999 > 1.1x")), 0);
    assert_eq!(status(&run("p95 > 1.1x")), 2);
}

#[test]
fn a_comparison_is_markdown_too() {
    let desk = Desk::with_incident();
    let arguments = [
        "compare",
        "incident.kcorr",
        "./incident.kcorr",
        "--format",
        "markdown",
    ];
    let text = stdout(&desk.kcorr(&arguments));
    assert!(text.starts_with("## Latency of produce requests"), "{text}");
    assert!(text.contains("\n| statistic | store |"), "{text}");
    assert!(text.contains("```text\n"), "{text}");
}

#[test]
fn a_page_has_the_numbers_of_the_json_and_needs_nothing_else() {
    let desk = Desk::with_incident();
    let json = with_itself(&desk, &[]);
    let stores = ["compare", "incident.kcorr", "./incident.kcorr"];
    let output = desk.kcorr(&[&stores[..], &["--output", "page.html"]].concat());
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let page = std::fs::read_to_string(desk.path("page.html")).expect("page.html");
    let printed = desk.kcorr(&[&stores[..], &["--format", "html"]].concat());
    assert_eq!(stdout(&printed), page);

    let mut places = BTreeSet::new();
    for each in shown(&page) {
        let place = format!("{} row {} {}", each.query, each.row, each.column);
        match &json[&each.query][each.row][&each.column] {
            Value::Null => assert_eq!(each.value, "", "{place}"),
            Value::String(text) => assert_eq!(each.value, *text, "{place}"),
            number => {
                let expected = number.as_f64().expect("a number");
                let found: f64 = each.value.parse().expect("a number");
                let error = (found - expected).abs();
                assert!(
                    error <= 1e-12 * expected.abs(),
                    "{place}: {found}, not {expected}"
                );
            }
        }
        places.insert(place);
    }
    for table in ["latency", "causes", "differences"] {
        let rows = json[table].as_array().expect("rows");
        assert!(!rows.is_empty(), "{table}");
        for (at, row) in rows.iter().enumerate() {
            for column in row.as_object().expect("a row").keys() {
                let place = format!("{table} row {at} {column}");
                assert!(places.contains(&place), "{place} is not on the page");
            }
        }
    }
    let cells = json["heatmap"].as_array().expect("cells").len();
    assert_eq!(page.matches("<rect class=\"h").count(), cells);
    let ends: BTreeSet<&str> = page
        .split("data-group=\"time\" ")
        .skip(1)
        .filter_map(|rest| rest.split('>').next())
        .collect();
    assert_eq!(ends.len(), 1, "the heatmaps have one time axis: {ends:?}");
    for outside in ["http://", "https://", "<link", "@import", "url("] {
        assert!(!page.contains(outside), "the page refers to {outside}");
    }
}

#[test]
fn a_what_if_is_a_range_below_what_was_measured() {
    let desk = Desk::with_incident();
    let output = desk.kcorr(&["whatif", "--without", "journal_commit", "--format", "json"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(rows.len(), 6);
    for row in &rows {
        let value = |name: &str| row[name].as_f64().expect("a number");
        let (low, high) = (value("after_low"), value("after_high"));
        assert!(low <= high, "{row}");
        assert!(high < 1.1 * value("before"), "{row}");
        // The replay of what was recorded is what was recorded, or nearly.
        let error = (value("unchanged") - value("before")).abs();
        assert!(error <= 0.1 * value("before"), "{row}");
        if row["statistic"] == "slow_count" {
            assert!(
                high < value("before"),
                "the journal held up most of them: {row}"
            );
        }
    }
    let nothing = desk.kcorr(&["whatif"]);
    assert_eq!(status(&nothing), 2);
    assert!(stderr(&nothing).contains("--cap"), "{}", stderr(&nothing));
}

#[test]
fn a_cap_that_no_wait_reaches_changes_nothing() {
    let desk = Desk::with_incident();
    let output = desk.kcorr(&[
        "whatif",
        "--cap",
        "journal_commit=1000s",
        "--format",
        "json",
    ]);
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    for row in &rows {
        assert_eq!(row["unchanged"], row["replay"], "{row}");
        assert_eq!(row["before"], row["subtract"], "{row}");
    }
}

#[test]
fn shared_recordings_rank_as_the_brokers_own_request_log_does() {
    let names = ["xfs", "ext4-owners", "ext4-ordered"];
    let Some(folders) = shared(&names) else {
        return;
    };
    let desk = Desk::new();
    let mut broker = BTreeMap::new();
    for (name, folder) in names.iter().zip(&folders) {
        let file = |file: &str| folder.join(file).display().to_string();
        let store = format!("{name}.kcorr");
        let output = desk.kcorr(&[
            "-q",
            "--store",
            &store,
            "ingest",
            "--jfr",
            &file("profile.jfr"),
            "--bpf",
            &file("writes.jsonl"),
            "--pcap",
            &file("dump.pcap.zst"),
            "--request-log",
            &file("request.log.zst"),
        ]);
        assert!(status(&output) <= 1, "{}", stderr(&output));
        let sql = "SELECT CAST(count(*) FILTER (WHERE total_ns >= 65000000) AS DOUBLE) / count(*) AS n \
                   FROM broker_requests WHERE api = 'Produce'";
        broker.insert(
            *name,
            desk.rows(&["--store", &store, "-c", sql])[0]["n"].as_f64(),
        );
    }
    let stores = names.map(|name| format!("{name}.kcorr"));
    let arguments = [
        "compare", &stores[0], &stores[1], &stores[2], "--format", "json",
    ];
    let output = desk.kcorr(&arguments);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let comparison: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let mut by_broker = names;
    by_broker.sort_by(|a, b| broker[b].partial_cmp(&broker[a]).expect("shares"));
    for statistic in ["slow_ratio", "p999_ms"] {
        let rows = comparison["latency"].as_array().expect("rows");
        let mut places: Vec<(i64, &str)> = rows
            .iter()
            .filter(|row| row["statistic"] == statistic)
            .map(|row| {
                let place = row["place"].as_i64().expect("a place");
                (place, row["store"].as_str().expect("a store"))
            })
            .collect();
        places.sort_unstable();
        let ranked: Vec<&str> = places.iter().map(|(_, store)| *store).collect();
        assert_eq!(ranked, by_broker, "{statistic}");
    }
}
