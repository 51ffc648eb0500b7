//! Tables of text with a header: `ext4slower` and its kin, `fileslower`, `funcslower`, `biosnoop`,
//! `runqslower`, lines with start and end time, and comma-separated values.
//!
//! The header says which columns there are, in any order. A name of a thread may hold spaces, so the
//! columns behind it are found by what they must look like.

use kcorr_model::ClockKind;

use crate::local_time::{LocalClock, TextTime};
use crate::recording::Recording;
use crate::values::Values;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    /// Time of day at which it started.
    StartTime,
    /// Time of day at which it ended; with one time only, that of the line, printed at the end.
    EndTime,
    /// Since the tracer's start, in units of so many ns.
    Elapsed(i64),
    /// Since boot, in units of so many ns.
    Monotonic(i64),
    Comm,
    Pid,
    Tid,
    /// `R`, `W`, `O`, `S`.
    Operation,
    Bytes,
    OffsetKb,
    Offset,
    /// In units of so many ns; 0: the unit stands behind the number.
    Latency(i64),
    Queue(i64),
    File,
    Function,
    Disk,
    Sector,
    /// A word that no table takes.
    Ignored,
}

use Column::*;

/// Names of columns as the tools write them. Two-word names come first.
const NAMES: &[(&str, Column)] = &[
    ("START TIME", StartTime),
    ("END TIME", EndTime),
    ("TIME", EndTime),
    ("START", StartTime),
    ("END", EndTime),
    ("START_TIME", StartTime),
    ("END_TIME", EndTime),
    ("TIME(s)", Elapsed(1_000_000_000)),
    ("TIME(ms)", Elapsed(1_000_000)),
    ("TIME(us)", Elapsed(1_000)),
    ("ENDTIME_us", Monotonic(1_000)),
    ("ENDTIME_ns", Monotonic(1)),
    ("COMM", Comm),
    ("TASK", Comm),
    ("PID", Pid),
    ("TID", Tid),
    ("T", Operation),
    ("D", Operation),
    ("TYPE", Operation),
    ("BYTES", Bytes),
    ("SIZE", Bytes),
    ("OFF_KB", OffsetKb),
    ("OFFSET_b", Offset),
    ("OFFSET", Offset),
    ("LATENCY", Latency(0)),
    ("LAT", Latency(0)),
    ("LAT(ms)", Latency(1_000_000)),
    ("LATENCY(ms)", Latency(1_000_000)),
    ("LAT(us)", Latency(1_000)),
    ("LATENCY(us)", Latency(1_000)),
    ("LATENCY_us", Latency(1_000)),
    ("LATENCY_ms", Latency(1_000_000)),
    ("LATENCY_ns", Latency(1)),
    ("LAT(ns)", Latency(1)),
    ("QUE(ms)", Queue(1_000_000)),
    ("QUE(us)", Queue(1_000)),
    ("FILE", File),
    ("FILENAME", File),
    ("FUNCTION", Function),
    ("FUNC", Function),
    ("DISK", Disk),
    ("DEV", Disk),
    ("SECTOR", Sector),
    ("RVAL", Ignored),
    ("CPU", Ignored),
    ("UID", Ignored),
    ("PATTERN", Ignored),
];

/// What a table is a table of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Files,
    Functions,
    BlockIo,
    RunQueue,
}

/// A table whose header was read.
#[derive(Debug, Clone)]
pub(crate) struct TextTable {
    columns: Vec<Column>,
    kind: Kind,
    is_csv: bool,
    pub(crate) file_system: Option<&'static str>,
}

