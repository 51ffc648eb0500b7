//! The client that measures, as a command: against librdkafka's own simulated cluster.

use rdkafka::mocking::MockCluster;

use crate::{Desk, status, stderr, stdout};

#[test]
fn a_client_measures_each_broker_and_kcorr_reads_its_messages() {
    let cluster = MockCluster::new(3).expect("a cluster");
    cluster
        .create_topic("kcorr-sli.all", 3, 3)
        .expect("a topic");
    for partition in 0..3 {
        let led = cluster.partition_leader("kcorr-sli.all", partition, Some(partition + 1));
        led.expect("a leader");
    }
    let desk = Desk::new();
    let plan = format!(
        "bootstrap = \"{}\"\nobjective_ms = 5000\n[[setting]]\nname = \"all\"\nrate = 20\n",
        cluster.bootstrap_servers()
    );
    std::fs::write(desk.path("sli.toml"), plan).expect("a plan");
    let words = [
        "sli",
        "sli.toml",
        "--dir",
        "probe",
        "--for",
        "2s",
        "--listen",
        "127.0.0.1:0",
    ];
    let output = desk.kcorr(&words);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    assert!(stderr(&output).contains("figures: http://127.0.0.1:"));
    let said = stdout(&output);
    assert!(said.contains("within 5000 ms: 100.000 %"), "{said}");
    let files = std::fs::read_dir(desk.path("probe")).expect("its folder");
    let lines = files
        .map(|it| it.expect("an entry").path())
        .find(|it| it.extension().is_some_and(|it| it == "jsonl"))
        .expect("its lines");
    let lines = lines.to_str().expect("a path");
    assert_eq!(status(&desk.kcorr(&["ingest", "--sli", lines])), 0);
    let sql = "SELECT leader, COUNT(*) > 20 AND MAX(attempts) = 1 AS is_measured FROM client_messages \
        WHERE consumed_time IS NOT NULL GROUP BY leader ORDER BY leader";
    let rows = stdout(&desk.kcorr(&["query", "--format", "csv", "-c", sql]));
    assert_eq!(rows, "leader,is_measured\n1,true\n2,true\n3,true\n");
}

#[test]
fn a_plan_that_cannot_be_read_is_refused_by_its_line_and_without_its_secrets() {
    let desk = Desk::new();
    let plan = "bootstrap = \"127.0.0.1:1\"\n[librdkafka]\n\"sasl.password\" = \"hunter2\n";
    std::fs::write(desk.path("sli.toml"), plan).expect("a plan");
    let output = desk.kcorr(&["sli", "sli.toml"]);
    let said = stderr(&output);
    assert_eq!(status(&output), 2, "{said}");
    assert!(
        said.contains("sli.toml: line 3") && !said.contains("hunter2"),
        "{said}"
    );
    let output = desk.kcorr(&["sli", "sli.toml", "--store", "x.kcorr"]);
    assert!(stderr(&output).contains("--store has no effect here"));
}
