//! Where the fields of other people's JSON lines belong: `--bpf-map map.toml`.
//!
//! ```toml
//! clock = "monotonic"              # or boottime, realtime, local_time, elapsed
//!
//! [[event]]
//! table = "writes"
//! when = { type = "vfs_write" }    # all of these must be so; without it, always
//!
//! [event.fields]
//! start_time = { path = "ts", unit = "us" }
//! duration_ns = { path = "lat", unit = "us" }
//! tid = "thread.id"                # a path into nested objects
//! bytes = "size"
//! directory = "dir"
//! file = "name"
//! operation = { value = "write" }  # the same in every row
//! ```

use std::collections::BTreeMap;

use kcorr_model::lines::start_of;
use kcorr_model::{ClockKind, integer_from_decimal};
use serde::Deserialize;
use serde_json::Value;

use crate::findings::Findings;
use crate::json::object::Object;
use crate::losses::{BPF_BAD_VALUE, BPF_UNKNOWN_EVENT, BPF_UNKNOWN_OPERATION};
use crate::operation::{known_words, operation_from_text};
use crate::rows::NO_I64;
use crate::rows::errno::outcome;
use crate::text::local_time::{LocalClock, TextTime};
use crate::values::{NUMBERS, TEXTS, Values};

/// Tables that a field map can fill.
const TABLES: &[&str] = &[
    "writes",
    "lock_waits",
    "function_calls",
    "pauses",
    "run_queue_waits",
    "block_io",
];

