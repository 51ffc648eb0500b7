//! What `bpftrace -f json` prints around the output of a script: one object a line, whose `type` says
//! what its `data` is. Text of `printf` comes as strings, in pieces that need not be lines.

use serde_json::Value;

use kcorr_model::lines::start_of;

use crate::findings::Findings;
use crate::json::object::Object;
use crate::losses::{BPF_SUMMARY_SKIPPED, BPF_UNKNOWN_EVENT};
use crate::stacks::map;

/// What the format is called to people.
pub(crate) const FORMAT: &str = "bpftrace JSON";

/// Start of a `printf` object, as every version writes it.
const PRINTF: &[u8] = b"{\"type\": \"printf\", \"data\": \"";

/// Reads an object with a `type`, and returns the text that the script printed with it. None when the
/// object is none of bpftrace's.
pub(crate) fn read(object: &Object, line: &[u8], findings: &mut Findings) -> Option<String> {
    let kind = object.get("type")?.as_str()?;
    let data = object.get("data")?;
    findings.recognised_as(FORMAT);
    let mut text = String::new();
    match kind {
        "printf" | "cat" | "join" => {
            text.push_str(data.as_str().unwrap_or_default());
        }
        "attached_probes" | "time" | "strftime" | "system" | "syscall" | "value" => {}
        "lost_events" => {
            let count = data.get("events").unwrap_or(data).as_u64();
            findings.lost_events(count.unwrap_or(1));
        }
        "map" | "hist" | "lhist" | "stats" | "tseries" => map(kind, data, line, findings),
        _ => findings.loss(&BPF_UNKNOWN_EVENT, || {
            format!("bpftrace output of type `{kind}`: {}", start_of(line))
        }),
    }
    Some(text)
}

/// Maps by name. Stacks are keys, with a frame a line.
fn map(kind: &str, data: &Value, line: &[u8], findings: &mut Findings) {
    let Some(maps) = data.as_object() else {
        findings.bad_line(line, "maps by name");
        return;
    };
    for (name, entries) in maps {
        let name = name.trim_start_matches('@');
        match entries {
            Value::Object(entries) if kind == "map" || kind == "stats" => {
                for (key, value) in entries {
                    map::entry(name, key, &sum_from_value(value), findings);
                }
            }
            _ => findings.loss(&BPF_SUMMARY_SKIPPED, || format!("{kind} @{name}")),
        }
    }
}

/// A map's value as bpftrace's text output writes it.
fn sum_from_value(value: &Value) -> String {
    let field = |name: &str| value.get(name).and_then(Value::as_i64);
    match (field("count"), field("total")) {
        (Some(count), Some(total)) => format!("count {count}, total {total}"),
        _ => value.to_string(),
    }
}

/// The text of a `printf` line that is no valid JSON: old versions do not escape what a script
/// prints. None when it is no `printf` line.
pub(crate) fn printf_text(line: &[u8]) -> Option<String> {
    let text = line.strip_prefix(PRINTF)?;
    let text = String::from_utf8_lossy(text.strip_suffix(b"\"}")?);
    let mut unescaped = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            unescaped.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => unescaped.push('\n'),
            Some('t') => unescaped.push('\t'),
            Some('r') => unescaped.push('\r'),
            Some(other @ ('"' | '\\' | '/')) => unescaped.push(other),
            // Not an escape of these: as it stands.
            Some(other) => unescaped.extend(['\\', other]),
            None => unescaped.push('\\'),
        }
    }
    Some(unescaped)
}
