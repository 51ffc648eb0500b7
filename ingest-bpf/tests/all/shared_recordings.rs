//! The large recordings beside the repository, where they are: rows and sums equal those of a
//! reading that shares no code with the decoder.
#![allow(clippy::unwrap_used, reason = "a test ends where its input is wrong")]

use std::collections::BTreeMap;
use std::path::Path;

use crate::decoded::{Decoded, decode, sum};

/// Rows, sum of durations and sum of bytes of each kind of event.
fn sums_by_event(text: &str) -> BTreeMap<String, (i64, i64, i64)> {
    let mut sums = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("{\"ev\"")) {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let number = |key: &str| event[key].as_i64().unwrap_or(0);
        let sum: &mut (i64, i64, i64) = sums
            .entry(event["ev"].as_str().unwrap().into())
            .or_default();
        sum.0 += 1;
        sum.1 += number("end_ns") - number("start_ns");
        sum.2 += number("bytes");
    }
    sums
}

fn sums_of_rows(decoded: &Decoded, table: &str, bytes: Option<&str>) -> (i64, i64, i64) {
    let batches = decoded.table(table);
    let rows: usize = batches.iter().map(|batch| batch.num_rows()).sum();
    let bytes = bytes.map_or(0, |column| sum(&batches, column));
    (rows as i64, sum(&batches, "duration_ns"), bytes)
}

#[test]
fn rows_and_sums_equal_those_of_an_independent_reading() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/incidents");
    let mut read = 0;
    for name in ["ext4-ordered", "ext4-owners", "xfs"] {
        let Ok(text) = std::fs::read_to_string(folder.join(name).join("writes.jsonl")) else {
            continue;
        };
        read += 1;
        let expected = sums_by_event(&text);
        let of = |event: &str| expected.get(event).copied().unwrap_or_default();
        let decoded = decode(text.as_bytes());
        assert_eq!(
            sums_of_rows(&decoded, "writes", Some("bytes")),
            of("write"),
            "{name}"
        );
        assert_eq!(
            sums_of_rows(&decoded, "lock_waits", None),
            of("monitor_contended"),
            "{name}"
        );
        let (commits, waits) = (of("journal_commit"), of("journal_wait"));
        let journal = (commits.0 + waits.0, commits.1 + waits.1, 0);
        assert_eq!(
            sums_of_rows(&decoded, "function_calls", None),
            journal,
            "{name}"
        );
        assert_eq!(
            decoded.summary.anchors.len() as i64,
            of("clock").0,
            "{name}"
        );
        let stacks = text.lines().filter(|line| line.starts_with('@')).count();
        assert_eq!(decoded.row_count("stack_samples"), stacks, "{name}");
        let weight: i64 = text
            .lines()
            .filter_map(|line| line.strip_prefix("]: "))
            .map(|value| value.parse::<i64>().unwrap() * 1000)
            .sum();
        assert_eq!(
            sum(&decoded.table("stack_samples"), "weight_ns"),
            weight,
            "{name}"
        );
        assert_eq!(decoded.summary.losses, [], "{name}");
    }
    if read == 0 {
        println!("skipped: there are no recordings in {}", folder.display());
    }
}
