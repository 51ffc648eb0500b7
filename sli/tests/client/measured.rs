//! What is measured.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use kcorr_ingest_client::ClientMessagesDecoder;
use kcorr_model::{Decoder, SourceId};
use rdkafka::ClientConfig;
use rdkafka::bindings::rd_kafka_resp_err_t;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use crate::cluster::{Cluster, lines};

const ALL: &str = "[[setting]]\nname = \"all\"\nrate = 20\n";
const TOPIC: &str = "kcorr-sli.all";

/// How long a group is waited for.
const WITHIN: Duration = Duration::from_secs(20);

fn pass(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

/// Each message that was given has one line, and each line is counted.
fn none_is_lost_or_doubled(folder: &std::path::Path, figures: &kcorr_sli::Figures) {
    let lines = lines(folder);
    let own: Vec<&str> = lines
        .iter()
        .filter(|it| !it.again)
        .map(|it| it.id.as_ref())
        .collect();
    let ids: BTreeSet<&str> = own.iter().copied().collect();
    assert_eq!(ids.len(), own.len(), "a message has two lines");
    let numbers: Vec<u64> = own
        .iter()
        .map(|it| it.rsplit('-').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(
        numbers.iter().max(),
        Some(&(own.len() as u64)),
        "one has none"
    );
    let open = lines
        .iter()
        .filter(|it| it.error.as_deref() == Some("open_at_end"))
        .count();
    let counted: u64 = figures.summaries().iter().map(|it| it.messages).sum();
    assert_eq!(counted as usize, own.len() - open);
    for line in &lines {
        assert_eq!(line.contradiction(), None, "{line:?}");
    }
}

#[test]
fn each_message_to_each_broker_has_its_line_with_every_step() {
    let folder = tempfile::tempdir().unwrap();
    let topics = [TOPIC, "kcorr-sli.batched"];
    let cluster = Cluster::with_topics(&topics);
    let settings = "[[setting]]\nname = \"all\"\nrate = 20\n\
        [[setting]]\nname = \"batched\"\nrate = 50\nacks = \"1\"\nlinger_ms = 50\nidempotence = false\n";
    let measuring = cluster.measure(settings, folder.path());
    pass(2000);
    let page = measuring.run.page()(kcorr_exposition::Form::OpenMetrics);
    assert!(
        page.contains(
            "kcorr_sli_acknowledged_seconds_count{client=\"a\",setting=\"all\",broker=\"2\"}"
        ),
        "{page}"
    );
    let figures = measuring.end();
    none_is_lost_or_doubled_by_setting(folder.path(), &figures);
    let lines = lines(folder.path());
    assert!(lines.len() > 150, "{}", lines.len());
    for line in &lines {
        assert_eq!((line.attempts, &line.error), (Some(1), &None), "{line:?}");
        assert_eq!(
            (line.leader, line.broker),
            (Some(line.partition + 1), Some(line.partition + 1))
        );
        assert!(line.first_sent_ns.is_some() && line.consumed_ns.is_some());
        assert_eq!(line.contradiction(), None, "{line:?}");
    }
    // In a linger of 50 ms several messages share a request, and each waits for it.
    let waited = lines
        .iter()
        .filter(|it| it.setting == "batched")
        .map(|it| it.sent_ns.unwrap() - it.queued_ns.unwrap())
        .max();
    assert!(waited.unwrap() > 30_000_000, "{waited:?}");
    // And kcorr reads them.
    let mut decoder = ClientMessagesDecoder::new(SourceId(1));
    let mut rows = Vec::new();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "jsonl") {
            decoder
                .push(&std::fs::read(path).unwrap(), &mut rows)
                .unwrap();
        }
    }
    let summary = decoder.finish(&mut rows).unwrap();
    assert_eq!(summary.losses.len(), 0, "{:?}", summary.losses);
    let read: usize = rows.iter().map(|it| it.1.num_rows()).sum();
    assert_eq!(read, lines.len());
}

