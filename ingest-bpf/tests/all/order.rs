//! Order, duplicates, splits and damage: what tracers' buffers and disks do to a recording.
#![allow(clippy::unwrap_used, reason = "a test ends where its input is wrong")]

use std::num::NonZeroUsize;

use crate::decoded::{Decoded, decode, try_decode};
use arrow::array::AsArray;
use arrow::datatypes::TimestampNanosecondType;
use kcorr_ingest_bpf::{BpfDecoder, BpfOptions};
use kcorr_model::{Decoder, Loss, SourceId};
use proptest::prelude::*;

const RECORDING: &str = include_str!("../data/ext4-ordered.jsonl");
const TABLES: [&str; 4] = ["writes", "lock_waits", "function_calls", "stack_samples"];

fn loss<'a>(decoded: &'a Decoded, name: &str) -> Option<&'a Loss> {
    decoded
        .summary
        .losses
        .iter()
        .find(|loss| loss.kind.name == name)
}

fn write_line(start: i64, tid: i64) -> String {
    let end = start + 1_000;
    format!(
        "{{\"ev\":\"write\",\"start_ns\":{start},\"end_ns\":{end},\"pid\":1,\"tid\":{tid},\"comm\":\"kafka\",\"bytes\":100,\"offset\":0,\"dir\":\"orders-{tid}\",\"file\":\"00000000000000000000.log\"}}\n"
    )
}

#[test]
fn an_event_that_is_printed_twice_is_stored_once() {
    let event = RECORDING.lines().nth(2).unwrap();
    let twice = RECORDING.replace(event, &format!("{event}\n{event}\n{event}"));
    let decoded = decode(twice.as_bytes());
    for table in TABLES {
        assert_eq!(
            decoded.text(table),
            decode(RECORDING.as_bytes()).text(table)
        );
    }
    assert_eq!(loss(&decoded, "bpf_duplicate_event").unwrap().count, 2);
}

#[test]
fn equal_lines_of_rounded_times_are_different_events() {
    let table = "TIME     COMM           PID    T BYTES   OFF_KB   LAT(ms) FILENAME\n";
    let row = "06:58:05 supervise      1884   S 0       0           0.01 status.new\n";
    let decoded = decode([table, row, row].concat().as_bytes());
    assert_eq!(decoded.row_count("writes"), 2);
    assert!(loss(&decoded, "bpf_duplicate_event").is_none());
}

#[test]
fn rows_leave_the_window_sorted_in_batches_of_bounded_size() {
    let mut input = String::new();
    for i in 0..400_000i64 {
        // Up to 50,000 rows out of order.
        let start = 1_000_000 + (i + i * 7_919 % 50_000) * 1_000_000 + i;
        input.push_str(&write_line(start, i % 16));
    }
    input.push_str(&write_line(5, 1));
    let decoded = decode(input.as_bytes());
    assert_eq!(decoded.row_count("writes"), 400_001);
    let batches = decoded.table("writes");
    assert!(batches.len() > 2 && batches.iter().all(|batch| batch.num_rows() <= 65_536));
    let times = batches.iter().flat_map(|batch| {
        let column = batch.column_by_name("start_time").unwrap();
        column
            .as_primitive::<TimestampNanosecondType>()
            .values()
            .to_vec()
    });
    let unsorted = times
        .collect::<Vec<_>>()
        .windows(2)
        .filter(|w| w[0] > w[1])
        .count();
    assert_eq!(unsorted, 1, "only the row that came too late");
    assert_eq!(loss(&decoded, "bpf_late_event").unwrap().count, 1);
}

