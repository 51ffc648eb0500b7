//! Tables of text with a header: `ext4slower` and its kin, `fileslower`, `funcslower`, `biosnoop`,
//! `runqslower`, lines with start and end time, and comma-separated values.
//!
//! The header says which columns there are, in any order; what nobody knows is passed over. A name of a
//! thread may hold spaces, so the columns behind it are found by what they must look like, and by where
//! they stand below the header.

use kcorr_model::ClockKind;

use crate::local_time::{LocalClock, TextTime};
use crate::operation::{known_words, operation_from_text};
use crate::recording::{BPF_UNKNOWN_OPERATION, Recording, start_of};
use crate::rows::errno::outcome;
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
    /// What a column holds that nobody knows: one word or more.
    Unknown,
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
    ("PREV COMM", Unknown),
    ("PREV TID", Ignored),
    ("PREV PID", Ignored),
];

/// Columns of a table at most.
const MAX_COLUMNS: usize = 32;
/// Longest name of a thread in the kernel, in bytes, with room for what a tool puts behind it.
const MAX_COMM_BYTES: usize = 16;
/// Words of a name at most: it has 15 bytes.
const MAX_WORDS: usize = 8;
/// Ways to read a line that are tried at most.
const MAX_TRIES: u32 = 512;

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
    /// Where the columns' names begin and end in the header, in bytes.
    places: Vec<(usize, usize)>,
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
        let mut columns: Vec<Column> = Vec::new();
        let mut places = Vec::new();
        let mut unknown = 0usize;
        let mut rest = words.as_slice();
        while let Some((&first, behind)) = rest.split_first() {
            let find = |name: &str| NAMES.iter().find(|(known, _)| *known == name);
            let pair = behind
                .first()
                .and_then(|second| find(&format!("{first} {second}")));
            let (column, width): (Column, usize) = match pair.or_else(|| find(first)) {
                Some((_, column)) => (*column, if pair.is_some() { 2 } else { 1 }),
                None if is_name(first) => {
                    unknown = unknown.saturating_add(1);
                    (Unknown, 1)
                }
                None => return None,
            };
            let place = offset(line, first);
            let end = rest
                .get(width.saturating_sub(1))
                .map(|last| offset(line, last).saturating_add(last.len()));
            rest = rest.get(width..).unwrap_or_default();
            // A name that is there already is the second word of an unknown one: `NEXT COMM`.
            let is_second = columns.last() == Some(&Unknown)
                && column != Unknown
                && columns.contains(&column)
                && !is_csv;
            if is_second {
                if let Some((_, last_end)) = places.last_mut() {
                    *last_end = end.unwrap_or(place);
                }
                continue;
            }
            columns.push(column);
            places.push((place, end.unwrap_or(place)));
            if columns.len() > MAX_COLUMNS {
                return None;
            }
        }
        // Mostly words that nobody knows: a line in capitals, no header.
        if unknown.saturating_mul(2) > columns.len() {
            return None;
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
        let known = columns.len().saturating_sub(unknown);
        (has_time && (latency || has_both) && known >= 3).then_some(Self {
            columns,
            places,
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

    /// Whether stacks may be printed below a row.
    pub(crate) fn has_stacks(&self) -> bool {
        self.kind == Kind::Functions
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
                Some(text) => operation_from_text(text),
                None => Some("write"),
            };
            let Some(operation) = operation else {
                recording.loss(&BPF_UNKNOWN_OPERATION, || {
                    format!("{}; known are {}", start_of(line.as_bytes()), known_words())
                });
                return true;
            };
            values.set_text("operation", operation);
        } else if let Some(operation) = fields.operation {
            values.set_text("operation", operation);
        }
        recording.push_values(table, &values, line.as_bytes());
        true
    }

    /// The values of a line. Names and columns that nobody knows may be of several words: as many as
    /// make the rest fit. Where more than one reading fits, the one whose words stand below the header's
    /// is taken.
    fn fields<'a>(&self, line: &'a str, tokens: &[&'a str]) -> Option<Fields<'a>> {
        let mut reading = Reading {
            table: self,
            line,
            tokens,
            tries: 0,
            widths: Vec::new(),
            best: None,
        };
        let is_ambiguous = self.columns.contains(&Unknown);
        reading.read(0, Fields::default(), 0, is_ambiguous);
        reading.best.map(|(_, fields)| fields)
    }
}

/// Whether a word may be the name of a column: capitals, and what stands in parentheses.
fn is_name(word: &str) -> bool {
    let name = word.split(['(', '_', '/']).next().unwrap_or_default();
    word.len() <= 24
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|byte| {
            byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"%#-.".contains(&byte)
        })
}

