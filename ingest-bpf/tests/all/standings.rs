//! Why threads stood still: rows of the probe `standing`, and the stacks and files they refer to.
#![allow(clippy::unwrap_used, reason = "a test ends where its input is wrong")]

use arrow::array::AsArray;

use crate::decoded::{Decoded, decode, pieces, try_decode};
use kcorr_ingest_bpf::BpfOptions;
use proptest::prelude::*;

/// Threads whose waits are known: they sleep, wait for a mutex, read a pipe, a socket, a file that is not in
/// memory, touch a mapped one, sync; two compute on one CPU.
const RECORDING: &str = include_str!("../data/standing-waits.jsonl");

fn loss(decoded: &Decoded, name: &str) -> u64 {
    let losses = &decoded.summary.losses;
    let of = losses.iter().find(|loss| loss.kind.name == name);
    of.map_or(0, |loss| loss.count)
}

fn row(more: &str) -> String {
    let line = "\"ev\":\"standing\",\"start_ns\":1000,\"end_ns\":9000,\"pid\":7,\"tid\":8,\"comm\":\"kafka\"";
    format!("{{{line},{more}}}\n")
}

/// Classes of waits with the thread that waits, each once.
fn classes(decoded: &Decoded) -> Vec<String> {
    let comms = decoded.label("standings", "comm");
    let classes = decoded.label("standings", "wait_class");
    let pairs = comms.iter().zip(&classes);
    let mut classes: Vec<String> = pairs
        .map(|(comm, class)| format!("{comm} {class}"))
        .collect();
    classes.sort();
    classes.dedup();
    classes
}

#[test]
fn waits_of_a_program_that_is_known_are_what_they_are() {
    let decoded = decode(RECORDING.as_bytes());
    insta::assert_snapshot!(decoded.whole_text());
    insta::assert_snapshot!("classes", classes(&decoded).join("\n"));
    assert_eq!(loss(&decoded, "bpf_unknown_wait"), 0);
}

#[test]
fn a_stack_that_is_printed_after_its_row_is_found() {
    let stack = "{\"ev\":\"kernel_stack\",\"id\":5,\"depth\":16,\"stack\":\"\n        __schedule+1\n        balance_dirty_pages+2\n\"}\n";
    let row = row("\"woken_ns\":4000,\"state\":2,\"stack\":5,\"call\":1,\"argument\":77");
    for input in [format!("{stack}{row}"), format!("{row}{stack}")] {
        let decoded = decode(input.as_bytes());
        assert_eq!(decoded.label("standings", "wait_class"), ["dirty_throttle"]);
        assert_eq!(
            decoded.label("standings", "wait_function"),
            ["balance_dirty_pages"]
        );
        assert_eq!(decoded.label("standings", "syscall"), ["write"]);
        assert_eq!(decoded.int32("standings", "fd"), [77]);
        assert_eq!(decoded.int64("standings", "blocked_ns"), [3000]);
        assert_eq!(decoded.int64("standings", "runnable_ns"), [5000]);
        assert_eq!(decoded.summary.losses, []);
    }
}

#[test]
fn a_wait_without_its_stack_is_unknown_unless_its_call_says_it() {
    let input = [
        row("\"state\":2,\"stack\":5,\"call\":1"),
        row("\"state\":1,\"stack\":0,\"call\":202,\"argument\":18446744073709551615"),
        // An uninterruptible wait inside of futex is for something else.
        row("\"state\":2,\"stack\":0,\"call\":202"),
    ];
    let decoded = decode(input.concat().as_bytes());
    let classes = decoded.label("standings", "wait_class");
    let count = |class: &str| classes.iter().filter(|found| *found == class).count();
    assert_eq!((count("unknown"), count("futex")), (2, 1));
    assert_eq!(loss(&decoded, "bpf_stack_missing"), 1);
    assert!(decoded.int64("standings", "futex_address").contains(&-1));
}

#[test]
fn a_stack_of_no_class_names_its_innermost_frames() {
    let stack = "{\"ev\":\"kernel_stack\",\"id\":5,\"depth\":16,\"stack\":\"\n\t__schedule+1\n\tschedule+1\n\ta+1\n\tb.isra.0+2\n\tc\n\td\n\"}\n";
    let decoded = decode(format!("{stack}{}", row("\"state\":2,\"stack\":5")).as_bytes());
    assert_eq!(decoded.label("standings", "wait_class"), ["unknown"]);
    assert_eq!(decoded.label("standings", "wait_function"), ["a < b < c"]);
    assert_eq!(loss(&decoded, "bpf_unknown_wait"), 1);
}

