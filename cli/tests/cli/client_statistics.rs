//! Statistics of librdkafka itself, of a producer at its own simulated cluster, whose brokers take their time.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::message::DeliveryResult;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use serde_json::Value as Json;

use crate::{Desk, status, stderr};

/// Keeps what it is told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl ClientContext for Told {
    fn stats_raw(&self, statistics: &[u8]) {
        let text = String::from_utf8_lossy(statistics).into_owned();
        self.0.lock().expect("a lock").push(text);
    }
}

impl ProducerContext for Told {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): Self::DeliveryOpaque) {}
}

/// What a producer at a slow cluster of two brokers tells every half second, for three.
fn statistics() -> Vec<String> {
    let cluster = MockCluster::new(2).expect("a cluster");
    cluster.create_topic("orders", 2, 1).expect("a topic");
    for broker in [1, 2] {
        let slow = cluster.broker_round_trip_time(broker, Duration::from_millis(80));
        slow.expect("a slow broker");
        let led = cluster.partition_leader("orders", broker - 1, Some(broker));
        led.expect("a leader");
    }
    let told = Told::default();
    let producer: BaseProducer<Told> = ClientConfig::new()
        .set("bootstrap.servers", cluster.bootstrap_servers())
        .set("client.id", "shop")
        .set("statistics.interval.ms", "500")
        .set("linger.ms", "20")
        .create_with_context(told.clone())
        .expect("a producer");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) {
        for partition in [0, 1] {
            let record = BaseRecord::<(), [u8]>::to("orders").partition(partition);
            let _ = producer.send(record.payload(&[7; 100]));
        }
        producer.poll(Duration::from_millis(10));
    }
    producer.flush(Duration::from_secs(10)).expect("delivered");
    let told = told.0.lock().expect("a lock");
    told.clone()
}

#[test]
fn what_librdkafka_tells_of_its_waits_is_read_by_content_and_from_a_log() {
    let statistics = statistics();
    assert!(statistics.len() >= 4, "{}", statistics.len());
    let desk = Desk::new();
    // As a program might log them, among other lines.
    let mut log = String::new();
    for line in &statistics {
        log += &format!("{line}\n2026-12-01 12:00:00 INFO nothing else\n");
    }
    std::fs::create_dir(desk.path("client")).expect("a folder");
    desk.write("client/statistics.jsonl", &log);
    let output = desk.kcorr(&["ingest", "client"]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let rows = desk.rows(&["client_figures"]);
    let of = |broker: i64| {
        rows.iter()
            .filter(move |it| it["broker"] == broker)
            .collect::<Vec<_>>()
    };
    for broker in [1, 2] {
        let rows = of(broker);
        assert!(rows.len() >= 3, "{rows:?}");
        let number = |row: &serde_json::Map<String, Json>, column: &str| row[column].as_f64();
        assert!(
            rows.iter()
                .all(|it| it["client_id"] == "shop" && it["client_type"] == "producer")
        );
        let last = rows.last().expect("a row");
        let interval = number(last, "interval_s").expect("an interval");
        assert!((0.3..3.0).contains(&interval), "{interval}");
        let trips: Vec<f64> = rows
            .iter()
            .filter_map(|it| number(it, "round_trip_avg_ms"))
            .collect();
        assert!(trips.iter().any(|ms| *ms >= 80.0), "{trips:?}");
        let queues: Vec<f64> = rows
            .iter()
            .filter_map(|it| number(it, "queue_p99_ms"))
            .collect();
        assert!(queues.iter().any(|ms| *ms >= 15.0), "{queues:?}");
    }
    // Cut in an object of them, the rest is read.
    let cut = log.len() - statistics.last().map_or(0, String::len) / 2;
    let desk = Desk::new();
    let path = desk.write("cut", &log[..cut]);
    let output = desk.kcorr(&["ingest", "--sli", &path]);
    assert_eq!(status(&output), 1, "{}", stderr(&output));
    let lost = desk.rows(&["-c", "SELECT kind, count FROM losses"]);
    assert_eq!(lost[0]["kind"], "client_statistics_bad_line", "{lost:?}");
}
