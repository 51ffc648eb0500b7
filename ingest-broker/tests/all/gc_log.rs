//! Unified JVM logs.

use kcorr_ingest_broker::{GcLogDecoder, recognise_gc_log};
use kcorr_model::{ClockKind, SourceId};
use proptest::prelude::*;

use crate::decoded::{Decoded, decode_pieces, flipped, pieces};

const JDK_17: &[u8] = include_bytes!("../data/gc-jdk17.log");
const JDK_11: &[u8] = include_bytes!("../data/gc-jdk11.log");

fn decode(bytes: &[u8]) -> Decoded {
    decode_pieces(GcLogDecoder::new(SourceId(1)), &[bytes]).unwrap()
}

#[test]
fn a_log_of_jdk_17() {
    insta::assert_snapshot!(decode(JDK_17).whole_text());
}

#[test]
fn a_log_of_jdk_11() {
    insta::assert_snapshot!(decode(JDK_11).whole_text());
}

#[test]
fn without_wall_time_the_clock_is_the_uptime() {
    let decoded = decode(b"[5.100s][info][gc] GC(0) Pause Remark 10M->10M(1024M) 100.000ms\n");
    assert_eq!(decoded.summary.clock, ClockKind::JvmUptime);
    assert_eq!(decoded.int64("pauses", "duration_ns"), [100_000_000]);
    insta::assert_snapshot!(decoded.text("pauses"));
}

#[test]
fn a_pause_without_a_time_is_a_loss() {
    let decoded = decode(b"[info][gc] GC(0) Pause Remark 10M->10M(1024M) 100.000ms\n");
    assert_eq!(decoded.losses(), [("gc_log_no_time", 1)]);
}

#[test]
fn a_fall_of_the_uptime_is_told() {
    let decoded = decode(b"[50.0s][info][gc] x\n[0.1s][info][gc] x\n");
    assert_eq!(decoded.losses(), [("gc_log_restart", 1)]);
}

#[test]
fn logs_are_told_from_other_texts() {
    assert!(recognise_gc_log(JDK_17).is_some());
    assert!(recognise_gc_log(JDK_11).is_some());
    assert_eq!(
        recognise_gc_log(b"[2026-11-20 16:22:35,123] INFO x\n"),
        None
    );
    assert_eq!(recognise_gc_log(b"\xd4\xc3\xb2\xa1[\n[["), None);
    let decoder = GcLogDecoder::new(SourceId(1));
    let error = decode_pieces(decoder, &[b"once upon a time\n"]).unwrap_err();
    assert!(error.to_string().contains("once upon a time"), "{error}");
}

#[test]
fn a_cut_log_keeps_the_pauses_before_the_cut() {
    let all = decode(JDK_17).int64("pauses", "duration_ns");
    for cut in 100..JDK_17.len() {
        let kept = decode(&JDK_17[..cut]).int64("pauses", "duration_ns");
        assert_eq!(kept[..], all[..kept.len()], "{cut}");
    }
}

const KUBECTL: &str = include_str!("../data/consoles/w-kubectl.log");

fn rows(decoded: &Decoded) -> String {
    decoded.text("pauses")
}

