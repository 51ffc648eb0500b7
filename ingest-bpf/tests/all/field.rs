//! Recordings as people have them, that were once read wrong: what each must become.
#![allow(clippy::unwrap_used, reason = "a test ends where its input is wrong")]

use std::num::NonZeroUsize;

use kcorr_ingest_bpf::{BpfOptions, FieldMap, Format};
use kcorr_model::Position;

use crate::decoded::{Decoded, decode, try_decode};

/// The values of a column of a table, as text; empty for null.
fn column(decoded: &Decoded, table: &str, name: &str) -> Vec<String> {
    let mut values = Vec::new();
    for batch in decoded.table(table) {
        let column = batch.column_by_name(name).unwrap();
        for row in 0..batch.num_rows() {
            values.push(arrow::util::display::array_value_to_string(column, row).unwrap());
        }
    }
    values
}

fn loss(decoded: &Decoded, kind: &str) -> Option<u64> {
    let losses = decoded.losses();
    losses
        .iter()
        .find(|(name, _)| *name == kind)
        .map(|(_, count)| *count)
}

fn write(dir: &str, more: &str) -> String {
    format!(
        "{{\"ev\":\"write\",\"start_ns\":10,\"end_ns\":20,\"tid\":1,\"dir\":\"{dir}\"{more},\"file\":\"00000000000000000000.log\"}}\n"
    )
}

#[test]
fn a_directory_as_long_as_strings_can_be_has_no_partition() {
    let decoded = decode(include_bytes!("../data/field/directory-cut-63.jsonl"));
    assert_eq!(column(&decoded, "writes", "partition"), ["", "", "7"]);
    assert_eq!(column(&decoded, "writes", "topic"), ["", "", "orders"]);
    assert_eq!(loss(&decoded, "bpf_name_cut"), Some(2));
    // The line that the first such name came with, however many cores read it.
    let whole = write("orders-1", "").repeat(40_000);
    let cut = write(&format!("{}-1", "t".repeat(61)), "");
    let text = format!("{whole}{cut}{cut}");
    for threads in [1, 4] {
        let options = BpfOptions {
            threads: NonZeroUsize::new(threads),
            ..BpfOptions::default()
        };
        let decoded = try_decode(&[text.as_bytes()], options).unwrap();
        let mut losses = decoded.summary.losses.iter();
        let cut = losses.find(|loss| loss.kind.name == "bpf_name_cut");
        let position = cut.map(|cut| cut.first_position);
        assert_eq!(position, Some(Position::Line(40_001)), "{threads} threads");
    }
}

#[test]
fn a_cut_is_certain_or_excluded_where_the_whole_length_is_printed() {
    let dir = format!("{}-1", "t".repeat(61));
    let partition = |text: &str| {
        let decoded = decode(text.as_bytes());
        (
            column(&decoded, "writes", "partition"),
            loss(&decoded, "bpf_name_cut"),
        )
    };
    let one = |value: &str| vec![value.to_owned()];
    assert_eq!(partition(&write(&dir, ",\"dir_len\":63")), (one("1"), None));
    assert_eq!(
        partition(&write(&dir, ",\"dir_len\":64")),
        (one(""), Some(1))
    );
    assert_eq!(partition(&write(&dir, "")), (one(""), Some(1)));
    // Of any length, also where the rest of the name is still called like a partition.
    assert_eq!(
        partition(&write("orders-1", ",\"dir_len\":9")),
        (one(""), Some(1))
    );
    assert_eq!(partition(&write("orders-1", "")), (one("1"), None));
}

#[test]
fn a_longer_name_shows_that_strings_are_not_cut_there() {
    let dir = format!("{}-1", "t".repeat(61));
    let longer = format!("{}-12", "u".repeat(70));
    let decoded = decode([write(&dir, ""), write(&longer, "")].concat().as_bytes());
    assert_eq!(column(&decoded, "writes", "partition"), ["1", "12"]);
    assert_eq!(decoded.losses(), []);
}

