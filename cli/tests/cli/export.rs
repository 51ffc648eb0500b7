//! Exports for other tools.

use std::collections::{BTreeMap, BTreeSet};

use kcorr_export::perfetto::message::{SLICE_BEGIN, Trace};
use prost::Message;

use crate::{Desk, status, stderr, stdout};

#[test]
fn openmetrics_has_every_request_in_its_histograms() {
    let desk = Desk::with_incident();
    let export = ["-q", "export", "openmetrics", "--latest", "--output", "-"];
    let text = stdout(&desk.kcorr(&export));
    assert!(text.ends_with("# EOF\n"), "{text}");
    assert!(
        text.contains("# TYPE kcorr_request_latency_seconds histogram\n"),
        "{text}"
    );
    let sum = |prefix: &str, has: &str| -> f64 {
        text.lines()
            .filter(|line| line.starts_with(prefix) && line.contains(has))
            .map(|line| {
                line.rsplit(' ')
                    .next()
                    .expect("a value")
                    .parse::<f64>()
                    .expect("a number")
            })
            .sum()
    };
    let counted = sum("kcorr_write_latency_seconds_count", "");
    assert_eq!(counted, desk.number("SELECT count(*) AS n FROM writes"));
    assert_eq!(
        counted,
        sum("kcorr_write_latency_seconds_bucket", "le=\"+Inf\"")
    );
    let slow = desk.number(
        "SELECT count(*) AS n FROM (SELECT DISTINCT request_id, topic FROM request_partitions) AS p \
         JOIN slow_requests AS s ON s.request_id = p.request_id",
    );
    let all = sum("kcorr_request_latency_seconds_count", "api=\"Produce\"");
    let fast = sum("kcorr_request_latency_seconds_count", "cause=\"none\"")
        - sum("kcorr_request_latency_seconds_count", "api=\"Fetch\"")
        - sum("kcorr_request_latency_seconds_count", "topic=\"\"");
    assert_eq!(all - fast, slow);
}

#[test]
fn openmetrics_over_time_ends_where_the_whole_does() {
    let desk = Desk::with_incident();
    let export = |more: &[&str]| {
        let arguments = ["-q", "export", "openmetrics", "--output", "-"];
        let output = desk.kcorr(&[&arguments[..], more].concat());
        assert_eq!(status(&output), 0, "{}", stderr(&output));
        stdout(&output)
    };
    let latest: BTreeMap<String, String> = export(&["--latest"])
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.rsplit_once(' ').expect("a value"))
        .map(|(series, value)| (series.to_owned(), value.to_owned()))
        .collect();
    let mut last = BTreeMap::new();
    let over_time = export(&[]);
    for line in over_time.lines().filter(|line| !line.starts_with('#')) {
        let (rest, second) = line.rsplit_once(' ').expect("a time");
        let (series, value) = rest.rsplit_once(' ').expect("a value");
        let second: i64 = second.parse().expect("whole seconds");
        let number: f64 = value.parse().expect("a number");
        let before = last.insert(series.to_owned(), (second, number, value.to_owned()));
        let Some((before, counted, _)) = before else {
            assert_eq!(number, 0.0, "{line}");
            continue;
        };
        assert!(second > before && number >= counted, "{line}");
    }
    let ends: BTreeMap<String, String> = last.into_iter().map(|(k, (.., v))| (k, v)).collect();
    assert_eq!(ends, latest);
    assert!(over_time.contains("incident=\"incident\""), "{over_time}");
    // The objective is a bound.
    assert!(over_time.contains("le=\"0.065\""), "{over_time}");
    let labelled = export(&[
        "--latest",
        "--label",
        "broker=3",
        "--label",
        "incident=monday",
    ]);
    assert!(
        labelled.contains("broker=\"3\",incident=\"monday\""),
        "{labelled}"
    );
    let refused = desk.kcorr(&["export", "openmetrics", "-o", "-", "--label", "topic=a"]);
    assert_eq!(status(&refused), 2);
    assert!(stderr(&refused).contains("topic"), "{}", stderr(&refused));
}

