//! What a request asks for: its group, its transaction, how long it may be held back, its partitions.

use crate::support::capture::{BROKER, CLIENT, Capture, Link, Tcp};
use crate::support::kafka::{Out, request, response};
use crate::support::{Decoded, decode};

const COLUMNS: [&str; 4] = ["max_wait_ns", "min_bytes", "group_id", "transactional_id"];

/// A request in segments of a size.
fn sent(request: &[u8], segment: usize) -> Decoded {
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    capture.open(&mut tcp);
    capture.send(&mut tcp, CLIENT, request, segment);
    decode(&capture.pcap(Link::Ethernet))
}

fn bytes_from_hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// What the clients of Kafka put into the requests of `requests.txt`.
fn asked(api: &str) -> &'static str {
    match api {
        "Fetch" => "500000000 3 - -",
        "ShareFetch" => "500000000 3 readers -",
        "JoinGroup" => "60000000000 - readers -",
        "ListOffsets" => "- - - -",
        "Produce" | "InitProducerId" | "AddPartitionsToTxn" | "EndTxn" => "- - - tx",
        "AddOffsetsToTxn" | "TxnOffsetCommit" => "- - readers tx",
        _ => "- - readers -",
    }
}

#[test]
fn what_is_asked_for_is_read_from_every_version() {
    let path = format!("{}/tests/data/requests.txt", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(text.lines().count(), 135);
    for line in text.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let [api, key, version, hex] = fields[..] else {
            panic!("{line}");
        };
        let version: i16 = version.parse().unwrap();
        let message = bytes_from_hex(hex);
        for segment in [1, 17, 1000] {
            let decoded = sent(&message, segment);
            let at = format!("{api} version {version} in segments of {segment}");
            assert_eq!(decoded.lost("pcap_body_malformed"), 0, "{at}");
            assert_eq!(decoded.lost("pcap_unknown_version"), 0, "{at}");
            let expected = match (api, version) {
                ("Produce", ..3) => "- - - -",
                // Before version 1 the session timeout was what is waited for.
                ("JoinGroup", 0) => "10000000000 - readers -",
                _ => asked(api),
            };
            assert_eq!(
                decoded.rows(
                    "requests",
                    &[&["api_key", "client_id"], &COLUMNS[..]].concat()
                ),
                [format!("{key} app {expected}")],
                "{at}"
            );
            let by_id = matches!(
                (api, version),
                ("OffsetCommit" | "OffsetFetch", 10..) | ("TxnOffsetCommit", 6..)
            );
            let topic = if by_id {
                "- BwcHBwcHBwcHBwcHBwcHBw"
            } else {
                "orders -"
            };
            let partitions = match api {
                "ListOffsets" | "OffsetCommit" | "OffsetFetch" | "OffsetDelete"
                | "AddPartitionsToTxn" | "TxnOffsetCommit" => {
                    vec![format!("{topic} 4"), format!("{topic} 5")]
                }
                _ => Vec::new(),
            };
            assert_eq!(
                decoded.rows("request_partitions", &["topic", "topic_id", "partition"]),
                partitions,
                "{at}"
            );
        }
    }
}

#[test]
fn a_request_of_several_groups_names_none_and_keeps_its_partitions() {
    let mut body = Out::default().count(true, 2);
    for (group, topic) in [("readers", "orders"), ("others", "payments")] {
        body = body
            .string(true, group)
            .null(true)
            .i32(-1)
            .count(true, 1)
            .string(true, topic)
            .count(true, 1)
            .i32(3)
            .tags(true)
            .tags(true);
    }
    let body = body.i8(0).tags(true).0;
    let decoded = sent(&request(9, 9, 7, "app", &body), 1000);
    assert_eq!(decoded.lost("pcap_body_malformed"), 0);
    assert_eq!(decoded.rows("requests", &COLUMNS), ["- - - -"]);
    assert_eq!(
        decoded.rows("request_partitions", &["topic", "partition"]),
        ["orders 3", "payments 3"]
    );
}

#[test]
fn a_newer_version_of_a_groups_request_is_not_guessed() {
    let body = Out::default().string(true, "readers").tags(true).0;
    let decoded = sent(&request(12, 99, 7, "app", &body), 1000);
    assert_eq!(decoded.rows("requests", &COLUMNS), ["- - - -"]);
    assert_eq!(decoded.lost("pcap_unknown_version"), 1);
}

#[test]
fn a_group_that_does_not_fit_its_request_is_a_loss_and_the_next_request_is_read() {
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    capture.open(&mut tcp);
    // A group of 200 bytes in a body of 30.
    let body = Out::default().i16(200).raw(&[b'x'; 30]).0;
    capture.send(&mut tcp, CLIENT, &request(12, 0, 7, "app", &body), 1000);
    capture.send(&mut tcp, BROKER, &response(7, false, &[0; 2]), 1000);
    let body = Out::default()
        .string(false, "readers")
        .i32(1)
        .string(false, "m")
        .0;
    capture.send(&mut tcp, CLIENT, &request(12, 0, 8, "app", &body), 1000);
    capture.send(&mut tcp, BROKER, &response(8, false, &[0; 2]), 1000);
    let decoded = decode(&capture.pcap(Link::Ethernet));
    assert_eq!(decoded.lost("pcap_body_malformed"), 1);
    assert_eq!(
        decoded.rows("requests", &["correlation_id", "group_id", "no_response"]),
        ["7 - -", "8 readers -"]
    );
}

#[test]
fn a_wait_of_no_sense_is_none() {
    let mut body = Out::default().i32(-1).i32(-500).i32(-3).i32(1 << 20).i8(0);
    body = body.count(false, 0);
    let decoded = sent(&request(1, 4, 7, "app", &body.0), 1000);
    assert_eq!(decoded.rows("requests", &COLUMNS), ["- - - -"]);
}
