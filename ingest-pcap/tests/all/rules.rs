//! What becomes of small captures, rule by rule.

use crate::support::capture::{ACK, BROKER, CLIENT, Capture, FIN, Link, RST, START, SYN, Tcp};
use crate::support::kafka::{
    Out, Topic, batch, fetch, fetched, metadata, old_message, produce, produced, request, response,
};
use crate::support::{Decoded, decode, decode_with};
use kcorr_ingest_pcap::PcapOptions;
use kcorr_model::tables;

const TIMES: &[&str] = &["correlation_id", "latency_ns", "no_response"];

/// A produce request of version 7 to partition 0 of `orders`.
fn order(correlation: i32, ids: &[&str]) -> Vec<u8> {
    let records = batch(0, -1, ids, 20);
    let body = produce(7, -1, &[(Topic::Name("orders"), &[(0, records)])]);
    request(0, 7, correlation, "app", &body)
}

fn ordered(correlation: i32, base: i64) -> Vec<u8> {
    let body = produced(7, &[(Topic::Name("orders"), &[(0, 0, base)])]);
    response(correlation, false, &body)
}

/// One exchange on a fresh connection, captured as the test wants.
fn exchange() -> Capture {
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    capture.open(&mut tcp);
    capture.send(&mut tcp, CLIENT, &order(1, &["a", "b"]), 1000);
    capture.send(&mut tcp, BROKER, &ordered(1, 77), 1000);
    capture.close(&mut tcp);
    capture
}

fn partitions(decoded: &Decoded) -> Vec<String> {
    decoded.rows(
        "request_partitions",
        &[
            "topic",
            "partition",
            "base_offset",
            "record_count",
            "message_ids",
        ],
    )
}

#[test]
fn times_are_those_of_first_and_last_segments() {
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    capture.open(&mut tcp);
    let bytes = order(1, &["a"]);
    let (head, tail) = bytes.split_at(9);
    capture.segment(&mut tcp, CLIENT, ACK, head);
    let arrival = capture.now();
    capture.segment(&mut tcp, CLIENT, ACK, tail);
    let read = capture.now();
    capture.segment(&mut tcp, BROKER, ACK, &[]);
    let answer = ordered(1, 5);
    let (head, tail) = answer.split_at(3);
    capture.segment(&mut tcp, BROKER, ACK, head);
    let first = capture.now();
    capture.segment(&mut tcp, BROKER, ACK, tail);
    let end = capture.now();
    let decoded = decode(&capture.pcap(Link::Ethernet));
    assert_eq!(decoded.losses(), [] as [&str; 0]);
    let mut values = Vec::new();
    for (_, batch) in &decoded.batches[..1] {
        for name in ["arrival_time", "read_time", "response_time", "end_time"] {
            use arrow::array::AsArray;
            use arrow::datatypes::TimestampNanosecondType;
            let column = batch.column_by_name(name).unwrap();
            values.push(column.as_primitive::<TimestampNanosecondType>().value(0));
        }
    }
    assert_eq!(values, [arrival, read, first, end]);
    assert_eq!(
        decoded.rows(
            "requests",
            &["latency_ns", "request_bytes", "response_bytes", "api"]
        ),
        [format!(
            "{} {} {} Produce",
            end - arrival,
            bytes.len(),
            answer.len()
        )]
    );
}

#[test]
fn every_link_layer_and_file_variant_gives_the_same_rows() {
    for v6 in [false, true] {
        let mut capture = Capture::default();
        let mut tcp = Tcp::new(40_000);
        tcp.v6 = v6;
        capture.open(&mut tcp);
        capture.send(&mut tcp, CLIENT, &order(1, &["a", "b"]), 100);
        capture.send(&mut tcp, BROKER, &ordered(1, 77), 1000);
        let rows = |bytes: &[u8]| {
            let decoded = decode(bytes);
            assert_eq!(decoded.losses(), [] as [&str; 0]);
            let mut rows = decoded.all_rows(&tables::REQUESTS);
            rows.extend(decoded.all_rows(&tables::REQUEST_PARTITIONS));
            assert_eq!(rows.len(), 2);
            rows
        };
        let expected = rows(&capture.pcap(Link::Ethernet));
        for link in Link::ALL {
            for big_endian in [false, true] {
                for nanoseconds in [false, true] {
                    let file = capture.pcap_as(link, big_endian, nanoseconds);
                    assert_eq!(rows(&file), expected, "{link:?}");
                }
                assert_eq!(
                    rows(&capture.pcapng(link, big_endian, 0)),
                    expected,
                    "{link:?}"
                );
            }
        }
    }
}

