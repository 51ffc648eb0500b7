//! Clocks that are off, on the bundled incident: the data tell, and what they do not tell is left alone.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::{Desk, recording, status, stderr};

const MS: i64 = 1_000_000;
const SECOND: i64 = 1_000 * MS;

/// The eBPF recording with the times of its events changed, and its clock lines as they were: their
/// wall time is then wrong for the events.
fn with_times(changed: impl Fn(i64) -> i64) -> String {
    let text = std::fs::read_to_string(recording("writes.jsonl")).expect("a recording");
    let mut lines = String::new();
    for line in text.lines() {
        let event = serde_json::from_str::<serde_json::Map<String, Value>>(line);
        match event {
            Ok(mut event) if event.get("ev").is_some_and(|kind| kind != "clock") => {
                let mut times: Vec<i64> = Vec::new();
                for (name, value) in &mut event {
                    if let (true, Some(time)) = (name.ends_with("_ns"), value.as_i64()) {
                        *value = changed(time).into();
                        times.push(changed(time));
                    }
                }
                // Time that runs backwards makes ends of starts.
                if let [start, end] = times[..]
                    && end < start
                {
                    event.insert("start_ns".to_owned(), end.into());
                    event.insert("end_ns".to_owned(), start.into());
                }
                lines.push_str(&Value::Object(event).to_string());
            }
            _ => lines.push_str(line),
        }
        lines.push('\n');
    }
    lines
}

/// The first reading of the recording's clock.
fn first_reading() -> i64 {
    let text = std::fs::read_to_string(recording("writes.jsonl")).expect("a recording");
    let event = text
        .lines()
        .find(|line| line.contains("\"write\""))
        .expect("a write");
    let event: Value = serde_json::from_str(event).expect("JSON");
    event["start_ns"].as_i64().expect("a time")
}

fn ingest(desk: &Desk, arguments: &[&str]) -> String {
    let output = desk.kcorr(&[&["ingest"], arguments].concat());
    assert!(status(&output) <= 1, "{}", stderr(&output));
    stderr(&output)
}

/// When each write started, by its place in its source.
fn write_times(desk: &Desk) -> BTreeMap<i64, i64> {
    let sql = "SELECT write_id, CAST(start_time AS BIGINT) AS ns FROM writes";
    let number = |value: &Value| value.as_i64().expect("a number");
    desk.rows(&["-c", sql])
        .iter()
        .map(|row| {
            (
                number(&row["write_id"]) % 10_000_000_000,
                number(&row["ns"]),
            )
        })
        .collect()
}

/// The furthest that a write is from where it was.
fn error_ns(found: &BTreeMap<i64, i64>, truth: &BTreeMap<i64, i64>) -> i64 {
    assert_eq!(found.len(), truth.len());
    let errors = found.iter().map(|(id, ns)| (ns - truth[id]).abs());
    errors.max().expect("writes")
}

/// Verdict and uncertainty in ns of the recording of a kind.
fn clock(desk: &Desk, kind: &str) -> (String, f64) {
    let rows = desk.rows(&["clocks"]);
    let row = rows
        .iter()
        .find(|row| row["kind"] == kind)
        .expect("a source");
    let uncertainty = row["uncertainty_us"].as_f64().unwrap_or(f64::NAN) * 1e3;
    (
        row["verdict"].as_str().expect("a verdict").to_owned(),
        uncertainty,
    )
}

#[test]
fn the_clocks_of_the_bundled_incident_are_confirmed() {
    let desk = Desk::with_incident();
    assert_eq!(clock(&desk, "pcap").0, "reference");
    for kind in ["bpf", "jfr"] {
        assert_eq!(clock(&desk, kind).0, "agrees", "{kind}");
    }
    let moved = desk.number("SELECT COUNT(*) AS n FROM clock_fits WHERE refined_ns <> 0");
    assert_eq!(moved, 0.0);
}