#[test]
fn a_segment_outside_of_a_partition_shows_where_names_are_cut() {
    // 40 bytes: of a tool with its own bound.
    let cut = [
        "payments.settlement.reconciliation.v2.p",
        "payments.settlement.reconciliation.v2-1",
    ];
    assert_eq!(cut[0].len(), cut[1].len());
    let lines: Vec<String> = cut.iter().map(|dir| write(dir, "")).collect();
    let decoded = decode((lines.concat() + &write("orders-3", "")).as_bytes());
    assert_eq!(column(&decoded, "writes", "partition"), ["3", "", ""]);
    assert_eq!(loss(&decoded, "bpf_name_cut"), Some(2));
    // Partitions of names of one length are none.
    let lines: Vec<String> = (0..9).map(|i| write(&format!("orders-{i}"), "")).collect();
    assert_eq!(decode(lines.concat().as_bytes()).losses(), []);
}

#[test]
fn letters_of_a_field_map_are_the_operations_they_stand_for() {
    let map = include_str!("../data/field/map-letters.toml");
    let options = BpfOptions {
        field_map: Some(FieldMap::parse(map).unwrap()),
        ..BpfOptions::default()
    };
    let lines = include_str!("../data/field/map-letters.jsonl");
    let decoded = try_decode(&[lines.as_bytes()], options.clone()).unwrap();
    assert_eq!(column(&decoded, "writes", "operation"), ["write", "fsync"]);
    assert_eq!(decoded.losses(), []);
    let unknown = lines.replace("\"W\"", "\"TRIM\"");
    let decoded = try_decode(&[unknown.as_bytes()], options).unwrap();
    assert_eq!(column(&decoded, "writes", "operation"), ["fsync"]);
    let loss = &decoded.summary.losses[0];
    assert_eq!((loss.kind.name, loss.count), ("bpf_unknown_operation", 1));
    assert!(loss.detail.contains("TRIM"), "{}", loss.detail);
    let constant = map.replace("operation = \"op\"", "operation = { value = \"X\" }");
    assert!(
        FieldMap::parse(&constant)
            .unwrap_err()
            .to_string()
            .contains("`X`")
    );
}

#[test]
fn one_stack_in_the_scheduler_makes_all_of_a_file_time_off_cpu() {
    let text = include_str!("../data/field/offcputime-no-banner.txt");
    let decoded = decode(text.as_bytes());
    assert_eq!(column(&decoded, "stack_samples", "state"), ["off_cpu"; 4]);
    assert_eq!(
        column(&decoded, "stack_samples", "weight_ns"),
        ["1500000000", "240000000", "3000000", "97906000"]
    );
    assert_eq!(column(&decoded, "stack_samples", "sample_count"), ["1"; 4]);
    assert_eq!(
        column(&decoded, "stack_samples", "tid"),
        ["4110", "4144", "36", "4101"]
    );
    assert!(
        decoded.summary.format.contains("time off CPU"),
        "{}",
        decoded.summary.format
    );
    assert_eq!(decoded.losses(), []);
    // The one that tells may be the last.
    let stacks: Vec<&str> = text.trim_end().split("\n\n").collect();
    let reversed: Vec<&str> = stacks.iter().rev().copied().collect();
    let decoded = decode((reversed.join("\n\n") + "\n\n").as_bytes());
    assert_eq!(column(&decoded, "stack_samples", "state"), ["off_cpu"; 4]);
    // Without it nothing does.
    let decoded = decode((stacks[1..].join("\n\n") + "\n\n").as_bytes());
    assert_eq!(loss(&decoded, "bpf_unknown_measure"), Some(3));
    let options = BpfOptions {
        format: Some(Format::Offcputime),
        ..BpfOptions::default()
    };
    let text = stacks[1..].join("\n\n") + "\n\n";
    let decoded = try_decode(&[text.as_bytes()], options).unwrap();
    assert_eq!(column(&decoded, "stack_samples", "state"), ["off_cpu"; 3]);
    assert_eq!(decoded.losses(), []);
}

