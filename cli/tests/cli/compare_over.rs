//! `kcorr compare --over`: weeks of a folder of `kcorr live`, before and after a change to the file system.

use serde_json::{Value as Json, json};

use crate::{Desk, status, stderr, stdout};

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;
/// A midnight.
const BEGIN: i64 = 20_400 * DAY;

/// Twenty-two days of windows, one each half hour: a fortnight with `data=ordered`, in which a commit of the journal makes 20
/// requests of 1,000 slow in a third of them, then eight days with `data=writeback`, in which it is 4; a day is skipped.
fn three_weeks(desk: &Desk) {
    for folder in ["rollups", "settings"] {
        std::fs::create_dir_all(desk.path("live.kcorr").join(folder)).expect("a folder");
    }
    for (id, mode, kernel) in [("a", "ordered", "6.1.0"), ("b", "writeback", "6.1.0")] {
        let settings = json!({ "data_mode": mode, "kernel": kernel, "commit_s": if id == "a" { "5" } else { "15" } });
        desk.write(
            &format!("live.kcorr/settings/{id}.json"),
            settings.to_string(),
        );
    }
    for day in 0..22 {
        let mut lines = String::new();
        for place in 0..48 {
            let from_ns = BEGIN + day * DAY + place * 1800 * SECOND;
            let is_before = day < 14;
            let slow = match (place % 3, is_before) {
                (0, true) => 60,
                (0, false) => 12,
                _ => 0,
            };
            let outcome = if day == 3 { "skipped" } else { "accounted" };
            let series = json!([
                { "api": "Produce", "topic": "orders", "cause": "none", "reason": "", "count": 1000 - slow,
                  "seconds": 3.0, "buckets": [[5.0, 1000 - slow]] },
                { "api": "Produce", "topic": "orders", "cause": "slow_write", "reason": "journal_commit", "count": slow,
                  "seconds": 3.0, "buckets": [[250.0, slow]] },
            ]);
            let line = json!({
                "from": "", "from_ns": from_ns, "to_ns": from_ns + 10 * SECOND, "outcome": outcome, "slow": slow,
                "late": 0, "seconds": 3.0, "lost": 0, "objective_ms": 65.0,
                "settings": if is_before { "a" } else { "b" },
                "series": if outcome == "accounted" { series } else { json!([]) },
            });
            lines += &format!("{line}\n");
        }
        desk.write(&format!("live.kcorr/rollups/2025{day:04}.jsonl"), lines);
    }
}

#[test]
fn a_change_to_the_file_system_is_told_with_what_it_changed_and_how_sure_that_is() {
    let desk = Desk::new();
    three_weeks(&desk);
    let words = ["compare", "--over", "live.kcorr", "--by", "data_mode"];
    let output = desk.kcorr(&words);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    let sentence = "Slow requests among 1,000: 4 with data_mode writeback, 20 with ordered: -80 % (95 % interval -80 % to \
                    -80 %), in 100 % of the resamples.";
    assert!(text.contains(sentence), "{text}");
    assert!(
        text.contains("commit_s"),
        "what else changed is not told: {text}"
    );
    assert!(!text.contains("kernel"), "{text}");
    assert!(
        stderr(&output).contains("48 of 1056 windows were skipped"),
        "{}",
        stderr(&output)
    );

    // The hours of a day are not alike, the days are.
    let output = desk.kcorr(&[&words[..], &["--block", "30m", "--format", "json"]].concat());
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let found: Json = serde_json::from_str(&stdout(&output)).expect("JSON");
    let of = |name: &str, value: &str| {
        let rows = found["latency"].as_array().expect("rows");
        let row = rows
            .iter()
            .find(|it| it["statistic"] == name && it["setting"] == value);
        row.expect("a row").clone()
    };
    let row = of("slow_per_1000", "writeback");
    let number = |column: &str| row[column].as_f64().expect("a number");
    assert!((number("change_ratio") + 0.8).abs() < 1e-9, "{row}");
    assert!(
        number("change_low_ratio") < -0.81 && number("change_high_ratio") > -0.79,
        "{row}"
    );
    assert!(
        number("change_high_ratio") < -0.7 && number("sure_ratio") > 0.99,
        "{row}"
    );
    // What is resampled are 48 half hours a day.
    assert_eq!(row["block_count"], 8 * 48);
    assert_eq!(of("request_count", "ordered")["value"], 13.0 * 48_000.0);
    let causes = found["causes"].as_array().expect("rows");
    assert_eq!(causes.len(), 2);
    assert_eq!(found["days"].as_array().map(Vec::len), Some(21));

    let page = [
        &words[..],
        &["--base", "writeback", "--output", "over.html"],
    ]
    .concat();
    let output = desk.kcorr(&page);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let html = std::fs::read_to_string(desk.path("over.html")).expect("a page");
    assert!(html.contains("Kafka tail latency by data_mode") && html.contains("What else changed"));
}

