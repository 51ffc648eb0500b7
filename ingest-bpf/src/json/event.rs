//! The general path for JSON lines of kcorr's probes: any event, order, spacing, escapes and unknown
//! keys. `probes/README.md` lists the events and their keys.

use std::net::{IpAddr, SocketAddr};

use kcorr_model::lines::start_of;
use kcorr_model::{ClockAnchor, ClockKind};
use serde_json::Value;

use crate::device::Device;
use crate::findings::Findings;
use crate::json::object::{Object, bad_value, integer, integer_from_value};
use crate::json::standing;
use crate::losses::{BPF_INCOMPLETE_EVENT, BPF_UNKNOWN_EVENT};
use crate::operation::operation_from_text;
use crate::rows::errno::outcome;
use crate::rows::rows_of_source::AnyRow;
use crate::rows::stack_sample::StackSample;
use crate::rows::{NO_I32, NO_I64};
use crate::stacks::text::{frames_from_text, state_of};
use crate::values::{Values, class_from_internal, file_system_from_magic};

/// What the format is called to people.
pub(crate) const FORMAT: &str = "kcorr probe JSON lines";

/// Takes an object that has an `ev`. `line` is shown when something is wrong with it.
pub(crate) fn read(object: &Object, event: &str, line: &[u8], findings: &mut Findings) {
    match event {
        "clock" => clock(object, line, findings),
        "lost" => {
            let count = integer(object, "count").and_then(|count| u64::try_from(count).ok());
            findings.lost_events(count.unwrap_or(1));
        }
        "probe" => probe(object, findings),
        "stack" => stack(object, line, findings),
        "standing" => standing::row(object, line, findings),
        "kernel_stack" => standing::kernel_stack(object, line, findings),
        "file_name" => standing::file_name(object, line, findings),
        _ => row(object, event, line, findings),
    }
    findings.recognised_as(FORMAT);
}

/// The table of an event and what the event itself says.
fn table_of(event: &str) -> Option<(&'static str, Option<(&'static str, &'static str)>)> {
    Some(match event {
        "write" => ("writes", Some(("operation", "write"))),
        "monitor_contended" => ("lock_waits", Some(("kind", "monitor"))),
        "journal_commit" => (
            "function_calls",
            Some(("function", "jbd2_journal_commit_transaction")),
        ),
        "journal_wait" => ("function_calls", Some(("function", "start_this_handle"))),
        "call" => ("function_calls", None),
        "pause" => ("pauses", None),
        "run_queue_wait" => ("run_queue_waits", None),
        "block_io" => ("block_io", None),
        "connection_thread" => ("socket_threads", None),
        _ => return None,
    })
}

/// Keys of numbers, and the values they are.
const NUMBERS: &[(&str, &str)] = &[
    ("start_ns", "start_time"),
    ("end_ns", "end_time"),
    ("duration_ns", "duration_ns"),
    ("pid", "pid"),
    ("tid", "tid"),
    ("java_thread_id", "java_thread_id"),
    ("bytes", "bytes"),
    ("offset", "file_offset"),
    ("ret", "return_value"),
    ("dir_len", "directory_bytes"),
    ("transaction", "transaction"),
    ("queue_ns", "queue_ns"),
    ("sector", "sector"),
];

/// Keys of text, and the values they are.
const TEXTS: &[(&str, &str)] = &[
    ("comm", "comm"),
    ("op", "operation"),
    ("dir", "directory"),
    ("file", "file"),
    ("fs", "file_system"),
    ("function", "function"),
    ("kind", "kind"),
    ("name", "name"),
    ("cause", "cause"),
];