#[test]
fn folded_stacks_are_of_one_measure_too() {
    let off = "java;start_thread;pthread_cond_wait 900\njava;start_thread;wait;entry_SYSCALL_64;do_syscall_64;futex_wait;schedule;finish_task_switch 100\n";
    let decoded = decode(off.as_bytes());
    assert_eq!(
        column(&decoded, "stack_samples", "weight_ns"),
        ["900000", "100000"]
    );
    assert_eq!(decoded.losses(), []);
    // `profile -f` meets the scheduler now and then.
    let on = "java;a;do_syscall_64;vfs_write;ext4_write 5\njava;a;do_syscall_64;vfs_read 7\njava;a;do_syscall_64;schedule;finish_task_switch 3\njava;a;b 4\n";
    let decoded = decode(on.as_bytes());
    assert_eq!(column(&decoded, "stack_samples", "state"), ["on_cpu"; 4]);
    assert_eq!(
        column(&decoded, "stack_samples", "sample_count"),
        ["5", "7", "3", "4"]
    );
    assert_eq!(decoded.losses(), []);
    let user = "java;start_thread;pthread_cond_wait 900000\n";
    assert_eq!(
        loss(&decode(user.as_bytes()), "bpf_unknown_measure"),
        Some(1)
    );
}

#[test]
fn collapsed_stacks_of_async_profiler_begin_with_a_frame_or_a_thread_in_brackets() {
    let options = BpfOptions {
        format: Some(Format::Collapsed),
        ..BpfOptions::default()
    };
    let text = "start_thread;java/lang/Thread.run;kafka/server/KafkaApis.handle 12\n[kafka-scheduler-0 tid=4110];java/lang/Thread.run_[j];write_[k] 3\njava/lang/Thread.run;a/B.c 5\n";
    for options in [options, BpfOptions::default()] {
        let decoded = try_decode(&[text.as_bytes()], options).unwrap();
        assert_eq!(
            column(&decoded, "stack_samples", "thread_name"),
            ["", "kafka-scheduler-0", ""]
        );
        assert_eq!(column(&decoded, "stack_samples", "tid"), ["", "4110", ""]);
        assert_eq!(
            column(&decoded, "stack_samples", "sample_count"),
            ["12", "3", "5"]
        );
        let frames = column(&decoded, "stacks", "frames");
        assert_eq!(
            frames,
            [
                "[kafka/server/KafkaApis.handle, java/lang/Thread.run, start_thread]",
                "[write, java/lang/Thread.run]",
                "[a/B.c, java/lang/Thread.run]"
            ]
        );
    }
}

#[test]
fn frames_of_verbose_libbpf_tools_are_their_functions() {
    let text = "    #0  0xffffffff9b0a1b2c __schedule+0x2ec\n    #1  0xffffffff9b0a1c2c schedule+0x2c\n    #2  0x00007f2a1c2b pthread_cond_wait+0x1f (/usr/lib/libc.so.6+0x8a)\n    -                java (4242)\n        1500\n\n";
    let decoded = decode(text.as_bytes());
    assert_eq!(
        column(&decoded, "stacks", "frames"),
        ["[__schedule, schedule, pthread_cond_wait]"]
    );
    assert_eq!(column(&decoded, "stack_samples", "weight_ns"), ["1500000"]);
}

#[test]
fn a_column_nobody_knows_is_passed_over() {
    let text = include_str!("../data/field/runqslower-P.txt");
    for format in [None, Some(Format::Runqslower)] {
        let options = BpfOptions {
            format,
            ..BpfOptions::default()
        };
        let decoded = try_decode(&[text.as_bytes()], options).unwrap();
        assert_eq!(column(&decoded, "run_queue_waits", "tid"), ["4101", "4144"]);
        assert_eq!(
            column(&decoded, "run_queue_waits", "duration_ns"),
            ["4038000", "105000"]
        );
        assert_eq!(
            column(&decoded, "run_queue_waits", "comm"),
            ["data plane kafka", "java"]
        );
        assert_eq!(decoded.losses(), []);
    }
    let table = "\
TIME(s)     COMM           PID     DISK      T SECTOR     BYTES  QUE(ms) PRIO LAT(ms)
0.000000    pool 7         4101    nvme0n1   W 1024       4096     0.010 be/4   12.34
0.500000    jbd2/nvme0n1p1 36      nvme0n1   W 2048       8192     0.020 none    1.50
";
    let decoded = decode(table.as_bytes());
    assert_eq!(column(&decoded, "block_io", "tid"), ["", ""]);
    assert_eq!(column(&decoded, "block_io", "pid"), ["4101", "36"]);
    assert_eq!(
        column(&decoded, "block_io", "comm"),
        ["pool 7", "jbd2/nvme0n1p1"]
    );
    assert_eq!(
        column(&decoded, "block_io", "duration_ns"),
        ["12340000", "1500000"]
    );
    assert_eq!(decoded.losses(), []);
}