impl TextTable {
    /// Reads a header. None when the line is none, or lacks what a row of a table needs.
    pub(crate) fn from_header(line: &str) -> Option<Self> {
        let is_csv = line.contains(',');
        let words: Vec<&str> = if is_csv {
            line.split(',').map(str::trim).collect()
        } else {
            line.split_ascii_whitespace()
                .filter(|word| *word != "[ARGS]")
                .collect()
        };
        let mut columns = Vec::new();
        let mut rest = words.as_slice();
        while let Some((&first, behind)) = rest.split_first() {
            let two_words = behind.first().map(|second| format!("{first} {second}"));
            let find = |name: &str| NAMES.iter().find(|(known, _)| *known == name);
            let pair = two_words.as_deref().and_then(find);
            if let Some((_, column)) = pair {
                columns.push(*column);
                rest = behind.get(1..).unwrap_or_default();
            } else {
                columns.push(find(first)?.1);
                rest = behind;
            }
            if columns.len() > 32 {
                return None;
            }
        }
        let has = |column: Column| columns.contains(&column);
        let latency = columns.iter().any(|c| matches!(c, Latency(_)));
        let kind = if has(Function) {
            Kind::Functions
        } else if has(File) {
            Kind::Files
        } else if has(Disk) {
            Kind::BlockIo
        } else {
            Kind::RunQueue
        };
        let has_time = columns
            .iter()
            .any(|c| matches!(c, StartTime | EndTime | Elapsed(_) | Monotonic(_)));
        let has_both = has(StartTime) && has(EndTime);
        // Without a time no row can be placed; `funcslower` without `-t` is such.
        (has_time && (latency || has_both) && columns.len() >= 3).then_some(Self {
            columns,
            kind,
            is_csv,
            file_system: None,
        })
    }

    /// What the table is called to people.
    pub(crate) fn format(&self) -> &'static str {
        match (self.kind, self.is_csv) {
            (Kind::Files, true) => "slow file operations, comma-separated",
            (Kind::Files, false) => "slow file operations, text",
            (Kind::Functions, _) => "function calls, text",
            (Kind::BlockIo, _) => "block I/O, text",
            (Kind::RunQueue, _) => "run-queue waits, text",
        }
    }

    /// Takes a line. False when it is no row of the table.
    pub(crate) fn row(
        &self,
        line: &str,
        clock: &mut LocalClock,
        recording: &mut Recording,
    ) -> bool {
        let tokens: Vec<&str> = if self.is_csv {
            line.split(',').map(str::trim).collect()
        } else {
            line.split_ascii_whitespace().collect()
        };
        let Some(mut fields) = self.fields(line, &tokens) else {
            return false;
        };
        fields.place(self, clock, recording);
        let mut values = fields.values;
        let table = match self.kind {
            Kind::Files => "writes",
            Kind::Functions => "function_calls",
            Kind::BlockIo => "block_io",
            Kind::RunQueue => "run_queue_waits",
        };
        if self.kind == Kind::Files {
            if let Some(file_system) = self.file_system {
                values.set_text("file_system", file_system);
            }
            // Without a column for it, what is traced are writes.
            let operation = match fields.operation {
                Some("R") => "read",
                Some("W") | None => "write",
                Some("O") => "open",
                Some("S" | "F") => "fsync",
                Some(other) => other,
            };
            values.set_text("operation", operation);
        } else if let Some(operation) = fields.operation {
            values.set_text("operation", operation);
        }
        recording.push_values(table, &values, line.as_bytes());
        true
    }

    /// The values of a line: the columns before a thread's name from the left, then as many words of
    /// a name as make the rest fit.
    fn fields<'a>(&self, line: &'a str, tokens: &[&'a str]) -> Option<Fields<'a>> {
        let comm = self.columns.iter().position(|column| *column == Comm);
        let Some(comm) = comm else {
            let mut fields = Fields::default();
            fields.read(&self.columns, line, tokens)?;
            return Some(fields);
        };
        let (before, rest) = self.columns.split_at_checked(comm)?;
        let behind = rest.get(1..)?;
        // A name has at most 15 bytes, so at most 8 words.
        for words in 1..=8 {
            let mut fields = Fields::default();
            let used = fields.read_some(before, line, tokens)?;
            let name_end = used.checked_add(words)?;
            let (Some(name), Some(tail)) = (tokens.get(used..name_end), tokens.get(name_end..))
            else {
                break;
            };
            let name = covering(line, name)?;
            if fields.read(behind, line, tail).is_some() {
                fields.values.set_text("comm", name);
                return Some(fields);
            }
        }
        None
    }
}

/// The part of a line from the first to the last of some of its tokens.
fn covering<'a>(line: &'a str, tokens: &[&'a str]) -> Option<&'a str> {
    let offset = |token: &str| {
        let start = token.as_ptr() as usize;
        start.checked_sub(line.as_ptr() as usize)
    };
    let (first, last) = (tokens.first()?, tokens.last()?);
    let end = offset(last)?.checked_add(last.len())?;
    line.get(offset(first)?..end)
}

#[derive(Debug, Default)]
struct Fields<'a> {
    values: Values<'a>,
    start: Option<TextTime>,
    end: Option<TextTime>,
    /// Time since the start, and the weight of its last digit.
    elapsed: Option<(i64, i64)>,
    monotonic: Option<i64>,
    operation: Option<&'a str>,
}

