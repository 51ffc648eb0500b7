//! Recordings that are cut, unfinished, joined or changed.

use proptest::prelude::*;

use crate::decoded::Decoded;

const ASYNC_PROFILER: &[u8] = include_bytes!("../data/async-profiler-4.6.jfr");
const JDK_17: &[u8] = include_bytes!("../data/jdk17.jfr");
const JDK_25: &[u8] = include_bytes!("../data/jdk25.jfr");

fn decode(bytes: &[u8]) -> Decoded {
    Decoded::whole(bytes, Default::default()).unwrap()
}

/// The waits without what only constant pools tell.
fn waits(decoded: &Decoded) -> Vec<[i64; 3]> {
    let column = |name| decoded.numbers("lock_waits", name);
    let columns = [column("start_time"), column("duration_ns"), column("tid")];
    (0..columns[0].len())
        .map(|row| columns.each_ref().map(|c| c[row]))
        .collect()
}

#[test]
fn a_cut_async_profiler_recording_keeps_the_waits_before_the_cut() {
    let all = waits(&decode(ASYNC_PROFILER));
    let mut kept = 0;
    for end in (10_000..ASYNC_PROFILER.len()).step_by(997) {
        let decoded = decode(&ASYNC_PROFILER[..end]);
        let found = waits(&decoded);
        assert_eq!(found[..], all[..found.len()], "cut at {end}");
        assert!(found.len() >= kept, "cut at {end}");
        assert_eq!(decoded.loss("jfr_unfinished_chunk"), 1, "cut at {end}");
        kept = found.len();
    }
    assert_eq!(kept, all.len());
}

#[test]
fn a_recording_of_a_killed_async_profiler_is_read_without_its_constants() {
    // What async-profiler leaves when it is killed: a length of 1 GiB, no offsets, no pools.
    let pools = 0x1174d;
    let mut killed = ASYNC_PROFILER[..pools].to_vec();
    killed[8..16].copy_from_slice(&(1u64 << 30).to_be_bytes());
    killed[16..32].fill(0);
    let decoded = decode(&killed);
    assert_eq!(waits(&decoded), waits(&decode(ASYNC_PROFILER)));
    assert_eq!(decoded.loss("jfr_unfinished_chunk"), 1);
    assert!(decoded.loss("jfr_missing_stack") > 0);
    assert!(
        decoded
            .texts("lock_waits", "thread_name")
            .iter()
            .all(Option::is_none)
    );
}

#[test]
fn a_jdk_recording_cut_in_its_first_chunk_tells_that_it_has_no_metadata() {
    let decoded = decode(&JDK_17[..JDK_17.len() / 4]);
    assert_eq!(waits(&decoded), Vec::<[i64; 3]>::new());
    assert!(decoded.loss("jfr_chunk_without_metadata") > 0);
}

#[test]
fn a_chunk_whose_header_was_never_finished_is_read_by_searching_its_metadata() {
    for length in [0, 1 << 30, u64::MAX] {
        let mut open = JDK_17.to_vec();
        open[8..16].copy_from_slice(&length.to_be_bytes());
        open[16..32].fill(0);
        open[64] = 1;
        let joined = [&open, JDK_25].concat();
        let decoded = decode(&joined);
        let both = [waits(&decode(JDK_17)), waits(&decode(JDK_25))].concat();
        assert_eq!(waits(&decoded), both, "{length}");
        assert_eq!(decoded.loss("jfr_unfinished_chunk"), 1, "{length}");
        let pushed = Decoded::pushed(joined.chunks(1000)).unwrap();
        assert_eq!(pushed.tables, decoded.tables, "{length}");
    }
}