#[test]
fn a_log_on_a_console_is_read_out_of_what_the_collector_put_around_it() {
    let kubectl = decode(KUBECTL.as_bytes());
    let durations = kubectl.int64("pauses", "duration_ns");
    assert_eq!(durations.len(), 22);
    assert_eq!(durations.iter().sum::<i64>(), 75_886_000);
    assert_eq!(kubectl.losses(), []);
    assert_eq!(kubectl.summary.clock, ClockKind::Realtime);
    assert!(recognise_gc_log(&KUBECTL.as_bytes()[..4000]).is_some());
    let plain: String = KUBECTL
        .lines()
        .map(|line| {
            line.strip_prefix("2026-11-28T11:26:18.123456789Z ")
                .unwrap()
                .to_owned()
                + "\n"
        })
        .collect();
    let expected = rows(&decode(plain.as_bytes()));
    assert_eq!(rows(&kubectl), expected);
    let each = |wrap: &dyn Fn(&str) -> String| -> Vec<u8> {
        plain
            .lines()
            .map(|line| wrap(line) + "\n")
            .collect::<String>()
            .into_bytes()
    };
    let json = |line: &str| serde_json::to_string(line).unwrap();
    let wrapped: Vec<(&str, Vec<u8>)> = vec![
        ("compose", each(&|line| format!("broker-1  | {line}"))),
        ("stern", each(&|line| format!("broker-0 kafka {line}"))),
        ("pod", each(&|line| format!("[pod/broker-0/kafka] {line}"))),
        (
            "journald",
            each(&|line| format!("Nov 28 11:26:18 b1 kafka[8]: {line}")),
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
        ("colours", each(&|line| format!("\x1b[32m{line}\x1b[0m"))),
        (
            "bom, crlf",
            format!("\u{feff}{}", plain.replace('\n', "\r\n")).into_bytes(),
        ),
        (
            "utf-16",
            plain.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        ),
        (
            "broker's lines between",
            each(&|line| format!("[2026-11-28 11:26:18,123] INFO x (kafka.Kafka)\n{line}")),
        ),
    ];
    for (name, bytes) in wrapped {
        let decoded = decode(&bytes);
        assert_eq!(rows(&decoded), expected, "{name}");
        let lossy = decoded.losses();
        assert!(
            lossy.is_empty() || lossy[0].0 == "gc_log_other_line",
            "{name}: {lossy:?}"
        );
    }
}

#[test]
fn decorations_may_be_in_any_order_and_number() {
    let end = 1_795_865_177_126_000_000_i64;
    for line in [
        "[info][gc][2026-11-28T11:26:17.126+0000] GC(0) Pause Remark 10M->10M(20M) 1.000ms",
        "[2026-11-28T13:26:17.126+0200][b1][812][27434][info ][gc        ] GC(0) Pause Remark 10M->10M(20M) 1.000ms",
        "[1795865177126ms][1.000s] GC(0) Pause Remark 10M->10M(20M) 1.000ms",
        "[gc,start][2026-11-28T11:26:17.126+0000] GC(0) Pause Full (System.gc()) 1M->1M(2M) 1.000ms",
    ] {
        let decoded = decode(format!("{line}\n").as_bytes());
        assert_eq!(decoded.times("pauses", "end_time"), [end], "{line}");
        assert_eq!(decoded.losses(), [], "{line}");
    }
}

const JDK_8: &str = "\
OpenJDK 64-Bit Server VM (25.412-b08) for linux-amd64 JRE (1.8.0_412-b08)
Memory: 4k page, physical 24684336k(1067404k free), swap 0k(0k free)
CommandLine flags: -XX:+PrintGC -XX:+PrintGCDateStamps -XX:+PrintGCDetails -XX:+UseG1GC
2026-11-28T11:26:17.126+0000: 1.126: [GC (Allocation Failure) [PSYoungGen: 65536K->10704K(76288K)] 65536K->10720K(251392K), 0.0085000 secs] [Times: user=0.02 sys=0.00, real=0.01 secs]
2026-11-28T11:26:17.136+0000: 1.136: Total time for which application threads were stopped: 0.0091000 seconds, Stopping threads took: 0.0000220 seconds
2026-11-28T11:26:17.500+0000: 1.500: Application time: 0.3640000 seconds
2026-11-28T11:26:18.000+0000: 2.000: [GC pause (G1 Evacuation Pause) (young), 0.0120000 secs]
   [Parallel Time: 11.0 ms, GC Workers: 2]
      [GC Worker Start (ms): Min: 2000.1, Avg: 2000.1, Max: 2000.2, Diff: 0.1]
   [Eden: 24.0M(24.0M)->0.0B(13.0M) Survivors: 0.0B->3072.0K Heap: 24.0M(256.0M)->9.0M(256.0M)]
 [Times: user=0.02 sys=0.00, real=0.01 secs]
2026-11-28T11:26:19.000+0000: 3.000: [GC concurrent-root-region-scan-start]
2026-11-28T11:26:19.100+0000: 3.100: [GC remark 2026-11-28T11:26:19.100+0000: 3.100: [Finalize Marking, 0.0002 secs] 2026-11-28T11:26:19.101+0000: 3.101: [GC ref-proc, 0.0001 secs], 0.0030000 secs]
2026-11-28T11:26:20.000+0000: 4.000: [GC (Allocation Failure) 2026-11-28T11:26:20.000+0000: 4.000: [ParNew
Desired survivor size 34865152 bytes, new threshold 1 (max 6)
- age   1:   69730304 bytes,   69730304 total
: 613404K->68068K(613440K), 0.1020465 secs] 10885349K->10880154K(12514816K), 0.1021000 secs] [Times: user=0.78 sys=0.01, real=0.11 secs]
2026-11-28T11:26:21.000+0000: 5.000: [Full GC (System.gc()) 2026-11-28T11:26:21.000+0000: 5.000: [CMS: 1K->1K(2K), 0.0200000 secs] 3K->1K(4K), [Metaspace: 1K->1K(2K)], 0.0210000 secs] [Times: user=0.02 sys=0.00, real=0.02 secs]
2026-11-28T11:26:22.000+0000: 6.000: [CMS-concurrent-mark: 0.100/0.100 secs] [Times: user=0.10 sys=0.00, real=0.10 secs]
";

#[test]
fn a_log_of_jdk_8_has_its_collections_from_their_start_and_its_stops_to_their_end() {
    let decoded = decode(JDK_8.as_bytes());
    insta::assert_snapshot!(decoded.whole_text());
    assert!(recognise_gc_log(JDK_8.as_bytes()).is_some());
    let second = 1_000_000_000;
    let uptime_only: String = JDK_8
        .lines()
        .map(|line| {
            line.replacen("2026-11-28T", "", 1)
                .split_once("+0000: ")
                .map_or(line.to_owned(), |(_, rest)| rest.to_owned())
                + "\n"
        })
        .collect();
    let uptime = decode(uptime_only.as_bytes());
    assert_eq!(uptime.summary.clock, ClockKind::JvmUptime);
    let starts = uptime.times("pauses", "start_time");
    assert_eq!(starts[3], 2 * second);
    assert_eq!(
        uptime.int64("pauses", "duration_ns"),
        decoded.int64("pauses", "duration_ns")
    );
    // Behind a collector's prefix.
    let journald: String = JDK_8
        .lines()
        .map(|line| format!("Nov 28 11:26:18 b1 kafka[8]: {line}\n"))
        .collect();
    assert_eq!(rows(&decode(journald.as_bytes())), rows(&decoded));
}

#[test]
fn a_collectors_time_ties_an_uptime_to_wall_time_and_is_told() {
    let text = "2026-11-28T11:26:18.100000000Z [1.000s][info][gc] GC(0) Pause Remark 1M->1M(2M) 1.000ms\n\
        2026-11-28T11:26:19.050000000Z [2.000s][info][gc] GC(1) Pause Remark 1M->1M(2M) 1.000ms\n";
    let decoded = decode(text.as_bytes());
    assert_eq!(decoded.summary.clock, ClockKind::JvmUptime);
    assert_eq!(decoded.limits(), ["collector_time"]);
    let anchor = decoded.summary.anchors[0];
    assert_eq!(
        anchor.time_ns - anchor.reference_time_ns,
        1_795_865_177_050_000_000
    );
    let text = "2026-11-28T11:26:18.100000000Z [info][gc] GC(0) Pause Remark 1M->1M(2M) 1.000ms\n";
    let decoded = decode(text.as_bytes());
    assert_eq!(
        decoded.times("pauses", "end_time"),
        [1_795_865_178_100_000_000]
    );
    assert_eq!(decoded.limits(), ["collector_time"]);
}

#[test]
fn damaged_and_cut_logs_are_losses_to_know_of() {
    let text = std::str::from_utf8(JDK_17).unwrap();
    let is_pause = |line: &&str| line.contains(" Pause ") && line.ends_with("ms");
    let pause = text.lines().find(is_pause).unwrap();
    let severe = |decoded: &Decoded| {
        let losses = decoded.summary.losses.iter();
        losses
            .filter(|loss| loss.kind.severity >= kcorr_model::Severity::Warning)
            .count()
    };
    let whole = decode(JDK_17);
    assert_eq!(severe(&whole), 0, "{:?}", whole.losses());
    for (name, damaged) in [
        ("zeroed", text.replace(pause, &"\0".repeat(pause.len()))),
        (
            "a bracket flipped",
            text.replace(pause, &pause.replacen('[', "{", 1).replacen(']', "}", 1)),
        ),
        ("gone", text.replace(&format!("{pause}\n"), "")),
        (
            "cut",
            text[..text.find(pause).unwrap() + pause.len() - 4].to_owned(),
        ),
    ] {
        let decoded = decode(damaged.as_bytes());
        assert!(severe(&decoded) > 0, "{name}: {:?}", decoded.losses());
    }
}

#[test]
fn control_characters_of_an_input_are_escaped_in_messages() {
    let input = include_bytes!("../data/escapes-not-a-gc-log.txt");
    let error = decode_pieces(GcLogDecoder::new(SourceId(1)), &[input]).unwrap_err();
    assert!(!error.to_string().contains(char::is_control), "{error}");
}

proptest! {
    #[test]
    fn any_split_gives_the_same_rows(
        flips in proptest::collection::vec((0..12_000_usize, 0..8_u32), 0..6),
        cuts in proptest::collection::vec(0..12_000_usize, 0..6),
    ) {
        let bytes = flipped(JDK_17.to_vec(), flips);
        let whole = decode(&bytes).whole_text();
        let decoder = GcLogDecoder::new(SourceId(1));
        let split = decode_pieces(decoder, &pieces(&bytes, cuts)).unwrap();
        prop_assert_eq!(whole, split.whole_text());
    }
}
