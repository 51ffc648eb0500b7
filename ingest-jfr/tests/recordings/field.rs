//! A recording as people have it: cut, overwritten, or with a header that does not fit.
//!
//! `data/field/whole.jfr.gz` is of JDK 17, 4 s of a small program with contended monitors, writes, syncs,
//! sockets and collections. It has flushes, so copies of the chunk's header inside of checkpoint events.

use std::io::Read;

use kcorr_model::Severity;

use crate::decoded::Decoded;

const ROWS: [(&str, usize); 5] = [
    ("lock_waits", 1467),
    ("writes", 1615),
    ("socket_io", 617),
    ("pauses", 380),
    ("stack_samples", 216),
];
/// Of forty whole, consecutive events.
const FORTY_EVENTS: std::ops::Range<usize> = 188_116..188_779;
const JDK_25: &[u8] = include_bytes!("../data/jdk25.jfr");

pub(crate) fn whole() -> Vec<u8> {
    unpacked(include_bytes!("../data/field/whole.jfr.gz"))
}

fn unpacked(compressed: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut decoder = flate2::read::GzDecoder::new(compressed);
    decoder.read_to_end(&mut bytes).unwrap();
    bytes
}

/// Decodes at once and in pieces, which give the same.
fn decode(bytes: &[u8]) -> Decoded {
    let decoded = Decoded::whole(bytes, Default::default()).unwrap();
    let pushed = Decoded::pushed(bytes.chunks(1013)).unwrap();
    assert!(pushed.tables == decoded.tables);
    assert_eq!(pushed.summary.losses, decoded.summary.losses);
    decoded
}

fn rows(decoded: &Decoded) -> Vec<(&'static str, usize)> {
    let count = |name: &str| decoded.table(name).map_or(0, |batch| batch.num_rows());
    ROWS.iter().map(|(name, _)| (*name, count(name))).collect()
}

/// Kinds of losses that make the exit status 1.
fn warnings(decoded: &Decoded) -> Vec<&'static str> {
    let losses = decoded.summary.losses.iter();
    let grave = losses.filter(|loss| loss.kind.severity != Severity::Info);
    grave.map(|loss| loss.kind.name).collect()
}

#[test]
fn a_whole_recording_has_no_loss() {
    let decoded = decode(&whole());
    assert_eq!(rows(&decoded), ROWS);
    assert_eq!(warnings(&decoded), Vec::<&str>::new());
}

#[test]
fn a_recording_that_lacks_its_last_bytes_has_all_rows_and_one_loss() {
    let whole = whole();
    for cut in [1, 2, 100] {
        let decoded = decode(&whole[..whole.len() - cut]);
        assert_eq!(rows(&decoded), ROWS, "{cut}");
        assert_eq!(warnings(&decoded), ["jfr_unfinished_chunk"], "{cut}");
        assert_eq!(decoded.loss("jfr_unfinished_chunk"), 1, "{cut}");
    }
}

#[test]
fn a_recording_that_is_cut_in_the_middle_is_walked_to_the_cut() {
    let whole = whole();
    let all = rows(&decode(&whole));
    // The first flush, which writes the metadata, is at 58 %.
    let mut before: Vec<usize> = vec![0; all.len()];
    for tenth in 6..10 {
        let decoded = decode(&whole[..whole.len() * tenth / 10]);
        let found: Vec<usize> = rows(&decoded).iter().map(|(_, count)| *count).collect();
        assert!(
            found.iter().zip(&before).all(|(now, before)| now >= before),
            "{tenth}: {found:?}"
        );
        assert!(
            !warnings(&decoded).contains(&"jfr_chunk_without_metadata"),
            "{tenth}"
        );
        assert!(
            warnings(&decoded).contains(&"jfr_unfinished_chunk"),
            "{tenth}"
        );
        before = found;
    }
    assert!(before[1] > 1_200, "{before:?}");
}

#[test]
fn a_header_that_is_older_or_newer_than_the_bytes_changes_no_row() {
    let whole = whole();
    let length = whole.len() as u64;
    // Older: of the second of two flushes. Newer: the bytes behind were never written.
    for told in [
        0,
        68,
        129_307,
        length / 2,
        length - 1,
        length + 1,
        length * 3,
        u64::MAX,
    ] {
        let mut bytes = whole.clone();
        bytes[8..16].copy_from_slice(&told.to_be_bytes());
        let decoded = decode(&bytes);
        assert_eq!(rows(&decoded), ROWS, "{told}");
        assert_eq!(warnings(&decoded), ["jfr_unfinished_chunk"], "{told}");
    }
}

