//! The JDK's `jfr` tool is the judge: its answers lie beside the recordings.

use std::collections::BTreeMap;

use crate::decoded::Decoded;

const RECORDINGS: [(&str, &[u8], &str, &str); 3] = [
    (
        "async-profiler 4.6",
        include_bytes!("../data/async-profiler-4.6.jfr"),
        include_str!("../data/async-profiler-4.6.summary.txt"),
        include_str!("../data/async-profiler-4.6.waits.txt"),
    ),
    (
        "JDK 17",
        include_bytes!("../data/jdk17.jfr"),
        include_str!("../data/jdk17.summary.txt"),
        include_str!("../data/jdk17.waits.txt"),
    ),
    (
        "JDK 25",
        include_bytes!("../data/jdk25.jfr"),
        include_str!("../data/jdk25.summary.txt"),
        include_str!("../data/jdk25.waits.txt"),
    ),
];

#[test]
fn event_counts_and_sizes_equal_those_of_jfr_summary() {
    for (name, bytes, summary, _) in RECORDINGS {
        let decoded = Decoded::whole(bytes, Default::default()).unwrap();
        let mut expected = BTreeMap::new();
        for line in summary.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [event, count, size] = words[..] else {
                continue;
            };
            // Metadata and constant pools are no events.
            if let (Ok(count), Ok(size)) = (count.parse::<i64>(), size.parse::<i64>())
                && !matches!(event, "jdk.Metadata" | "jdk.Checkpoint" | "jdk.CheckPoint")
            {
                expected.insert(event.to_owned(), (count, size));
            }
        }
        let events = decoded.texts("event_types", "event").into_iter().flatten();
        let counts = decoded.numbers("event_types", "event_count");
        let sizes = decoded.numbers("event_types", "size_bytes");
        let found: BTreeMap<_, _> = events.zip(counts.into_iter().zip(sizes)).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn monitor_waits_equal_those_of_jfr_print() {
    for (name, bytes, _, waits) in RECORDINGS {
        let decoded = Decoded::whole(bytes, Default::default()).unwrap();
        let mut expected: Vec<String> = waits.lines().map(str::to_owned).collect();
        let kinds = decoded.texts("lock_waits", "kind");
        let column = |name| decoded.texts("lock_waits", name);
        let columns = ["start_time", "duration_ns", "tid", "lock_class"].map(column);
        let rows = (0..kinds.len()).filter(|row| kinds[*row].as_deref() == Some("monitor"));
        let mut found: Vec<String> = rows
            .map(|row| {
                columns
                    .each_ref()
                    .map(|c| c[row].clone().unwrap())
                    .join(" ")
            })
            .collect();
        found.sort();
        expected.sort();
        assert!(!found.is_empty());
        assert_eq!(found, expected, "{name}");
    }
}
