//! JSON lines of kcorr's probes.
#![allow(clippy::unwrap_used, reason = "a test ends where its input is wrong")]

use crate::decoded::{decode, pieces, try_decode};
use kcorr_ingest_bpf::BpfOptions;
use proptest::prelude::*;

const RECORDING: &[u8] = include_bytes!("../data/ext4-ordered.jsonl");

#[test]
fn a_recording_of_writes_monitors_and_the_journal() {
    insta::assert_snapshot!(decode(RECORDING).whole_text());
}

#[test]
fn a_sync_of_a_mapping_has_no_file_and_no_topic() {
    let msync = "{\"ev\":\"write\",\"op\":\"msync\",\"start_ns\":1835065463245,\"end_ns\":1835066468289,\"pid\":14684,\"tid\":14691,\"comm\":\"kafka-scheduler\"}\n";
    let decoded = decode(msync.as_bytes());
    let rows = decoded.text("writes");
    assert!(
        rows.contains(" msync ") && rows.contains(" kafka-scheduler "),
        "{rows}"
    );
    assert_eq!(decoded.row_count("writes"), 1);
    assert_eq!(
        decoded.table("writes")[0]
            .column_by_name("topic")
            .unwrap()
            .null_count(),
        1
    );
    assert_eq!(decoded.summary.losses, []);
    let script = kcorr_probes::by_name("file-writes").unwrap().script;
    assert!(script.contains("tracepoint:syscalls:sys_enter_msync"));
    assert!(script.contains("tracepoint:syscalls:sys_exit_msync"));
}

#[test]
fn the_threads_of_connections_of_a_broker_in_java() {
    // Its sockets are of IPv6, its clients of IPv4.
    let recording = include_bytes!("../data/network-coldread.jsonl");
    insta::assert_snapshot!(decode(recording).whole_text());
}

#[test]
fn the_thread_of_a_connection_has_addresses_as_the_capture_has_them() {
    let line = |peer: &str, port: &str, local: &str| {
        format!(
            "{{\"ev\":\"connection_thread\",\"time_ns\":429276510975,\"pid\":968,\"tid\":972,\"comm\":\"data-plane-kafk\",\"peer\":\"{peer}\",\"peer_port\":{port},\"local\":\"{local}\",\"local_port\":9092}}\n"
        )
    };
    let lines = [
        line("127.0.0.1", "55242", "127.0.0.1"),
        line("::ffff:10.0.0.5", "55243", "::ffff:10.0.0.1"),
        line("fe80::1", "55244", "fe80::2"),
        // No port, no address, no time.
        line("10.0.0.5", "70000", "10.0.0.1"),
        line("client", "55245", "10.0.0.1"),
        line("10.0.0.5", "55246", "10.0.0.1").replace("\"time_ns\":429276510975,", ""),
    ];
    let decoded = decode(lines.concat().as_bytes());
    insta::assert_snapshot!(decoded.whole_text());
}

#[test]
fn a_recording_that_is_cut_anywhere_keeps_the_rows_before_the_cut() {
    let whole = decode(RECORDING);
    let whole_lines: Vec<&[u8]> = RECORDING.split(|&byte| byte == b'\n').collect();
    let first_event = whole_lines[0].len() + whole_lines[1].len() + 2;
    for cut in (first_event..RECORDING.len()).step_by(37) {
        let head = &RECORDING[..cut];
        let cut_off = decode(head);
        let last_end = head.iter().rposition(|&byte| byte == b'\n').unwrap() + 1;
        let whole_part = decode(&head[..last_end]);
        let ends_inside_object = head[last_end..].starts_with(b"{") && !head.ends_with(b"}");
        for table in ["writes", "lock_waits", "function_calls", "stack_samples"] {
            let rows = cut_off.row_count(table);
            assert!(rows >= whole_part.row_count(table) && rows <= whole.row_count(table));
            if ends_inside_object {
                assert_eq!(cut_off.text(table), whole_part.text(table), "cut at {cut}");
            }
        }
        let losses = &cut_off.summary.losses;
        let cut_lines = losses
            .iter()
            .filter(|loss| loss.kind.name == "bpf_cut_line");
        if ends_inside_object {
            assert_eq!(cut_lines.count(), 1, "cut at {cut}");
        }
        assert!(
            losses.iter().all(|loss| loss.kind.name == "bpf_cut_line"),
            "{losses:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_split_of_the_input_gives_the_same_rows(
        cuts in proptest::collection::vec(0..RECORDING.len(), 0..12),
    ) {
        let split = try_decode(&pieces(RECORDING, cuts), BpfOptions::default()).unwrap();
        prop_assert_eq!(split.whole_text(), decode(RECORDING).whole_text());
    }

    #[test]
    fn flipped_bytes_never_panic(
        flips in proptest::collection::vec((0..RECORDING.len(), any::<u8>()), 1..40),
    ) {
        let mut bytes = RECORDING.to_vec();
        for (at, byte) in flips {
            bytes[at] = byte;
        }
        let decoded = decode(&bytes);
        prop_assert!(decoded.row_count("writes") > 0);
    }
}
