//! The values of one line of a tracer's table.

use kcorr_model::{ClockKind, integer_from_decimal};

use super::column::Column;
use super::header::Header;
use super::local_time::{LocalClock, TextTime};
use super::words::covering;
use crate::findings::Findings;
use crate::rows::errno::outcome;
use crate::values::Values;

use Column::*;

/// The values of a line of a table, and its times as they are printed.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields<'a> {
    pub(super) values: Values<'a>,
    start: Option<TextTime>,
    end: Option<TextTime>,
    /// Time since the start, and the weight of its last digit.
    elapsed: Option<(i64, i64)>,
    monotonic: Option<i64>,
    pub(super) operation: Option<&'a str>,
}

impl<'a> Fields<'a> {
    /// Reads a column from some token on, and tells behind which token it ends.
    pub(super) fn read_one(
        &mut self,
        column: Column,
        is_last: bool,
        line: &'a str,
        tokens: &[&'a str],
        at: usize,
    ) -> Option<usize> {
        let token = *tokens.get(at)?;
        let mut at = at.checked_add(1)?;
        match column {
            StartTime | EndTime => {
                // A date may stand before the time as a word of its own.
                let time = match tokens.get(at) {
                    Some(clock) if token.len() == 10 && token.contains('-') => {
                        at = at.checked_add(1)?;
                        TextTime::from_text(&format!("{token}T{clock}"))?
                    }
                    _ => TextTime::from_text(token)?,
                };
                if column == StartTime {
                    self.start = Some(time);
                } else {
                    self.end = Some(time);
                }
            }
            Elapsed(unit) => {
                let digits = token.split_once('.').map_or(0, |(_, digits)| digits.len());
                let digits = u32::try_from(digits).unwrap_or(u32::MAX);
                let resolution = 10i64
                    .checked_pow(digits)
                    .and_then(|parts| unit.checked_div(parts));
                self.elapsed = Some((
                    integer_from_decimal(token, unit)?,
                    resolution.unwrap_or(1).max(1),
                ));
            }
            Monotonic(unit) => self.monotonic = Some(integer_from_decimal(token, unit)?),
            Comm | Unknown => return None,
            Pid => self.number("pid", thread_id(token)?),
            Tid => self.number("tid", thread_id(token)?),
            Operation => {
                let is_flags =
                    token.len() <= 8 && token.bytes().all(|byte| byte.is_ascii_uppercase());
                self.operation = Some(is_flags.then_some(token)?);
            }
            // libbpf-tools print LL_MAX for an fsync of the whole file.
            Bytes if token == "LL_MAX" || token == "-" => {}
            Bytes => {
                let bytes: i64 = token.parse().ok()?;
                let _fits = outcome(bytes)?;
                self.number("bytes", bytes);
            }
            OffsetKb => {
                let kilobytes: i64 = token.parse().ok()?;
                self.number("file_offset", kilobytes.checked_mul(1024)?);
            }
            Offset => self.number("file_offset", token.parse().ok()?),
            Sector => self.number("sector", token.parse().ok()?),
            Latency(unit) | Queue(unit) => {
                let (number, unit) = match unit {
                    0 => with_unit(token, tokens.get(at), &mut at)?,
                    _ => (token, unit),
                };
                let name = match column {
                    Queue(_) => "queue_ns",
                    _ => "duration_ns",
                };
                self.number(name, integer_from_decimal(number, unit)?);
            }
            File => {
                // Names may hold spaces: the last column takes the rest of the line.
                let name = if is_last {
                    let rest = tokens.get(at.checked_sub(1)?..)?;
                    at = tokens.len();
                    covering(line, rest)?
                } else {
                    token
                };
                self.file(name);
            }
            Function => {
                // Arguments may follow.
                if is_last {
                    at = tokens.len();
                }
                self.values
                    .set_text("function", token.trim_end_matches("()"));
            }
            Disk => self.values.set_text("device", token),
            Ignored => {}
        }
        Some(at)
    }

    fn number(&mut self, name: &'static str, value: i64) {
        self.values.set_number(name, value);
    }

    fn file(&mut self, path: &'a str) {
        match path.rsplit_once('/') {
            Some((directory, file)) => {
                self.values.set_text("directory", directory);
                self.values.set_text("file", file);
            }
            None => self.values.set_text("file", path),
        }
    }

    /// Puts the times of the line onto its clock.
    pub(super) fn place(
        &mut self,
        header: &Header,
        clock: &mut LocalClock,
        findings: &mut Findings,
    ) {
        let (kind, resolution) = match (self.monotonic, self.elapsed) {
            (Some(end), _) => {
                self.number("end_time", end);
                (ClockKind::Monotonic, 1_000)
            }
            (None, Some((end, resolution))) => {
                self.number("end_time", end);
                (ClockKind::Elapsed, resolution)
            }
            (None, None) => {
                let mut resolution = 1;
                let start = self.start.map(|start| (start, clock.ns(start)));
                if let Some((time, ns)) = start {
                    resolution = time.resolution_ns;
                    self.number("start_time", ns);
                }
                if let Some(end) = self.end {
                    resolution = end.resolution_ns;
                    let ns = match start {
                        Some((start, start_ns)) => clock.end_ns(start, start_ns, end),
                        None => clock.ns(end),
                    };
                    self.number("end_time", ns);
                    if let Some(step) = clock.notice(ns) {
                        findings.clock_step(step);
                    }
                }
                (ClockKind::LocalTime, resolution)
            }
        };
        findings.clock_is(kind);
        if kind != ClockKind::Monotonic {
            findings.rows.keep_duplicates();
            findings.limit(
                "time_resolution_ns",
                resolution,
                "Times are rounded to this; durations may be finer.",
            );
        }
        if header.columns.contains(&OffsetKb) {
            findings.limit(
                "file_offset_resolution_bytes",
                1024,
                "Offsets in files are rounded down to this.",
            );
        }
    }
}

/// A number and the ns of its unit: `126 ms`, `126ms`, `0.5 s`.
fn with_unit<'a>(token: &'a str, next: Option<&&str>, at: &mut usize) -> Option<(&'a str, i64)> {
    let units = [
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
    ];
    let find = |name: &str| units.iter().find(|(unit, _)| *unit == name);
    let digits_end = token
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(token.len());
    let (number, behind) = token.split_at_checked(digits_end)?;
    if let Some((_, unit)) = find(behind) {
        return Some((number, *unit));
    }
    if !behind.is_empty() {
        return None;
    }
    if let Some((_, unit)) = next.and_then(|next| find(next)) {
        *at = at.checked_add(1)?;
        return Some((number, *unit));
    }
    // ms where nothing says otherwise, as these tools print.
    Some((number, 1_000_000))
}

fn thread_id(token: &str) -> Option<i64> {
    let id = token.parse::<i32>().ok()?;
    (id >= 0).then_some(i64::from(id))
}