#[test]
fn a_slow_request_is_a_trace_whose_spans_fill_it() {
    let desk = Desk::with_incident();
    let output = desk.kcorr(&["export", "otlp", "--output", "slow.json"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let text = std::fs::read_to_string(desk.path("slow.json")).expect("a file");
    assert_eq!(text.lines().count(), 1);
    let traces: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let spans = traces["resourceSpans"][0]["scopeSpans"][0]["spans"]
        .as_array()
        .expect("spans");
    let time = |span: &serde_json::Value, name: &str| -> u64 {
        span[name]
            .as_str()
            .expect("text")
            .parse()
            .expect("a number")
    };
    let length = |span| time(span, "endTimeUnixNano") - time(span, "startTimeUnixNano");
    let (roots, parts): (Vec<_>, Vec<_>) = spans.iter().partition(|s| s["parentSpanId"] == "");
    let slow = desk.number("SELECT count(*) AS n FROM blame");
    assert_eq!(roots.len() as f64, slow);
    for root in roots {
        let of_root = parts
            .iter()
            .filter(|part| part["traceId"] == root["traceId"]);
        let sum: u64 = of_root.map(|part| length(part)).sum();
        assert_eq!(sum, length(root), "{root}");
    }
    let links = spans
        .iter()
        .flat_map(|span| span["links"].as_array().expect("links"));
    let mut count = 0;
    for link in links {
        count += 1;
        let is_target = |span: &&serde_json::Value| {
            span["traceId"] == link["traceId"] && span["spanId"] == link["spanId"]
        };
        assert!(spans.iter().any(|span| is_target(&span)), "{link}");
    }
    assert!(count > 0);
    let protobuf = desk.kcorr(&["export", "otlp", "-f", "protobuf", "-o", "slow.pb"]);
    assert_eq!(status(&protobuf), 0, "{}", stderr(&protobuf));
}

#[test]
fn short_segments_are_joined_to_a_neighbour_and_told() {
    let desk = Desk::with_incident();
    let asked = |sql: &str, bound: &str| {
        let parameter = format!("min_ms={bound}");
        let rows = desk.rows(&["-c", sql, "--param", &parameter]);
        rows[0]["n"].as_f64().expect("a number")
    };
    let spans = "SELECT COUNT(*) AS n FROM trace_spans WHERE place > 0";
    let segments = desk.number("SELECT COUNT(*) AS n FROM request_segments");
    assert_eq!(asked(spans, "0"), segments);
    let joined = asked(spans, "1");
    assert!(joined < segments, "{joined} of {segments}");
    // None is shorter, but of a request that has no longer segment; and what was joined is told.
    let short = "SELECT COUNT(*) AS n FROM (
            SELECT elapsed_ns(start_time, end_time) AS ns, MAX(place) OVER (PARTITION BY request_id) AS last
            FROM trace_spans WHERE place > 0
        ) WHERE ns < 1e6 AND last > 1";
    assert_eq!(asked(short, "1"), 0.0);
    let told = "SELECT SUM(COALESCE(joined_ms, 0)) AS n FROM trace_spans";
    let whole = desk.number("SELECT SUM(segment_ns) / 1e6 AS n FROM request_segments");
    let least = asked(told, "1");
    assert!(least > 0.0 && least < whole / 20.0, "{least} of {whole}");
}

#[test]
fn duckdb_is_told_where_the_rows_are() {
    let desk = Desk::with_incident();
    let output = desk.kcorr(&["export", "duckdb", "--output", "incident.sql"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let script = std::fs::read_to_string(desk.path("incident.sql")).expect("a script");
    let files = script
        .lines()
        .filter_map(|line| line.trim().strip_prefix('\''));
    let files: Vec<&str> = files
        .map(|file| file.trim_end_matches([',', '\'']))
        .collect();
    assert!(files.len() > 10, "{script}");
    for file in &files {
        assert!(std::path::Path::new(file).is_absolute(), "{file}");
        let bytes = std::fs::read(file).expect("a file");
        assert!(bytes.starts_with(b"PAR1"), "{file}");
    }
    for view in ["blame", "blame_partitions", "requests", "writes"] {
        assert!(script.contains(&format!("VIEW \"{view}\" AS")), "{view}");
    }
    let counted = [
        "--allow-files",
        "-c",
        "SELECT COUNT(*) AS n FROM 'incident.parquet/blame.parquet'",
    ];
    let written = desk.rows(&counted)[0]["n"].as_f64();
    assert_eq!(
        written,
        Some(desk.number("SELECT COUNT(*) AS n FROM blame"))
    );
}

#[test]
fn a_perfetto_trace_has_the_slices_that_the_query_lists() {
    let desk = Desk::with_incident();
    let output = desk.kcorr(&["export", "perfetto", "--output", "t.pftrace"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let slices = desk.number("SELECT count(*) AS n FROM trace_slices");
    let flows = desk.number("SELECT count(*) AS n FROM trace_flows");
    let said = format!("{slices} slices, {flows} arrows");
    assert!(stderr(&output).contains(&said), "{}", stderr(&output));
    let bytes = std::fs::read(desk.path("t.pftrace")).expect("a file");
    let trace = Trace::decode(bytes.as_slice()).expect("a trace");
    let mut tracks = BTreeSet::new();
    let mut open: BTreeMap<u64, (u64, usize)> = BTreeMap::new();
    let mut flows: BTreeMap<u64, (Option<u64>, Option<u64>)> = BTreeMap::new();
    let mut begun = 0;
    for packet in &trace.packet {
        if let Some(track) = &packet.track_descriptor {
            assert!(tracks.insert(track.uuid()), "{track:?} is described twice");
            assert!(
                track
                    .parent_uuid
                    .is_none_or(|parent| tracks.contains(&parent))
            );
        }
        let Some(event) = &packet.track_event else {
            continue;
        };
        let time = packet.timestamp();
        assert!(tracks.contains(&event.track_uuid()));
        let (last, depth) = open.entry(event.track_uuid()).or_default();
        assert!(*last <= time, "a track runs backwards at {event:?}");
        *last = time;
        if event.r#type() == SLICE_BEGIN {
            begun += 1;
            *depth += 1;
            for flow in &event.flow_ids {
                flows.entry(*flow).or_default().0 = Some(time);
            }
        } else {
            *depth = depth.checked_sub(1).expect("a begin for each end");
            for flow in &event.terminating_flow_ids {
                flows.entry(*flow).or_default().1 = Some(time);
            }
        }
    }
    assert_eq!(f64::from(begun), slices);
    assert!(
        open.values().all(|(_, depth)| *depth == 0),
        "slices that do not end"
    );
    let arrows = flows
        .values()
        .filter_map(|(from, to)| Some((*from)?..=(*to)?));
    let (forward, backward): (Vec<_>, Vec<_>) = arrows.partition(|arrow| !arrow.is_empty());
    assert!(
        backward.is_empty(),
        "arrows from a waiter to its blocker: {backward:?}"
    );
    assert!(
        forward.len() as f64 > 0.9 * flows.len() as f64,
        "{} of {flows:?}",
        forward.len()
    );
}

#[test]
fn a_parameter_that_no_query_of_the_export_has_is_refused() {
    let desk = Desk::with_incident();
    let arguments = ["export", "perfetto", "-o", "t.pftrace", "--param", "slo=5"];
    let output = desk.kcorr(&arguments);
    assert_eq!(status(&output), 2);
    assert!(stderr(&output).contains("slo_ms"), "{}", stderr(&output));
    assert!(!desk.path("t.pftrace").exists());
}

#[test]
fn a_whole_table_is_an_arrow_file() {
    let desk = Desk::with_incident();
    let output = desk.kcorr(&["query", "writes", "--format", "arrow", "-o", "writes.arrow"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let bytes = std::fs::read(desk.path("writes.arrow")).expect("a file");
    assert!(bytes.starts_with(b"ARROW1") && bytes.ends_with(b"ARROW1"));
    let stored = desk.number("SELECT count(*) AS n FROM writes");
    let counted = [
        "--allow-files",
        "-c",
        "SELECT count(*) AS n FROM 'writes.arrow'",
    ];
    let written = desk.rows(&counted)[0]["n"].as_f64().expect("a number");
    assert_eq!(stored, written);
}