/// Of an API with an objective of its own, that is what its requests were slow by.
#[test]
fn an_api_is_told_by_its_own_objective() {
    let desk = Desk::new();
    three_weeks(&desk);
    let rollups = desk.path("live.kcorr/rollups");
    for day in std::fs::read_dir(rollups).expect("days") {
        let day = day.expect("a day").path();
        let text = std::fs::read_to_string(&day).expect("lines");
        let own = "\"objective_ms\":65.0,\"api_objectives_ms\":{\"Fetch\":200.0}";
        let text = text.replace("\"objective_ms\":65.0", own);
        std::fs::write(day, text.replace("\"Produce\"", "\"Fetch\"")).expect("written");
    }
    let words = [
        "compare",
        "--over",
        "live.kcorr",
        "--by",
        "data_mode",
        "--api",
    ];
    let told = |more: &[&str]| {
        let output = desk.kcorr(&[&words[..], more].concat());
        assert_eq!(status(&output), 0, "{}", stderr(&output));
        stdout(&output)
    };
    let text = told(&["Fetch"]);
    assert!(
        text.contains("Fetch requests by data_mode, slow above 200 ms;"),
        "{text}"
    );
    assert!(
        text.contains("4 with data_mode writeback, 20 with ordered"),
        "{text}"
    );
    let text = told(&["fetch", "--slo", "200ms"]);
    assert!(text.contains("slow above 200 ms;"), "{text}");
    let text = told(&["all"]);
    assert!(text.contains("slow above 65 ms, Fetch 200 ms;"), "{text}");
    told(&["Fetch", "--output", "over.html"]);
    let html = std::fs::read_to_string(desk.path("over.html")).expect("a page");
    // The windows that it is of, and the compressed days too.
    let (from_ns, to_ns) = (BEGIN, BEGIN + 21 * DAY + 47 * 1800 * SECOND + 10 * SECOND);
    for words in [
        "read_json(&#39;rollups/*.jsonl*&#39;".to_owned(),
        format!("w.from_ns &gt;= {from_ns} AND w.to_ns &lt;= {to_ns}"),
    ] {
        let plain = words.replace("&#39;", "'");
        assert!(html.contains(&words) || html.contains(&plain), "{words}");
    }
}

#[test]
fn what_cannot_be_compared_is_said_and_how_it_could() {
    let desk = Desk::new();
    three_weeks(&desk);
    let said = |words: &[&str]| {
        let output = desk.kcorr(&[&["compare"], words].concat());
        assert_eq!(status(&output), 2, "{}", stdout(&output));
        stderr(&output)
    };
    let other = said(&["--over", "live.kcorr", "--by", "moon"]);
    assert!(other.contains("commit_s, data_mode, kernel"), "{other}");
    let same = said(&["--over", "live.kcorr", "--by", "kernel"]);
    assert!(same.contains("6.1.0 all the time"), "{same}");
    let nowhere = said(&["--over", ".", "--by", "kernel"]);
    assert!(nowhere.contains("has no roll-ups"), "{nowhere}");
    assert!(said(&["--over", "live.kcorr"]).contains("--by"));
    assert!(said(&["a.kcorr", "b.kcorr", "--by", "kernel"]).contains("--over"));
    let slo = said(&["--slo", "70ms", "--over", "live.kcorr", "--by", "data_mode"]);
    assert!(slo.contains("70 ms is the bound of none"), "{slo}");
}
