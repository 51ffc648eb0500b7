//! Decodes whole thread dumps.

use arrow::util::display::array_value_to_string;
use kcorr_ingest_broker::{ThreadDumpDecoder, recognise_thread_dump};
use kcorr_model::{Decoder, Error, ErrorKind, SourceId};
use proptest::prelude::*;

use crate::decoded::{Decoded, decode_pieces};

const DUMP: &[u8] = include_bytes!("../data/threads.txt");

fn decode<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<String, Error> {
    let mut batches = Vec::new();
    let mut decoder = ThreadDumpDecoder::new(SourceId(2));
    for piece in pieces {
        decoder.push(piece, &mut batches)?;
    }
    let summary = decoder.finish(&mut batches)?;
    let mut text = format!("{}\n", summary.format);
    for (table, batch) in &batches {
        for row in 0..batch.num_rows() {
            text += table.name;
            for (column, values) in table.columns.iter().zip(batch.columns()) {
                if values.is_valid(row) {
                    let value = array_value_to_string(values, row).unwrap();
                    text += &format!("  {}={value}", column.name);
                }
            }
            text += "\n";
        }
    }
    for loss in summary.losses {
        text += &format!(
            "loss {} × {} at {}\n",
            loss.kind.name, loss.count, loss.first_position
        );
    }
    Ok(text)
}

#[test]
fn threads_and_their_locks_are_read_from_dumps_of_several_jdks() {
    assert_eq!(recognise_thread_dump(DUMP), Some("thread dump"));
    insta::assert_snapshot!(decode([DUMP]).unwrap());
}

#[test]
fn text_that_is_no_thread_dump_is_refused() {
    let error = decode([b"hello\n\"quoted\"\n".as_slice()]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unrecognised);
    assert_eq!(recognise_thread_dump(b"hello"), None);
}

proptest! {
    #[test]
    fn any_split_gives_the_same_rows(cut in 0..DUMP.len(), size in 1usize..400) {
        let (head, tail) = DUMP.split_at(cut);
        let pieces = head.chunks(size).chain([tail]);
        prop_assert_eq!(decode(pieces).unwrap(), decode([DUMP]).unwrap());
    }

    #[test]
    fn changed_bytes_never_panic(changes in prop::collection::vec((0..DUMP.len(), any::<u8>()), 1..20)) {
        let mut dump = DUMP.to_vec();
        for (at, byte) in changes {
            dump[at] = byte;
        }
        prop_assert!(decode([dump.as_slice()]).is_ok());
    }
}

const JDK_25: &str = include_str!("../data/dumps/v25-jstack.txt");
const JOURNALD: &str = include_str!("../data/consoles/w-journald.txt");

fn decoded(bytes: &[u8]) -> Decoded {
    decode_pieces(ThreadDumpDecoder::new(SourceId(1)), &[bytes]).unwrap()
}

fn threads(decoded: &Decoded) -> Vec<(String, i32)> {
    let names = decoded.label("threads", "name");
    let tids = decoded.int32("threads", "tid");
    names.into_iter().zip(tids).collect()
}

