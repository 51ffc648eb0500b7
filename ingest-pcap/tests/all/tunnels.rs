//! Packets in tags, tunnels and the link layers of all kinds of recorders: the rows are those of the
//! plain packets; and what is not read is named.

use crate::support::capture::{BROKER, CLIENT, Capture, Link, Tcp};
use crate::support::decode;
use crate::support::kafka::{Topic, batch, produce, produced, request, response};
use crate::support::layers::{ethernet, ipv4, ipv6, join, links, tags, tunnels, udp, vxlan};
use kcorr_model::tables;

fn exchanges(v6: bool) -> Capture {
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    tcp.v6 = v6;
    capture.open(&mut tcp);
    for id in 1..4 {
        let records = batch(0, -1, &["a", "b"], 20);
        let body = produce(7, -1, &[(Topic::Name("orders"), &[(0, records)])]);
        capture.send(&mut tcp, CLIENT, &request(0, 7, id, "app", &body), 100);
        let answer = produced(7, &[(Topic::Name("orders"), &[(0, 0, 5)])]);
        capture.send(&mut tcp, BROKER, &response(id, false, &answer), 1000);
    }
    capture
}

/// A pcap file of frames.
fn pcap(link_type: u32, frames: impl Iterator<Item = (i64, Vec<u8>)>) -> Vec<u8> {
    let mut out = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
    out.extend([0; 8]);
    out.extend(262_144_u32.to_le_bytes());
    out.extend(link_type.to_le_bytes());
    for (time, frame) in frames {
        out.extend(((time / 1_000_000_000) as u32).to_le_bytes());
        out.extend(((time % 1_000_000_000 / 1000) as u32).to_le_bytes());
        out.extend((frame.len() as u32).to_le_bytes());
        out.extend((frame.len() as u32).to_le_bytes());
        out.extend(frame);
    }
    out
}

fn wrapped(capture: &Capture, link_type: u32, wrap: impl Fn(&[u8], bool) -> Vec<u8>) -> Vec<u8> {
    let frames = capture.packets.iter();
    pcap(
        link_type,
        frames.map(|packet| (packet.time, wrap(&packet.ip, packet.v6))),
    )
}

fn assert_same(name: &str, plain: &Capture, file: &[u8]) {
    let expected = decode(&plain.pcap(Link::Raw));
    assert_eq!(expected.rows("requests", &["api"]).len(), 3);
    let decoded = decode(file);
    assert_eq!(
        decoded.losses(),
        [] as [&str; 0],
        "{name}: {:?}",
        decoded.summary
    );
    for table in [&tables::REQUESTS, &tables::REQUEST_PARTITIONS] {
        assert_eq!(decoded.all_rows(table), expected.all_rows(table), "{name}");
    }
}

#[test]
fn tunnels_of_all_kinds_give_the_rows_of_what_is_in_them() {
    for inner_v6 in [false, true] {
        let plain = exchanges(inner_v6);
        for (name, protocol, tunnel) in tunnels() {
            for outer_v6 in [false, true] {
                let file = wrapped(&plain, 1, |ip, v6| {
                    let inner = tunnel(ip, v6);
                    let protocol = match (protocol, v6) {
                        (0, true) => 41,
                        (0, false) => 4,
                        (protocol, _) => protocol,
                    };
                    if outer_v6 {
                        ethernet([0x86, 0xdd], &ipv6(protocol, &inner))
                    } else {
                        ethernet([8, 0], &ipv4(protocol, &inner))
                    }
                });
                assert_same(name, &plain, &file);
            }
        }
    }
}

#[test]
fn tags_and_labels_of_all_kinds_are_stepped_over() {
    for v6 in [false, true] {
        let plain = exchanges(v6);
        for (name, tag) in tags() {
            assert_same(name, &plain, &wrapped(&plain, 1, &tag));
            // The same in a tunnel, in a tunnel.
            let nested = wrapped(&plain, 1, |ip, v6| {
                let inner = vxlan(8, &tag(ip, v6));
                let gre = join(&[&[0, 0, 8, 0], &ipv4(17, &udp(4789, &inner))]);
                ethernet([0x81, 0], &join(&[&[0, 1, 8, 0], &ipv4(47, &gre)]))
            });
            assert_same(name, &plain, &nested);
        }
    }
}