/// A field map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldMap {
    clock: ClockKind,
    events: Vec<EventMap>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct EventMap {
    table: &'static str,
    /// Paths and what must be there.
    when: Vec<(String, String)>,
    fields: Vec<(&'static str, Source)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// A path, and how much of the column's unit the value counts.
    Path(String, i64),
    Value(String),
}

/// A field map cannot be used; the message says where and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field map: {0}")]
pub struct FieldMapError(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MapFile {
    clock: Option<String>,
    #[serde(default)]
    event: Vec<EventFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventFile {
    table: String,
    #[serde(default)]
    when: BTreeMap<String, Value>,
    fields: BTreeMap<String, FieldFile>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum FieldFile {
    Path(String),
    Source { path: String, unit: Option<String> },
    Value { value: Value },
}

impl FieldMap {
    /// Reads a map from TOML.
    ///
    /// # Errors
    /// When the text is no TOML, or names a table, column, unit or clock that there is not, or an
    /// event that could make no row.
    pub fn parse(text: &str) -> Result<Self, FieldMapError> {
        let error = |message: String| FieldMapError(message);
        let file: MapFile = toml::from_str(text).map_err(|e| error(e.to_string()))?;
        let clock = match file.clock.as_deref() {
            None | Some("monotonic") => ClockKind::Monotonic,
            Some("boottime") => ClockKind::Boottime,
            Some("realtime") => ClockKind::Realtime,
            Some("local_time") => ClockKind::LocalTime,
            Some("elapsed") => ClockKind::Elapsed,
            Some(other) => {
                return Err(error(format!(
                    "clock `{other}` is none of monotonic, boottime, realtime, local_time, elapsed"
                )));
            }
        };
        if file.event.is_empty() {
            return Err(error("there is no [[event]]".to_owned()));
        }
        let events: Result<Vec<_>, _> = file.event.into_iter().map(EventMap::from_file).collect();
        Ok(Self {
            clock,
            events: events?,
        })
    }

    /// Takes an object as the first event of the map that it fits.
    pub(crate) fn read(
        &self,
        object: &Object,
        line: &[u8],
        local: &mut LocalClock,
        findings: &mut Findings,
    ) {
        let Some(event) = self.events.iter().find(|event| event.fits(object)) else {
            findings.loss(&BPF_UNKNOWN_EVENT, || {
                format!("no event of the field map fits: {}", start_of(line))
            });
            return;
        };
        findings.recognised_as("JSON lines by a field map");
        findings.clock_is(self.clock);
        let mut values = Values::default();
        for (name, source) in &event.fields {
            let found;
            let value = match source {
                Source::Value(text) => {
                    set_constant(&mut values, name, text);
                    continue;
                }
                Source::Path(path, unit) => match at_path(object, path) {
                    None | Some(Value::Null) => continue,
                    Some(value) => {
                        found = value;
                        (value, *unit)
                    }
                },
            };
            if *name == "operation" && event.table == "writes" {
                let word = value.0.as_str().unwrap_or_default();
                match operation_from_text(word) {
                    Some(operation) => values.set_text(name, operation),
                    None => {
                        findings.loss(&BPF_UNKNOWN_OPERATION, || {
                            let word = start_of(found.to_string().as_bytes());
                            format!("operation is {word}; known are {}", known_words())
                        });
                        return;
                    }
                }
                continue;
            }
            if !set(&mut values, name, value, local) {
                findings.loss(&BPF_BAD_VALUE, || {
                    format!("{name} is {}", start_of(found.to_string().as_bytes()))
                });
            }
        }
        findings.push_values(event.table, &values, line);
    }
}

impl EventMap {
    fn from_file(file: EventFile) -> Result<Self, FieldMapError> {
        let Some(table) = TABLES.iter().find(|table| **table == file.table) else {
            return Err(FieldMapError(format!(
                "table `{}` is none of {}",
                file.table,
                TABLES.join(", ")
            )));
        };
        let mut fields = Vec::new();
        for (column, source) in file.fields {
            let known = NUMBERS.iter().chain(TEXTS).find(|name| **name == column);
            let Some(name) = known else {
                return Err(FieldMapError(format!(
                    "column `{column}` is none of {}, {}",
                    NUMBERS.join(", "),
                    TEXTS.join(", ")
                )));
            };
            let source = match source {
                FieldFile::Path(path) => Source::Path(path, 1),
                FieldFile::Source { path, unit } => Source::Path(path, unit_of(name, unit)?),
                FieldFile::Value { value } => {
                    let text = text_of(&value);
                    let is_operation = *table == "writes" && *name == "operation";
                    match operation_from_text(&text) {
                        Some(word) if is_operation => Source::Value(word.to_owned()),
                        None if is_operation => {
                            return Err(FieldMapError(format!(
                                "operation `{text}` is none of {}",
                                known_words()
                            )));
                        }
                        _ => Source::Value(text),
                    }
                }
            };
            fields.push((*name, source));
        }
        let has = |name: &str| fields.iter().any(|(column, _)| *column == name);
        let times = ["start_time", "end_time", "duration_ns"];
        if times.iter().filter(|name| has(name)).count() < 2 {
            return Err(FieldMapError(format!(
                "an event of `{table}` needs two of start_time, end_time and duration_ns"
            )));
        }
        let required: &[&str] = match *table {
            "writes" => &["operation"],
            "lock_waits" => &["kind"],
            "function_calls" => &["function"],
            "pauses" => &["kind", "name"],
            _ => &[],
        };
        if let Some(missing) = required.iter().find(|name| !has(name)) {
            return Err(FieldMapError(format!(
                "an event of `{table}` needs {missing}"
            )));
        }
        let when = file.when.iter();
        Ok(Self {
            table,
            when: when
                .map(|(path, value)| (path.clone(), text_of(value)))
                .collect(),
            fields,
        })
    }

    fn fits(&self, object: &Object) -> bool {
        self.when.iter().all(|(path, expected)| {
            at_path(object, path).is_some_and(|value| match value {
                Value::String(text) => text == expected,
                Value::Number(number) => number.to_string().eq(expected),
                Value::Bool(flag) => flag.to_string().eq(expected),
                _ => false,
            })
        })
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// How much of a column's unit one of a named unit is.
fn unit_of(column: &str, unit: Option<String>) -> Result<i64, FieldMapError> {
    let is_time = column.ends_with("_time") || column.ends_with("_ns");
    let is_size = matches!(column, "bytes" | "file_offset");
    let Some(unit) = unit else { return Ok(1) };
    match (unit.as_str(), is_time, is_size) {
        ("ns", true, _) | ("bytes", _, true) => Ok(1),
        ("us", true, _) => Ok(1_000),
        ("ms", true, _) => Ok(1_000_000),
        ("s", true, _) => Ok(1_000_000_000),
        ("kib", _, true) => Ok(1_024),
        ("sectors", _, true) => Ok(512),
        _ => Err(FieldMapError(format!(
            "unit `{unit}` does not fit {column}: times have ns, us, ms, s; sizes bytes, kib, sectors"
        ))),
    }
}

fn at_path<'a>(object: &'a Object, path: &str) -> Option<&'a Value> {
    // A key may hold dots itself.
    if let Some(value) = object.get(path) {
        return Some(value);
    }
    let mut parts = path.split('.');
    let first = object.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}

fn set_constant(values: &mut Values<'_>, name: &'static str, text: &str) {
    match text.parse() {
        Ok(number) if NUMBERS.contains(&name) => values.set_number(name, number),
        _ => values.set_text(name, text.to_owned()),
    }
}

/// Sets a value of the input; false when it does not fit the column.
fn set(
    values: &mut Values<'_>,
    name: &'static str,
    (value, unit): (&Value, i64),
    local: &mut LocalClock,
) -> bool {
    if TEXTS.contains(&name) {
        match value {
            Value::String(text) => values.set_text(name, text.clone()),
            Value::Number(number) => values.set_text(name, number.to_string()),
            _ => return false,
        }
        return true;
    }
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return false,
    };
    let number = if name == "lock_address" && text.starts_with("0x") {
        let digits = text.trim_start_matches("0x");
        u64::from_str_radix(digits, 16).ok().map(u64::cast_signed)
    } else if let Some(positive) = text.strip_prefix('-') {
        integer_from_decimal(positive, unit).map(i64::wrapping_neg)
    } else if name.ends_with("_time") && text.contains(':') {
        TextTime::from_text(&text.replacen(' ', "T", 1)).map(|time| local.ns(time))
    } else {
        integer_from_decimal(&text, unit)
    };
    let fits = |number: &i64| {
        *number != NO_I64
            && match name {
                "pid" | "tid" => i32::try_from(*number).is_ok(),
                "bytes" | "return_value" => outcome(*number).is_some(),
                _ => true,
            }
    };
    match number.filter(fits) {
        Some(number) => values.set_number(name, number),
        None => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        FieldMap::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_map_that_could_make_no_row_is_refused() {
        assert!(error("").contains("no [[event]]"));
        assert!(error("[[event]]\ntable = \"write\"\nfields = {}").contains("`write`"));
        let no_times = "[[event]]\ntable = \"run_queue_waits\"\nfields = { start_time = \"a\" }";
        assert!(error(no_times).contains("two of"));
        let typo = "[[event]]\ntable = \"writes\"\nfields = { start_tme = \"a\" }";
        assert!(error(typo).contains("start_tme"));
        let unit =
            "[[event]]\ntable = \"writes\"\nfields = { tid = { path = \"a\", unit = \"s\" } }";
        assert!(error(unit).contains("does not fit tid"));
    }
}