#[test]
fn drops_that_pcapng_statistics_tell_are_losses() {
    let decoded = decode(&exchange().pcapng(Link::Ethernet, false, 12));
    assert_eq!(decoded.lost("pcap_packets_dropped"), 12);
    assert_eq!(decoded.summary.format, "pcapng 1.0, Ethernet");
}

#[test]
fn a_damaged_pcapng_interface_keeps_its_number() {
    let rows = |bytes: &[u8]| {
        let decoded = decode(bytes);
        (decoded.all_rows(&tables::REQUESTS), decoded)
    };
    for big_endian in [false, true] {
        let whole = exchange().pcapng(Link::Ethernet, big_endian, 0);
        let (expected, _) = rows(&whole);
        // The first interface, which no packet names, is the block of 20 bytes behind the section's 28.
        let header = 28..36;
        for place in header.clone().chain(44..48) {
            let mut damaged = whole.clone();
            damaged[place] ^= 0xff;
            let (found, decoded) = rows(&damaged);
            assert_eq!(found, expected, "byte {place}");
            assert_eq!(decoded.lost("pcap_bad_record"), 1, "byte {place}");
            assert_eq!(decoded.lost("pcap_unknown_interface"), 0, "byte {place}");
        }
        let mut zeroed = whole.clone();
        zeroed[header].fill(0);
        assert_eq!(rows(&zeroed).0, expected);
        // Of the second, which all packets name, nothing is known then.
        let mut damaged = whole.clone();
        damaged[52] ^= 0xff;
        let (found, decoded) = rows(&damaged);
        assert!(found.is_empty());
        assert!(decoded.lost("pcap_unknown_interface") > 2);
    }
}

#[test]
fn a_pcapng_interface_too_short_to_be_read_keeps_its_number() {
    let whole = exchange().pcapng(Link::Ethernet, false, 0);
    let (section, rest) = whole.split_at(28);
    let short = [1_u32, 16, 147, 16].map(u32::to_le_bytes).concat();
    let shortened = [section, &short, &rest[20..]].concat();
    let decoded = decode(&shortened);
    assert_eq!(
        decoded.all_rows(&tables::REQUESTS),
        decode(&whole).all_rows(&tables::REQUESTS)
    );
    assert_eq!(decoded.losses(), ["pcap_bad_record"]);
}

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
fn requests_without_a_response_say_why() {
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    capture.open(&mut tcp);
    let body = produce(
        7,
        0,
        &[(Topic::Name("orders"), &[(0, batch(0, -1, &["a"], 5))])],
    );
    capture.send(&mut tcp, CLIENT, &request(0, 7, 1, "app", &body), 1000);
    capture.send(&mut tcp, CLIENT, &order(2, &["b"]), 1000);
    capture.segment(&mut tcp, BROKER, RST, &[]);
    let mut tcp = Tcp::new(40_001);
    capture.open(&mut tcp);
    capture.send(&mut tcp, CLIENT, &order(3, &["c"]), 1000);
    let decoded = decode(&capture.pcap(Link::Ethernet));
    assert_eq!(
        decoded.rows("requests", TIMES),
        ["1 - acks_0", "2 - connection_closed", "3 - open_at_end"]
    );
}