#[test]
fn joined_recordings_keep_all_rows_whatever_is_between_them() {
    let whole = [waits(&decode(ASYNC_PROFILER)), waits(&decode(JDK_17))].concat();
    assert_eq!(waits(&decode(&[ASYNC_PROFILER, JDK_17].concat())), whole);
    let zeros = [ASYNC_PROFILER, &[0; 5000], JDK_17].concat();
    let decoded = decode(&zeros);
    assert_eq!(waits(&decoded), whole);
    assert_eq!(decoded.loss("jfr_zero_bytes"), 5000);
    let noise = [ASYNC_PROFILER, &[0xfe; 777], JDK_17].concat();
    let decoded = decode(&noise);
    assert_eq!(waits(&decoded), whole);
    assert_eq!(decoded.loss("jfr_damaged_bytes"), 777);
}

#[test]
fn a_damage_between_events_costs_only_what_stood_there() {
    // Behind the settings, in the middle of the events.
    let middle = 0xc000;
    for damage in [0x00, 0xff] {
        let mut bytes = ASYNC_PROFILER.to_vec();
        bytes[middle..middle + 100].fill(damage);
        let (found, all) = (waits(&decode(&bytes)), waits(&decode(ASYNC_PROFILER)));
        assert!(
            found.len() + 10 > all.len(),
            "{} of {}",
            found.len(),
            all.len()
        );
        assert!(found.iter().all(|wait| all.contains(wait)));
    }
}

fn recording() -> impl Strategy<Value = &'static [u8]> {
    prop_oneof![Just(ASYNC_PROFILER), Just(JDK_17), Just(JDK_25)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn a_recording_cut_anywhere_is_read_without_panic(recording in recording(), cut: prop::sample::Index) {
        let cut = &recording[..cut.index(recording.len())];
        let whole = Decoded::whole(cut, Default::default());
        prop_assert_eq!(whole.is_ok(), cut.len() >= 4);
        if let Ok(whole) = whole {
            let pushed = Decoded::pushed([cut]).unwrap();
            prop_assert!(pushed.tables == whole.tables);
            prop_assert_eq!(pushed.summary.losses, whole.summary.losses);
        }
    }

    #[test]
    fn changed_bytes_are_read_without_panic(
        recording in recording(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let mut bytes = recording.to_vec();
        for (at, byte) in changes {
            // The first eight bytes are the format's name and version.
            let at = 8 + at.index(bytes.len() - 8);
            bytes[at] = byte;
        }
        let decoded = Decoded::whole(&bytes, Default::default());
        prop_assert!(decoded.is_ok());
    }
}

#[test]
fn a_chunk_that_comes_in_pieces_and_does_not_end_is_held_to_a_bound() {
    // Declared to be 1 GiB, and 200 MiB of events of an unknown type come; then another recording.
    let mut endless = JDK_17.to_vec();
    endless[8..16].copy_from_slice(&(1u64 << 30).to_be_bytes());
    let event = [&[64, 0x7f][..], &[1; 62]].concat();
    let block = event.repeat((1 << 20) / 64);
    let mut pieces: Vec<&[u8]> = vec![&endless];
    pieces.extend(std::iter::repeat_n(block.as_slice(), 200));
    pieces.push(JDK_25);
    let decoded = Decoded::pushed(pieces).unwrap();
    let both = [waits(&decode(JDK_17)), waits(&decode(JDK_25))].concat();
    assert_eq!(waits(&decoded), both);
    let passed = decoded.loss("jfr_chunk_too_long");
    assert!((30 << 20..50 << 20).contains(&passed), "{passed}");
}

#[test]
fn very_many_chunks_take_no_more_memory_than_few() {
    // Headers alone, 100,000 of them: each is a chunk that cannot be read.
    let mut header = JDK_17[..68].to_vec();
    header[8..16].copy_from_slice(&68u64.to_be_bytes());
    let bytes = [JDK_17, &header.repeat(100_000), JDK_25].concat();
    let decoded = decode(&bytes);
    let both = [waits(&decode(JDK_17)), waits(&decode(JDK_25))].concat();
    assert_eq!(waits(&decoded), both);
    assert_eq!(decoded.loss("jfr_chunk_without_metadata"), 100_000);
}
