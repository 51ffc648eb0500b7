//! Lines that tracers print about themselves: no events, but some tell what is missing.

use crate::findings::{BPFTRACE_TEXT, Findings};

const BPFTRACE: &[&str] = &["Attaching ", "Attached "];
const STARTS: &[&str] = &[
    "Tracing ",
    "Sampling at ",
    "WARNING: ",
    "ERROR: ",
    "HINT: ",
    "INFO: ",
    "libbpf: ",
    "couldn't set RLIMIT_MEMLOCK",
    "Detaching...",
    "Possibly lost ",
    "Running BPF program",
    "^C",
    "Terminated",
    "Killed",
    "Exiting trace",
    "Ending tracing",
];
/// Lines of a text below a message of clang or Python that belong to it, at most.
const MAX_BELOW: u32 = 64;

/// Lines that tracers, and the compilers and interpreters that they use, print about themselves.
#[derive(Debug, Default)]
pub(crate) struct OwnLines {
    /// Lines that still may belong to a message.
    below: u32,
}

impl OwnLines {
    /// Whether no message may go on.
    pub(crate) fn is_idle(&self) -> bool {
        self.below == 0
    }

    /// A blank line ends what belongs to a message.
    pub(crate) fn blank(&mut self) {
        self.below = 0;
    }

    /// Whether a line is a tracer's own; takes what it says.
    pub(crate) fn read(&mut self, line: &str, findings: &mut Findings) -> bool {
        if self.below > 0 && is_below(line) {
            self.below = self.below.saturating_sub(1);
            return true;
        }
        self.below = 0;
        if let Some(below) = message(line) {
            self.below = below;
            return true;
        }
        read(line, findings)
    }
}

/// The lines that may follow a line which begins a message of clang, Python or bpftrace's parser.
fn message(line: &str) -> Option<u32> {
    if line.starts_with([' ', '\t', '{']) {
        return None;
    }
    const LONG: &[&str] = &[
        "Traceback (most recent call last)",
        "During handling of the above exception",
        "The above exception was",
        "Exception ignored in",
        "In file included from ",
    ];
    const KINDS: &[&str] = &[
        ": warning: ",
        ": error: ",
        ": note: ",
        ": fatal error: ",
        ": WARNING: ",
        ": ERROR: ",
    ];
    const ERRORS: &[&str] = &[
        "Error",
        "Exception",
        "Warning",
        "KeyboardInterrupt",
        "SystemExit",
    ];
    if LONG.iter().any(|start| line.starts_with(start))
        || KINDS.iter().any(|kind| line.contains(kind))
    {
        return Some(MAX_BELOW);
    }
    let (count, what) = line.split_once(' ').unwrap_or((line, ""));
    if count.parse::<u32>().is_ok() && what.ends_with(" generated.") {
        return Some(0);
    }
    // `KeyboardInterrupt`, `json.decoder.JSONDecodeError: …`; a warning shows its line.
    let name = line.split(':').next().unwrap_or_default();
    let name = name.rsplit('.').next().unwrap_or_default();
    let is_error = !name.contains([' ', ';']) && ERRORS.iter().any(|end| name.ends_with(end));
    if is_error {
        return Some(0);
    }
    line.contains("Warning: ")
        .then_some(1)
        .filter(|_| line.contains(".py:"))
}

/// Whether a line belongs to the message above it.
fn is_below(line: &str) -> bool {
    let text = line.trim();
    line.starts_with("  ")
        || line.starts_with('\t')
        || text.starts_with('#')
        || (text.starts_with(['~', '^']) && text.bytes().all(|byte| b"~^ ".contains(&byte)))
        || text.starts_with("from ")
}

fn read(line: &str, findings: &mut Findings) -> bool {
    let line = line.trim();
    if BPFTRACE.iter().any(|start| line.starts_with(start)) && line.contains("probe") {
        findings.recognised_as(BPFTRACE_TEXT);
        return true;
    }
    match lost_events(line) {
        Some(Lost::Since(count)) => {
            findings.lost_events(count);
            return true;
        }
        Some(Lost::InAll(count)) => {
            findings.lost_events_in_all(count);
            return true;
        }
        None => {}
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
        findings.limit(name, threshold, detail);
    }
    if let Some(interval) = sampling_interval_ns(line) {
        findings.limit(
            "cpu_interval_ns",
            interval,
            "Stacks are sampled once in this time.",
        );
    }
    true
}

/// Events that a tracer says it lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    /// Since it last said so.
    Since(u64),
    /// In all, at its end.
    InAll(u64),
}

/// `Lost 123 events`, also behind `WARNING: `; libbpf-tools' `lost 5 events on CPU #1!`; bcc's `Possibly
/// lost 12 samples`; `Total lost event count: 7` at the end.
fn lost_events(line: &str) -> Option<Lost> {
    let lower = line.to_ascii_lowercase();
    if let Some((_, count)) = lower.split_once("lost event count:") {
        return Some(Lost::InAll(count.trim().parse().ok()?));
    }
    let mut rest = lower.as_str();
    for start in ["warning: ", "error: ", "possibly ", "total "] {
        rest = rest.strip_prefix(start).unwrap_or(rest);
    }
    let is_total = lower.starts_with("total ") || lower.starts_with("warning: total ");
    let (count, what) = match rest.strip_prefix("lost ") {
        Some(rest) => {
            let rest = rest.strip_prefix("events: ").unwrap_or(rest);
            rest.split_once(' ').unwrap_or((rest, "events"))
        }
        None => rest
            .strip_suffix(" events lost")?
            .rsplit_once(' ')
            .map_or_else(
                || (rest.strip_suffix(" events lost").unwrap_or(rest), "events"),
                |(_, count)| (count, "events"),
            ),
    };
    let count = count.parse().ok()?;
    let is_loss = what.starts_with("event") || what.starts_with("sample");
    is_loss.then_some(match is_total {
        true => Lost::InAll(count),
        false => Lost::Since(count),
    })
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
        for (line, lost) in [
            ("Lost 123 events", Some(Lost::Since(123))),
            ("WARNING: Lost 5 events", Some(Lost::Since(5))),
            ("Possibly lost 4 samples", Some(Lost::Since(4))),
            ("lost 5 events on CPU #1!", Some(Lost::Since(5))),
            ("Lost events: 9", Some(Lost::Since(9))),
            ("WARNING: 3 events lost", Some(Lost::Since(3))),
            ("Total lost event count: 12", Some(Lost::InAll(12))),
            ("WARNING: Total lost event count: 12", Some(Lost::InAll(12))),
            ("Lost in space", None),
            ("Lost connection to server", None),
            (
                "WARNING: 7 stack traces lost and could not be displayed",
                None,
            ),
        ] {
            assert_eq!(lost_events(line), lost, "{line}");
        }
    }

    #[test]
    fn messages_of_clang_and_python_are_no_events() {
        let mut findings = Findings::new(kcorr_model::SourceId(1));
        let mut own = OwnLines::default();
        for line in [
            "In file included from <built-in>:2:",
            "include/linux/compiler.h:24:9: warning: 'X' macro redefined [-Wmacro-redefined]",
            "#define X 1",
            "        ^",
            "1 warning generated.",
            "Traceback (most recent call last):",
            "  File \"/usr/sbin/ext4slower-bpfcc\", line 358, in <module>",
            "    b.perf_buffer_poll()",
            "KeyboardInterrupt",
            "stdin:1:1-20: WARNING: Addrspace is not set",
            "kprobe:x { }",
        ] {
            assert_eq!(
                own.read(line, &mut findings),
                !line.starts_with("kprobe"),
                "{line}"
            );
        }
    }
}
