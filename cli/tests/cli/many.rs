//! A store with more slow requests than a report can list.
//!
//! `KCORR_TEST_REQUESTS=100000 cargo test --release --workspace --test cli many` makes it as large as one
//! likes; the report it leaves in the target directory's `tmp/report` is for measuring in a browser.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, StringArray, TimestampNanosecondArray};
use datafusion::arrow::compute::cast;
use kcorr_model::{BatchBuilder, ClockKind, Output, Summary, Table, tables};
use kcorr_store::{InputIdentity, StoreWriter};

use crate::{Desk, status, stderr};

const START_NS: i64 = 1_704_067_200_000_000_000; // 2024-01-01
const MS: i64 = 1_000_000;
/// Slow requests behind one write: itself, nine that wait for its log, nine queued behind each of the ten.
const BEHIND: i64 = 100;

#[test]
fn a_report_of_very_many_slow_requests_stays_small_and_says_what_it_leaves_out() {
    let wanted = std::env::var("KCORR_TEST_REQUESTS")
        .ok()
        .and_then(|text| text.parse().ok());
    let count: i64 = wanted.unwrap_or(1_000);
    let desk = Desk::new();
    store(&desk.path("incident.kcorr"), count);
    let output = desk.kcorr(&["report", "-v"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    println!("{}", stderr(&output));
    let html = std::fs::read_to_string(desk.path("report.html")).expect("report.html");
    assert!(html.len() < 5_000_000, "{} bytes", html.len());
    assert_eq!(html.matches("<tr id=\"request-").count(), 200);
    let (_, rest) = html
        .split_once("Only the slowest ")
        .expect("what was left out");
    let shown: Vec<&str> = rest
        .split("value=\"")
        .skip(1)
        .take(2)
        .filter_map(|part| part.split('"').next())
        .collect();
    assert_eq!(shown, ["200", &count.to_string()]);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("many.html"), html).expect("a file");
}

/// Stalls of a log, one every half second: ten connections with ten requests each are slow behind one write.
fn store(path: &Path, count: i64) {
    let at = |stall: i64, us: i64| START_NS + stall * 500 * MS + us * 1000;
    let split = |request: i64| (request / BEHIND, request % BEHIND / 10, request % 10);
    let all: Vec<(i64, i64, i64)> = (0..count).map(split).collect();
    let ids: Vec<i64> = (1..=count).collect();
    let arrivals: Vec<i64> = all
        .iter()
        .map(|&(s, c, n)| at(s, 1000 + c * 100 + n * 1500))
        .collect();
    let ends: Vec<i64> = all
        .iter()
        .map(|&(s, c, n)| at(s, 120_000 + c * 400 + n * 30))
        .collect();
    let latencies = arrivals
        .iter()
        .zip(&ends)
        .map(|(start, end)| end - start)
        .collect();
    // The first request of the first connection holds the log; the first of the others wait for it.
    let starts: Vec<i64> = all
        .iter()
        .map(|&(s, c, n)| {
            if (c, n) == (0, 0) {
                at(s, 1100)
            } else {
                at(s, 119_900 + c * 400 + n * 30)
            }
        })
        .collect();
    let stops: Vec<i64> = all
        .iter()
        .zip(&starts)
        .map(|(&(s, c, n), start)| {
            if (c, n) == (0, 0) {
                at(s, 119_890)
            } else {
                start + 20_000
            }
        })
        .collect();
    let durations = starts
        .iter()
        .zip(&stops)
        .map(|(start, end)| end - start)
        .collect();
    let constant = |value: i64| vec![value; all.len()];
    let connections: Vec<i64> = all.iter().map(|&(_, c, _)| c).collect();
    let tids: Vec<i64> = connections.iter().map(|c| 100 + c).collect();
    let sizes: Vec<i64> = (0..count).map(|n| 100 + n % 5000).collect();
    let waiting: Vec<usize> = (0..all.len())
        .filter(|&n| all[n].1 > 0 && all[n].2 == 0)
        .collect();
    let wait_starts: Vec<i64> = waiting.iter().map(|&n| arrivals[n] + 50_000).collect();
    let wait_ends: Vec<i64> = waiting.iter().map(|&n| starts[n] - 5_000).collect();
    let wait_ns = wait_starts
        .iter()
        .zip(&wait_ends)
        .map(|(start, end)| end - start)
        .collect();

    let mut writer = StoreWriter::open(path, || {}).expect("a store");
    let mut source = writer.begin(InputIdentity {
        kind: "case".to_owned(),
        paths: vec!["many".to_owned()],
    });
    let mut put = |table: &'static Table, rows: usize, columns: Vec<(&'static str, Values<'_>)>| {
        let mut batch = BatchBuilder::new(table, rows);
        for (name, values) in columns {
            batch = batch.set(name, values.array(table, name, rows));
        }
        source
            .batch(table, batch.finish().expect("a batch"))
            .expect("stored");
    };
    let rows = all.len();
    put(
        &tables::REQUESTS,
        rows,
        vec![
            ("request_id", Values::Numbers(ids.clone())),
            ("source_id", Values::Numbers(constant(1))),
            ("connection_id", Values::Numbers(connections.clone())),
            ("client_address", Values::Text("10.0.0.1:5000")),
            ("server_address", Values::Text("10.0.0.2:9092")),
            ("api", Values::Text("Produce")),
            ("api_key", Values::Numbers(constant(0))),
            ("api_version", Values::Numbers(constant(9))),
            ("correlation_id", Values::Numbers(ids.clone())),
            ("client_id", Values::Text("generated")),
            ("arrival_time", Values::Times(arrivals.clone())),
            ("read_time", Values::Times(arrivals.clone())),
            ("response_time", Values::Times(ends.clone())),
            ("end_time", Values::Times(ends.clone())),
            ("latency_ns", Values::Numbers(latencies)),
            ("request_bytes", Values::Numbers(sizes.clone())),
            ("acks", Values::Numbers(constant(1))),
        ],
    );
    put(
        &tables::REQUEST_PARTITIONS,
        rows,
        vec![
            ("request_partition_id", Values::Numbers(ids.clone())),
            ("source_id", Values::Numbers(constant(1))),
            ("request_id", Values::Numbers(ids.clone())),
            ("arrival_time", Values::Times(arrivals)),
            ("topic", Values::Text("orders")),
            ("partition", Values::Numbers(constant(0))),
            ("records_bytes", Values::Numbers(sizes.clone())),
        ],
    );
    put(
        &tables::WRITES,
        rows,
        vec![
            ("write_id", Values::Numbers(ids)),
            ("source_id", Values::Numbers(constant(1))),
            ("operation", Values::Text("write")),
            ("origin", Values::Text("bpf")),
            ("start_time", Values::Times(starts)),
            ("end_time", Values::Times(stops)),
            ("duration_ns", Values::Numbers(durations)),
            ("tid", Values::Numbers(tids.clone())),
            ("bytes", Values::Numbers(sizes)),
            ("file", Values::Text("00000000000000000000.log")),
            ("directory", Values::Text("orders-0")),
            ("topic", Values::Text("orders")),
            ("partition", Values::Numbers(constant(0))),
            ("file_kind", Values::Text("log")),
        ],
    );
    put(
        &tables::LOCK_WAITS,
        waiting.len(),
        vec![
            (
                "lock_wait_id",
                Values::Numbers((1..=waiting.len() as i64).collect()),
            ),
            ("source_id", Values::Numbers(vec![1; waiting.len()])),
            ("kind", Values::Text("monitor")),
            ("origin", Values::Text("usdt")),
            ("start_time", Values::Times(wait_starts)),
            ("end_time", Values::Times(wait_ends)),
            ("duration_ns", Values::Numbers(wait_ns)),
            (
                "tid",
                Values::Numbers(waiting.iter().map(|&n| tids[n]).collect()),
            ),
            ("lock_class", Values::Text("java.lang.Object")),
        ],
    );
    let summary = Summary {
        format: "generated".to_owned(),
        clock: ClockKind::Realtime,
        anchors: Vec::new(),
        losses: Vec::new(),
        limits: Vec::new(),
    };
    writer.finish(source, summary, 0, String::new());
    kcorr_engine::commit(&mut writer).expect("a commit");
}

enum Values<'a> {
    Numbers(Vec<i64>),
    Times(Vec<i64>),
    Text(&'a str),
}

impl Values<'_> {
    fn array(self, table: &Table, name: &str, rows: usize) -> ArrayRef {
        let array: ArrayRef = match self {
            Self::Numbers(numbers) => Arc::new(Int64Array::from(numbers)),
            Self::Times(times) => {
                Arc::new(TimestampNanosecondArray::from(times).with_timezone("UTC"))
            }
            Self::Text(text) => Arc::new(StringArray::from(vec![text; rows])),
        };
        let column = table
            .columns
            .iter()
            .find(|column| column.name == name)
            .expect("a column");
        cast(&array, &column.kind.arrow()).expect("of its type")
    }
}
