//! One small recording of each format, and what becomes of it.
#![allow(clippy::unwrap_used, reason = "a test ends where its input is wrong")]

use crate::decoded::{decode, try_decode};
use chrono::NaiveDate;
use kcorr_ingest_bpf::{BpfOptions, FieldMap, Format, recognise};

/// Decodes a fixture by content, on 21 November 2026.
fn decoded(bytes: &[u8]) -> String {
    let options = BpfOptions {
        date: NaiveDate::from_ymd_opt(2026, 11, 21),
        ..BpfOptions::default()
    };
    try_decode(&[bytes], options).unwrap().whole_text()
}

macro_rules! fixture {
    ($test:ident, $file:literal, $format:literal) => {
        #[test]
        fn $test() {
            let bytes = include_bytes!(concat!("../data/", $file));
            assert_eq!(recognise(bytes), Some($format));
            insta::assert_snapshot!(decoded(bytes));
        }
    };
}

fixture!(
    all_probes_on_ext4,
    "probes-ext4.jsonl",
    "kcorr probe JSON lines"
);
fixture!(
    the_probes_on_xfs,
    "probes-xfs.jsonl",
    "kcorr probe JSON lines"
);
fixture!(bpftrace_json, "bpftrace.json", "bpftrace JSON");
fixture!(
    bpftrace_json_of_every_type,
    "bpftrace-mixed.json",
    "bpftrace JSON"
);
fixture!(ext4slower, "ext4slower.txt", "slow file operations, text");
fixture!(
    ext4slower_csv,
    "ext4slower.csv",
    "slow file operations, comma-separated"
);
fixture!(xfsslower, "xfsslower.txt", "slow file operations, text");
fixture!(btrfsslower, "btrfsslower.txt", "slow file operations, text");
fixture!(fileslower, "fileslower.txt", "slow file operations, text");
fixture!(file_lines, "file-lines.txt", "slow file operations, text");
fixture!(function_lines, "function-lines.txt", "function calls, text");
fixture!(funcslower, "funcslower.txt", "function calls, text");
fixture!(biosnoop, "biosnoop.txt", "block I/O, text");
fixture!(runqslower, "runqslower.txt", "run-queue waits, text");
fixture!(profile_folded, "profile-folded.txt", "folded stacks");
fixture!(offcputime_folded, "offcputime-folded.txt", "folded stacks");
fixture!(profile, "profile.txt", "stacks, text");
fixture!(offcputime, "offcputime.txt", "stacks, text");
fixture!(offcputime_of_old_bcc, "offcputime-old.txt", "stacks, text");

const MAP: &str = r#"
clock = "monotonic"

[[event]]
table = "writes"
when = { type = "vfs_write", ok = true }
[event.fields]
start_time = { path = "ts", unit = "us" }
duration_ns = { path = "lat_ms", unit = "ms" }
tid = "thread.id"
comm = "thread.name"
bytes = "size"
file_offset = { path = "off", unit = "kib" }
directory = "dir"
file = "name"
operation = { value = "write" }

[[event]]
table = "function_calls"
when = { type = "call" }
[event.fields]
start_time = { path = "start", unit = "s" }
end_time = { path = "end", unit = "s" }
function = "fn"
"#;

const MAPPED: &str = r#"{"type":"vfs_write","ok":true,"ts":1000,"lat_ms":"2.5","thread":{"id":7,"name":"a \"b\""},"size":500,"off":4,"dir":"orders-1","name":"00000000000000000042.log"}
{"type":"vfs_write","ok":false,"ts":1001}
{"type":"call","start":"1.000000001","end":1.5,"fn":"vfs_fsync"}
{"type":"vfs_write","ok":true,"ts":"soon","lat_ms":1,"thread":{"id":99999999999}}
"#;

#[test]
fn other_peoples_json_by_a_field_map() {
    let options = BpfOptions {
        field_map: Some(FieldMap::parse(MAP).unwrap()),
        ..BpfOptions::default()
    };
    let decoded = try_decode(&[MAPPED.as_bytes()], options).unwrap();
    insta::assert_snapshot!(decoded.whole_text());
    assert_eq!(recognise(MAPPED.as_bytes()), None);
}

#[test]
fn a_forced_format_needs_no_header() {
    let whole = include_str!("../data/ext4slower.txt");
    let rows: Vec<&str> = whole.lines().skip(2).collect();
    let options = BpfOptions {
        format: Some(Format::Ext4slower),
        date: NaiveDate::from_ymd_opt(2026, 11, 21),
        ..BpfOptions::default()
    };
    let text = format!("{}\n", rows.join("\n"));
    let forced = try_decode(&[text.as_bytes()], options).unwrap();
    let table = decoded(whole.as_bytes());
    assert!(table.contains(&forced.text("writes")));
}

