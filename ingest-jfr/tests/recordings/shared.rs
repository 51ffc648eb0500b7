//! Larger recordings of brokers, where they are at hand.

use std::path::PathBuf;

use crate::decoded::Decoded;

fn recording(name: &str) -> Option<Vec<u8>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let path = root.join(name);
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        eprintln!("skipped: there is no {}", path.display());
    }
    bytes
}

#[test]
fn a_recording_of_two_recorders_has_the_rows_of_both() {
    let Some(bytes) = recording("incidents/ext4-owners/profile.jfr") else {
        return;
    };
    let decoded = Decoded::whole(&bytes, Default::default()).unwrap();
    assert!(decoded.summary.format.contains("JDK 17"));
    assert!(decoded.summary.format.contains("async-profiler 4.6"));
    // Counts and totals as `jfr print` has them.
    let kinds = decoded.texts("lock_waits", "kind");
    let durations = decoded.numbers("lock_waits", "duration_ns");
    let total = |kind: &str| {
        let rows = kinds
            .iter()
            .zip(&durations)
            .filter(|(k, _)| k.as_deref() == Some(kind));
        rows.fold((0, 0), |(count, sum), (_, ns)| (count + 1, sum + ns))
    };
    assert_eq!(total("monitor"), (9_268, 7_096_269_205));
    assert_eq!(total("monitor_wait"), (251, 68_682_023_347));
    assert_eq!(total("park"), (22_022, 2_698_132_649_612));
    let owners = decoded.texts("lock_waits", "owner_thread_name");
    let owned = kinds
        .iter()
        .zip(&owners)
        .filter(|(k, _)| k.as_deref() == Some("monitor"));
    assert!(owned.clone().count() > 0);
    assert!(owned.clone().all(|(_, owner)| owner.is_some()));
}

#[test]
fn a_broker_under_async_profiler_has_its_handlers_with_real_thread_ids() {
    let Some(bytes) = recording("incidents/ext4-ordered/profile.jfr") else {
        return;
    };
    let decoded = Decoded::whole(&bytes, Default::default()).unwrap();
    let names = decoded.texts("threads", "name").into_iter().flatten();
    let handlers = names.filter(|name| name.starts_with("data-plane-kafka-request-handler-"));
    // Eight of the broker and eight of the controller in the same process.
    assert_eq!(handlers.count(), 16);
    let waits = decoded
        .texts("lock_waits", "lock_class")
        .into_iter()
        .flatten();
    assert!(waits.clone().count() > 6_000);
    assert!(
        decoded
            .numbers("lock_waits", "tid")
            .iter()
            .all(|tid| *tid > 0)
    );
}

const ALL: [&str; 8] = [
    "incidents/ext4-ordered/profile.jfr",
    "incidents/ext4-owners/profile.jfr",
    "incidents/xfs/profile.jfr",
    "samples/jfr/ap46-emoji-thread.jfr",
    "samples/jfr/ap46-virtual-threads.jfr",
    "samples/jfr/jdk17.jfr",
    "samples/jfr/jdk25-virtual-threads.jfr",
    "samples/jfr/jdk25.jfr",
];

/// Cuts and changes at places that a generator with a fixed start picks: 1,000 of each over all.
#[test]
fn large_recordings_cut_or_changed_anywhere_are_read() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    for name in ALL {
        let Some(bytes) = recording(name) else { return };
        let whole = Decoded::whole(&bytes, Default::default()).unwrap();
        for _ in 0..125 {
            let cut = Decoded::whole(&bytes[..4 + random(bytes.len() - 4)], Default::default());
            assert!(cut.unwrap().row_count() <= whole.row_count());
            let mut changed = bytes.clone();
            for _ in 0..=random(8) {
                let at = 8 + random(bytes.len() - 8);
                changed[at] ^= 1 << random(8);
            }
            assert!(Decoded::whole(&changed, Default::default()).is_ok());
        }
    }
}

#[test]
fn an_emoji_in_a_thread_name_costs_nothing() {
    let Some(bytes) = recording("samples/jfr/ap46-emoji-thread.jfr") else {
        return;
    };
    let decoded = Decoded::whole(&bytes, Default::default()).unwrap();
    let names: Vec<_> = decoded
        .texts("threads", "name")
        .into_iter()
        .flatten()
        .collect();
    assert!(
        names.contains(&"worker-\u{1f600}-x".to_owned()),
        "{names:?}"
    );
    assert_eq!(decoded.texts("lock_waits", "kind").len(), 27_069 + 11_832);
    assert!(decoded.summary.losses.is_empty());
}