fn none_is_lost_or_doubled_by_setting(folder: &std::path::Path, figures: &kcorr_sli::Figures) {
    let lines = lines(folder);
    for summary in figures.summaries() {
        let own = lines
            .iter()
            .filter(|it| it.setting == summary.setting.as_str());
        let ids: BTreeSet<&str> = own.clone().map(|it| it.id.as_ref()).collect();
        assert_eq!(
            (ids.len(), own.count()),
            (summary.messages as usize, ids.len())
        );
    }
}

#[test]
fn a_request_that_is_answered_with_errors_is_one_of_several_attempts() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::with_topics(&[TOPIC]);
    let measuring = cluster.measure(ALL, folder.path());
    pass(500);
    let error: rd_kafka_resp_err_t = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS;
    cluster
        .mock
        .request_errors(RDKafkaApiKey::Produce, &[error; 4]);
    pass(2000);
    let figures = measuring.end();
    none_is_lost_or_doubled(folder.path(), &figures);
    let lines = lines(folder.path());
    let more: i32 = lines.iter().map(|it| it.attempts.unwrap() - 1).sum();
    let later: Vec<_> = lines.iter().filter(|it| it.attempts > Some(1)).collect();
    // Each of the four answers made a request with one message or more be sent again.
    assert!(more >= 4, "{more}");
    for line in &later {
        // The client is named first, where a busy host let it send late.
        let disturbed = line.disturbed_by.as_deref();
        assert!(matches!(disturbed, Some("retry" | "client")), "{line:?}");
        assert!(line.first_sent_ns < line.sent_ns);
    }
    let retries: u64 = figures.summaries().iter().map(|it| it.retries).sum();
    assert_eq!(retries, u64::try_from(more).unwrap());
}

#[test]
fn a_broker_that_stops_and_comes_back_is_a_failover_without_a_message_lost_or_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::with_topics(&[TOPIC]);
    let measuring = cluster.measure(ALL, folder.path());
    pass(1000);
    cluster.mock.broker_down(1).unwrap();
    pass(700);
    cluster.mock.partition_leader(TOPIC, 0, Some(2)).unwrap();
    pass(2500);
    cluster.mock.broker_up(1).unwrap();
    cluster.mock.partition_leader(TOPIC, 0, Some(1)).unwrap();
    pass(2500);
    let standing = measuring.run.standing();
    let said = measuring.said.lock().unwrap().clone();
    let figures = measuring.end();
    none_is_lost_or_doubled(folder.path(), &figures);
    let lines = lines(folder.path());
    let failovers: Vec<_> = lines
        .iter()
        .filter(|it| it.disturbed_by.as_deref() == Some("failover"))
        .collect();
    assert!(!failovers.is_empty(), "{said:?}");
    for line in &failovers {
        assert_eq!(line.partition, 0, "{line:?}");
    }
    // The others go on undisturbed, and after it those of the first, too.
    let others = lines.iter().filter(|it| it.partition != 0);
    assert!(others.clone().all(|it| it.error.is_none()), "{said:?}");
    let last = lines
        .iter()
        .filter(|it| it.partition == 0)
        .max_by_key(|it| it.intended_ns)
        .unwrap();
    assert_eq!(last.broker, Some(1), "{last:?}");
    assert_ne!(last.disturbed_by.as_deref(), Some("failover"), "{last:?}");
    assert!(standing.without.values().all(Vec::is_empty), "{standing:?}");
    assert!(said.iter().any(|it| it.contains("[1]")), "{said:?}");
}