impl<'a> Fields<'a> {
    /// Reads all tokens as columns.
    fn read(&mut self, columns: &[Column], line: &'a str, tokens: &[&'a str]) -> Option<()> {
        let used = self.read_some(columns, line, tokens)?;
        (used == tokens.len()).then_some(())
    }

    /// Reads columns from the start of the tokens, and tells how many tokens they took.
    fn read_some(
        &mut self,
        columns: &[Column],
        line: &'a str,
        tokens: &[&'a str],
    ) -> Option<usize> {
        let mut at = 0usize;
        for column in columns {
            let token = *tokens.get(at)?;
            at = at.checked_add(1)?;
            let is_last = std::ptr::eq(column, columns.last()?);
            match *column {
                StartTime | EndTime => {
                    // A date may stand before the time as a word of its own.
                    let time = match tokens.get(at) {
                        Some(clock) if token.len() == 10 && token.contains('-') => {
                            at = at.checked_add(1)?;
                            TextTime::from_text(&format!("{token}T{clock}"))?
                        }
                        _ => TextTime::from_text(token)?,
                    };
                    if *column == StartTime {
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
                    self.elapsed = Some((decimal(token, unit)?, resolution.unwrap_or(1).max(1)));
                }
                Monotonic(unit) => self.monotonic = Some(decimal(token, unit)?),
                Comm => return None,
                Pid => self.number("pid", thread_id(token)?),
                Tid => self.number("tid", thread_id(token)?),
                Operation => {
                    let is_flags =
                        token.len() <= 8 && token.bytes().all(|byte| byte.is_ascii_uppercase());
                    self.operation = Some(is_flags.then_some(token)?);
                }
                // libbpf-tools print LL_MAX for an fsync of the whole file.
                Bytes if token == "LL_MAX" || token == "-" => {}
                Bytes => self.number("bytes", token.parse().ok()?),
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
                    self.number(name, decimal(number, unit)?);
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
    fn place(&mut self, table: &TextTable, clock: &mut LocalClock, recording: &mut Recording) {
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
                }
                (ClockKind::LocalTime, resolution)
            }
        };
        recording.clock_is(kind);
        if kind != ClockKind::Monotonic {
            recording.rows.keep_duplicates();
            recording.limit(
                "time_resolution_ns",
                resolution,
                "Times are rounded to this; durations may be finer.",
            );
        }
        if table.columns.contains(&OffsetKb) {
            recording.limit(
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

/// A decimal number of units, in ns; digits past the ns are dropped.
pub(crate) fn decimal(text: &str, unit_ns: i64) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole: i64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let mut ns = whole.checked_mul(unit_ns)?;
    let mut weight = unit_ns;
    for digit in fraction.bytes() {
        weight /= 10;
        let digit = i64::from(digit.wrapping_sub(b'0'));
        ns = ns.checked_add(digit.checked_mul(weight)?)?;
    }
    Some(ns)
}

fn thread_id(token: &str) -> Option<i64> {
    token.parse::<i32>().ok().map(i64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_keeps_its_ns() {
        assert_eq!(decimal("16.05", 1_000_000), Some(16_050_000));
        assert_eq!(decimal("0.000004000", 1_000_000_000), Some(4_000));
        assert_eq!(decimal("12", 1_000), Some(12_000));
        for text in ["", ".", "1.2.3", "-1", "1e3", "9223372036854775808"] {
            assert_eq!(decimal(text, 1), None, "{text}");
        }
    }

    #[test]
    fn a_header_without_a_time_is_none() {
        assert!(TextTable::from_header("COMM PID LAT(ms) RVAL FUNC [ARGS]").is_none());
        assert!(TextTable::from_header("TIME COMM PID LAT(ms) RVAL FUNC [ARGS]").is_some());
        assert!(TextTable::from_header("TIME COMM").is_none());
        assert!(TextTable::from_header("").is_none());
    }
}
