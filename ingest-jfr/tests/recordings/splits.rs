//! However a recording is handed over, the rows are the same.

use kcorr_ingest_jfr::JfrOptions;
use proptest::prelude::*;

use crate::decoded::Decoded;

fn recording() -> Vec<u8> {
    let parts: [&[u8]; 3] = [
        include_bytes!("../data/jdk17.jfr"),
        include_bytes!("../data/async-profiler-4.6.jfr"),
        include_bytes!("../data/jdk25.jfr"),
    ];
    parts.concat()
}

#[test]
fn one_thread_and_many_give_the_same_rows() {
    let bytes = recording();
    let on = |threads| {
        let options = JfrOptions {
            threads,
            ..JfrOptions::default()
        };
        Decoded::whole(&bytes, options).unwrap()
    };
    let (one, many) = (on(1), on(8));
    assert!(one.row_count() > 4_000);
    assert_eq!(one.tables, many.tables);
    assert_eq!(one.summary, many.summary);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn any_split_gives_the_same_rows(mut cuts in prop::collection::vec(0usize..520_000, 0..6)) {
        let bytes = recording();
        cuts.push(bytes.len());
        cuts.retain(|cut| *cut <= bytes.len());
        cuts.sort_unstable();
        let mut start = 0;
        let pieces = cuts.iter().map(|cut| {
            let piece = &bytes[start..*cut];
            start = *cut;
            piece
        });
        let whole = Decoded::whole(&bytes, JfrOptions::default()).unwrap();
        let pushed = Decoded::pushed(pieces).unwrap();
        prop_assert!(whole.tables == pushed.tables);
        prop_assert_eq!(whole.summary, pushed.summary);
    }
}

#[test]
fn single_bytes_give_the_same_rows() {
    let bytes: &[u8] = include_bytes!("../data/jdk17.jfr");
    let whole = Decoded::whole(bytes, JfrOptions::default()).unwrap();
    let pushed = Decoded::pushed(bytes.chunks(1)).unwrap();
    assert_eq!(whole.tables, pushed.tables);
}

/// async-profiler records its settings in its first chunk only.
#[test]
fn a_later_chunk_of_async_profiler_has_the_settings_of_the_first() {
    let first: &[u8] = include_bytes!("../data/async-profiler-4.6.jfr");
    let mut second = first.to_vec();
    // Settings under another name of their type are none.
    let name = second
        .windows(b"jdk.ActiveSetting".len())
        .position(|bytes| bytes == b"jdk.ActiveSetting")
        .unwrap();
    second[name..name + 4].copy_from_slice(b"xxx.");
    let weights = |bytes: &[u8]| {
        let decoded = Decoded::whole(bytes, JfrOptions::default()).unwrap();
        decoded.numbers("stack_samples", "weight_ns")
    };
    let (alone, after) = (weights(&second), weights(&[first, &second].concat()));
    assert!(alone.iter().all(|ns| *ns == -1));
    assert_eq!(after[alone.len()..], weights(first));
}