#[test]
fn requests_before_an_unanswered_one_lost_their_response_to_a_gap() {
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    capture.open(&mut tcp);
    for correlation in 1..=3 {
        capture.send(&mut tcp, CLIENT, &order(correlation, &["a"]), 1000);
        if correlation == 2 {
            // The broker's packet is not captured.
            tcp.next[BROKER] += ordered(2, 0).len() as u32;
        } else {
            capture.send(&mut tcp, BROKER, &ordered(correlation, 0), 1000);
        }
    }
    let decoded = decode(&capture.pcap(Link::Ethernet));
    assert_eq!(decoded.lost("pcap_capture_gap"), 1);
    let mut rows = decoded.rows("requests", TIMES);
    rows.sort();
    assert_eq!(rows, ["1 2000 -", "2 - capture_gap", "3 2000 -"]);
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
fn retransmissions_overlaps_and_disorder_change_nothing() {
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    capture.open(&mut tcp);
    let bytes = order(1, &["a", "b"]);
    let start = tcp.next[CLIENT];
    let at = |offset: usize| start.wrapping_add(offset as u32);
    let part =
        |tcp: &Tcp, from: usize, to: usize| tcp.packet_at(CLIENT, at(from), ACK, &bytes[from..to]);
    for (from, to) in [
        (30, 60),
        (0, 10),
        (5, 20),
        (0, 10),
        (50, bytes.len()),
        (20, 40),
    ] {
        let packet = part(&tcp, from, to);
        capture.push(false, packet);
    }
    tcp.next[CLIENT] = at(bytes.len());
    capture.send(&mut tcp, BROKER, &ordered(1, 77), 1000);
    let decoded = decode(&capture.pcap(Link::Ethernet));
    assert_eq!(decoded.losses(), [] as [&str; 0]);
    assert_eq!(partitions(&decoded), ["orders 0 77 2 [a, b]"]);
}

#[test]
fn a_response_captured_before_its_request_is_matched() {
    let mut capture = exchange();
    // SYN, SYN-ACK, ACK, request, ACK, response.
    capture.packets.swap(3, 5);
    let decoded = decode(&capture.pcap(Link::Ethernet));
    assert_eq!(decoded.losses(), [] as [&str; 0]);
    assert_eq!(partitions(&decoded), ["orders 0 77 2 [a, b]"]);
}

#[test]
fn packets_captured_twice_count_once() {
    let capture = exchange();
    let mut twice = Capture::default();
    for packet in &capture.packets {
        twice.packets.push(packet.clone());
        twice.packets.push(packet.clone());
    }
    let once = decode(&capture.pcap(Link::Cooked));
    let twice = decode(&twice.pcap(Link::Cooked));
    assert_eq!(
        once.all_rows(&tables::REQUESTS),
        twice.all_rows(&tables::REQUESTS)
    );
    assert_eq!(twice.losses(), ["pcap_second_view"]);
}

#[test]
fn a_port_pair_used_again_is_another_connection() {
    for closed in [true, false] {
        let mut capture = Capture::default();
        for round in 0..2_u32 {
            let mut tcp = Tcp::new(40_000);
            tcp.next = [1000 + round * 77, 9000 + round * 99];
            capture.open(&mut tcp);
            capture.send(&mut tcp, CLIENT, &order(1, &["a"]), 1000);
            capture.send(&mut tcp, BROKER, &ordered(1, 77), 1000);
            if closed {
                capture.close(&mut tcp);
            }
        }
        let decoded = decode(&capture.pcap(Link::Ethernet));
        assert_eq!(
            decoded.rows("requests", &["connection_id", "latency_ns"]),
            ["10000000001 2000", "10000000002 2000"]
        );
    }
}

#[test]
fn a_capture_begun_in_mid_stream_is_read_from_the_next_request() {
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    // The tail of a request, the response to one that was not seen, then whole exchanges.
    capture.send(&mut tcp, CLIENT, &order(1, &["a"])[40..], 1000);
    capture.send(&mut tcp, BROKER, &ordered(1, 70), 1000);
    capture.send(&mut tcp, CLIENT, &order(2, &["b"]), 60);
    capture.send(&mut tcp, BROKER, &ordered(2, 71), 1000);
    let decoded = decode(&capture.pcap(Link::Ethernet));
    assert_eq!(
        decoded.losses(),
        ["pcap_mid_stream"],
        "{:?}",
        decoded.summary.losses
    );
    assert_eq!(partitions(&decoded), ["orders 0 71 1 [b]"]);
}

#[test]
fn a_hole_in_a_batch_keeps_the_framing() {
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    capture.open(&mut tcp);
    let records = batch(0, -1, &["a"], 3000);
    let body = produce(7, -1, &[(Topic::Name("orders"), &[(0, records)])]);
    capture.send(&mut tcp, CLIENT, &request(0, 7, 1, "app", &body), 500);
    // SYN, SYN-ACK, ACK, then the request: its third segment is not captured.
    capture.packets.remove(5);
    capture.send(&mut tcp, BROKER, &ordered(1, 7), 1000);
    capture.send(&mut tcp, CLIENT, &order(2, &["b"]), 1000);
    capture.send(&mut tcp, BROKER, &ordered(2, 8), 1000);
    let decoded = decode(&capture.pcap(Link::Ethernet));
    assert_eq!(
        decoded.losses(),
        ["pcap_batch_too_large", "pcap_capture_gap"]
    );
    assert_eq!(partitions(&decoded), ["orders 0 7 1 -", "orders 0 8 1 [b]"]);
}

#[test]
fn after_a_hole_over_a_length_prefix_the_next_request_is_found() {
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    capture.open(&mut tcp);
    capture.send(&mut tcp, CLIENT, &order(1, &["a"]), 1000);
    capture.send(&mut tcp, BROKER, &ordered(1, 1), 1000);
    // Pipelined: the segments cross the requests' borders.
    let pipelined: Vec<u8> = (2..8).flat_map(|c| order(c, &["b"])).collect();
    let first = capture.packets.len();
    capture.send(&mut tcp, CLIENT, &pipelined, 200);
    capture.packets.remove(first + 1);
    for correlation in 2..8 {
        capture.send(
            &mut tcp,
            BROKER,
            &ordered(correlation, i64::from(correlation)),
            1000,
        );
    }
    let decoded = decode(&capture.pcap(Link::Ethernet));
    let size = order(2, &["b"]).len();
    // The missing bytes, 200 to 400, touch these.
    let touched = |c: usize| (c - 2) * size < 400 && (c - 1) * size > 200;
    let untouched: Vec<String> = (2..8)
        .filter(|&c| !touched(c))
        .map(|c| format!("orders 0 {c} 1 [b]"))
        .collect();
    assert!(untouched.len() >= 2);
    let found = partitions(&decoded);
    for row in untouched {
        assert!(found.contains(&row), "{row} in {found:?}");
    }
    assert_eq!(decoded.lost("pcap_capture_gap"), 1);
}

#[test]
fn a_short_snap_length_keeps_the_times() {
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    capture.open(&mut tcp);
    let mut ends = Vec::new();
    for correlation in 1..=3 {
        capture.send(&mut tcp, CLIENT, &order(correlation, &["a"]), 1000);
        capture.send(&mut tcp, BROKER, &ordered(correlation, 5), 1000);
        ends.push(format!("{correlation} 2000 -"));
    }
    let whole = decode(&capture.pcap(Link::Ethernet));
    for packet in &mut capture.packets {
        packet.kept = packet.kept.min(40 + 30);
    }
    let cut = decode(&capture.pcap(Link::Ethernet));
    assert_eq!(cut.rows("requests", TIMES), ends);
    let columns = ["arrival_time", "read_time", "response_time", "end_time"];
    assert_eq!(
        cut.rows("requests", &columns),
        whole.rows("requests", &columns)
    );
    assert!(cut.lost("pcap_packet_cut") > 0);
    assert_eq!(cut.summary.limits[0].name, "snap_length_bytes");
    assert_eq!(cut.summary.limits[0].value, 84);
}

#[test]
fn fragments_are_counted() {
    let mut capture = exchange();
    capture.packets[3].ip[6] = 0x20;
    let decoded = decode(&capture.pcap(Link::Ethernet));
    assert_eq!(decoded.lost("pcap_ip_fragment"), 1);
}

#[test]
fn tls_connections_are_reported_once_with_advice() {
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    capture.open(&mut tcp);
    for _ in 0..5 {
        capture.send(
            &mut tcp,
            CLIENT,
            &[0x16, 3, 1, 0, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
            100,
        );
        capture.send(&mut tcp, BROKER, &[0x17, 3, 3, 0, 3, 1, 2, 3], 100);
    }
    let decoded = decode(&capture.pcap(Link::Ethernet));
    assert_eq!(
        decoded.losses(),
        ["pcap_no_requests", "pcap_tls_connection"]
    );
    assert_eq!(decoded.lost("pcap_tls_connection"), 1);
}

#[test]
fn wrapped_bytes_after_a_sasl_handshake_are_reported_as_such() {
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    capture.open(&mut tcp);
    let body = Out::default().string(false, "GSSAPI").0;
    capture.send(&mut tcp, CLIENT, &request(17, 1, 1, "app", &body), 100);
    capture.send(
        &mut tcp,
        BROKER,
        &response(1, false, &[0, 0, 0, 0, 0, 0]),
        100,
    );
    for i in 0..20_u8 {
        capture.send(
            &mut tcp,
            CLIENT,
            &[&[0xa1 ^ i; 3][..], &[0xee; 90]].concat(),
            100,
        );
        capture.send(&mut tcp, BROKER, &[0xb7 ^ i; 80], 100);
    }
    let decoded = decode(&capture.pcap(Link::Ethernet));
    assert_eq!(decoded.losses(), ["pcap_sasl_encrypted"]);
    assert_eq!(decoded.rows("requests", &["api"]), ["SaslHandshake"]);
}

#[test]
fn requests_after_a_sasl_login_are_read() {
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    capture.open(&mut tcp);
    // Version 0 of the handshake is followed by tokens with no header of Kafka's.
    let body = Out::default().string(false, "PLAIN").0;
    capture.send(&mut tcp, CLIENT, &request(17, 0, 1, "app", &body), 100);
    capture.send(
        &mut tcp,
        BROKER,
        &response(1, false, &[0, 0, 0, 0, 0, 0]),
        100,
    );
    capture.send(
        &mut tcp,
        CLIENT,
        &Out::default().bytes(false, b"\0user\0secret").0,
        100,
    );
    capture.send(&mut tcp, BROKER, &Out::default().bytes(false, b"").0, 100);
    capture.send(&mut tcp, CLIENT, &order(2, &["b"]), 1000);
    capture.send(&mut tcp, BROKER, &ordered(2, 8), 1000);
    let decoded = decode(&capture.pcap(Link::Ethernet));
    assert_eq!(partitions(&decoded), ["orders 0 8 1 [b]"]);
    assert_eq!(decoded.rows("requests", TIMES), ["1 2000 -", "2 2000 -"]);
}

#[test]
fn another_protocol_on_the_port_is_reported() {
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    capture.open(&mut tcp);
    for _ in 0..3 {
        capture.send(
            &mut tcp,
            CLIENT,
            b"GET / HTTP/1.1\r\nHost: broker\r\n\r\n",
            100,
        );
        capture.send(&mut tcp, BROKER, b"HTTP/1.1 200 OK\r\n\r\n", 100);
    }
    capture.close(&mut tcp);
    let decoded = decode(&capture.pcap(Link::Ethernet));
    assert_eq!(decoded.losses(), ["pcap_no_requests", "pcap_not_kafka"]);
}

#[test]
fn a_capture_of_another_port_names_the_ports_it_has() {
    let options = PcapOptions {
        kafka_ports: vec![9093],
        ..PcapOptions::default()
    };
    let file = exchange().pcap(Link::Ethernet);
    let decoded = decode_with(options, &[&file], usize::MAX);
    assert_eq!(decoded.losses(), ["pcap_no_requests"]);
    let detail = &decoded.summary.losses[0].detail;
    assert!(detail.contains("9092 (10 packets)"), "{detail}");
}

#[test]
fn connections_continue_in_the_next_file_of_a_rotated_capture() {
    let capture = exchange();
    let whole = decode(&capture.pcap(Link::Ethernet));
    for cut in 1..capture.packets.len() {
        let (first, second) = capture.packets.split_at(cut);
        let files: Vec<Vec<u8>> = [first, second]
            .iter()
            .map(|packets| {
                let part = Capture {
                    packets: packets.to_vec(),
                    clock: 0,
                };
                part.pcap(Link::Ethernet)
            })
            .collect();
        let both = decode_with(PcapOptions::default(), &[&files[0], &files[1]], usize::MAX);
        assert_eq!(
            both.all_rows(&tables::REQUESTS),
            whole.all_rows(&tables::REQUESTS)
        );
        assert_eq!(both.losses(), [] as [&str; 0]);
    }
}

#[test]
fn a_file_cut_off_is_a_loss_and_what_is_not_a_capture_an_error() {
    let file = exchange().pcap(Link::Ethernet);
    let decoded = decode(&file[..file.len() - 3]);
    assert_eq!(decoded.losses(), ["pcap_cut_off"]);
    assert_eq!(partitions(&decoded), ["orders 0 77 2 [a, b]"]);

    use kcorr_model::Decoder;
    let mut decoder =
        kcorr_ingest_pcap::PcapDecoder::new(kcorr_model::SourceId(1), PcapOptions::default());
    let error = decoder
        .push(b"FLR\0 not a capture", &mut crate::support::Batches::new())
        .unwrap_err();
    assert!(error.to_string().contains("46 4c 52 00"), "{error}");
}

#[test]
fn a_damaged_record_header_loses_its_packet_only() {
    let mut capture = exchange();
    let mut tcp = Tcp::new(40_001);
    capture.open(&mut tcp);
    capture.send(&mut tcp, CLIENT, &order(9, &["z"]), 1000);
    capture.send(&mut tcp, BROKER, &ordered(9, 9), 1000);
    let file = capture.pcap(Link::Ethernet);
    // The first packet's captured length, byte by byte, set to something else.
    for byte in 32..36 {
        for value in [0x01, 0x7f, 0xff] {
            let mut damaged = file.clone();
            damaged[byte] ^= value;
            let rows = partitions(&decode(&damaged));
            assert_eq!(
                rows,
                ["orders 0 77 2 [a, b]", "orders 0 9 1 [z]"],
                "byte {byte} ^ {value:#x}"
            );
        }
    }
}

#[test]
fn held_bytes_are_bounded_over_all_connections() {
    let mut capture = Capture::default();
    let records = batch(1, -1, &["a"], 50);
    let mut records = records;
    // A batch that claims 8 MiB, of which only 100 KiB come.
    records[8..12].copy_from_slice(&((8_i32 << 20) - 12).to_be_bytes());
    records.resize(8 << 20, 1);
    let body = produce(7, -1, &[(Topic::Name("orders"), &[(0, records)])]);
    let bytes = request(0, 7, 1, "app", &body);
    for port in 40_000..40_040 {
        let mut tcp = Tcp::new(port);
        capture.open(&mut tcp);
        capture.send(&mut tcp, CLIENT, &bytes[..100 << 10], 1400);
    }
    let options = PcapOptions {
        buffer_bytes: 1 << 20,
        ..PcapOptions::default()
    };
    let decoded = decode_with(options, &[&capture.pcap(Link::Ethernet)], 4096);
    assert!(decoded.lost("pcap_buffer_full") > 0);
    assert_eq!(decoded.rows("requests", &["api"]).len(), 40);
}

#[test]
fn too_many_connections_make_the_oldest_go() {
    let mut capture = Capture::default();
    for port in 40_000..40_020 {
        let mut tcp = Tcp::new(port);
        capture.open(&mut tcp);
        capture.send(&mut tcp, CLIENT, &order(1, &["a"]), 1000);
    }
    let options = PcapOptions {
        connections: 8,
        ..PcapOptions::default()
    };
    let decoded = decode_with(options, &[&capture.pcap(Link::Ethernet)], usize::MAX);
    assert_eq!(decoded.rows("requests", &["api"]).len(), 20);
    assert!(decoded.lost("pcap_too_many_connections") >= 12);
}

#[test]
fn formats_are_recognised_by_their_first_bytes() {
    use kcorr_ingest_pcap::recognise;
    let capture = exchange();
    assert_eq!(recognise(&capture.pcap(Link::Raw)), Some("pcap capture"));
    assert_eq!(
        recognise(&capture.pcapng(Link::Raw, true, 0)),
        Some("pcapng capture")
    );
    assert_eq!(recognise(b"FLR\0"), None);
    assert_eq!(recognise(&[0xa1]), None);
}

#[test]
fn both_ends_on_a_brokers_port_are_told_apart_by_the_syn() {
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(9093);
    capture.open(&mut tcp);
    capture.send(&mut tcp, CLIENT, &order(1, &["a"]), 1000);
    capture.send(&mut tcp, BROKER, &ordered(1, 77), 1000);
    let options = PcapOptions {
        kafka_ports: vec![9093, 9092],
        ..PcapOptions::default()
    };
    let decoded = decode_with(options, &[&capture.pcap(Link::Raw)], usize::MAX);
    assert_eq!(
        decoded.rows(
            "requests",
            &["client_address", "server_address", "latency_ns"]
        ),
        ["10.0.0.1:9093 10.0.0.2:9092 2000"]
    );
}

#[test]
fn a_late_flag_does_not_end_a_connection_that_goes_on() {
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    capture.open(&mut tcp);
    capture.send(&mut tcp, CLIENT, &order(1, &["a"]), 1000);
    capture.send(&mut tcp, BROKER, &ordered(1, 1), 1000);
    // A reset that the ends did not heed, far from the expected bytes.
    let stray = tcp.packet_at(CLIENT, tcp.next[CLIENT].wrapping_add(1 << 29), RST, &[]);
    capture.push(false, stray);
    capture.send(&mut tcp, CLIENT, &order(2, &["b"]), 1000);
    capture.send(&mut tcp, BROKER, &ordered(2, 2), 1000);
    let decoded = decode(&capture.pcap(Link::Ethernet));
    assert_eq!(decoded.rows("requests", TIMES), ["1 2000 -", "2 2000 -"]);
    assert_eq!(START % 1000, 0);
    let _ = (FIN, SYN);
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

/// The exchange on another port of the broker.
fn on_port(capture: &Capture, port: u16) -> Capture {
    let mut capture = capture.clone();
    for packet in &mut capture.packets {
        for at in [20, 22] {
            if packet.ip[at..at + 2] == 9092_u16.to_be_bytes() {
                packet.ip[at..at + 2].copy_from_slice(&port.to_be_bytes());
            }
        }
    }
    capture
}

#[test]
fn the_brokers_port_is_found_and_named() {
    let whole = decode(&exchange().pcap(Link::Ethernet));
    for port in [29092, 19094, 443] {
        let capture = on_port(&exchange(), port);
        for chunk in [100, usize::MAX] {
            let file = capture.pcap(Link::Ethernet);
            let decoded = decode_with(PcapOptions::default(), &[&file], chunk);
            assert_eq!(decoded.losses(), [] as [&str; 0]);
            assert_eq!(partitions(&decoded), partitions(&whole));
            assert_eq!(
                decoded.summary.format,
                format!("pcap (µs), Ethernet, port {port} (found)")
            );
        }
    }
}

#[test]
fn a_request_seen_before_and_after_address_translation_has_one_row() {
    for with_syn in [true, false] {
        let capture = exchange();
        let mut both = Capture::default();
        for packet in &capture.packets[if with_syn { 0 } else { 3 }..] {
            let to_broker = packet.ip[22..24] == 9092_u16.to_be_bytes();
            let mut service = packet.clone();
            let address = if to_broker { 16..20 } else { 12..16 };
            service.ip[address].copy_from_slice(&[10, 96, 0, 5]);
            let mut broker = packet.clone();
            // The one farther from where it comes from is later.
            if to_broker {
                broker.time += 15_000;
                both.packets.extend([service, broker]);
            } else {
                service.time += 15_000;
                both.packets.extend([broker, service]);
            }
        }
        let decoded = decode(&both.pcap(Link::Cooked));
        assert_eq!(
            decoded.rows("requests", &["server_address", "latency_ns"]),
            ["10.0.0.2:9092 -13000"],
            "{with_syn}"
        );
        assert_eq!(decoded.lost("pcap_second_view"), 1);
    }
}
