//! Bytes of the ring as rows.

use kcorr_kernel_events::{Event, JsonLines, Probe, Settings, event_from_record};
use proptest::prelude::*;

use crate::decoded::{Decoded, decode};

/// A record as the programs write it.
#[derive(Clone)]
struct Record(Vec<u8>);

impl Record {
    fn new(kind: u32, detail: u32, start_ns: u64, end_ns: u64) -> Self {
        Self(Vec::new())
            .u32(kind)
            .u32(4242)
            .u32(4250)
            .u32(detail)
            .u64(start_ns)
            .u64(end_ns)
            .text("data-plane-kafka", 16)
    }

    fn u16(mut self, number: u16) -> Self {
        self.0.extend(number.to_ne_bytes());
        self
    }

    fn u32(mut self, number: u32) -> Self {
        self.0.extend(number.to_ne_bytes());
        self
    }

    fn u64(mut self, number: u64) -> Self {
        self.0.extend(number.to_ne_bytes());
        self
    }

    fn i64(self, number: i64) -> Self {
        self.u64(number.cast_unsigned())
    }

    /// A text in a place of a fixed length, with an end if there is room.
    fn text(mut self, text: &str, length: usize) -> Self {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(length, 0);
        self.0.extend(bytes);
        self
    }

    fn names(self, directory: &str, file: &str) -> Self {
        let length = |name: &str| u16::try_from(name.len()).expect("a short name");
        let (d, f) = (length(directory), length(file));
        let head = self.u16(d).u16(f).u32(d.into()).u32(f.into()).u32(0);
        head.text(directory, directory.len()).text(file, file.len())
    }

    fn frames(self, count: usize, frames: &[u64]) -> Self {
        let filling = std::iter::repeat(&0);
        let place = frames.iter().chain(filling).take(count);
        place.copied().fold(self, Record::u64)
    }
}

fn write() -> Record {
    let record = Record::new(1, 0, 1_000, 9_000)
        .i64(17)
        .i64(4096)
        .u64(0xef53)
        .u64(1);
    record.names("orders-7", "00000000000000004096.log")
}

fn standing() -> Record {
    let record = Record::new(4, 0, 1_000, 9_000)
        .u64(4_000)
        .i64(1)
        .u64(77)
        .u64(266_338_304)
        .u64(3_369_181)
        .u64(3_294_361_454)
        .u32(2)
        .u32(0)
        .u32(0)
        .u32(4251)
        .u32(17)
        .u32(0)
        .text("writer", 16)
        .text("kworker/0:1", 16)
        .i64(16)
        .i64(-14);
    // No address of a function: names cannot be known here.
    let record = record.frames(18, &[0x10, 0x20]).frames(14, &[]);
    record.names("orders-7", "00000000000000004096.log")
}

fn of_each_kind() -> Vec<Record> {
    let call = |detail: u32, device: u64, transaction: i64| {
        let record = Record::new(2, detail, 1_000, 9_000).u64(device);
        record.i64(transaction).u64(u64::from(device != 0))
    };
    vec![
        write(),
        // msync has no file, and an error.
        Record::new(1, 6, 1_000, 9_000)
            .i64(-5)
            .i64(0)
            .u64(0)
            .u64(0)
            .names("", ""),
        call(0, 266_338_304, 7),
        call(5, 266_338_304, 8),
        call(13, 0, -1),
        Record::new(3, 0, 1_000, 9_000),
        standing(),
        Record::new(5, 0, 2_000, 9_000)
            .u64(1_500)
            .u64(77)
            .u64(266_338_304)
            .u32(4096)
            .u32(0x901),
        Record::new(6, 0, 9_000, 9_000)
            .u32(u32::from_ne_bytes([10, 0, 0, 5]))
            .u32(0)
            .u64(0)
            .u32(u32::from_ne_bytes([10, 0, 0, 6]))
            .u32(0)
            .u64(0)
            .u16(2)
            .u16(51_000)
            .u16(9092)
            .u16(0),
    ]
}

/// The rows of records, by way of lines.
fn rows(records: &[Record]) -> (String, Decoded) {
    let settings = Settings::of_probes(4242, [Probe::FileWrites, Probe::Standing]);
    let mut lines = JsonLines::begin(Vec::new(), &settings).expect("a vector takes everything");
    for record in records {
        let event = event_from_record(&record.0).expect("a record of ours");
        lines.event(&event);
    }
    lines.flush().expect("a vector takes everything");
    let text = String::from_utf8(lines.output().clone()).expect("text");
    let decoded = decode(text.as_bytes());
    (text, decoded)
}

#[test]
fn a_write_is_the_row_that_the_script_would_give() {
    let (_, decoded) = rows(&[write()]);
    assert_eq!(decoded.losses(), []);
    let label = |column| decoded.label("writes", column);
    assert_eq!(label("operation"), ["write"]);
    assert_eq!(label("topic"), ["orders"]);
    assert_eq!(label("directory"), ["orders-7"]);
    assert_eq!(label("file"), ["00000000000000004096.log"]);
    assert_eq!(label("file_system"), ["ext4"]);
    assert_eq!(label("comm"), ["data-plane-kafka"]);
    assert_eq!(decoded.int32("writes", "partition"), [7]);
    assert_eq!(decoded.int32("writes", "pid"), [4242]);
    assert_eq!(decoded.int32("writes", "tid"), [4250]);
    assert_eq!(decoded.int64("writes", "bytes"), [17]);
    assert_eq!(decoded.int64("writes", "file_offset"), [4096]);
    assert_eq!(decoded.int64("writes", "duration_ns"), [8_000]);
    assert_eq!(decoded.times("writes", "start_time"), [1_000]);
}