#[test]
fn a_clock_that_is_off_is_found_from_the_data_within_the_stated_uncertainty() {
    let truth = write_times(&Desk::with_incident());
    let first = first_reading();
    type Change = Box<dyn Fn(i64) -> i64>;
    let changes: [(&str, Change); 6] = [
        ("1 ms ahead", Box::new(|ns| ns + MS)),
        ("1 ms behind", Box::new(|ns| ns - MS)),
        ("37 s ahead", Box::new(|ns| ns + 37 * SECOND)),
        ("37 s behind", Box::new(|ns| ns - 37 * SECOND)),
        ("2 h ahead", Box::new(|ns| ns + 7_200 * SECOND)),
        (
            "50 ppm fast",
            Box::new(move |ns| ns + (ns - first) * 50 / 1_000_000),
        ),
    ];
    for (name, change) in changes {
        let desk = Desk::new();
        let writes = desk.write("writes.jsonl", with_times(change));
        let (jfr, pcap) = (recording("profile.jfr"), recording("dump.pcap.zst"));
        let said = ingest(&desk, &["--jfr", &jfr, "--bpf", &writes, "--pcap", &pcap]);
        assert!(said.contains("contradict its clock"), "{name}: {said}");
        let (verdict, uncertainty_ns) = clock(&desk, "bpf");
        assert_eq!(verdict, "contradicts", "{name}");
        let error = error_ns(&write_times(&desk), &truth);
        assert!(
            (error as f64) <= uncertainty_ns,
            "{name}: {error} of {uncertainty_ns}"
        );
        assert!(uncertainty_ns < 300_000.0, "{name}: {uncertainty_ns}");
        for kind in ["jfr", "pcap"] {
            assert_ne!(clock(&desk, kind).0, "contradicts", "{name}: {kind}");
        }
        // Lengths are those between the times.
        let wrong = desk.number(
            "SELECT COUNT(*) AS n FROM writes WHERE duration_ns \
             <> CAST(end_time AS BIGINT) - CAST(start_time AS BIGINT)",
        );
        assert_eq!(wrong, 0.0, "{name}");
    }
}

#[test]
fn a_recording_that_comes_later_moves_what_is_there_and_ids_stay() {
    let truth = write_times(&Desk::with_incident());
    let desk = Desk::new();
    let writes = desk.write("writes.jsonl", with_times(|ns| ns + 37 * SECOND));
    ingest(&desk, &["--jfr", &recording("profile.jfr")]);
    // The waits seen by both tell already; the profile is in wall time.
    ingest(&desk, &["--bpf", &writes]);
    assert_eq!(clock(&desk, "bpf").0, "contradicts");
    let before = write_times(&desk);
    ingest(&desk, &["--pcap", &recording("dump.pcap.zst")]);
    let after = write_times(&desk);
    assert!(before.keys().eq(after.keys()));
    assert!(error_ns(&after, &truth) < MS / 2);

    // The other way round: alone nothing tells, and then the capture does.
    let desk = Desk::new();
    let writes = desk.write("writes.jsonl", with_times(|ns| ns + 37 * SECOND));
    ingest(&desk, &["--bpf", &writes]);
    assert_eq!(clock(&desk, "bpf").0, "untied");
    let said = ingest(&desk, &["--pcap", &recording("dump.pcap.zst")]);
    assert!(said.contains("source 1 was moved"), "{said}");
    let (verdict, uncertainty_ns) = clock(&desk, "bpf");
    assert_eq!(verdict, "contradicts");
    let error = error_ns(&write_times(&desk), &truth);
    assert!((error as f64) <= uncertainty_ns, "{error}");

    // The right recording in its place: the declared clock is confirmed again.
    let unmoved = write_times(&desk);
    desk.write("writes.jsonl", with_times(|ns| ns));
    ingest(&desk, &["--bpf", &writes]);
    assert_eq!(clock(&desk, "bpf").0, "agrees");
    assert!(unmoved.keys().eq(write_times(&desk).keys()));
}

#[test]
fn a_recording_without_clock_lines_is_placed_by_the_data() {
    let truth = write_times(&Desk::with_incident());
    let text = std::fs::read_to_string(recording("writes.jsonl")).expect("a recording");
    let lines = text.lines().filter(|line| !line.contains("\"clock\""));
    let desk = Desk::new();
    let writes = desk.write("writes.jsonl", lines.collect::<Vec<_>>().join("\n"));
    ingest(
        &desk,
        &["--bpf", &writes, "--pcap", &recording("dump.pcap.zst")],
    );
    let (verdict, uncertainty_ns) = clock(&desk, "bpf");
    assert_eq!(verdict, "refined");
    let error = error_ns(&write_times(&desk), &truth);
    assert!(
        (error as f64) <= uncertainty_ns,
        "{error} of {uncertainty_ns}"
    );
}

