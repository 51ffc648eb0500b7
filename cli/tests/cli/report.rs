//! `kcorr report` on the bundled incident: every number is the cell of its query that it says it is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::{Desk, status, stderr, stdout};

/// A number or name in the HTML report, with the place it says it comes from.
pub(super) struct Shown {
    pub(super) query: String,
    pub(super) row: usize,
    pub(super) column: String,
    pub(super) value: String,
    text: String,
}

#[test]
fn a_report_has_every_section_and_needs_nothing_else() {
    let desk = Desk::with_incident();
    let output = desk.kcorr(&["report", "--shifts", "1", "--no-ablation"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let html = std::fs::read_to_string(desk.path("report.html")).expect("report.html");
    for id in [
        "summary",
        "latency",
        "causes",
        "episodes",
        "requests",
        "locks",
        "writes",
        "stacks",
        "advice",
        "clocks",
        "quality",
        "follow-up",
        "queries",
    ] {
        assert!(
            html.contains(&format!("<section id=\"{id}\"")),
            "no section {id}"
        );
    }
    for outside in ["http://", "https://", "<link", "@import", "url("] {
        assert!(!html.contains(outside), "the report refers to {outside}");
    }
    assert!(html.len() < 5_000_000, "{} bytes", html.len());
    for query in [
        "headline",
        "episodes",
        "request_verdicts",
        "request_segments",
    ] {
        assert!(
            html.contains(&format!("id=\"query-{query}\"")),
            "{query} is not in the report"
        );
    }
}

#[test]
fn every_number_in_html_is_the_cell_of_its_query() {
    let desk = Desk::with_incident();
    let html = stdout(&desk.kcorr(&["report", "--output", "-"]));
    let all = shown(&html);
    assert!(all.len() > 1000, "{}", all.len());
    let mut answers: BTreeMap<String, Vec<serde_json::Map<String, Json>>> = BTreeMap::new();
    for each in &all {
        let rows = answers
            .entry(each.query.clone())
            .or_insert_with(|| match each.query.as_str() {
                "false_attribution" => verified(&desk, 10),
                "ablation" => verified(&desk, 0),
                "expected_gains" => replayed(&desk),
                query => desk.rows(&[query]),
            });
        let cell = rows[each.row].get(&each.column).unwrap_or(&Json::Null);
        let place = format!("{}.{} row {}", each.query, each.column, each.row);
        match cell {
            Json::Null => assert_eq!(each.value, "", "{place}"),
            Json::Number(number) => {
                let found: f64 = each.value.parse().expect("a number");
                let expected = number.as_f64().expect("a number");
                let nearly = (found - expected).abs() <= expected.abs() * 1e-9;
                assert!(nearly, "{place}: {found}, not {expected}");
                assert_rounded(each, expected, &place);
            }
            Json::String(text) if each.value.ends_with('Z') && text.ends_with('Z') => {
                assert_eq!(without_zeros(&each.value), without_zeros(text), "{place}");
                assert!(
                    each.value.contains(&each.text[..8]),
                    "{place}: {}",
                    each.text
                );
            }
            Json::String(text) => assert_eq!(each.value, *text, "{place}"),
            other => assert_eq!(each.value, other.to_string(), "{place}"),
        }
    }
}

#[test]
fn a_report_says_how_often_requests_would_be_blamed_by_chance() {
    let desk = Desk::with_incident();
    let report = |more: &[&str]| -> Json {
        let arguments = ["report", "-f", "json", "-o", "-", "-p", "slo_ms=200"];
        let output = desk.kcorr(&[&arguments[..], more].concat());
        assert_eq!(status(&output), 0, "{}", stderr(&output));
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let with = report(&["--shifts", "2", "-p", "max_steps=50"]);
    let rates = &with["queries"]["false_attribution"];
    let rows = rates["rows"].as_array().expect("rows");
    let column = |name: &str| {
        let columns = rates["columns"].as_array().expect("columns");
        columns.iter().position(|c| c == name).expect("the column")
    };
    let any = rows.iter().find(|row| row[0] == "any").expect("a row");
    assert_eq!(any[column("shift_count")], 2);
    let slow =
        desk.number("SELECT COUNT(*) AS n FROM blame WHERE latency_ms - requested_wait_ms >= 200");
    assert_eq!(any[column("slow_count")].as_f64(), Some(slow));
    assert!(
        with["sections"]
            .to_string()
            .contains("so that they fit by chance only")
    );

    let without = report(&["--shifts", "0"]);
    assert_eq!(
        without["queries"]["false_attribution"]["rows"],
        serde_json::json!([])
    );
    let sections = without["sections"].to_string();
    assert!(
        sections.contains("was not measured: no shifts were asked for"),
        "{sections}"
    );
    let any = &without["queries"]["ablation"]["rows"][0];
    assert_eq!(any[0], "any");
    assert!(sections.contains("What the verdicts become"), "{sections}");
    let sections = report(&["--shifts", "0", "--no-ablation"])["sections"].to_string();
    assert!(
        sections.contains("was not measured: it was asked to be left out"),
        "{sections}"
    );
    assert!(!sections.contains("so that they fit by chance only"));
}

#[test]
fn with_thousands_of_slow_requests_the_null_test_waits_to_be_asked_for() {
    let desk = Desk::with_incident();
    let slow = "SELECT COUNT(*) AS n FROM requests WHERE api = 'Produce' AND latency_ns >= 5e5";
    assert!(desk.number(slow) > 2_000.0);
    let arguments = ["report", "-o", "-", "-f", "markdown", "-p", "slo_ms=0.5"];
    let markdown = stdout(&desk.kcorr(&arguments));
    let note = "with so many slow requests it takes long. `kcorr verify`";
    assert!(markdown.contains(note), "{markdown}");
    assert!(!markdown.contains("so that they fit by chance only"));
}

#[test]
fn every_number_in_markdown_is_a_cell() {
    let desk = Desk::with_incident();
    let report = |format| {
        let arguments = [
            "report",
            "--shifts",
            "1",
            "--no-ablation",
            "--output",
            "-",
            "--format",
        ];
        stdout(&desk.kcorr(&[&arguments[..], &[format]].concat()))
    };
    let (markdown, json) = (report("markdown"), report("json"));
    let json: Json = serde_json::from_str(&json).expect("JSON");
    let mut cells = BTreeSet::new();
    collect_numbers(&json["sections"], &mut cells);
    collect_numbers(&json["subtitle"], &mut cells);
    collect_numbers(&json["facts"], &mut cells);
    // The date is the day of the first cell of the subtitle.
    let (text, _) = markdown.split_once("\n## Queries").expect("queries");
    let (_, text) = text.split_once("\n\n").expect("a title");
    let (_, text) = text.split_once(',').expect("a date");
    let mut count = 0;
    for number in numbers(&text.replace('\\', "")) {
        assert!(
            cells.contains(&number),
            "{number} is in Markdown and in no cell"
        );
        count += 1;
    }
    assert!(count > 300, "{count}");
}

#[test]
fn a_brief_report_fits_a_ticket_and_tells_the_story() {
    let desk = Desk::with_incident();
    let output = desk.kcorr(&["report", "--brief", "--shifts", "0", "--no-ablation"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let brief = stdout(&output);
    assert!(brief.lines().count() <= 60, "{brief}");
    for asked in [
        "Who waited:",
        "Why:",
        "committed transaction 64",
        "Do first:",
        "How sure:",
        "Over?",
        "## What to do",
        "## Episodes",
        "## Causes",
    ] {
        assert!(brief.contains(asked), "no {asked} in {brief}");
    }
    assert!(!desk.path("report.html").exists());
    let refused = desk.kcorr(&["report", "--brief", "--format", "json"]);
    assert_eq!(status(&refused), 2, "{}", stderr(&refused));
}

#[test]
fn json_begins_with_what_programs_ask_for() {
    let desk = Desk::with_incident();
    let arguments = [
        "report",
        "--shifts",
        "0",
        "--no-ablation",
        "-f",
        "json",
        "-o",
        "-",
    ];
    let json: Json = serde_json::from_slice(&desk.kcorr(&arguments).stdout).expect("JSON");
    assert_eq!(json["headline"]["slow_count"], 81);
    assert_eq!(json["causes"][0]["cause"], "queued_behind_slow_write");
    let episodes = json["episodes"].as_array().expect("episodes");
    let behind = episodes
        .iter()
        .filter_map(|it| it["request_count"].as_i64());
    assert_eq!(
        behind.sum::<i64>(),
        81,
        "each slow request is in an episode"
    );
    assert!(json["advice"][0]["change"].is_string());
}

#[test]
fn the_objective_is_a_parameter_and_a_slip_is_refused() {
    let desk = Desk::with_incident();
    let markdown = stdout(&desk.kcorr(&[
        "report",
        "-o",
        "-",
        "-f",
        "markdown",
        "--shifts",
        "0",
        "--no-ablation",
        "--param",
        "slo_ms=1000",
    ]));
    assert!(markdown.contains("took 1,000 ms or more"), "{markdown}");
    let output = desk.kcorr(&["report", "--param", "slo=1000"]);
    assert_eq!(status(&output), 2);
    assert!(
        stderr(&output).contains("there is no parameter slo") && stderr(&output).contains("slo_ms"),
        "{}",
        stderr(&output)
    );
    assert!(!desk.path("report.html").exists());
    let output = desk.kcorr(&["report", "--output", "report.pdf"]);
    assert_eq!(status(&output), 2);
    assert!(stderr(&output).contains("--format"), "{}", stderr(&output));
}

#[test]
fn without_slow_requests_the_report_says_so() {
    let desk = Desk::with_incident();
    let markdown =
        stdout(&desk.kcorr(&["report", "-o", "-", "-f", "markdown", "-p", "slo_ms=60000"]));
    assert!(
        markdown.contains("**None of ") && markdown.contains(" requests took 60,000 ms or more."),
        "{markdown}"
    );
    assert!(!markdown.contains("Do first"), "{markdown}");
}

#[test]
fn one_recording_alone_gives_a_report() {
    let desk = Desk::new();
    let writes = crate::recording("writes.jsonl");
    assert!(status(&desk.kcorr(&["ingest", "--bpf", &writes])) <= 1);
    let output = desk.kcorr(&["report", "--output", "-"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let html = stdout(&output);
    assert!(html.contains("No answered request was recorded"));
    assert!(html.contains("<section id=\"writes\""));
    assert!(html.contains("was not measured: none was slow."));
}

/// What `kcorr whatif` gives without each kind of wait, as `expected_gains` has it: by the command that the
/// report gives for checking.
fn replayed(desk: &Desk) -> Vec<serde_json::Map<String, Json>> {
    let kinds = [
        "journal_commit",
        "block_io",
        "run_queue",
        "write",
        "gc",
        "lock_wait",
        "request_queue",
    ];
    let mut rows: Vec<serde_json::Map<String, Json>> = kinds
        .iter()
        .map(|kind| {
            let command = format!("whatif --without {kind} --slo 65ms --account-from 65ms -f json");
            let output = desk.kcorr(&command.split(' ').collect::<Vec<_>>());
            let statistics: Vec<Json> = serde_json::from_slice(&output.stdout).expect("JSON");
            let number = |statistic: &str, column: &str| {
                let row = statistics.iter().find(|row| row["statistic"] == statistic);
                row.and_then(|row| row[column].as_f64()).expect("a number")
            };
            let slow = |column| Json::from(number("slow_count", column));
            let tail = |column| Json::from(number("p999_ms", column));
            let down = |column| Json::from(number("slow_count", column).floor());
            let up = |column| Json::from(number("slow_count", column).ceil());
            let row = [
                ("kind", Json::from(*kind)),
                ("slow_count", slow("before")),
                ("slow_low_count", down("after_low")),
                ("slow_high_count", up("after_high")),
                ("slow_run_low_count", down("run_low")),
                ("slow_run_high_count", up("run_high")),
                ("p999_ms", tail("before")),
                ("p999_low_ms", tail("after_low")),
                ("p999_high_ms", tail("after_high")),
            ];
            row.map(|(name, value)| (name.to_owned(), value))
                .into_iter()
                .collect()
        })
        .collect();
    let number = |row: &serde_json::Map<String, Json>, column: &str| row[column].as_f64();
    rows.sort_by(|a, b| {
        let by = |column| {
            number(a, column)
                .partial_cmp(&number(b, column))
                .expect("numbers")
        };
        by("slow_high_count")
            .then(by("p999_high_ms"))
            .then_with(|| a["kind"].as_str().cmp(&b["kind"].as_str()))
    });
    rows
}

/// The rates of the null test as `kcorr verify` gives them; with no shifts, the counts of the ablation test.
fn verified(desk: &Desk, shifts: u32) -> Vec<serde_json::Map<String, Json>> {
    let shifts = shifts.to_string();
    let output = desk.kcorr(&["-q", "verify", "--format", "json", "--shifts", &shifts]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// All values of an HTML page with their places.
pub(super) fn shown(html: &str) -> Vec<Shown> {
    let parts = html.split("<data ").skip(1);
    parts
        .map(|part| {
            let (head, rest) = part.split_once('>').expect("a tag");
            let (text, _) = rest.split_once("</data>").expect("its end");
            let attribute = |name: &str| {
                let (_, rest) = head
                    .split_once(&format!("{name}=\""))
                    .expect("an attribute");
                unescaped(rest.split('"').next().expect("a value"))
            };
            Shown {
                query: attribute("data-q"),
                row: attribute("data-r").parse().expect("a row"),
                column: attribute("data-c"),
                value: attribute("value"),
                text: unescaped(text),
            }
        })
        .collect()
}

fn unescaped(text: &str) -> String {
    text.replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// What is shown is the value, rounded to what is shown of it.
fn assert_rounded(each: &Shown, expected: f64, place: &str) {
    let expected = if each.column.ends_with("_ratio") {
        expected * 100.0
    } else {
        expected
    };
    let text = each.text.replace(',', "");
    if each.column.ends_with("_bytes") {
        return assert!(
            text.starts_with(|c: char| c.is_ascii_digit()),
            "{place}: {text}"
        );
    }
    let digits: String = text
        .chars()
        .take_while(|c| c.is_ascii_digit() || ".-".contains(*c))
        .collect();
    let found: f64 = digits.parse().unwrap_or_else(|_| panic!("{place}: {text}"));
    let places = digits
        .split_once('.')
        .map_or(0, |(_, fraction)| fraction.len());
    let tolerance = 0.5001 * 10_f64.powi(-i32::try_from(places).expect("few digits"));
    assert!(
        (found - expected).abs() <= tolerance,
        "{place}: {text} for {expected}"
    );
}

/// `…08.120Z` and `…08.12Z` are one time.
fn without_zeros(time: &str) -> String {
    let time = time.trim_end_matches('Z');
    match time.split_once('.') {
        Some((whole, fraction)) => format!("{whole}.{}", fraction.trim_end_matches('0')),
        None => format!("{time}."),
    }
}

/// The numbers in the texts of all cells below.
fn collect_numbers(json: &Json, into: &mut BTreeSet<String>) {
    match json {
        Json::Array(items) => items.iter().for_each(|item| collect_numbers(item, into)),
        Json::Object(fields) => {
            if let (Some(Json::String(text)), true) =
                (fields.get("text"), fields.contains_key("query"))
            {
                into.extend(numbers(text));
            }
            fields.values().for_each(|item| collect_numbers(item, into));
        }
        _ => {}
    }
}

/// Words that are numbers or times; digits inside a name (`p99`, `topicA-0`) are part of the name.
pub(super) fn numbers(text: &str) -> Vec<String> {
    let mut is_code = false;
    let outside_code = text.chars().map(|c| {
        is_code ^= c == '`';
        if is_code { ' ' } else { c }
    });
    let outside_code: String = outside_code.collect();
    let words = outside_code.split(|c: char| c.is_whitespace() || "|()*".contains(c));
    words
        .map(|word| word.trim_matches(|c: char| ",;:.%".contains(c)))
        .filter(|word| word.starts_with(|c: char| c.is_ascii_digit()))
        .filter(|word| {
            word.chars()
                .all(|c| c.is_ascii_digit() || ",.:".contains(c))
        })
        .map(str::to_owned)
        .collect()
}