#[test]
fn threads_that_carry_virtual_ones_have_their_id_in_brackets() {
    let dump = decoded(JDK_25.as_bytes());
    assert_eq!(dump.losses(), []);
    let threads = threads(&dump);
    assert_eq!(threads.len(), 27);
    for (name, tid) in [
        ("ForkJoinPool-1-worker-1", 27434),
        ("ForkJoinPool-1-worker-2", 27435),
        (r#"holder [x] nid=7 "y""#, 27437),
        ("GC Thread#0", 27416),
    ] {
        assert!(threads.contains(&(name.to_owned(), tid)), "{name}");
    }
}

#[test]
fn a_dump_out_of_a_collector_is_the_dump() {
    let journald = decoded(JOURNALD.as_bytes());
    assert_eq!(journald.row_count("threads"), 23);
    assert_eq!(journald.losses(), []);
    let plain: String = JOURNALD
        .lines()
        .map(|line| {
            line.strip_prefix("Nov 28 11:26:18 broker1 kafka[812]: ")
                .unwrap()
                .to_owned()
                + "\n"
        })
        .collect();
    let expected = decoded(plain.as_bytes()).whole_text();
    assert_eq!(journald.whole_text(), expected);
    let each = |wrap: &dyn Fn(&str) -> String| -> Vec<u8> {
        plain
            .lines()
            .map(|line| wrap(line) + "\n")
            .collect::<String>()
            .into_bytes()
    };
    let json = |line: &str| serde_json::to_string(line).unwrap();
    let wrapped: Vec<(&str, Vec<u8>)> = vec![
        (
            "kubectl",
            each(&|line| format!("2026-11-28T11:26:18.123456789Z {line}")),
        ),
        (
            "cri",
            each(&|line| format!("2026-11-28T11:26:18.123456789Z stdout F {line}")),
        ),
        (
            "compose",
            each(&|line| format!("\x1b[33mbroker-1  | \x1b[0m{line}")),
        ),
        ("stern", each(&|line| format!("broker-0 kafka {line}"))),
        (
            "own",
            each(&|line| {
                format!("12:26:18.1 broker#7 >> {line}")
                    .trim_end()
                    .to_owned()
            }),
        ),
        (
            "rsyslog",
            each(&|line| {
                format!(
                    "Nov 28 11:26:18 b1 kafka[8]: {}",
                    line.replace('\t', "#011")
                )
            }),
        ),
        (
            "docker",
            each(&|line| {
                format!(
                    "{{\"log\":{},\"stream\":\"stdout\",\"time\":\"2026-11-28T11:26:18.1Z\"}}",
                    json(&format!("{line}\n"))
                )
            }),
        ),
        (
            "journald json",
            each(&|line| format!("{{\"MESSAGE\":{},\"PRIORITY\":\"6\"}}", json(line))),
        ),
        (
            "one message",
            format!("{{\"message\":{}}}\n", json(&plain)).into_bytes(),
        ),
        ("crlf", plain.replace('\n', "\r\n").into_bytes()),
        (
            "utf-16",
            plain.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        ),
    ];
    for (name, bytes) in wrapped {
        let text = decoded(&bytes).whole_text();
        assert_eq!(text, expected, "{name}");
    }
}

#[test]
fn a_dump_in_the_middle_of_a_consoles_log_is_found() {
    let log =
        "[2026-11-28 11:29:00,123] INFO started (kafka.server.KafkaServer)\n\"quoted\" text\n";
    let text = format!("{log}{JDK_25}{log}{log}");
    let dump = decoded(text.as_bytes());
    assert_eq!(dump.row_count("threads"), 27);
    assert_eq!(dump.losses(), []);
}

#[test]
fn damaged_and_cut_dumps_are_losses_to_know_of() {
    let damaged = decoded(include_bytes!("../data/dumps/threads-damaged.txt"));
    assert_eq!(damaged.row_count("threads"), 13);
    let expected = [
        ("thread_dump_cut", 1),
        ("thread_dump_damaged_line", 3),
        ("thread_dump_missing_threads", 74),
        ("thread_dump_unreadable_thread", 3),
    ];
    assert_eq!(damaged.losses(), expected);
    let details: String = damaged
        .summary
        .losses
        .iter()
        .map(|loss| loss.detail.as_str())
        .collect();
    assert!(!details.contains(char::is_control));
    for cut in [3000, 8000, JDK_25.len() - 60] {
        let dump = decoded(&JDK_25.as_bytes()[..cut]);
        assert!(dump.losses().contains(&("thread_dump_cut", 1)), "{cut}");
    }
    // A first line that lost its quote.
    let text = JDK_25.replace("\"waiter-1\"", "waiter-1\"");
    assert_eq!(
        decoded(text.as_bytes()).losses(),
        [("thread_dump_unreadable_thread", 1)]
    );
    // One that is gone with all its lines.
    let (before, from) = JDK_25.split_once("\"waiter-1\"").unwrap();
    let (_, behind) = from.split_once("\n\n").unwrap();
    let dump = decoded(format!("{before}{behind}").as_bytes());
    assert_eq!(dump.losses(), [("thread_dump_missing_threads", 1)]);
}

#[test]
fn dumps_without_ids_of_the_operating_system_are_named() {
    let text = "27413\n2026-11-28T11:29:03.192080255Z\n25.0.3+9-LTS\n\n#3 \"main\"\n      java.base/java.lang.Thread.sleep(Thread.java:540)\n\n#22 \"\" virtual\n      V.lambda(V.java:1)\n";
    for bytes in [
        include_bytes!("../data/dumps/v25.json").as_slice(),
        text.as_bytes(),
    ] {
        let decoder = ThreadDumpDecoder::new(SourceId(1));
        let error = decode_pieces(decoder, &[bytes]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let message = error.to_string();
        assert!(message.contains("Thread.dump_to_file"), "{message}");
        assert!(message.contains("jcmd PID Thread.print"), "{message}");
    }
}

#[test]
fn a_thread_that_was_renamed_is_there_under_both_names() {
    let renamed = JDK_25.replace("\"parker\"", "\"parker-idle\"");
    let dump = decoded(format!("{JDK_25}{renamed}").as_bytes());
    assert_eq!(dump.row_count("threads"), 28);
    assert_eq!(dump.losses(), []);
}