fn row(object: &Object, event: &str, line: &[u8], findings: &mut Findings) {
    let Some((table, fixed)) = table_of(event) else {
        findings.loss(&BPF_UNKNOWN_EVENT, || {
            format!("event `{event}`: {}", start_of(line))
        });
        return;
    };
    let mut values = Values::default();
    if let Some((name, value)) = fixed {
        values.set_text(name, value);
    }
    for &(key, name) in NUMBERS {
        let Some(value) = object.get(key) else {
            continue;
        };
        let in_range = |value: &i64| {
            *value != NO_I64
                && match name {
                    "pid" | "tid" => i32::try_from(*value).is_ok_and(|value| value != NO_I32),
                    "bytes" | "return_value" => outcome(*value).is_some(),
                    _ => true,
                }
        };
        match integer_from_value(value).filter(in_range) {
            Some(value) => values.set_number(name, value),
            None if value.is_null() => {}
            None => bad_value(key, value, findings),
        }
    }
    for &(key, name) in TEXTS {
        match object.get(key) {
            // A letter is one of the tables' letters.
            Some(Value::String(text)) if key == "op" && table == "writes" && text.len() == 1 => {
                match operation_from_text(text) {
                    Some(operation) => values.set_text(name, operation),
                    None => bad_value(key, &Value::String(text.clone()), findings),
                }
            }
            Some(Value::String(text)) => values.set_text(name, text.as_str()),
            None | Some(Value::Null) => {}
            Some(value) => bad_value(key, value, findings),
        }
    }
    match object.get("class") {
        Some(Value::String(class)) => values.set_text("lock_class", class_from_internal(class)),
        None | Some(Value::Null) => {}
        Some(value) => bad_value("class", value, findings),
    }
    if let Some(value) = object.get("monitor") {
        match address(value).filter(|&value| value != NO_I64) {
            Some(address) => values.set_number("lock_address", address),
            None => bad_value("monitor", value, findings),
        }
    }
    match object.get("dev") {
        Some(Value::String(name)) => values.set_text("device", name.as_str()),
        Some(value) => match integer_from_value(value).filter(|device| *device >= 0) {
            Some(device) => values.set_text("device", Device(device).to_string()),
            None if value.is_null() => {}
            None => bad_value("dev", value, findings),
        },
        None => {}
    }
    if let Some(magic) = integer(object, "fs_magic") {
        match file_system_from_magic(magic) {
            Some(name) => values.set_text("file_system", name),
            None => values.set_text("file_system", format!("{magic:#x}")),
        }
    }
    if event == "connection_thread" {
        moment(object, &mut values);
        for (key, port, name) in [
            ("peer", "peer_port", "peer_address"),
            ("local", "local_port", "local_address"),
        ] {
            match socket_address(object, key, port) {
                Some(address) => values.set_text(name, address.to_string()),
                None => bad_value(key, object.get(key).unwrap_or(&Value::Null), findings),
            }
        }
    }
    // A probe prints 0 for the start of what began before it was attached.
    if values.number("start_time").is_some_and(|start| start <= 0) {
        findings.loss(&BPF_INCOMPLETE_EVENT, || {
            format!("the event's start was not seen: {}", start_of(line))
        });
        return;
    }
    findings.has_boot_times = true;
    findings.push_values(table, &values, line);
}

/// The time of an event that has no length.
fn moment(object: &Object, values: &mut Values<'_>) {
    if let Some(time) = integer(object, "time_ns").filter(|&time| time != NO_I64) {
        values.set_number("start_time", time);
        values.set_number("end_time", time);
    }
}

/// An address and a port that stand apart. An IPv4 address within an IPv6 one (`::ffff:10.0.0.5`, as a socket
/// of both has it) is the IPv4 address, as it is on the wire.
fn socket_address(object: &Object, address: &str, port: &str) -> Option<SocketAddr> {
    let address: IpAddr = object.get(address)?.as_str()?.parse().ok()?;
    let port = u16::try_from(integer(object, port)?).ok()?;
    Some(SocketAddr::new(address.to_canonical(), port))
}

/// `{"ev":"clock","mono_ns":…,"wall":"secs.micros"}`; `boot_ns` instead of `mono_ns` says that the
/// times are of CLOCK_BOOTTIME, and so does `"clock":"boottime"`.
fn clock(object: &Object, line: &[u8], findings: &mut Findings) {
    let declared_boot = object.get("clock").and_then(Value::as_str) == Some("boottime");
    let (clock, reading) = match (object.get("boot_ns"), object.get("mono_ns")) {
        (Some(reading), _) => (ClockKind::Boottime, Some(reading)),
        (None, reading) if declared_boot => (ClockKind::Boottime, reading),
        (None, reading) => (ClockKind::Monotonic, reading),
    };
    let reading = reading.and_then(integer_from_value);
    let wall = object
        .get("wall")
        .and_then(wall_ns)
        .or_else(|| integer(object, "real_ns").map(|ns| (ns, 1)));
    let (Some(reading), Some((wall_ns, resolution_ns))) = (reading, wall) else {
        findings.loss(&BPF_INCOMPLETE_EVENT, || {
            format!("a clock line lacks a clock: {}", start_of(line))
        });
        return;
    };
    findings.clock_is(clock);
    findings.anchor(ClockAnchor {
        clock,
        time_ns: reading,
        reference: ClockKind::Realtime,
        reference_time_ns: wall_ns,
        // bpftrace converts with an offset that it took at its start, to about 1 µs.
        uncertainty_ns: resolution_ns.max(1_000),
    });
}