#[test]
fn several_cores_give_the_same_batches_and_losses_as_one() {
    let mut input = String::new();
    for i in 0..60_000i64 {
        input.push_str(&write_line(1_000 + i * 100, i % 16));
        match i % 9_973 {
            17 => input.push_str("{\"ev\":\"write\",\"start_ns\":\n"),
            18 => input.push_str("Lost 3 events\n"),
            19 => input.push_str("@offcpu_us[\n    schedule+1\n"),
            25 => input.push_str("    vfs_write+2\n]: 12\n\n"),
            30 => {
                input.push_str("{\"ev\":\"write\",\"start_ns\":7,\"end_ns\":8,\"x\":\"é\\n\"}\r\n")
            }
            _ => {}
        }
    }
    let with = |threads: usize, pieces: &[&[u8]]| {
        let options = BpfOptions {
            threads: NonZeroUsize::new(threads),
            ..BpfOptions::default()
        };
        try_decode(pieces, options).unwrap()
    };
    let bytes = input.as_bytes();
    let one = with(1, &[bytes]);
    assert!(loss(&one, "bpf_bad_line").unwrap().count == 7 && one.row_count("stacks") == 1);
    let (head, tail) = bytes.split_at(3_333_333);
    for other in [with(2, &[bytes]), with(5, &[bytes]), with(3, &[head, tail])] {
        assert!(one.batches == other.batches);
        assert_eq!(one.summary, other.summary);
    }
}

#[test]
fn a_line_without_end_is_passed_over() {
    let mut input = write_line(10, 1).into_bytes();
    input.extend(std::iter::repeat_n(b'x', 9 << 20));
    input.push(b'\n');
    input.extend(write_line(20, 1).into_bytes());
    let pieces: Vec<&[u8]> = input.chunks(1 << 20).collect();
    let decoded = try_decode(&pieces, BpfOptions::default()).unwrap();
    assert_eq!(decoded.row_count("writes"), 2);
    let long = loss(&decoded, "bpf_long_line").unwrap();
    assert_eq!(
        (long.count, long.first_position),
        (1, kcorr_model::Position::Line(2))
    );
}

#[test]
fn a_table_or_stack_that_is_cut_anywhere_keeps_its_whole_lines() {
    for (name, text) in [
        ("ext4slower", include_str!("../data/ext4slower.txt")),
        ("csv", include_str!("../data/ext4slower.csv")),
        ("file lines", include_str!("../data/file-lines.txt")),
        ("biosnoop", include_str!("../data/biosnoop.txt")),
        ("folded", include_str!("../data/profile-folded.txt")),
        ("offcputime", include_str!("../data/offcputime.txt")),
    ] {
        let rows = |text: &str| {
            let decoded = try_decode(&[text.as_bytes()], BpfOptions::default()).ok()?;
            Some(decoded.batches)
        };
        let mut whole = (0, rows(""));
        for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
            let head = &text[..cut];
            let whole_lines = head.rfind('\n').map_or(0, |end| end + 1);
            if whole_lines != whole.0 {
                whole = (whole_lines, rows(&text[..whole_lines]));
            }
            assert!(rows(head) == whole.1, "{name} cut at {cut}");
        }
    }
}

#[test]
fn a_recording_goes_on_in_the_next_file() {
    let mut decoder = BpfDecoder::new(SourceId(1), BpfOptions::default());
    let mut batches = Vec::new();
    decoder
        .push(write_line(20, 1).as_bytes(), &mut batches)
        .unwrap();
    decoder
        .push(b"{\"ev\":\"write\",\"start", &mut batches)
        .unwrap();
    decoder.next_file(&mut batches).unwrap();
    decoder
        .push(write_line(10, 1).as_bytes(), &mut batches)
        .unwrap();
    let summary = decoder.finish(&mut batches).unwrap();
    let decoded = Decoded { batches, summary };
    assert_eq!(decoded.row_count("writes"), 2);
    assert_eq!(loss(&decoded, "bpf_cut_line").unwrap().count, 1);
}