/// A search for the words that each column of a line has.
struct Reading<'t, 'a> {
    table: &'t TextTable,
    line: &'a str,
    tokens: &'t [&'a str],
    tries: u32,
    /// Tokens of the columns so far, to see whether they stand below the header's words.
    widths: Vec<(usize, usize)>,
    best: Option<(usize, Fields<'a>)>,
}

impl<'a> Reading<'_, 'a> {
    /// Reads the columns from one on. True when no further reading is needed.
    fn read(&mut self, column: usize, fields: Fields<'a>, at: usize, is_ambiguous: bool) -> bool {
        let Some(&kind) = self.table.columns.get(column) else {
            if at != self.tokens.len() {
                return false;
            }
            let aligned = self.aligned();
            if self.best.as_ref().is_none_or(|(best, _)| aligned > *best) {
                self.best = Some((aligned, fields));
            }
            return !is_ambiguous;
        };
        self.tries = self.tries.saturating_add(1);
        if self.tries > MAX_TRIES {
            return true;
        }
        let next = column.saturating_add(1);
        if !matches!(kind, Comm | Unknown) {
            let is_last = next == self.table.columns.len();
            let mut fields = fields;
            let Some(end) = fields.read_one(kind, is_last, self.line, self.tokens, at) else {
                return false;
            };
            return self.go_on(next, fields, (at, end), is_ambiguous);
        }
        for words in 1..=MAX_WORDS {
            let Some(end) = at.checked_add(words) else {
                return false;
            };
            let Some(name) = self
                .tokens
                .get(at..end)
                .and_then(|name| covering(self.line, name))
            else {
                return false;
            };
            let mut fields = fields.clone();
            if kind == Comm {
                // Bytes that are no UTF-8 have become three each.
                let lost = name
                    .matches(char::REPLACEMENT_CHARACTER)
                    .count()
                    .saturating_mul(2);
                if name.len().saturating_sub(lost) > MAX_COMM_BYTES {
                    return false;
                }
                fields.values.set_text("comm", name);
            }
            if self.go_on(next, fields, (at, end), is_ambiguous) {
                return true;
            }
            if self.table.is_csv {
                return false;
            }
        }
        false
    }

    fn go_on(
        &mut self,
        next: usize,
        fields: Fields<'a>,
        tokens: (usize, usize),
        is_ambiguous: bool,
    ) -> bool {
        self.widths.push(tokens);
        let is_done = self.read(next, fields, tokens.1, is_ambiguous);
        self.widths.pop();
        is_done
    }

    /// How many columns begin or end where the header's words do.
    fn aligned(&self) -> usize {
        let stands = |((from, to), place): (&(usize, usize), &(usize, usize))| {
            let start = self.tokens.get(*from).map(|token| offset(self.line, token));
            let last = to.checked_sub(1).and_then(|last| self.tokens.get(last));
            let end = last.map(|token| offset(self.line, token).saturating_add(token.len()));
            start == Some(place.0) || end == Some(place.1)
        };
        self.widths
            .iter()
            .zip(&self.table.places)
            .filter(|pair| stands(*pair))
            .count()
    }
}

/// Where a part of a line begins in it.
fn offset(line: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(line.as_ptr() as usize)
}

/// The part of a line from the first to the last of some of its tokens.
fn covering<'a>(line: &'a str, tokens: &[&'a str]) -> Option<&'a str> {
    let (first, last) = (tokens.first()?, tokens.last()?);
    let end = offset(line, last).checked_add(last.len())?;
    line.get(offset(line, first)..end)
}

#[derive(Debug, Clone, Default)]
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
    /// Reads a column from some token on, and tells behind which token it ends.
    fn read_one(
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
                self.elapsed = Some((decimal(token, unit)?, resolution.unwrap_or(1).max(1)));
            }
            Monotonic(unit) => self.monotonic = Some(decimal(token, unit)?),
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
                    if let Some(step) = clock.notice(ns) {
                        recording.clock_step(step);
                    }
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
    let id = token.parse::<i32>().ok()?;
    (id >= 0).then_some(i64::from(id))
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