#[test]
fn link_layers_of_all_kinds_are_read() {
    for v6 in [false, true] {
        let plain = exchanges(v6);
        for (name, link_type, link) in links() {
            assert_same(name, &plain, &wrapped(&plain, link_type, link));
        }
    }
}

#[test]
fn nesting_is_bounded() {
    let plain = exchanges(false);
    let file = wrapped(&plain, 1, |ip, _| {
        let nested = (0..40).fold(ip.to_vec(), |inner, _| ipv4(4, &inner));
        ethernet([8, 0], &nested)
    });
    let decoded = decode(&file);
    assert_eq!(
        decoded.lost("pcap_packets_not_read"),
        plain.packets.len() as u64
    );
}

#[test]
fn what_is_not_read_is_named_also_beside_what_is() {
    let plain = exchanges(false);
    let mut packets: Vec<(i64, Vec<u8>)> = plain
        .packets
        .iter()
        .map(|packet| (packet.time, ethernet([8, 0], &packet.ip)))
        .collect();
    let time = packets[0].0;
    for frame in [
        ethernet([8, 0], &ipv4(50, &[7; 60])),
        ethernet([8, 0], &ipv4(50, &[7; 60])),
        ethernet([8, 0], &ipv4(17, &udp(4500, &[7; 60]))),
        ethernet([0x88, 0xe5], &[7; 60]),
        ethernet([8, 0], &ipv4(115, &[7; 60])),
        ethernet([8, 0], &ipv4(47, &join(&[&[0, 0, 0x12, 0x34], &[7; 60]]))),
        ethernet(
            [8, 0],
            &ipv4(17, &udp(51820, &join(&[&[4, 0, 0, 0], &[7; 76]]))),
        ),
        // And what carries no TCP: name service, address resolution, ping.
        ethernet([8, 0], &ipv4(17, &udp(53, &[7; 60]))),
        ethernet([8, 6], &[7; 46]),
        ethernet([8, 0], &ipv4(1, &[7; 60])),
    ] {
        packets.push((time, frame));
    }
    let decoded = decode(&pcap(1, packets.into_iter()));
    assert_eq!(decoded.rows("requests", &["api"]).len(), 3);
    assert_eq!(decoded.losses(), ["pcap_packets_not_read"]);
    assert_eq!(decoded.lost("pcap_packets_not_read"), 7);
    let detail = &decoded.summary.losses[0].detail;
    for name in [
        "3 × IPsec ESP",
        "MACsec",
        "IP protocol 115",
        "0x1234",
        "WireGuard",
    ] {
        assert!(detail.contains(name), "{name} in {detail}");
    }
}

#[test]
fn the_first_fragment_of_a_packet_keeps_its_request() {
    for in_tunnel in [false, true] {
        let plain = exchanges(false);
        let index = std::cell::Cell::new(0);
        let file = wrapped(&plain, 1, |ip, _| {
            let mut ip = if in_tunnel {
                ipv4(17, &udp(4789, &vxlan(8, &ethernet([8, 0], ip))))
            } else {
                ip.to_vec()
            };
            // The second segment of the first request comes in fragments, of which one is captured.
            if index.get() == 4 {
                let size = ip.len() - if in_tunnel { 48 } else { 24 };
                ip.truncate(size / 8 * 8 + 4);
                let length = (ip.len() as u16).to_be_bytes();
                ip[2..4].copy_from_slice(&length);
                ip[6] = 0x20;
            }
            index.set(index.get() + 1);
            ethernet([8, 0], &ip)
        });
        let decoded = decode(&file);
        assert_eq!(decoded.lost("pcap_ip_fragment"), 1, "{in_tunnel}");
        assert_eq!(
            decoded.rows("requests", &["correlation_id"]),
            ["1", "2", "3"],
            "{in_tunnel}: {:?}",
            decoded.summary.losses
        );
    }
}

#[test]
fn headers_cut_by_the_snap_length_are_no_panic_and_are_counted() {
    let plain = exchanges(false);
    for (name, protocol, tunnel) in tunnels() {
        for keep in 0..140 {
            let file = wrapped(&plain, 1, |ip, v6| {
                let protocol = if protocol == 0 { 4 } else { protocol };
                let mut frame = ethernet([8, 0], &ipv4(protocol, &tunnel(ip, v6)));
                frame.truncate(keep.max(1));
                frame
            });
            let decoded = decode(&file);
            assert!(!decoded.losses().is_empty(), "{name} {keep}");
        }
    }
}
