//! What stands in brackets before a message of the unified JVM log.
//!
//! Source: JEP 158; `LogDecorators` of OpenJDK, which prints them in this order: time, utctime,
//! uptime, timemillis, uptimemillis, timenanos, uptimenanos, hostname, pid, tid, level, tags.

use chrono::NaiveDate;
use kcorr_model::integer_from_decimal;

pub(crate) const MS: i64 = 1_000_000;

/// Milliseconds above which a decoration is a wall time (`timemillis`), not an uptime: 1973, or three
/// years of uptime.
const LEAST_WALL_MS: i64 = 100_000_000_000;
/// How far apart the uptime in s or ms and one in ns can be.
const UPTIME_AGREES_NS: i64 = 2_000_000_000;

/// A reading and the weight of its last digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) ns: i64,
    pub(crate) resolution_ns: i64,
}

/// A line of the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decorated<'a> {
    /// Wall time, ns since 1970.
    pub(crate) wall: Option<Reading>,
    /// Since the JVM's start.
    pub(crate) uptime: Option<Reading>,
    /// Whether a level, or a tag of the collector or of safepoints, is there.
    pub(crate) is_jvm: bool,
    pub(crate) message: &'a str,
}

impl<'a> Decorated<'a> {
    /// Reads a line; `None` when it does not begin with a decoration.
    pub(crate) fn from_line(line: &'a str) -> Option<Self> {
        let mut rest = line;
        let mut wall = None;
        let mut uptime: Option<Reading> = None;
        let mut nanos: [Option<i64>; 2] = [None, None];
        let mut is_jvm = false;
        while let Some(inner) = rest.strip_prefix('[') {
            let (content, behind) = inner.split_once(']')?;
            rest = behind;
            let content = content.trim();
            let is_number = content.starts_with(|first: char| first.is_ascii_digit());
            if !is_number {
                is_jvm |= matches!(content, "trace" | "debug" | "info" | "warning" | "error")
                    || content
                        .split(',')
                        .any(|tag| matches!(tag, "gc" | "safepoint"));
            } else if content.contains('T') {
                wall = wall_time(content).map(|ns| reading(ns, MS)).or(wall);
            } else if let Some(value) = content.strip_suffix("ns") {
                let [first, second] = &mut nanos;
                *(if first.is_none() { first } else { second }) = integer_from_decimal(value, 1);
            } else if let Some(value) = content.strip_suffix("ms") {
                match integer_from_decimal(value, 1_000_000) {
                    Some(ns) if ns / MS >= LEAST_WALL_MS => wall = wall.or(Some(reading(ns, MS))),
                    Some(ns) => uptime = uptime.or(Some(reading(ns, MS))),
                    None => {}
                }
            } else if let Some(value) = content.strip_suffix('s') {
                let ns = integer_from_decimal(value, 1_000_000_000);
                uptime = ns.map(|ns| reading(ns, MS)).or(uptime);
            }
            if rest.is_empty() || !rest.starts_with('[') {
                break;
            }
        }
        if rest.len() == line.len() {
            return None;
        }
        // Of two, the first counts from an instant that nobody tells (`timenanos`).
        let [first, second] = nanos;
        if let Some(ns) = second.or(first) {
            let agrees =
                uptime.is_none_or(|uptime| uptime.ns.saturating_sub(ns).abs() <= UPTIME_AGREES_NS);
            if agrees {
                uptime = Some(reading(ns, 1));
            }
        }
        Some(Self {
            wall,
            uptime,
            is_jvm,
            message: rest.trim(),
        })
    }
}

/// Ns since 1970 of `2026-11-20T16:22:35.123+0000`, the one form that the JVM prints.
pub(super) fn wall_time(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| {
        bytes.get(from..to)?.iter().try_fold(0_u32, |value, byte| {
            let digit = byte.is_ascii_digit().then(|| byte.wrapping_sub(b'0'))?;
            Some(value.wrapping_mul(10).wrapping_add(u32::from(digit)))
        })
    };
    let is_separated = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')]
        .iter()
        .all(|(at, separator)| bytes.get(*at) == Some(separator));
    if !is_separated || !matches!(bytes.get(19), Some(b'.' | b',')) || bytes.len() != 28 {
        return None;
    }
    let year = i32::try_from(number(0, 4)?).ok()?;
    let day = NaiveDate::from_ymd_opt(year, number(5, 7)?, number(8, 10)?)?;
    let time = day.and_hms_milli_opt(
        number(11, 13)?,
        number(14, 16)?,
        number(17, 19)?,
        number(20, 23)?,
    )?;
    let minutes = i64::from(
        number(24, 26)?
            .wrapping_mul(60)
            .wrapping_add(number(26, 28)?),
    );
    let ahead_ns = minutes.wrapping_mul(60_000 * MS);
    let ns = time.and_utc().timestamp_nanos_opt()?;
    match bytes.get(23)? {
        b'+' => ns.checked_sub(ahead_ns),
        b'-' => ns.checked_add(ahead_ns),
        _ => None,
    }
}

fn reading(ns: i64, resolution_ns: i64) -> Reading {
    Reading { ns, resolution_ns }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_decoration_is_read() {
        let read = |line| {
            let read = Decorated::from_line(line).unwrap();
            (
                read.wall.map(|r| r.ns),
                read.uptime.map(|r| (r.ns, r.resolution_ns)),
            )
        };
        let wall = Some(1_795_191_755_123_000_000);
        assert_eq!(
            read("[2026-11-20T16:22:35.123+0000][info][gc] x"),
            (wall, None)
        );
        assert_eq!(
            read("[2026-11-20T18:22:35.123+0200][59ns] x"),
            (wall, Some((59, 1)))
        );
        assert_eq!(read("[0.123s][info][gc] x"), (None, Some((123 * MS, MS))));
        assert_eq!(read("[123ms][info][gc] x"), (None, Some((123 * MS, MS))));
        assert_eq!(read("[1795191755123ms] x"), (wall, None));
        assert_eq!(
            read("[1.000s][77000000000ns] x"),
            (None, Some((1000 * MS, MS)))
        );
        assert_eq!(read("[77000000000ns][1000ns] x"), (None, Some((1000, 1))));
        assert!(Decorated::from_line("2026: [GC pause").is_none());
        let ns = 1_795_191_755_123_000_000;
        assert_eq!(wall_time("2026-11-20T12:52:35,123-0330"), Some(ns));
        for text in [
            "2026-11-20T16:22:35.123",
            "2026-13-20T16:22:35.123+0000",
            "2026-11-20T16:22:35.123+00é",
        ] {
            assert_eq!(wall_time(text), None, "{text}");
        }
    }
}
