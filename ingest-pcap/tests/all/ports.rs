//! Which ports are brokers', and what else is spoken on them.

use crate::support::capture::{BROKER, CLIENT, Capture, Link, Tcp};
use crate::support::exchange::{TIMES, exchange, order, ordered, partitions};
use crate::support::kafka::{Out, request, response};
use crate::support::{decode, decode_with};
use kcorr_ingest_pcap::PcapOptions;

#[test]
fn encrypted_connections_are_one_loss_with_their_records_and_bytes() {
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
    assert_eq!(decoded.losses(), ["pcap_no_requests", "tls_no_handshake"]);
    assert_eq!(decoded.lost("tls_no_handshake"), 1);
    let detail = &decoded.summary.losses[1].detail;
    assert!(detail.ends_with(": 10 records, 115 bytes"), "{detail}");
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
