//! Samples of `cpu.stat`.

use kcorr_ingest_broker::{CpuStatDecoder, recognise_cpu_stat};
use kcorr_model::{ClockKind, SourceId};
use proptest::prelude::*;

use crate::decoded::{Decoded, decode_pieces, flipped, pieces};

const VERSION_2: &str = "\
1795902218.100000000
usage_usec 1
nr_periods 10
nr_throttled 1
throttled_usec 500
nr_bursts 0
1795902218.200000000
usage_usec 2
nr_periods 11
nr_throttled 2
throttled_usec 60500
nr_bursts 0
1795902218.300000000
usage_usec 3
nr_periods 12
nr_throttled 2
throttled_usec 60500
nr_bursts 0
";

const VERSION_1: &str = "\
1795902218.100000000
nr_periods 10
nr_throttled 1
throttled_time 500000
1795902218.200000000
nr_periods 11
nr_throttled 2
throttled_time 60500000
";

fn decode(text: &str) -> Decoded {
    decode_pieces(CpuStatDecoder::new(SourceId(1)), &[text.as_bytes()]).unwrap()
}

#[test]
fn a_row_is_the_time_without_quota_since_the_sample_before() {
    let decoded = decode(VERSION_2);
    assert_eq!(decoded.summary.clock, ClockKind::Realtime);
    assert_eq!(decoded.losses(), []);
    insta::assert_snapshot!(decoded.text("load_samples"));
}

#[test]
fn both_versions_of_control_groups_are_read() {
    let rows = |text: &str| decode(text).times("load_samples", "time");
    assert_eq!(rows(VERSION_1), rows(VERSION_2)[..1]);
    let first = |text: &str| {
        decode(text)
            .text("load_samples")
            .lines()
            .nth(1)
            .map(str::to_owned)
    };
    assert_eq!(first(VERSION_1), first(VERSION_2));
}

#[test]
fn what_is_cut_or_damaged_is_a_loss_and_no_smaller_number() {
    let cut = VERSION_1.trim_end().trim_end_matches("00");
    assert_eq!(
        decode(cut).losses(),
        [("cpu_stat_bad_line", 1), ("cpu_stat_no_counters", 1)]
    );
    let restarted = format!("{VERSION_1}1795902218.300\nnr_throttled 0\nthrottled_time 0\n");
    assert_eq!(decode(&restarted).losses(), [("cpu_stat_restart", 1)]);
    let without = format!("{VERSION_1}1795902218.300\nusage_usec 7\n");
    assert_eq!(decode(&without).losses(), [("cpu_stat_no_counters", 1)]);
}

#[test]
fn samples_are_told_from_other_texts() {
    assert!(recognise_cpu_stat(VERSION_2.as_bytes()).is_some());
    assert_eq!(
        recognise_cpu_stat(b"nr_throttled 1\nthrottled_time 2\n"),
        None
    );
    assert_eq!(
        recognise_cpu_stat(b"[2026-11-20T16:22:35.123+0000] x\n"),
        None
    );
    let decoder = CpuStatDecoder::new(SourceId(1));
    let error = decode_pieces(decoder, &[b"once upon a time\n"]).unwrap_err();
    assert!(error.to_string().contains("once upon a time"), "{error}");
}

proptest! {
    #[test]
    fn any_split_gives_the_same_rows(
        flips in proptest::collection::vec((0..300_usize, 0..8_u32), 0..6),
        cuts in proptest::collection::vec(0..300_usize, 0..6),
    ) {
        let bytes = flipped(VERSION_2.as_bytes().to_vec(), flips);
        let whole = decode_pieces(CpuStatDecoder::new(SourceId(1)), &[&bytes]);
        let split = decode_pieces(CpuStatDecoder::new(SourceId(1)), &pieces(&bytes, cuts));
        match (whole, split) {
            (Ok(whole), Ok(split)) => prop_assert_eq!(whole.whole_text(), split.whole_text()),
            (whole, split) => prop_assert_eq!(whole.is_err(), split.is_err()),
        }
    }
}
