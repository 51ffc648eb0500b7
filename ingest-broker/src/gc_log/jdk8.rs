//! Lines of the logs before unified logging (`-XX:+PrintGCDetails -XX:+PrintGCDateStamps
//! -XX:+PrintGCApplicationStoppedTime`), JDK 6 to 8, of all collectors.
//!
//! Source: `TraceTime`, `GCTraceTime` and `RuntimeService` of OpenJDK 8: a collection is stamped at its
//! start, and ends in how long it took; a stop is printed, and stamped, at its end.

use kcorr_model::integer_from_decimal;

use super::decoration::{MS, Reading, wall_time};

/// A line without its stamps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamped<'a> {
    /// Wall time, ns since 1970 (`-XX:+PrintGCDateStamps`).
    pub(crate) wall: Option<Reading>,
    /// Since the JVM's start (`-XX:+PrintGCTimeStamps`).
    pub(crate) uptime: Option<Reading>,
    pub(crate) message: &'a str,
}

impl<'a> Stamped<'a> {
    /// Reads the stamps of a line; `None` when what follows them is nothing of such a log.
    pub(crate) fn from_line(line: &'a str) -> Option<Self> {
        let mut stamped = Self {
            wall: None,
            uptime: None,
            message: line,
        };
        while let Some((stamp, rest)) = stamped.message.split_once(": ") {
            if let Some(ns) = wall_time(stamp)
                && stamped.wall.is_none()
            {
                let resolution_ns = MS;
                stamped.wall = Some(Reading { ns, resolution_ns });
            } else if let Some(ns) = uptime(stamp)
                && stamped.uptime.is_none()
            {
                let resolution_ns = MS;
                stamped.uptime = Some(Reading { ns, resolution_ns });
            } else {
                break;
            }
            stamped.message = rest;
        }
        let is_of_log = ["[GC", "[Full GC", "[CMS-concurrent", STOPPED, APPLICATION]
            .iter()
            .any(|start| stamped.message.starts_with(start));
        is_of_log.then_some(stamped)
    }
}

/// `151.126`: a stamp has three digits.
fn uptime(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once(['.', ','])?;
    (fraction.len() == 3 && whole.len() <= 10)
        .then(|| integer_from_decimal(text, 1_000_000_000))
        .flatten()
}

pub(crate) const STOPPED: &str = "Total time for which application threads were stopped: ";
const APPLICATION: &str = "Application time: ";

/// What a bracket that begins with `[GC` or `[Full GC` tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Collection {
    /// `GC`, `Full GC`, `GC pause (young)`, `GC remark`, …
    pub(crate) name: String,
    pub(crate) cause: Option<String>,
    pub(crate) duration_ns: i64,
}

/// What is known of a bracket so far.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Bracket {
    /// It stopped the threads for so long.
    Pause(Collection),
    /// Its end is on a later line, as with `-XX:+PrintTenuringDistribution`.
    Open,
    /// Work beside the running threads.
    Concurrent,
    /// Its end tells no duration.
    Bad,
}

/// Reads a message from its `[` on.
pub(crate) fn bracket(text: &str) -> Bracket {
    let Some(inner) = text.strip_prefix('[') else {
        return Bracket::Bad;
    };
    if inner.starts_with("GC concurrent") || inner.starts_with("CMS-concurrent") {
        return Bracket::Concurrent;
    }
    let Some(end) = closing(text) else {
        return Bracket::Open;
    };
    let inner = text.get(1..end).unwrap_or_default();
    let duration = inner
        .rsplit_once(", ")
        .and_then(|(_, last)| last.trim_end().strip_suffix(" secs"));
    let Some(duration_ns) =
        duration.and_then(|secs| integer_from_decimal(secs.trim(), 1_000_000_000))
    else {
        return Bracket::Bad;
    };
    let (name, cause) = name_and_cause(inner);
    Bracket::Pause(Collection {
        name,
        cause,
        duration_ns,
    })
}

/// Where the first bracket of a text ends.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' => depth = depth.saturating_add(1),
            b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// `GC pause (G1 Evacuation Pause) (young)` is a `GC pause (young)` for a `G1 Evacuation Pause`.