#[test]
fn a_broker_that_leads_no_partition_from_the_start_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::with_topics(&[TOPIC]);
    cluster.mock.partition_leader(TOPIC, 2, Some(1)).unwrap();
    let measuring = cluster.measure(ALL, folder.path());
    pass(1500);
    let said = measuring.said.lock().unwrap().clone();
    let without = measuring.run.standing().without;
    measuring.end();
    assert_eq!(without.get("all").map(Vec::as_slice), Some(&[3][..]));
    let of_it = said.iter().filter(|it| it.contains("brokers [3]"));
    assert_eq!(of_it.count(), 1, "{said:?}");
}

#[test]
fn a_client_that_starts_again_goes_on_with_its_figures() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::with_topics(&[TOPIC]);
    let mut counted = Vec::new();
    for _ in 0..2 {
        let measuring = cluster.measure(ALL, folder.path());
        pass(700);
        let figures = measuring.end();
        counted.push(figures.summaries()[0].messages);
    }
    assert!(
        counted[0] > 20 && counted[1] >= counted[0] + 20,
        "{counted:?}"
    );
    let done = lines(folder.path())
        .iter()
        .filter(|it| it.error.is_none())
        .count();
    assert_eq!(counted[1] as usize, done);
}

#[test]
fn a_consumer_of_a_group_has_all_messages() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::with_topics(&[TOPIC]);
    let measuring = cluster.measure(&format!("{ALL}group = true\n"), folder.path());
    pass(1500);
    let figures = measuring.end();
    none_is_lost_or_doubled(folder.path(), &figures);
    assert!(
        lines(folder.path())
            .iter()
            .all(|it| it.consumed_ns.is_some())
    );
}

#[test]
fn a_group_that_assigns_anew_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::with_topics(&[TOPIC]);
    // The simulated group waits for its members for as long as a session has, less a second.
    let settings = "group = true\nconsumer = { \"session.timeout.ms\" = 4000, \"heartbeat.interval.ms\" = 500 }\n";
    let measuring = cluster.measure(&format!("{ALL}{settings}"), folder.path());
    pass(3000);
    let run = lines(folder.path()).remove(0).run.into_owned();
    // Another member comes, commits nothing, and goes.
    let other: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", cluster.mock.bootstrap_servers())
        .set("group.id", format!("{TOPIC}-{run}"))
        .set("enable.auto.commit", "false")
        .set("session.timeout.ms", "4000")
        .set("heartbeat.interval.ms", "500")
        .create()
        .unwrap();
    other.subscribe(&[TOPIC]).unwrap();
    let begun = Instant::now();
    while other.assignment().unwrap().count() == 0 && begun.elapsed() < WITHIN {
        drop(other.poll(Duration::from_millis(100)));
    }
    assert!(other.assignment().unwrap().count() > 0);
    drop(other);
    pass(6000);
    let figures = measuring.end();
    none_is_lost_or_doubled(folder.path(), &figures);
    let lines = lines(folder.path());
    // At most what was consumed since the last commit, were the first member put out.
    let again = lines.iter().filter(|it| it.again).count();
    assert!(again * 4 < lines.len(), "{again} of {}", lines.len());
    let mut disturbed = lines.iter().filter_map(|it| it.disturbed_by.as_deref());
    assert!(disturbed.any(|it| it == "rebalance"));
}

#[test]
fn what_cannot_be_reached_or_is_no_property_is_said_without_values() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::with_topics(&[]);
    let plan = format!("{ALL}producer = {{ \"no.such.thing\" = \"hunter2\" }}\n");
    let error = cluster.try_measure(&plan, folder.path()).err().unwrap();
    let error = error.to_string();
    assert!(error.contains("no.such.thing"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn a_topic_that_is_not_there_is_made_as_asked_and_not_by_asking_who_leads() {
    let folder = tempfile::tempdir().unwrap();
    // It makes the topics that clients let it make, of four partitions, and answers no request to make one.
    let cluster = Cluster::with_topics(&[]);
    let error = cluster.try_measure(ALL, folder.path()).err().unwrap();
    let error = error.to_string();
    assert!(error.contains("cannot make topic kcorr-sli.all"), "{error}");
}