#[test]
fn wall_times_are_read_as_text_or_number() {
    let input = "\
{\"ev\":\"clock\",\"mono_ns\":5,\"wall\":\"1795191774.486973\"}
{\"ev\":\"clock\",\"mono_ns\":\"6\",\"wall\":1795191774.5}
{\"ev\":\"clock\",\"boot_ns\":7,\"real_ns\":1795191774000000008}
{\"ev\":\"clock\",\"mono_ns\":8,\"wall\":\"yesterday\"}
";
    let summary = decode(input.as_bytes()).summary;
    let anchors: Vec<(&str, i64, i64, i64)> = summary
        .anchors
        .iter()
        .map(|a| {
            (
                a.clock.name(),
                a.time_ns,
                a.reference_time_ns,
                a.uncertainty_ns,
            )
        })
        .collect();
    assert_eq!(
        anchors,
        [
            ("monotonic", 5, 1_795_191_774_486_973_000, 1_000),
            ("monotonic", 6, 1_795_191_774_500_000_000, 100_000_000),
            ("boottime", 7, 1_795_191_774_000_000_008, 1_000),
        ]
    );
    let losses: Vec<&str> = summary.losses.iter().map(|loss| loss.kind.name).collect();
    assert_eq!(losses, ["bpf_incomplete_event", "bpf_mixed_clocks"]);
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z0-9._-]{0,20}", "[ -~]{0,20}", "\\PC{0,8}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn events_in_any_order_within_the_window_give_the_same_rows(
        keys in proptest::collection::vec(any::<u32>(), RECORDING.lines().count()),
    ) {
        let is_event = |line: &&str| line.starts_with("{\"ev\"") && !line.contains("\"clock\"");
        let mut events: Vec<(u32, &str)> =
            keys.into_iter().zip(RECORDING.lines().filter(is_event)).collect();
        events.sort_unstable();
        let events: Vec<&str> = events.into_iter().map(|(_, line)| line).collect();
        let others: Vec<&str> = RECORDING.lines().filter(|line| !is_event(line)).collect();
        let shuffled = format!("{}\n{}\n", events.join("\n"), others.join("\n"));
        let (shuffled, straight) = (decode(shuffled.as_bytes()), decode(RECORDING.as_bytes()));
        for table in TABLES {
            prop_assert_eq!(shuffled.text(table), straight.text(table));
        }
    }

    #[test]
    fn the_fast_and_the_general_path_give_the_same_row(
        start in 1i64..i64::MAX,
        length in any::<u32>(),
        tid in any::<i64>(),
        bytes in any::<i64>(),
        comm in name(),
        file in name(),
        monitor in any::<u64>(),
        is_write in any::<bool>(),
    ) {
        let text = |text: &str| serde_json::to_string(text).unwrap();
        let end = start.saturating_add(i64::from(length));
        let (comm, file) = (text(&comm), text(&file));
        let rest = if is_write {
            format!("\"ev\":\"write\",\"bytes\":{bytes},\"file\":{file},\"dir\":{file},\"fs_magic\":61267")
        } else {
            format!("\"ev\":\"monitor_contended\",\"monitor\":\"{monitor:#x}\",\"class\":{file}")
        };
        let line = format!("{{{rest},\"start_ns\":{start},\"end_ns\":{end},\"tid\":{tid},\"comm\":{comm}}}");
        // An unknown key keeps a line off the fast path.
        let general = line.replacen('{', "{\"unknown\":null,", 1);
        let (fast, general) = (decode(line.as_bytes()), decode(general.as_bytes()));
        for table in ["writes", "lock_waits"] {
            prop_assert_eq!(fast.text(table), general.text(table));
        }
        prop_assert_eq!(fast.summary, general.summary);
    }

    #[test]
    fn a_line_of_any_keys_and_values_is_read_as_by_the_general_path(
        lines in proptest::collection::vec(any_line(), 1..12),
    ) {
        // Of lines of one layout those after the first are compared as a whole.
        let again = lines.iter().chain(&lines).map(Vec::as_slice);
        // Something that is known for what it is.
        let known = br#"{"ev":"write","start_ns":1,"end_ns":2}"#.as_slice();
        let fast: Vec<&[u8]> = [known].into_iter().chain(again).collect();
        let general: Vec<Vec<u8>> = fast
            .iter()
            .map(|line| [b"{\"unknown\":null,", line.get(1..).unwrap_or_default()].concat())
            .collect();
        let (fast, general) = (decode(&whole(&fast)), decode(&whole(&general)));
        for table in ["writes", "lock_waits"] {
            prop_assert_eq!(fast.text(table), general.text(table));
        }
        let losses = |decoded: &Decoded| -> Vec<(&str, u64)> {
            let losses = decoded.summary.losses.iter();
            losses.map(|loss| (loss.kind.name, loss.count)).collect()
        };
        prop_assert_eq!(losses(&fast), losses(&general));
    }
}

fn whole<L: AsRef<[u8]>>(lines: &[L]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        bytes.extend_from_slice(line.as_ref());
        bytes.push(b'\n');
    }
    bytes
}

/// A value as JSON has it, or nearly.
fn any_value() -> impl Strategy<Value = Vec<u8>> {
    let near = [
        i64::MAX,
        i64::MIN,
        i64::MIN + 1,
        i64::from(i32::MIN),
        i64::from(i32::MAX) + 1,
    ];
    let number = prop_oneof![
        4 => (0..100_000i64).prop_map(|number| number.to_string()),
        2 => any::<i64>().prop_map(|number| number.to_string()),
        1 => proptest::sample::select(near.to_vec()).prop_map(|number| number.to_string()),
        1 => (-5000i64..0).prop_map(|number| number.to_string()),
        1 => "-?[0-9]{1,21}([.][0-9]{0,2})?([eE][+-]?[0-9])?",
        1 => "-?0{1,9}[0-9]?",
    ];
    let text = prop_oneof![
        4 => "[a-zA-Z0-9./;_-]{0,20}",
        2 => "(0x)?[0-9a-fA-F]{0,17}",
        1 => "(\\[{0,2})L?[a-z/]{0,300};?",
        1 => "[ -~]{0,12}",
        1 => "(\\\\([\"/bfnrt\\\\]|u00[0-9a-f]{2})|[a-c]){0,4}",
        1 => "\\PC{0,8}",
    ];
    prop_oneof![
        6 => number.prop_map(String::into_bytes),
        6 => text.prop_map(|text| format!("\"{text}\"").into_bytes()),
        // A name that is cut inside a character.
        1 => Just(b"\"caf\xc3\"".to_vec()),
        1 => proptest::sample::select(vec!["null", "true", "{}", "[1]", "\"\t\""])
            .prop_map(|text| text.as_bytes().to_vec()),
    ]
}

/// An event of the probes with all that it needs, more keys in any order, some of them twice, and spaces.
fn any_line() -> impl Strategy<Value = Vec<u8>> {
    const KEYS: &[&str] = &[
        "start_ns",
        "end_ns",
        "pid",
        "tid",
        "comm",
        "bytes",
        "offset",
        "dir",
        "file",
        "op",
        "fs",
        "fs_magic",
        "monitor",
        "class",
        "dir_len",
        "file_len",
        "ret",
        "java_thread_id",
        "ev",
        "kind",
        "other",
    ];
    let space = || proptest::sample::select(vec!["", "", "", "", "", "", " ", "\t", "\r"]);
    let more = (
        proptest::sample::select(KEYS.to_vec()),
        any_value(),
        space(),
    );
    let event = prop_oneof![Just("write"), Just("monitor_contended")];
    let times = (1..50_000_i64, 50_000..100_000_i64);
    let more = proptest::collection::vec(more, 0..6);
    (
        event,
        times,
        more,
        any::<proptest::sample::Index>(),
        space(),
    )
        .prop_map(|(event, (start, end), more, place, space)| {
            let mut pairs: Vec<Vec<u8>> = more
                .into_iter()
                .map(|(key, value, space)| {
                    [
                        format!("\"{key}\":{space}").as_bytes(),
                        &value,
                        space.as_bytes(),
                    ]
                    .concat()
                })
                .collect();
            let fixed = format!("\"ev\":\"{event}\",\"start_ns\":{start},\"end_ns\":{end}");
            pairs.insert(place.index(pairs.len() + 1), fixed.into_bytes());
            [b"{".as_slice(), &pairs.join(&b','), b"}", space.as_bytes()].concat()
        })
}