#[test]
fn what_is_no_recording_is_an_error_that_shows_its_start() {
    for input in [
        "",
        "\n\n",
        "hello\nworld\n",
        "{\"a\":1}\n",
        "\u{0}\u{1}\u{2}",
    ] {
        let error = try_decode(&[input.as_bytes()], BpfOptions::default()).unwrap_err();
        assert_eq!(error.kind(), kcorr_model::ErrorKind::Unrecognised);
        assert_eq!(recognise(input.as_bytes()), None);
    }
    let error = try_decode(&[b"hello\n"], BpfOptions::default()).unwrap_err();
    assert!(error.to_string().contains("hello"), "{error}");
}

#[test]
fn bytes_of_anything_are_no_trace() {
    // Lines that begin with `@`, as of maps, and are none.
    for line in [
        "@",
        "@@",
        "@x",
        "@x y: 1",
        "@1: 2",
        "@\u{1}[",
        "@x\u{fffd}: 5",
    ] {
        let error =
            try_decode(&[format!("{line}\n").as_bytes()], BpfOptions::default()).unwrap_err();
        assert_eq!(
            error.kind(),
            kcorr_model::ErrorKind::Unrecognised,
            "{line:?}"
        );
    }
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..20 {
        let bytes = (0..200_000).flat_map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            // A line end and `@` in some hundred bytes.
            let byte = (state >> 32).to_le_bytes()[0];
            if byte == b'\n' {
                vec![b'\n', b'@']
            } else {
                vec![byte]
            }
        });
        let bytes: Vec<u8> = bytes.collect();
        let error = try_decode(&[&bytes], BpfOptions::default()).unwrap_err();
        assert_eq!(error.kind(), kcorr_model::ErrorKind::Unrecognised);
    }
}

#[test]
fn a_map_by_itself_is_bpftrace_text() {
    for text in [
        "@: 5\n",
        "@reads[java, 5]: 3\n",
        "@usecs:\n[2, 4)   3 |@@@  |\n",
    ] {
        let decoded = try_decode(&[text.as_bytes()], BpfOptions::default());
        assert!(decoded.is_ok(), "{text:?}");
    }
}

#[test]
fn lost_events_fall_between_the_events_around_them() {
    let recording = "\
{\"ev\":\"write\",\"start_ns\":10,\"end_ns\":20,\"tid\":1}
Lost 5 events
Lost 7 events
{\"ev\":\"write\",\"start_ns\":30,\"end_ns\":40,\"tid\":1}
{\"type\": \"lost_events\", \"data\": {\"events\": 3}}
";
    let decoded = decode(recording.as_bytes());
    let loss = &decoded.summary.losses[0];
    assert_eq!((loss.kind.name, loss.count), ("bpf_events_lost", 15));
    assert_eq!(loss.time_range, Some((20, 40)));
    assert_eq!(loss.first_position, kcorr_model::Position::Line(2));
}

#[test]
fn a_bad_line_is_a_loss_with_its_number_and_start() {
    let recording = "\
{\"ev\":\"write\",\"start_ns\":10,\"end_ns\":20,\"tid\":1}
{\"ev\":\"write\",\"start_ns\":10,\"end_n{\"ev\":\"write\"
{\"ev\":\"write\",\"end_ns\":40,\"tid\":1}
{\"ev\":\"write\",\"start_ns\":50,\"end_ns\":40,\"tid\":1}
{\"ev\":\"write\",\"start_ns\":50,\"end_ns\":60,\"tid\":5000000000}
{\"ev\":\"page_fault\",\"start_ns\":50,\"end_ns\":60}
";
    insta::assert_snapshot!(decode(recording.as_bytes()).whole_text());
}

#[test]
fn old_versions_printf_without_escapes_is_read() {
    let line = "{\"type\": \"printf\", \"data\": \"{\"ev\":\"write\",\"start_ns\":10,\"end_ns\":20,\"tid\":1}\\n\"}\n";
    assert_eq!(decode(line.as_bytes()).row_count("writes"), 1);
}

#[test]
fn times_of_two_clocks_in_one_recording_are_a_loss() {
    let text = include_str!("../data/ext4slower.txt");
    let event = "{\"ev\":\"write\",\"start_ns\":10,\"end_ns\":20,\"tid\":1}\n";
    let mixed = decode([text, event].concat().as_bytes());
    let names: Vec<&str> = mixed
        .summary
        .losses
        .iter()
        .map(|loss| loss.kind.name)
        .collect();
    assert_eq!(names, ["bpf_mixed_clocks"]);
}

#[test]
fn maps_without_stacks_are_told_and_their_bars_are_no_bad_lines() {
    let text = "\
Attaching 2 probes...

@bytes[java]: 12
@usecs:
[2, 4)                 3 |@@@@@@@@@@                                          |
[4, 8)                15 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|
@ms_by_stack[
    io_schedule+63
    vfs_write+559
, java, 4242]: count 3, average 5, total 15
";
    insta::assert_snapshot!(decode(text.as_bytes()).whole_text());
}