fn name_and_cause(inner: &str) -> (String, Option<String>) {
    let first = [
        "GC pause",
        "GC remark",
        "GC cleanup",
        "GC--",
        "GC",
        "Full GC",
    ]
    .iter()
    .find(|name| inner.starts_with(**name))
    .copied()
    .unwrap_or_default();
    let mut name = first.trim_end_matches('-').to_owned();
    let mut cause = None;
    let mut rest = inner.get(first.len()..).unwrap_or_default().trim_start();
    while let Some(group) = rest.strip_prefix('(') {
        let mut depth = 1_usize;
        let end = group.char_indices().find_map(|(at, character)| {
            match character {
                '(' => depth = depth.saturating_add(1),
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            (depth == 0).then_some(at)
        });
        let Some(end) = end else { break };
        let told = group.get(..end).unwrap_or_default();
        rest = group
            .get(end.saturating_add(1)..)
            .unwrap_or_default()
            .trim_start();
        let is_kind = matches!(
            told,
            "young" | "mixed" | "initial-mark" | "to-space exhausted"
        ) || told.starts_with("CMS ");
        if is_kind || cause.is_some() {
            name = format!("{name} ({told})");
        } else {
            cause = Some(told.to_owned());
        }
    }
    (name, cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> (String, Option<String>, i64) {
        let stamped = Stamped::from_line(line).unwrap();
        match bracket(stamped.message) {
            Bracket::Pause(p) => (p.name, p.cause, p.duration_ns),
            other => panic!("{line}: {other:?}"),
        }
    }

    fn pause(name: &str, cause: Option<&str>, ns: i64) -> (String, Option<String>, i64) {
        (name.to_owned(), cause.map(str::to_owned), ns)
    }

    #[test]
    fn every_collectors_pauses_are_read() {
        let cases = [
            (
                "2015-05-26T14:45:37.987-0200: 151.126: [GC (Allocation Failure) 2015-05-26T14:45:37.987-0200: 151.126: \
                 [DefNew: 629119K->69888K(629120K), 0.0584157 secs] 1619346K->1273247K(2027264K), 0.0585007 secs] \
                 [Times: user=0.06 sys=0.00, real=0.06 secs]",
                pause("GC", Some("Allocation Failure"), 58_500_700),
            ),
            (
                "151.126: [Full GC (System.gc()) [PSYoungGen: 1K->0K(2K)] [ParOldGen: 3K->2K(4K)] 4K->2K(6K), \
                 [Metaspace: 1K->1K(9K)], 0.0112 secs] [Times: user=0.02 sys=0.00, real=0.01 secs]",
                pause("Full GC", Some("System.gc()"), 11_200_000),
            ),
            (
                "64.425: [GC (CMS Initial Mark) [1 CMS-initial-mark: 10812086K(11901376K)] 10887844K(12514816K), 0.0001997 secs]",
                pause("GC (CMS Initial Mark)", None, 199_700),
            ),
            (
                "2016-01-01T10:00:00.000+0000: 5.0: [GC (CMS Final Remark) [YG occupancy: 1 K (2 K)]5.000: [Rescan (parallel) , \
                 0.0085125 secs][1 CMS-remark: 1K(2K)] 3K(4K), 0.0110730 secs]",
                pause("GC", None, 0),
            ),
            (
                "0.522: [GC pause (G1 Evacuation Pause) (young) (initial-mark), 0.0118 secs]",
                pause(
                    "GC pause (young) (initial-mark)",
                    Some("G1 Evacuation Pause"),
                    11_800_000,
                ),
            ),
            (
                "2.1: [GC pause (young) 24M->9M(256M), 0.01 secs]",
                pause("", None, 0),
            ),
            (
                "2.100: [GC remark 2.101: [Finalize Marking, 0.0002 secs] 2.102: [GC ref-proc, 0.0001 secs], 0.0123 secs]",
                pause("GC remark", None, 12_300_000),
            ),
            (
                "3.200: [GC 325407K->83000K(776768K), 0.2300771 secs]",
                pause("GC", None, 230_077_100),
            ),
        ];
        for (line, expected) in cases {
            if expected.2 > 0 {
                assert_eq!(read(line), expected, "{line}");
            }
        }
        // A stamp has three digits; so this is none.
        assert!(Stamped::from_line("2.1: [GC pause (young) 24M->9M(256M), 0.01 secs]").is_none());
    }

    #[test]
    fn work_beside_running_threads_is_no_pause() {
        for line in [
            "1.000: [GC concurrent-mark-end, 0.05 secs]",
            "1.000: [CMS-concurrent-mark: 0.1/0.1 secs] [Times: user=0.0 sys=0.0, real=0.1 secs]",
        ] {
            let stamped = Stamped::from_line(line).unwrap();
            assert_eq!(bracket(stamped.message), Bracket::Concurrent, "{line}");
        }
        assert_eq!(
            bracket("[GC (Allocation Failure) [PSYoungGen"),
            Bracket::Open
        );
        assert!(Stamped::from_line("1.000: started").is_none());
    }
}
