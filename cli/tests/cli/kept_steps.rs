//! Steps are computed once, whatever is asked after another.

use std::collections::BTreeSet;

use crate::{Desk, recording, status, stderr, stdout};

fn kept(desk: &Desk) -> BTreeSet<String> {
    let entries = std::fs::read_dir(desk.path("incident.kcorr/steps"));
    let names = entries.into_iter().flatten().map(|entry| {
        let entry = entry.expect("an entry");
        entry.file_name().to_string_lossy().into_owned()
    });
    names.collect()
}

#[test]
fn a_second_query_computes_no_step_again_and_gives_the_same() {
    let desk = Desk::with_incident();
    let first = desk.kcorr(&["query", "-v", "blame", "--format", "csv"]);
    assert!(
        !stderr(&first).contains("computed earlier"),
        "{}",
        stderr(&first)
    );
    let steps = kept(&desk);
    assert!(!steps.is_empty());
    let second = desk.kcorr(&["query", "-v", "blame", "--format", "csv"]);
    assert_eq!(stdout(&first), stdout(&second));
    let text = stderr(&second);
    let of_steps = || text.lines().filter(|line| line.starts_with("step "));
    assert!(of_steps().count() > 0, "{text}");
    assert!(
        of_steps().all(|line| line.contains("computed earlier")),
        "{text}"
    );
    let fresh = desk.kcorr(&["query", "-v", "blame", "--fresh", "--format", "csv"]);
    assert_eq!(stdout(&first), stdout(&fresh));
    assert!(
        !stderr(&fresh).contains("computed earlier"),
        "{}",
        stderr(&fresh)
    );
    assert_eq!(kept(&desk), steps);

    // Neither checking nor shifting recordings has to do with them.
    assert_eq!(status(&desk.kcorr(&["check"])), 0);
    let shifted = desk.kcorr(&["verify", "--shifts", "1", "--no-ablation"]);
    assert_eq!(status(&shifted), 0, "{}", stderr(&shifted));
    let again = desk.kcorr(&["query", "blame", "--format", "csv"]);
    assert_eq!(stdout(&first), stdout(&again));

    // Another state of the store has steps of its own.
    desk.kcorr(&["compact"]);
    let merged = desk.kcorr(&["query", "-v", "blame", "--format", "csv"]);
    assert!(
        !stderr(&merged).contains("computed earlier"),
        "{}",
        stderr(&merged)
    );
    assert!(kept(&desk).is_disjoint(&steps));
    desk.kcorr(&["ingest", "--bpf", &recording("writes.jsonl")]);
    let replaced = desk.kcorr(&["query", "-v", "blame", "--format", "csv"]);
    assert!(
        !stderr(&replaced).contains("computed earlier"),
        "{}",
        stderr(&replaced)
    );
    assert_eq!(stdout(&first), stdout(&replaced));
}

#[cfg(unix)]
#[test]
fn a_damaged_file_of_steps_is_told_with_v_and_not_believed() {
    let desk = Desk::with_incident();
    let first = stdout(&desk.kcorr(&["query", "causes", "--format", "csv"]));
    for name in kept(&desk) {
        let path = desk.path("incident.kcorr/steps").join(name);
        let mut bytes = std::fs::read(&path).expect("a file");
        let last = bytes.len() - 1;
        bytes[last / 2] ^= 4;
        std::fs::write(&path, bytes).expect("written");
    }
    let again = desk.kcorr(&["query", "-v", "causes", "--format", "csv"]);
    assert_eq!(stdout(&again), first);
    assert!(stderr(&again).contains("is damaged"), "{}", stderr(&again));
    assert_eq!(status(&again), 0);
}

#[test]
fn what_a_session_with_a_view_of_its_own_computes_is_not_kept() {
    let desk = Desk::with_incident();
    let sql = "CREATE OR REPLACE VIEW pauses AS SELECT * FROM writes WHERE FALSE;
        SELECT count(*) AS \"count\" FROM accounted_requests";
    let output = desk.kcorr(&["query", "-c", sql]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert_eq!(kept(&desk), BTreeSet::new());
    let first = desk.kcorr(&["query", "-v", "blame", "--format", "csv"]);
    assert!(
        !stderr(&first).contains("computed earlier"),
        "{}",
        stderr(&first)
    );
    assert!(!kept(&desk).is_empty());
    let with_setting = "SET datafusion.execution.target_partitions = 1; SELECT count(*) FROM blame";
    let before = kept(&desk);
    let output = desk.kcorr(&["query", "-v", "-c", with_setting]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert!(!stderr(&output).contains("computed earlier"));
    assert_eq!(kept(&desk), before);
}
