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
