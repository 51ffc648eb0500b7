//! What stands in the bodies of requests and responses.

use crate::support::capture::{BROKER, CLIENT, Capture, Link, Tcp};
use crate::support::exchange::{order, partitions};
use crate::support::kafka::{
    Topic, batch, fetch, fetched, metadata, old_message, produce, produced, request, response,
};
use crate::support::{decode, decode_with};
use kcorr_ingest_pcap::PcapOptions;

#[test]
fn every_produce_version_yields_its_partitions() {
    let id = [7_u8; 16];
    for version in 0..=13 {
        let topic = if version >= 13 {
            Topic::Id(id)
        } else {
            Topic::Name("orders")
        };
        let records = match version {
            0 | 1 => [old_message(0, b"v"), old_message(0, b"w")].concat(),
            2 => [old_message(1, b"v"), old_message(1, b"w")].concat(),
            _ => batch(0, 99, &["a", "b"], 20),
        };
        let size = records.len();
        let body = produce(version, -1, &[(topic, &[(3, records), (4, vec![])])]);
        let answer = produced(version, &[(topic, &[(4, 6, -1), (3, 0, 1234)])]);
        let mut capture = Capture::default();
        let mut tcp = Tcp::new(40_000);
        capture.open(&mut tcp);
        capture.send(&mut tcp, CLIENT, &request(0, version, 1, "app", &body), 33);
        capture.send(&mut tcp, BROKER, &response(1, version >= 9, &answer), 11);
        let decoded = decode(&capture.pcap(Link::Ethernet));
        assert_eq!(decoded.losses(), [] as [&str; 0], "version {version}");
        let throttle = if version == 0 { "-" } else { "7000000" };
        assert_eq!(
            decoded.rows(
                "requests",
                &["api_version", "acks", "error_code", "throttle_ns"]
            ),
            [format!("{version} -1 6 {throttle}")]
        );
        let name = if version >= 13 {
            "- BwcHBwcHBwcHBwcHBwcHBw"
        } else {
            "orders -"
        };
        let of_batch = if version >= 3 { "99 [a, b]" } else { "- -" };
        assert_eq!(
            decoded.rows(
                "request_partitions",
                &[
                    "topic",
                    "topic_id",
                    "partition",
                    "records_bytes",
                    "record_count",
                    "base_offset",
                    "error_code",
                    "compression",
                    "producer_id",
                    "message_ids",
                ]
            ),
            [
                format!("{name} 3 {size} 2 1234 0 none {of_batch}"),
                format!("{name} 4 0 0 - 6 - - -")
            ],
            "version {version}"
        );
    }
}

#[test]
fn every_fetch_version_yields_its_partitions() {
    for version in 0..=18 {
        for replica in [-1, 3] {
            let topic = if version >= 13 {
                Topic::Id([7; 16])
            } else {
                Topic::Name("orders")
            };
            let body = fetch(version, replica, &[(topic, &[(0, 50), (1, 60)])]);
            let records = batch(0, -1, &["a"], 300);
            let size = records.len();
            let answer = fetched(
                version,
                &[(topic, &[(1, 0, 61, vec![]), (2, 3, -1, records)])],
            );
            let mut capture = Capture::default();
            let mut tcp = Tcp::new(40_000);
            capture.open(&mut tcp);
            capture.send(&mut tcp, CLIENT, &request(1, version, 1, "app", &body), 33);
            capture.send(&mut tcp, BROKER, &response(1, version >= 12, &answer), 41);
            let decoded = decode(&capture.pcap(Link::Ethernet));
            assert_eq!(decoded.losses(), [] as [&str; 0], "version {version}");
            let replica = if replica == -1 {
                "-".to_owned()
            } else {
                replica.to_string()
            };
            assert_eq!(
                decoded.rows("requests", &["replica_id", "error_code"]),
                [format!("{replica} 3")],
                "version {version}"
            );
            assert_eq!(
                decoded.rows(
                    "request_partitions",
                    &[
                        "partition",
                        "fetch_offset",
                        "returned_bytes",
                        "high_watermark",
                        "error_code"
                    ]
                ),
                [
                    "0 50 - - -".to_owned(),
                    "1 60 0 61 0".to_owned(),
                    format!("2 - {size} - 3")
                ],
                "version {version}"
            );
        }
    }
}

#[test]
fn names_of_topic_ids_come_from_metadata_on_any_connection() {
    let id = [7; 16];
    for version in 10..=13 {
        let mut capture = Capture::default();
        let mut first = Tcp::new(40_000);
        capture.open(&mut first);
        capture.send(
            &mut first,
            CLIENT,
            &request(3, version, 1, "x", &[1, 0]),
            100,
        );
        let answer = metadata(version, &[("orders", id), ("other", [9; 16])]);
        capture.send(&mut first, BROKER, &response(1, true, &answer), 100);
        let mut second = Tcp::new(40_001);
        capture.open(&mut second);
        let body = produce(13, 1, &[(Topic::Id(id), &[(0, batch(0, -1, &["a"], 5))])]);
        capture.send(&mut second, CLIENT, &request(0, 13, 1, "app", &body), 1000);
        let answer = produced(13, &[(Topic::Id(id), &[(0, 0, 4)])]);
        capture.send(&mut second, BROKER, &response(1, true, &answer), 1000);
        let decoded = decode(&capture.pcap(Link::Ethernet));
        assert_eq!(decoded.losses(), [] as [&str; 0], "version {version}");
        assert_eq!(
            decoded.rows("topics", &["topic_id", "topic"]),
            [
                "BwcHBwcHBwcHBwcHBwcHBw orders",
                "CQkJCQkJCQkJCQkJCQkJCQ other"
            ]
        );
        assert_eq!(
            decoded.rows("request_partitions", &["topic", "topic_id", "base_offset"]),
            ["orders BwcHBwcHBwcHBwcHBwcHBw 4"]
        );
    }
}