#[test]
fn numbers_in_the_names_of_threads_are_told_from_columns_by_the_header() {
    let table = "\
TIME     COMM             TID           LAT(us) PREV COMM        PREV TID
11:20:43 pool 7           4101             4038 opt 12           77
11:20:44 1 2 3            4144              105 4 5 6            8
";
    let decoded = decode(table.as_bytes());
    assert_eq!(
        column(&decoded, "run_queue_waits", "comm"),
        ["pool 7", "1 2 3"]
    );
    assert_eq!(column(&decoded, "run_queue_waits", "tid"), ["4101", "4144"]);
    assert_eq!(
        column(&decoded, "run_queue_waits", "duration_ns"),
        ["4038000", "105000"]
    );
}

#[test]
fn stacks_below_calls_are_passed_over() {
    let table = "\
Tracing function calls slower than 1 ms... Ctrl+C to quit.
TIME     COMM           PID    LAT(ms)             RVAL FUNC
11:20:43 java           4101     12.04                0 vfs_fsync_range
    vfs_fsync_range
    do_syscall_64
    --
    fsync
11:20:44 java           4101      2.04                0 vfs_fsync_range
";
    let decoded = decode(table.as_bytes());
    assert_eq!(
        column(&decoded, "function_calls", "duration_ns"),
        ["12040000", "2040000"]
    );
    assert_eq!(decoded.losses(), [("bpf_stack_skipped", 4)]);
}

#[test]
fn a_value_that_cannot_be_its_columns_is_a_bad_line() {
    let table = "\
TIME     COMM             TID           LAT(us)
11:20:43 a name that is far too long 4101             4038
11:20:44 java             -5               105
11:20:45 java             4144             105
";
    let decoded = decode(table.as_bytes());
    assert_eq!(column(&decoded, "run_queue_waits", "tid"), ["4144"]);
    assert_eq!(loss(&decoded, "bpf_bad_line"), Some(2));
}

#[test]
fn names_with_raw_control_characters_and_quotes_are_read() {
    let text = include_str!("../data/field/tab-in-comm.jsonl");
    let decoded = decode(text.as_bytes());
    assert_eq!(decoded.row_count("writes"), 3);
    assert!(column(&decoded, "writes", "comm").contains(&"pool\t2".to_owned()));
    assert_eq!(decoded.losses(), []);
    for name in ["a\"b", "a\nb", "a\u{1b}[31mb", "\\", "a\r", "a\",\"b"] {
        let text = text.replace("pool\t2", name);
        let decoded = decode(text.as_bytes());
        assert_eq!(decoded.row_count("writes"), 3, "{name:?}");
        assert_eq!(decoded.losses(), [], "{name:?}");
    }
}

#[test]
fn marks_and_colours_around_tables_are_taken_away() {
    let decoded = decode(include_bytes!("../data/field/colours.txt"));
    assert_eq!(
        column(&decoded, "writes", "comm"),
        ["data-plane-kaf", "kafka schedule"]
    );
    assert_eq!(column(&decoded, "writes", "operation"), ["write", "fsync"]);
    assert_eq!(column(&decoded, "writes", "file_system"), ["ext4", "ext4"]);
    assert_eq!(decoded.losses(), []);
    let decoded = decode(include_bytes!("../data/field/utf-8-bom.csv"));
    assert_eq!(column(&decoded, "writes", "bytes"), ["16384"]);
    assert_eq!(decoded.losses(), []);
}

/// The recordings of `data/` that a wrapping must not change.
const PLAIN: &[(&str, &[u8])] = &[
    ("writes", include_bytes!("../data/field/tab-in-comm.jsonl")),
    ("ext4slower", include_bytes!("../data/ext4slower.txt")),
    ("runqslower", include_bytes!("../data/runqslower.txt")),
    ("offcputime", include_bytes!("../data/offcputime.txt")),
    ("probes", include_bytes!("../data/probes-ext4.jsonl")),
    ("file lines", include_bytes!("../data/file-lines.txt")),
];