#[test]
fn a_standing_thread_has_its_stack_its_file_and_who_woke_it() {
    let (text, decoded) = rows(&[standing(), standing()]);
    assert_eq!(
        decoded.row_count("standings"),
        1,
        "the second is a duplicate"
    );
    let label = |column| decoded.label("standings", column);
    assert_eq!(label("syscall"), ["write"]);
    assert_eq!(label("topic"), ["orders"]);
    assert_eq!(label("waker_comm"), ["writer"]);
    assert_eq!(label("ran_instead_comm"), ["kworker/0:1"]);
    assert_eq!(decoded.int64("standings", "blocked_ns"), [3_000]);
    assert_eq!(decoded.int64("standings", "runnable_ns"), [5_000]);
    assert_eq!(decoded.int64("standings", "inode"), [3_369_181]);
    // A stack and a name are told once.
    assert_eq!(text.matches("\"ev\":\"kernel_stack\"").count(), 1, "{text}");
    assert_eq!(text.matches("\"ev\":\"file_name\"").count(), 1, "{text}");
    assert_eq!(text.matches("\"ev\":\"standing\"").count(), 2, "{text}");
}

#[test]
fn each_kind_of_event_has_its_rows() {
    let (text, decoded) = rows(&of_each_kind());
    // What the stack is in cannot be known of made-up addresses.
    assert_eq!(decoded.losses(), [("bpf_unknown_wait", 1)], "{text}");
    let counts = [
        ("writes", 2),
        ("function_calls", 3),
        ("run_queue_waits", 1),
        ("standings", 1),
        ("block_io", 1),
        ("socket_threads", 1),
    ];
    for (table, count) in counts {
        assert_eq!(decoded.row_count(table), count, "{table}\n{text}");
    }
    let mut functions = decoded.label("function_calls", "function");
    functions.sort();
    let expected = [
        "compact_zone",
        "jbd2_journal_commit_transaction",
        "start_this_handle",
    ];
    assert_eq!(functions, expected);
    let mut errors = decoded.label("writes", "error");
    errors.sort();
    assert_eq!(errors, ["", "EIO"]);
    assert_eq!(decoded.label("block_io", "operation"), ["FWS"]);
    assert_eq!(decoded.int64("block_io", "queue_ns"), [500]);
    assert_eq!(
        decoded.label("socket_threads", "peer_address"),
        ["10.0.0.5:51000"]
    );
    assert_eq!(
        decoded.label("socket_threads", "local_address"),
        ["10.0.0.6:9092"]
    );
    let limits: Vec<&str> = decoded
        .summary
        .limits
        .iter()
        .map(|l| l.name.as_str())
        .collect();
    assert_eq!(limits, ["min_duration_ns"]);
}

#[test]
fn names_with_quotes_control_characters_and_no_utf8_stay_one_line() {
    let mut record = write();
    let place = record.0.len() - "orders-7".len() - "00000000000000004096.log".len();
    record.0[place..place + 4].copy_from_slice(b"\"\n\x01\xff");
    let (text, decoded) = rows(&[record]);
    assert_eq!(text.lines().count(), 4, "{text}");
    assert_eq!(
        decoded.label("writes", "directory"),
        ["\"\n\u{1}\u{fffd}rs-7"]
    );
    assert_eq!(decoded.losses(), []);
}

#[test]
fn what_goes_on_in_another_output_can_be_read_alone() {
    let settings = Settings::of_probes(4242, [Probe::Standing]);
    let mut lines = JsonLines::begin(Vec::new(), &settings).expect("a vector");
    let record = standing();
    let event = event_from_record(&record.0).expect("a record of ours");
    lines.event(&event);
    let first = lines.go_on_in(Vec::new()).expect("a vector");
    lines.event(&event);
    lines.flush().expect("a vector");
    for output in [&first, lines.output()] {
        let decoded = decode(output);
        assert_eq!(decoded.label("standings", "topic"), ["orders"]);
        assert_eq!(decoded.losses(), [("bpf_unknown_wait", 1)]);
        assert_eq!(decoded.summary.anchors.len(), 1);
    }
}

#[test]
fn a_record_that_is_cut_is_none() {
    for record in of_each_kind() {
        assert!(event_from_record(&record.0).is_some());
        let kind = record.0[0];
        for length in 0..record.0.len() {
            // What follows a request for a CPU or a connection's ports is filling.
            let cut = event_from_record(&record.0[..length]);
            assert!(
                cut.is_none() || length + 2 >= record.0.len(),
                "{kind} {length}"
            );
        }
    }
    assert_eq!(event_from_record(&Record::new(99, 0, 1, 2).0), None);
    assert_eq!(
        event_from_record(&Record::new(2, 99, 1, 2).u64(0).u64(0).u64(0).0),
        None
    );
}

proptest! {
    #[test]
    fn any_bytes_give_an_event_or_none_and_lines_that_decode(
        kind in 0_u32..8,
        detail in 0_u32..20,
        bytes in proptest::collection::vec(any::<u8>(), 0..1200),
    ) {
        let mut record = Record::new(kind, detail, 5, 9).0;
        record.extend(bytes);
        let settings = Settings::of_process(1);
        let mut lines = JsonLines::begin(Vec::new(), &settings).expect("a vector");
        let event = event_from_record(&record);
        if let Some(event) = &event {
            lines.event(event);
            lines.flush().expect("a vector");
        }
        let decoded = decode(lines.output());
        let bad = decoded.losses().into_iter().find(|(name, _)| name.contains("bad_line"));
        prop_assert_eq!(bad, None);
        prop_assert!(!matches!(event, Some(Event::RunQueueWait(_))) || kind == 3);
    }
}