#[test]
fn message_ids_are_read_through_every_codec() {
    for (codec, name) in [
        (0, "none"),
        (1, "gzip"),
        (2, "snappy"),
        (3, "lz4"),
        (4, "zstd"),
    ] {
        let records = batch(codec, -1, &["a", "b", "c"], 400);
        let body = produce(9, -1, &[(Topic::Name("orders"), &[(0, records)])]);
        let mut capture = Capture::default();
        let mut tcp = Tcp::new(40_000);
        capture.open(&mut tcp);
        capture.send(&mut tcp, CLIENT, &request(0, 9, 1, "app", &body), 100);
        let file = capture.pcap(Link::Ethernet);
        let decoded = decode(&file);
        let columns = ["compression", "record_count", "message_ids"];
        assert_eq!(
            decoded.rows("request_partitions", &columns),
            [format!("{name} 3 [a, b, c]")]
        );
        let options = PcapOptions {
            message_id_headers: None,
            ..PcapOptions::default()
        };
        assert_eq!(
            decode_with(options, &[&file], usize::MAX).rows("request_partitions", &columns),
            [format!("{name} 3 -")]
        );
        let options = PcapOptions {
            message_id_headers: Some(vec!["trace".into()]),
            ..PcapOptions::default()
        };
        assert_eq!(
            decode_with(options, &[&file], usize::MAX).rows("request_partitions", &columns),
            [format!("{name} 3 [x, x, x]")]
        );
    }
}

#[test]
fn a_batch_that_does_not_decompress_is_a_loss_and_its_partition_stays() {
    let mut records = batch(4, -1, &["a"], 100);
    for byte in &mut records[61..] {
        *byte ^= 0x55;
    }
    let good = batch(0, -1, &["b"], 10);
    let body = produce(
        9,
        -1,
        &[(Topic::Name("orders"), &[(0, records), (1, good)])],
    );
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    capture.open(&mut tcp);
    capture.send(&mut tcp, CLIENT, &request(0, 9, 1, "app", &body), 1000);
    let decoded = decode(&capture.pcap(Link::Ethernet));
    assert_eq!(decoded.lost("pcap_batch_unreadable"), 1);
    assert_eq!(partitions(&decoded), ["orders 0 - 1 -", "orders 1 - 1 [b]"]);
}

#[test]
fn an_unknown_version_keeps_its_times() {
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    capture.open(&mut tcp);
    for (key, version) in [(0, 30), (1, 30), (200, 0)] {
        capture.send(
            &mut tcp,
            CLIENT,
            &request(key, version, 1, "app", &[9; 50]),
            40,
        );
        capture.send(&mut tcp, BROKER, &response(1, false, &[9; 50]), 40);
    }
    let decoded = decode(&capture.pcap(Link::Ethernet));
    assert_eq!(
        decoded.rows(
            "requests",
            &["api", "api_version", "latency_ns", "client_id"]
        ),
        [
            "Produce 30 4000 app",
            "Fetch 30 4000 app",
            "Unknown(200) 0 4000 app"
        ]
    );
    assert_eq!(decoded.lost("pcap_unknown_version"), 2);
}

#[test]
fn a_request_of_very_many_ids_is_bounded() {
    // Compressed, an empty record with an id takes next to nothing.
    let id = "i".repeat(500);
    let ids: Vec<&str> = (0..20_000).map(|_| id.as_str()).collect();
    let records = batch(4, -1, &ids, 0);
    let partitions: Vec<(i32, Vec<u8>)> = (0..10).map(|p| (p, records.clone())).collect();
    let body = produce(9, -1, &[(Topic::Name("orders"), &partitions)]);
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    capture.open(&mut tcp);
    capture.send(&mut tcp, CLIENT, &request(0, 9, 1, "app", &body), 60_000);
    capture.send(&mut tcp, CLIENT, &order(2, &["a"]), 1000);
    let decoded = decode(&capture.pcap(Link::Ethernet));
    assert!(decoded.lost("pcap_batch_unreadable") > 0);
    let rows = decoded.rows("request_partitions", &["partition", "record_count"]);
    assert_eq!(rows.len(), 11);
    assert_eq!(rows[9], "9 20000");
}

#[test]
fn apis_that_nobody_knows_keep_their_times_while_framing_holds() {
    for from_start in [true, false] {
        for client in ["", "app"] {
            let mut capture = Capture::default();
            let mut tcp = Tcp::new(40_000);
            if from_start {
                capture.open(&mut tcp);
            }
            for (id, key) in [
                (1, 18),
                (2, 3),
                (3, 10_001),
                (4, 10_002),
                (5, 32_000),
                (6, 3),
            ] {
                let bytes = request(key, 1, id, client, &[9; 50]);
                capture.send(&mut tcp, CLIENT, &bytes, 40);
                capture.send(&mut tcp, BROKER, &response(id, false, &[9; 50]), 40);
            }
            let decoded = decode(&capture.pcap(Link::Ethernet));
            let rows = decoded.rows("requests", &["api", "api_key", "latency_ns"]);
            assert_eq!(
                rows[rows.len() - 4..],
                [
                    "Unknown(10001) 10001 4000",
                    "Unknown(10002) 10002 4000",
                    "Unknown(32000) 32000 4000",
                    "Metadata 3 4000",
                ]
            );
        }
    }
}