#[test]
fn what_terminals_editors_and_collectors_put_around_lines_changes_no_row() {
    for (name, plain) in PLAIN {
        let text = String::from_utf8(plain.to_vec()).unwrap();
        let expected = decode(plain);
        let each = |wrap: &dyn Fn(&str) -> String| -> Vec<u8> {
            let lines: Vec<String> = text.lines().map(wrap).collect();
            (lines.join("\n") + "\n").into_bytes()
        };
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let utf16_be: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let wrapped = [
            ("mark", [b"\xEF\xBB\xBF".as_slice(), plain].concat()),
            ("UTF-16", [b"\xFF\xFE".as_slice(), &utf16].concat()),
            ("UTF-16 BE", [b"\xFE\xFF".as_slice(), &utf16_be].concat()),
            ("CRLF", each(&|line| format!("{line}\r"))),
            ("colours", each(&|line| format!("\u{1b}[1m{line}\u{1b}[0m"))),
            (
                "journald",
                each(&|line| format!("Nov 28 11:26:18 broker1 bpftrace[812]: {line}")),
            ),
            ("ts", each(&|line| format!("Nov 28 11:26:18 {line}"))),
            (
                "kubectl",
                each(&|line| format!("2026-11-28T11:26:18.123456789Z {line}")),
            ),
            ("compose", each(&|line| format!("tracer-1  | {line}"))),
        ];
        for (wrapping, bytes) in wrapped {
            let decoded = decode(&bytes);
            for table in [
                "writes",
                "run_queue_waits",
                "function_calls",
                "stack_samples",
                "stacks",
                "block_io",
            ] {
                assert_eq!(
                    decoded.text(table),
                    expected.text(table),
                    "{name} in {wrapping}"
                );
            }
            assert_eq!(decoded.losses(), expected.losses(), "{name} in {wrapping}");
            assert_eq!(
                decoded.summary.limits, expected.summary.limits,
                "{name} in {wrapping}"
            );
        }
    }
}

#[test]
fn arrays_and_objects_over_several_lines_are_read() {
    let lines: Vec<String> = (1..5)
        .map(|i| {
            format!(
                "{{\"ev\":\"write\",\"start_ns\":{i},\"end_ns\":9,\"tid\":{i},\"comm\":\"a}}{{[\"}}"
            )
        })
        .collect();
    let expected = decode((lines.join("\n") + "\n").as_bytes()).text("writes");
    let pretty: Vec<String> = lines
        .iter()
        .map(|line| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            serde_json::to_string_pretty(&value).unwrap()
        })
        .collect();
    let indented: Vec<String> = pretty
        .iter()
        .map(|text| format!("  {}", text.replace('\n', "\n  ")))
        .collect();
    for text in [
        format!("[{}]\n", lines.join(",")),
        format!("[{}]", lines.join(", ")),
        format!("[\n{}\n]\n", lines.join(",\n")),
        format!("[{}\n]\n", lines.join(",\n")),
        format!("[{}]\n", lines.join(",\n")),
        format!("{}\n", pretty.join("\n")),
        format!("[\n{}\n]\n", indented.join(",\n")),
        format!("[{}\n]\n", pretty.join(",\n")),
        format!("[{}]\n[{}]\n", lines[..2].join(","), lines[2..].join(",")),
    ] {
        let decoded = decode(text.as_bytes());
        assert_eq!(decoded.text("writes"), expected, "{text}");
        assert_eq!(decoded.losses(), [], "{text}");
    }
    // One that is cut costs itself.
    let cut = pretty.join("\n").replacen("\n}", "", 1);
    let decoded = decode(cut.as_bytes());
    assert_eq!(decoded.row_count("writes"), 3);
    assert_eq!(loss(&decoded, "bpf_bad_line"), Some(1));
}

