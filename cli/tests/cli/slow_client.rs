//! A broker whose clients are slow, in its capture and its request log alone.

use std::path::Path;

use crate::{Desk, status, stderr, stdout};

/// What `examples/incidents/slow-client` says that each client waited for.
#[test]
fn each_slow_client_waited_for_what_its_program_did() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/incidents/slow-client");
    let file = |name: &str| folder.join(name).display().to_string();
    let desk = Desk::new();
    let output = desk.kcorr(&[
        "ingest",
        "--pcap",
        &file("dump.pcap.zst"),
        "--request-log",
        &file("request.log.zst"),
    ]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let verdicts = "SELECT client_id, api, cause, reason, count(*) AS requests, \
                    sum(waited_ms) AS waited_ms \
                    FROM blame GROUP BY client_id, api, cause, reason ORDER BY client_id, api, cause";
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../examples/incidents/slow-client/expected");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::assert_snapshot!("verdicts", stdout(&desk.kcorr(&["query", "-c", verdicts])));
    });
}