/// Wall time in ns and the weight of its last digit, from `secs.fraction` as text or number.
fn wall_ns(value: &Value) -> Option<(i64, i64)> {
    let number;
    let text = match value {
        Value::String(text) => text.trim(),
        Value::Number(value) => {
            number = value.to_string();
            number.as_str()
        }
        _ => return None,
    };
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = seconds.parse().ok()?;
    if fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = u32::try_from(fraction.len()).ok()?;
    let resolution = 10i64.checked_pow(9u32.checked_sub(digits)?)?;
    let fraction: i64 = if fraction.is_empty() {
        0
    } else {
        fraction.parse().ok()?
    };
    let ns = seconds
        .checked_mul(1_000_000_000)?
        .checked_add(fraction.checked_mul(resolution)?)?;
    Some((ns, resolution))
}

/// `{"ev":"probe","name":…,"clock":…,"threshold_ns":…}`: what the recorder was told.
fn probe(object: &Object, findings: &mut Findings) {
    match object.get("clock").and_then(Value::as_str) {
        Some("boottime") => findings.clock_is(ClockKind::Boottime),
        Some("monotonic") => findings.clock_is(ClockKind::Monotonic),
        _ => {}
    }
    let name = object.get("name").and_then(Value::as_str).unwrap_or("");
    let Some(threshold) = integer(object, "threshold_ns").filter(|&ns| ns > 0) else {
        return;
    };
    let (limit, detail) = match name {
        "file-writes" | "file-writes-kprobe" => (
            "file_write_threshold_ns",
            "Shorter file operations are missing.",
        ),
        "monitors" => ("monitor_threshold_ns", "Shorter monitor waits are missing."),
        _ => ("min_duration_ns", "Shorter events are missing."),
    };
    findings.limit(limit, threshold, detail);
}

/// `{"ev":"stack","time_ns":…,"tid":…,"comm":…,"state":"off_cpu","weight_ns":…,"stack":"…"}`.
fn stack(object: &Object, line: &[u8], findings: &mut Findings) {
    let Some(text) = object.get("stack").and_then(Value::as_str) else {
        findings.loss(&BPF_INCOMPLETE_EVENT, || {
            format!("a stack event has no stack: {}", start_of(line))
        });
        return;
    };
    let frames = frames_from_text(text);
    let state = object
        .get("state")
        .and_then(Value::as_str)
        .unwrap_or_else(|| state_of(&frames));
    let rows = &mut findings.rows;
    let stack_id = rows.stack_samples.stack_id(&frames, false);
    let comm = object.get("comm").and_then(Value::as_str);
    let sample = StackSample {
        time: integer(object, "time_ns").unwrap_or(NO_I64),
        state: rows.labels.intern(state.as_bytes()),
        tid: integer(object, "tid")
            .and_then(|tid| i32::try_from(tid).ok())
            .unwrap_or(NO_I32),
        thread_name: comm.map_or(0, |comm| rows.labels.intern(comm.as_bytes())),
        count: integer(object, "count").unwrap_or(1),
        weight: integer(object, "weight_ns").unwrap_or(NO_I64),
        stack_id,
    };
    rows.push(AnyRow::StackSample(sample));
}

/// An address as hex text or a number, as the `i64` of the same 64 bits.
fn address(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok().map(u64::cast_signed),
            None => text.parse().ok(),
        },
        Value::Number(number) => number
            .as_u64()
            .map(u64::cast_signed)
            .or_else(|| number.as_i64()),
        _ => None,
    }
}