#[test]
fn a_recording_that_has_nothing_to_do_with_the_others_is_left_alone() {
    let first = first_reading();
    let backwards = with_times(|ns| 2 * first + 12 * SECOND - ns);
    let desk = Desk::new();
    let alone = Desk::new();
    ingest(&alone, &["--bpf", &alone.write("writes.jsonl", &backwards)]);
    let writes = desk.write("writes.jsonl", &backwards);
    ingest(
        &desk,
        &["--bpf", &writes, "--pcap", &recording("dump.pcap.zst")],
    );
    let (verdict, _) = clock(&desk, "bpf");
    assert!(
        ["untied", "ambiguous"].contains(&verdict.as_str()),
        "{verdict}"
    );
    assert_eq!(write_times(&desk), write_times(&alone));
}

#[test]
fn a_clock_that_was_set_while_it_was_recorded_is_told() {
    let first = first_reading();
    let stepped = with_times(|ns| {
        if ns < first + 7 * SECOND {
            ns
        } else {
            ns + 250 * MS
        }
    });
    let desk = Desk::new();
    let writes = desk.write("writes.jsonl", stepped);
    let said = ingest(
        &desk,
        &["--bpf", &writes, "--pcap", &recording("dump.pcap.zst")],
    );
    assert_eq!(clock(&desk, "bpf").0, "stepped", "{said}");
    assert!(said.contains("was set by"), "{said}");
}

#[test]
fn shifted_recordings_blame_less_than_the_recordings_as_they_are() {
    let desk = Desk::with_incident();
    let output = desk.kcorr(&["-q", "verify", "--shifts", "3", "--format", "json"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    let any = rows
        .iter()
        .find(|row| row["cause"] == "any")
        .expect("a row for any");
    assert_eq!(any["shift_count"], 3);
    let ratio = |name: &str| any[name].as_f64().expect("a ratio");
    assert!(ratio("request_ratio") > 0.5, "{any}");
    assert!(
        ratio("chance_ratio") < ratio("request_ratio") / 5.0,
        "{any}"
    );
    let slow = desk.number("SELECT COUNT(*) AS n FROM blame");
    assert_eq!(any["slow_count"].as_f64(), Some(slow));
}

#[test]
fn a_test_without_a_capture_says_what_it_needs() {
    let desk = Desk::new();
    ingest(&desk, &["--bpf", &recording("writes.jsonl")]);
    let output = desk.kcorr(&["verify"]);
    assert_eq!(status(&output), 2);
    assert!(stderr(&output).contains("--pcap"), "{}", stderr(&output));
}

/// One reading of both clocks together was taken while these were recorded.
#[test]
fn clocks_of_the_shared_incidents_agree_with_a_reading_of_both_clocks() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/incidents");
    if !shared.exists() {
        eprintln!("skipped: {} is not there", shared.display());
        return;
    }
    for incident in ["ext4-ordered", "ext4-owners", "xfs"] {
        let file = |name: &str| shared.join(incident).join(name).display().to_string();
        let desk = Desk::new();
        let (jfr, bpf, pcap) = (
            file("profile.jfr"),
            file("writes.jsonl"),
            file("dump.pcap.zst"),
        );
        ingest(&desk, &["--jfr", &jfr, "--bpf", &bpf, "--pcap", &pcap]);
        for kind in ["bpf", "jfr"] {
            assert_eq!(clock(&desk, kind).0, "agrees", "{incident}: {kind}");
        }
        let reading = std::fs::read(file("clock.json")).expect("a reading");
        let reading: Value = serde_json::from_slice(&reading).expect("JSON");
        let ns = |name: &str| reading[name].as_i64().expect("a time");
        let rows = desk.rows(&[
            "-c",
            "SELECT clock_offset_ns FROM sources WHERE kind = 'bpf'",
        ]);
        let offset = rows[0]["clock_offset_ns"].as_i64().expect("an offset");
        let difference = (offset - (ns("real_ns") - ns("mono_ns"))).abs();
        assert!(difference < 2_000, "{incident}: {difference} ns");
    }
}