#[test]
fn a_thread_that_an_interrupt_came_upon_woke_nobody() {
    let stack = |id: u32, frames: &str| {
        format!(
            "{{\"ev\":\"kernel_stack\",\"id\":{id},\"depth\":3,\"stack\":\"\n    {frames}\n\"}}\n"
        )
    };
    let row = |tid: u32, stack: u32, waker: u32| {
        row(&format!(
            "\"state\":1,\"call\":202,\"woken_ns\":{tid},\"waker_tid\":{waker},\"waker_comm\":\"w\",\"waker_stack\":{stack}"
        ))
    };
    let input = [
        stack(
            1,
            "try_to_wake_up\n    hrtimer_wakeup\n    asm_sysvec_apic_timer_interrupt",
        ),
        stack(2, "try_to_wake_up\n    futex_wake\n    do_futex"),
        stack(3, "try_to_wake_up\n    a\n    b"),
        row(2001, 1, 30),
        row(2002, 2, 31),
        row(2003, 3, 32),
        row(2004, 0, 0),
        // It was woken before it slept: that was another wait.
        row(10, 2, 33),
    ];
    let decoded = decode(input.concat().as_bytes());
    let mut rows: Vec<(i64, i32)> = decoded
        .times("standings", "woken_time")
        .into_iter()
        .zip(decoded.int32("standings", "waker_tid"))
        .collect();
    rows.sort_unstable();
    assert_eq!(rows, [(0, 0), (2001, 0), (2002, 31), (2003, 32), (2004, 0)]);
    let text = decoded.text("standings");
    assert_eq!(text.matches(" true ").count(), 2, "{text}");
    assert_eq!(text.matches(" false ").count(), 1, "{text}");
}

#[test]
fn what_is_runnable_waits_for_a_cpu_from_its_start() {
    let input = [
        row("\"state\":0,\"call\":-1,\"throttled\":0,\"ran_tid\":9"),
        row("\"state\":256,\"call\":1,\"throttled\":1,\"ran_tid\":10"),
        row("\"state\":0,\"call\":24,\"throttled\":0,\"ran_tid\":11"),
    ];
    let decoded = decode(input.concat().as_bytes());
    let mut classes = decoded.label("standings", "wait_class");
    classes.sort();
    assert_eq!(classes, ["cpu_quota", "preempted", "yield"]);
    assert_eq!(decoded.int64("standings", "runnable_ns"), [8000; 3]);
    assert_eq!(decoded.int64("standings", "blocked_ns"), [0; 3]);
}

#[test]
fn a_futex_says_whether_it_ends_by_itself() {
    let input = [
        row("\"state\":1,\"call\":202,\"argument\":64,\"timed\":1"),
        row("\"state\":1,\"call\":202,\"argument\":65,\"timed\":0"),
        // By a probe that does not say it; and a call that is none.
        row("\"state\":1,\"call\":202,\"argument\":66"),
        row("\"state\":1,\"call\":232,\"argument\":67,\"timed\":0"),
    ];
    let decoded = decode(input.concat().as_bytes());
    let rows = decoded.table("standings");
    let column = rows.iter().flat_map(|batch| {
        let column = batch.column_by_name("is_timed").expect("a column");
        column.as_boolean().iter().collect::<Vec<_>>()
    });
    let mut told: Vec<Option<bool>> = column.collect();
    told.sort();
    assert_eq!(told, [None, None, Some(false), Some(true)]);
}

#[test]
fn a_file_is_named_by_its_numbers() {
    let name = |generation: u32, length: u32| {
        format!(
            "{{\"ev\":\"file_name\",\"dev\":266338304,\"ino\":12,\"gen\":{generation},\"dir_len\":{length},\"dir\":\"orders-7\",\"file\":\"00000000000000000042.log\"}}\n"
        )
    };
    let row = |generation: u32| {
        row(&format!(
            "\"state\":2,\"call\":74,\"argument\":{generation},\"dev\":266338304,\"ino\":12,\"gen\":{generation}"
        ))
    };
    // The file of generation 2 had the same inode, and is gone.
    let input = [name(1, 8), name(3, 90), row(1), row(2), row(3)].concat();
    let decoded = decode(input.as_bytes());
    let topics = decoded.label("standings", "topic");
    let files = decoded.label("standings", "file");
    assert_eq!(topics.iter().filter(|topic| *topic == "orders").count(), 1);
    assert_eq!(files.iter().filter(|file| file.is_empty()).count(), 1);
    assert_eq!(decoded.label("standings", "device"), ["254:0"; 3]);
    assert_eq!(loss(&decoded, "bpf_name_cut"), 1);
}

#[test]
fn a_stack_that_has_no_end_is_a_bad_line_and_takes_no_event_with_it() {
    let begun =
        "{\"ev\":\"kernel_stack\",\"id\":5,\"depth\":16,\"stack\":\"\n        __schedule+1\n";
    let decoded = decode(format!("{begun}{}", row("\"state\":0")).as_bytes());
    assert_eq!(decoded.row_count("standings"), 1);
    assert_eq!(loss(&decoded, "bpf_bad_line"), 1);
}

#[test]
fn an_event_whose_start_was_not_seen_is_a_loss() {
    let line = row("\"state\":0").replace("1000", "0");
    let decoded = decode([line, row("\"pid\":3")].concat().as_bytes());
    assert_eq!(decoded.row_count("standings"), 0);
    assert_eq!(loss(&decoded, "bpf_incomplete_event"), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_split_of_the_input_gives_the_same_rows(
        cuts in proptest::collection::vec(0..RECORDING.len(), 0..12),
    ) {
        let split = pieces(RECORDING.as_bytes(), cuts);
        let split = try_decode(&split, BpfOptions::default()).unwrap();
        prop_assert_eq!(split.whole_text(), decode(RECORDING.as_bytes()).whole_text());
    }

    #[test]
    fn flipped_bytes_never_panic(
        flips in proptest::collection::vec((0..RECORDING.len(), any::<u8>()), 1..40),
    ) {
        let mut bytes = RECORDING.as_bytes().to_vec();
        for (at, byte) in flips {
            bytes[at] = byte;
        }
        let decoded = decode(&bytes);
        prop_assert!(decoded.row_count("standings") > 0);
    }
}