#[test]
fn a_cut_chunk_ends_where_another_recordings_begins() {
    let whole = whole();
    let both = rows(&decode(&whole)).into_iter().zip(rows(&decode(JDK_25)));
    let both: Vec<usize> = both.map(|((_, one), (_, other))| one + other).collect();
    let count = |bytes: &[u8]| -> Vec<usize> {
        rows(&decode(bytes))
            .iter()
            .map(|(_, count)| *count)
            .collect()
    };
    assert_eq!(count(&[&whole[..], JDK_25].concat()), both);
    assert_eq!(count(&[JDK_25, &whole[..whole.len() - 100]].concat()), both);
    // The first of two, and one whose header reaches into the second.
    let cut = [&whole[..whole.len() - 100], JDK_25].concat();
    assert_eq!(count(&cut), both);
    let mut long = [&whole[..], JDK_25].concat();
    let told = whole.len() as u64 + 1_000;
    long[8..16].copy_from_slice(&told.to_be_bytes());
    assert_eq!(count(&long), both);
    // Cut inside of an event in its middle.
    let decoded = decode(&[&whole[..whole.len() / 2 + 7], JDK_25].concat());
    let jdk_25 = decode(JDK_25);
    assert!(decoded.row_count() > jdk_25.row_count());
    for (name, of_second) in rows(&jdk_25) {
        let found = decoded.table(name).map_or(0, |batch| batch.num_rows());
        assert!(found >= of_second, "{name}");
    }
}

#[test]
fn zeros_between_events_are_a_warning_that_says_how_many_may_be_missing() {
    let mut bytes = whole();
    bytes[FORTY_EVENTS].fill(0);
    let decoded = decode(&bytes);
    assert_eq!(decoded.table("writes").unwrap().num_rows(), 1575);
    assert_eq!(decoded.loss("jfr_damaged_bytes"), 663);
    assert_eq!(
        warnings(&decoded),
        ["jfr_damaged_bytes", "jfr_events_may_be_missing"]
    );
    let missing = decoded.loss("jfr_events_may_be_missing");
    assert!((10..100).contains(&missing), "{missing}");
}

#[test]
fn a_damage_inside_of_a_chunk_counts_all_its_bytes() {
    for (fill, zeros) in [(0xff, 0), (0xff, 30), (0x00, 0)] {
        let mut bytes = whole();
        bytes[FORTY_EVENTS].fill(fill);
        bytes[FORTY_EVENTS][..zeros].fill(0);
        let decoded = decode(&bytes);
        let damaged = decoded.loss("jfr_damaged_bytes");
        assert!((663..700).contains(&damaged), "{fill} {zeros}: {damaged}");
        assert!(decoded.loss("jfr_events_may_be_missing") > 0);
        assert_eq!(decoded.loss("jfr_zero_bytes"), 0);
    }
}

#[test]
fn zeros_behind_the_last_event_are_harmless() {
    let padded = [whole(), vec![0; 4096]].concat();
    let decoded = decode(&padded);
    assert_eq!(rows(&decoded), ROWS);
    assert_eq!(decoded.loss("jfr_zero_bytes"), 4096);
    assert!(!warnings(&decoded).contains(&"jfr_damaged_bytes"));
}

/// `data/field/cpu-time-samples-lost.jfr.gz` is of JDK 25 with a queue of samples that was too short.
#[test]
fn samples_that_the_sampler_of_cpu_time_lost_are_a_loss() {
    let bytes = unpacked(include_bytes!("../data/field/cpu-time-samples-lost.jfr.gz"));
    let decoded = decode(&bytes);
    assert_eq!(warnings(&decoded), ["jfr_cpu_time_samples_lost"]);
    let losses = &decoded.summary.losses;
    let mut lost = losses
        .iter()
        .filter(|loss| loss.kind.severity != Severity::Info);
    let lost = lost.next().unwrap();
    assert!(lost.count >= 6, "{lost:?}");
    assert!(lost.detail.contains("jdk.CPUTimeSamplesLost"), "{lost:?}");
    assert!(lost.time_range.is_some());
}

/// `data/field/safepoints.jfr.gz` is of JDK 17, with 13 safepoints of which the last was not over.
#[test]
fn a_safepoint_has_the_time_until_the_last_thread_had_come() {
    let bytes = unpacked(include_bytes!("../data/field/safepoints.jfr.gz"));
    let decoded = decode(&bytes);
    let of = |kind: &str| {
        let kinds = decoded.texts("pauses", "kind").into_iter();
        let starts = decoded.numbers("pauses", "start_time").into_iter();
        let ends = decoded.numbers("pauses", "end_time").into_iter();
        let rows = kinds
            .zip(starts.zip(ends))
            .filter(|(of, _)| of.as_deref() == Some(kind));
        let mut spans: Vec<(i64, i64)> = rows.map(|(_, span)| span).collect();
        spans.sort_unstable();
        spans
    };
    let (safepoints, syncs) = (of("safepoint"), of("safepoint_sync"));
    assert_eq!((safepoints.len(), syncs.len()), (13, 13));
    for (safepoint, sync) in safepoints[..12].iter().zip(&syncs) {
        assert!(safepoint.0 <= sync.0 && sync.1 <= safepoint.1);
    }
}
