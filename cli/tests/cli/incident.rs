//! The main job: the blame table of the bundled incident.

use crate::{Desk, stdout};

/// Columns that others rely on.
const COLUMNS: &[&str] = &[
    "request_id",
    "arrival_time",
    "end_time",
    "latency_ms",
    "api",
    "client_address",
    "client_id",
    "correlation_id",
    "topic",
    "partition",
    "partitions",
    "message_id",
    "cause",
    "waited_ms",
    "share_ratio",
    "tid",
    "thread_name",
    "write_ms",
    "write_file",
    "write_offset",
    "blocker_tid",
    "blocker_thread",
    "blocker_ms",
    "blocker_file",
    "lock_class",
    "confidence",
    "evidence",
];

#[test]
fn blame_has_the_columns_that_others_rely_on() {
    let desk = Desk::with_incident();
    let csv = stdout(&desk.kcorr(&["query", "blame.sql", "--format", "csv"]));
    let header: Vec<&str> = csv.lines().next().expect("a header").split(',').collect();
    for column in COLUMNS {
        assert!(header.contains(column), "{column} is not in {header:?}");
    }
}

#[test]
fn blame_has_a_row_for_each_slow_request_and_adds_up_to_the_report() {
    let desk = Desk::with_incident();
    let rows = desk.rows(&["blame"]);
    let slow = "SELECT COUNT(*) AS n FROM request_latencies WHERE is_slow";
    assert_eq!(rows.len() as f64, desk.number(slow));
    for pair in rows.windows(2) {
        assert!(pair[0]["latency_ms"].as_f64() >= pair[1]["latency_ms"].as_f64());
        assert_ne!(pair[0]["request_id"], pair[1]["request_id"]);
    }
    let sum = |rows: &[serde_json::Map<String, serde_json::Value>], column: &str| {
        let cells = rows.iter().map(|row| row[column].as_f64().unwrap_or(0.0));
        cells.sum::<f64>()
    };
    // By cause as `causes` has it, and by topic-partition as the rows of these have it.
    for cause in desk.rows(&["causes"]) {
        let of_cause = rows.iter().filter(|row| row["cause"] == cause["cause"]);
        let of_cause: Vec<_> = of_cause.cloned().collect();
        assert_eq!(Some(of_cause.len() as u64), cause["request_count"].as_u64());
        let waited = cause["waited_ms"].as_f64().expect("waited_ms");
        assert!((sum(&of_cause, "waited_ms") - waited).abs() < 1e-6);
    }
    let by_partition = desk.rows(&["blame_partitions"]);
    for column in ["write_ms", "lock_wait_ms"] {
        assert!((sum(&rows, column) - sum(&by_partition, column)).abs() < 1e-6);
    }
    let lists = rows.iter().flat_map(|row| row["partitions"].as_array());
    assert_eq!(lists.map(Vec::len).sum::<usize>(), by_partition.len());
    assert!(by_partition.len() > rows.len());
}

#[test]
fn every_slow_produce_request_has_a_row_for_each_topic_partition() {
    let desk = Desk::with_incident();
    let missing = desk.number(
        "SELECT count(*) AS n FROM requests AS r \
         JOIN request_partitions AS p ON p.request_id = r.request_id \
         LEFT JOIN blame_partitions AS b ON b.request_id = p.request_id \
             AND b.topic = p.topic AND b.partition = p.partition \
         WHERE r.api = 'Produce' AND r.latency_ns >= 65000000 AND b.request_id IS NULL",
    );
    assert_eq!(missing, 0.0);
    let rows = desk.rows(&["blame_partitions"]);
    assert!(rows.len() > 20, "{}", rows.len());
    for pair in rows.windows(2) {
        assert!(pair[0]["latency_ms"].as_f64() >= pair[1]["latency_ms"].as_f64());
    }
}

#[test]
fn a_verdict_names_rows_that_show_it() {
    let desk = Desk::with_incident();
    let rows = desk.rows(&["blame"]);
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    for row in &rows {
        let cause = row["cause"].as_str().expect("a cause");
        *seen.entry(cause.to_owned()).or_default() += 1;
        if cause == "unexplained" {
            continue;
        }
        let waited = row["waited_ms"].as_f64().expect("waited_ms");
        let latency = row["latency_ms"].as_f64().expect("latency_ms");
        assert!(waited <= latency * 1.001, "{row:?}");
        let evidence = row["evidence"].as_str().expect("evidence");
        let ids: Vec<&str> = evidence
            .split("; ")
            .find_map(|part| part.strip_prefix("writes "))
            .unwrap_or_default()
            .split(' ')
            .collect();
        assert!(!ids[0].is_empty(), "{row:?}");
    }
    for cause in [
        "slow_write",
        "lock_wait_behind_slow_write",
        "queued_behind_slow_write",
    ] {
        assert!(seen.contains_key(cause), "no {cause} among {seen:?}");
    }
    // The writes named as evidence took as long as the verdicts say they did.
    let unsupported = desk.number(
        "SELECT count(*) AS n FROM blame WHERE cause = 'slow_write' AND waited_ms > write_ms + 1 \
         AND request_id NOT IN (SELECT request_id FROM request_partitions \
             GROUP BY request_id HAVING count(*) > 1)",
    );
    assert_eq!(unsupported, 0.0);
}

/// The output that `examples/ext4-ordered` shows, which a person has read.
#[test]
fn the_output_is_the_one_that_the_example_shows() {
    let desk = Desk::with_incident();
    let verdicts = "SELECT cause, count(*) AS requests, max(latency_ms) AS worst_ms, \
                    sum(waited_ms) AS waited_ms \
                    FROM blame GROUP BY cause ORDER BY requests DESC, cause";
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../examples/ext4-ordered/expected");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, arguments) in [
            ("blame", &["query", "blame.sql"][..]),
            ("summary", &["query", "summary"]),
            ("slow_writes", &["query", "slow_writes"]),
            ("verdicts", &["query", "-c", verdicts]),
        ] {
            insta::assert_snapshot!(name, stdout(&desk.kcorr(arguments)));
        }
    });
}
