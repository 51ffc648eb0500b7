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