#[test]
fn lines_inside_of_collectors_json_are_read() {
    let inner = "{\\\"ev\\\":\\\"write\\\",\\\"start_ns\\\":1,\\\"end_ns\\\":2}";
    let docker = format!(
        "{{\"log\":\"{inner}\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-28T11:26:18Z\"}}\n"
    );
    let journald = format!("{{\"MESSAGE\":\"{inner}\",\"__REALTIME_TIMESTAMP\":\"1\"}}\n");
    for text in [docker, journald] {
        assert_eq!(decode(text.as_bytes()).row_count("writes"), 1, "{text}");
    }
}

#[test]
fn totals_of_lost_events_are_counted_once() {
    let text = format!(
        "{}Lost 5 events\nWARNING: Lost 2 events\nTotal lost event count: 9\n",
        write("a-1", "")
    );
    assert_eq!(loss(&decode(text.as_bytes()), "bpf_events_lost"), Some(9));
    let text = format!(
        "{}Lost 5 events\nTotal lost event count: 5\n",
        write("a-1", "")
    );
    assert_eq!(loss(&decode(text.as_bytes()), "bpf_events_lost"), Some(5));
}

#[test]
fn an_operation_that_failed_has_an_error_and_no_bytes() {
    let fast = "{\"ev\":\"write\",\"start_ns\":10,\"end_ns\":20,\"tid\":1,\"bytes\":-28}\n{\"ev\":\"write\",\"op\":\"fsync\",\"start_ns\":11,\"end_ns\":20,\"tid\":1,\"ret\":-5}\n{\"ev\":\"write\",\"op\":\"fsync\",\"start_ns\":12,\"end_ns\":20,\"tid\":1,\"ret\":0}\n{\"ev\":\"write\",\"start_ns\":13,\"end_ns\":20,\"tid\":1,\"bytes\":7}\n";
    for text in [
        fast.to_owned(),
        fast.replace("{\"ev\"", "{\"x\":null,\"ev\""),
    ] {
        let decoded = decode(text.as_bytes());
        assert_eq!(
            column(&decoded, "writes", "error"),
            ["ENOSPC", "EIO", "", ""]
        );
        assert_eq!(column(&decoded, "writes", "bytes"), ["", "", "", "7"]);
        assert_eq!(decoded.losses(), []);
    }
    let decoded = decode(fast.replace("-28", "-99999").as_bytes());
    assert_eq!(loss(&decoded, "bpf_bad_value"), Some(1));
    assert_eq!(column(&decoded, "writes", "error"), ["", "EIO", "", ""]);
    let table = "TIME     COMM           PID    T BYTES   OFF_KB   LAT(ms) FILENAME\n06:58:05 java           1884   W -5       0           0.01 x.log\n";
    assert_eq!(
        column(&decode(table.as_bytes()), "writes", "error"),
        ["EIO"]
    );
}

#[test]
fn a_clock_that_is_set_back_is_a_limit() {
    let header = "TIME     COMM           PID    T BYTES   OFF_KB   LAT(ms) FILENAME\n";
    let row =
        |time: &str| format!("{time} java           1884   W 5       0           0.01 x.log\n");
    let limits = |times: &[&str]| {
        let rows: Vec<String> = times.iter().map(|time| row(time)).collect();
        let decoded = decode((header.to_owned() + &rows.concat()).as_bytes());
        let limits = decoded.summary.limits;
        limits
            .iter()
            .find(|limit| limit.name == "clock_step_ns")
            .map(|limit| limit.value)
    };
    let autumn = ["02:59:58", "02:59:59", "02:00:00", "02:00:01"];
    assert_eq!(limits(&autumn), Some(3_599_000_000_000));
    assert_eq!(limits(&["23:59:59", "00:00:00", "00:00:01"]), None);
    assert_eq!(
        limits(&["02:59:58", "02:59:59", "02:59:58", "02:59:59"]),
        None
    );
    let anchors = "{\"ev\":\"clock\",\"mono_ns\":1000000000,\"wall\":\"1795860000.500000\"}\n{\"ev\":\"clock\",\"mono_ns\":6000000000,\"wall\":\"1795859995.500000\"}\n";
    let decoded = decode((anchors.to_owned() + &write("a-1", "")).as_bytes());
    assert_eq!(decoded.summary.limits[0].name, "clock_step_ns");
    assert_eq!(decoded.summary.limits[0].value, 10_000_000_000);
}
