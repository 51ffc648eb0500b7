//! Lines that tracers print about themselves: no events, but some tell what is missing.

use crate::recording::{BPFTRACE_TEXT, Recording};

const BPFTRACE: &[&str] = &["Attaching ", "Attached "];
const STARTS: &[&str] = &[
    "Tracing ",
    "Sampling at ",
    "WARNING: ",
    "couldn't set RLIMIT_MEMLOCK",
    "Detaching...",
    "Possibly lost ",
    "^C",
];

/// Whether a line is a tracer's own; takes what it says.
pub(crate) fn read(line: &str, recording: &mut Recording) -> bool {
    let line = line.trim();
    if BPFTRACE.iter().any(|start| line.starts_with(start)) && line.contains("probe") {
        recording.recognised_as(BPFTRACE_TEXT);
        return true;
    }
    if let Some(count) = lost_events(line) {
        recording.lost_events(count);
        return true;
    }
    // Bars of a histogram, which was counted with its name.
    if line.starts_with(['[', '(']) && line.ends_with('|') {
        return true;
    }
    if !STARTS.iter().any(|start| line.starts_with(start)) {
        return false;
    }
    if let Some(threshold) = threshold_ns(line) {
        let (name, detail) = if line.contains("operations") || line.contains("read/writes") {
            (
                "file_write_threshold_ns",
                "Shorter file operations are missing.",
            )
        } else {
            ("min_duration_ns", "Shorter events are missing.")
        };
        recording.limit(name, threshold, detail);
    }
    if let Some(interval) = sampling_interval_ns(line) {
        recording.limit(
            "cpu_interval_ns",
            interval,
            "Stacks are sampled once in this time.",
        );
    }
    true
}

/// `Lost 123 events`, and bcc's `Possibly lost 12 samples`.
fn lost_events(line: &str) -> Option<u64> {
    let rest = line
        .strip_prefix("Lost ")
        .or_else(|| line.strip_prefix("Possibly lost "))
        .or_else(|| line.strip_prefix("lost "))?;
    let (count, what) = rest.split_once(' ')?;
    let is_loss = what.starts_with("event") || what.starts_with("sample");
    is_loss.then(|| count.parse().ok()).flatten()
}

/// `… slower than 10 ms`, `… higher than 10000 us`.
fn threshold_ns(line: &str) -> Option<i64> {
    let (_, behind) = line
        .split_once(" slower than ")
        .or_else(|| line.split_once(" higher than "))?;
    let mut words = behind.split_ascii_whitespace();
    let number: i64 = words.next()?.parse().ok()?;
    let unit = match words.next()?.trim_end_matches(['.', ',', ';']) {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        _ => return None,
    };
    number.checked_mul(unit)
}

/// `Sampling at 49 Hertz …`.
fn sampling_interval_ns(line: &str) -> Option<i64> {
    let rest = line.strip_prefix("Sampling at ")?;
    let hertz: i64 = rest.split_ascii_whitespace().next()?.parse().ok()?;
    1_000_000_000i64.checked_div(hertz)
}

/// The file system whose operations a tool traces: `Tracing ext4 operations …`.
pub(crate) fn file_system(line: &str) -> Option<&'static str> {
    let rest = line.trim().strip_prefix("Tracing ")?.to_ascii_lowercase();
    ["ext4", "xfs", "btrfs", "f2fs", "nfs", "zfs", "bcachefs"]
        .into_iter()
        .find(|name| {
            let behind = rest.strip_prefix(name);
            behind.is_some_and(|behind| behind.starts_with(" operations"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tools_first_line_tells_its_threshold_and_file_system() {
        let line = "Tracing ext4 operations slower than 10 ms";
        assert_eq!(threshold_ns(line), Some(10_000_000));
        assert_eq!(file_system(line), Some("ext4"));
        assert_eq!(file_system("Tracing XFS operations"), Some("xfs"));
        let line = "Tracing run queue latency higher than 10000 us";
        assert_eq!(threshold_ns(line), Some(10_000_000));
        assert_eq!(
            sampling_interval_ns("Sampling at 50 Hertz of all threads"),
            Some(20_000_000)
        );
    }

    #[test]
    fn lost_events_are_counted_whoever_lost_them() {
        assert_eq!(lost_events("Lost 123 events"), Some(123));
        assert_eq!(lost_events("Possibly lost 4 samples"), Some(4));
        assert_eq!(lost_events("Lost in space"), None);
    }
}
