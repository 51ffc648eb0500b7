//! Segments in any order, twice, cut or missing; connections that end and begin.

use crate::support::capture::{ACK, BROKER, CLIENT, Capture, FIN, Link, RST, START, SYN, Tcp};
use crate::support::exchange::{TIMES, exchange, order, ordered, partitions};
use crate::support::kafka::{Topic, batch, produce, request};
use crate::support::{decode, decode_with};
use kcorr_ingest_pcap::PcapOptions;
use kcorr_model::tables;

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
