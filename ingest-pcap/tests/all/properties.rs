//! What holds for any capture and any damage.

use std::collections::BTreeMap;

use crate::support::capture::{BROKER, CLIENT, Capture, Link, Tcp};
use crate::support::kafka::{Topic, batch, produce, produced, request, response};
use crate::support::{Decoded, cases, decode, decode_with};
use kcorr_ingest_pcap::PcapOptions;
use kcorr_model::tables;
use proptest::prelude::*;

/// One exchange of a connection.
#[derive(Debug, Clone)]
struct Exchange {
    records: usize,
    value_bytes: usize,
    codec: i16,
    version: i16,
    /// Whether the next request is sent before the response.
    pipelined: bool,
    segment: usize,
}

fn exchanges() -> impl Strategy<Value = Vec<Vec<Exchange>>> {
    let exchange = (
        1..4_usize,
        prop_oneof![4 => 0..200_usize, 1 => 2000..5000_usize],
        0..5_i16,
        3..13_i16,
        any::<bool>(),
        prop_oneof![Just(1448), Just(300), Just(60_000)],
    )
        .prop_map(
            |(records, value_bytes, codec, version, pipelined, segment)| Exchange {
                records,
                value_bytes,
                codec,
                version,
                pipelined,
                segment,
            },
        );
    prop::collection::vec(prop::collection::vec(exchange, 1..10), 1..4)
}

/// A capture, and which packets each request (client port, correlation id) touches.
struct Traffic {
    capture: Capture,
    touches: BTreeMap<(u16, i32), Vec<usize>>,
}

impl Traffic {
    /// The packets of the request behind the one that a packet of this client is of.
    fn behind(&self, client: u16, packet: usize) -> &[usize] {
        let of_client = self.touches.range((client, 0)..=(client, i32::MAX));
        let mut behind = of_client.skip_while(|(_, packets)| !packets.contains(&packet));
        behind.nth(1).map_or(&[], |(_, packets)| packets)
    }
}

fn traffic(connections: &[Vec<Exchange>]) -> Traffic {
    let mut capture = Capture::default();
    let mut touches: BTreeMap<(u16, i32), Vec<usize>> = BTreeMap::new();
    let mut open = Vec::new();
    for (index, exchanges) in connections.iter().enumerate() {
        let mut tcp = Tcp::new(40_000 + index as u16);
        capture.open(&mut tcp);
        open.push((tcp, exchanges.iter().enumerate(), Vec::new()));
    }
    let mut busy = true;
    while busy {
        busy = false;
        for (tcp, exchanges, waiting) in &mut open {
            let client = format!("client-{}", tcp.port);
            let mut send = |capture: &mut Capture, tcp: &mut Tcp, from, key, bytes: &[u8], size| {
                let first = capture.packets.len();
                capture.send(tcp, from, bytes, size);
                // The last packet is the acknowledgment.
                let range = first..capture.packets.len() - 1;
                touches.entry((tcp.port, key)).or_default().extend(range);
            };
            if let Some((index, exchange)) = exchanges.next() {
                busy = true;
                let correlation = index as i32;
                let version = exchange.version;
                let ids: Vec<String> = (0..exchange.records)
                    .map(|i| format!("{}-{correlation}-{i}", tcp.port))
                    .collect();
                let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                let records = batch(exchange.codec, -1, &ids, exchange.value_bytes);
                let topic = Topic::Name("orders");
                let body = produce(version, -1, &[(topic, &[(0, records)])]);
                let bytes = request(0, version, correlation, &client, &body);
                send(
                    &mut capture,
                    tcp,
                    CLIENT,
                    correlation,
                    &bytes,
                    exchange.segment,
                );
                let base = i64::from(correlation) * 10;
                let answer = produced(version, &[(topic, &[(0, 0, base)])]);
                waiting.push((correlation, response(correlation, version >= 9, &answer)));
                if exchange.pipelined {
                    continue;
                }
            }
            for (correlation, bytes) in waiting.drain(..) {
                send(&mut capture, tcp, BROKER, correlation, &bytes, 1448);
            }
        }
    }
    Traffic { capture, touches }
}

/// Rows by client and correlation id, without the ids of rows. A request that a damaged packet was
/// taken for may be there too.
fn by_request(decoded: &Decoded) -> BTreeMap<(u16, i32), Vec<String>> {
    let requests = decoded.rows(
        "requests",
        &[
            "request_id",
            "client_address",
            "correlation_id",
            "api",
            "arrival_time",
            "read_time",
            "response_time",
            "end_time",
            "request_bytes",
            "response_bytes",
            "no_response",
        ],
    );
    let partitions = decoded.rows(
        "request_partitions",
        &[
            "request_id",
            "topic",
            "partition",
            "records_bytes",
            "record_count",
            "base_offset",
            "message_ids",
        ],
    );
    let mut of_request: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for partition in &partitions {
        let (id, rest) = partition.split_once(' ').unwrap();
        of_request.entry(id).or_default().push(rest);
    }
    let mut result: BTreeMap<(u16, i32), Vec<String>> = BTreeMap::new();
    for row in &requests {
        let (id, rest) = row.split_once(' ').unwrap();
        let mut words = rest.split(' ');
        let port = words.next().unwrap().rsplit(':').next().unwrap();
        let correlation = words.next().unwrap();
        result
            .entry((port.parse().unwrap(), correlation.parse().unwrap()))
            .or_default()
            .push(format!("{rest} | {:?}", of_request.get(id)));
    }
    result
}

/// The requests that touch none of the given packets must have the rows they have without damage.
fn assert_untouched(
    traffic: &Traffic,
    damaged: &[usize],
    whole: &Decoded,
    decoded: &Decoded,
) -> Result<(), TestCaseError> {
    let (whole, found) = (by_request(whole), by_request(decoded));
    for (request, packets) in &traffic.touches {
        if packets.iter().any(|packet| damaged.contains(packet)) {
            continue;
        }
        let rows = found.get(request);
        prop_assert!(
            rows.is_some_and(|rows| rows.contains(&whole[request][0])),
            "{request:?}: {rows:?} is not {:?}; damaged packets {damaged:?}, losses {:?}",
            whole[request],
            decoded.summary.losses
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn any_split_of_the_input_gives_the_same_rows(
        connections in exchanges(),
        chunk in 1..5000_usize,
        ng in any::<bool>(),
    ) {
        let capture = traffic(&connections).capture;
        let file = if ng {
            capture.pcapng(Link::Ethernet, false, 0)
        } else {
            capture.pcap(Link::Ethernet)
        };
        let whole = decode(&file);
        let split = decode_with(PcapOptions::default(), &[&file], chunk);
        prop_assert_eq!(whole.all_rows(&tables::REQUESTS), split.all_rows(&tables::REQUESTS));
        prop_assert_eq!(
            whole.all_rows(&tables::REQUEST_PARTITIONS),
            split.all_rows(&tables::REQUEST_PARTITIONS)
        );
        prop_assert_eq!(whole.summary, split.summary);
    }

    #[test]
    fn every_request_of_an_undamaged_capture_is_whole(connections in exchanges()) {
        let traffic = traffic(&connections);
        let decoded = decode(&traffic.capture.pcap(Link::Ethernet));
        prop_assert_eq!(decoded.losses(), [] as [&str; 0]);
        let found = by_request(&decoded);
        for (index, exchanges) in connections.iter().enumerate() {
            for (correlation, exchange) in exchanges.iter().enumerate() {
                let port = 40_000 + index as u16;
                let rows = &found[&(port, correlation as i32)];
                prop_assert_eq!(rows.len(), 1);
                let ids: Vec<String> = (0..exchange.records)
                    .map(|i| format!("{port}-{correlation}-{i}"))
                    .collect();
                let end = format!(
                    " {} {} [{}]\"])",
                    exchange.records,
                    correlation * 10,
                    ids.join(", ")
                );
                // A pipelining client's last responses may not have been sent.
                let last_batch = exchanges[correlation..].iter().all(|e| e.pipelined);
                prop_assert!(last_batch || rows[0].ends_with(&end), "{} {end}", rows[0]);
            }
        }
    }

    #[test]
    fn a_cut_keeps_the_requests_before_it(connections in exchanges(), at in 0.0..1.0_f64) {
        let traffic = traffic(&connections);
        let file = traffic.capture.pcap(Link::Ethernet);
        let whole = decode(&file);
        let cut = 24 + ((file.len() - 24) as f64 * at) as usize;
        let mut ends = Vec::new();
        let mut end = 24;
        for packet in &traffic.capture.packets {
            end += 16 + 14 + packet.ip.len();
            ends.push(end);
        }
        let damaged: Vec<usize> = (0..ends.len()).filter(|&i| ends[i] > cut).collect();
        assert_untouched(&traffic, &damaged, &whole, &decode(&file[..cut]))?;
    }

    #[test]
    fn disorder_within_a_window_changes_nothing(
        connections in exchanges(),
        delays in prop::collection::vec(0..3_usize, 400),
    ) {
        let traffic = traffic(&connections);
        let whole = decode(&traffic.capture.pcap(Link::Ethernet));
        let mut shuffled = traffic.capture.clone();
        // Each packet falls behind up to two that follow it. What follows the handshakes: a SYN
        // captured after its connection's bytes is another case.
        let start = connections.len() * 3;
        let mut order: Vec<usize> = (start..shuffled.packets.len()).collect();
        order.sort_by_key(|&index| index + delays[index % delays.len()]);
        let packets = &traffic.capture.packets;
        for (place, index) in shuffled.packets[start..].iter_mut().zip(order) {
            *place = packets[index].clone();
        }
        let decoded = decode(&shuffled.pcap(Link::Ethernet));
        assert_untouched(&traffic, &[], &whole, &decoded)?;
        prop_assert_eq!(decoded.lost("pcap_framing_lost"), 0);
    }

    #[test]
    fn dropped_packets_spare_the_requests_they_do_not_touch(
        connections in exchanges(),
        drops in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let traffic = traffic(&connections);
        let whole = decode(&traffic.capture.pcap(Link::Ethernet));
        let count = traffic.capture.packets.len();
        let dropped: Vec<usize> = drops.iter().map(|drop| drop.index(count)).collect();
        let mut damaged = traffic.capture.clone();
        let mut index = 0;
        damaged.packets.retain(|_| {
            index += 1;
            !dropped.contains(&(index - 1))
        });
        assert_untouched(&traffic, &dropped, &whole, &decode(&damaged.pcap(Link::Ethernet)))?;
    }

    #[test]
    fn a_flipped_payload_byte_spares_the_requests_it_does_not_touch(
        connections in exchanges(),
        packet in any::<prop::sample::Index>(),
        byte in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
    ) {
        let traffic = traffic(&connections);
        let whole = decode(&traffic.capture.pcap(Link::Ethernet));
        let with_payload: Vec<usize> = traffic.touches.values().flatten().copied().collect();
        let packet = with_payload[packet.index(with_payload.len())];
        let mut damaged = traffic.capture.clone();
        let ip = &mut damaged.packets[packet].ip;
        let port = |at: usize, ip: &[u8]| u16::from_be_bytes([ip[at], ip[at + 1]]);
        let (client, id_at) = match port(20, ip) {
            9092 => (port(22, ip), 4..8),
            client => (client, 8..12),
        };
        let payload = &mut ip[40..];
        let byte = byte.index(payload.len());
        let id = |payload: &[u8]| {
            let bytes = payload.get(id_at.clone())?;
            Some(i32::from_be_bytes(bytes.try_into().unwrap()))
        };
        let before = id(payload);
        payload[byte] ^= flip;
        let mut touched = vec![packet];
        // A damaged correlation id may be another request's: then that one is touched too, and those
        // between them, for answers come in order: they seem to have got none.
        if let (true, Some(before), Some(after)) = (id_at.contains(&byte), before, id(payload)) {
            let taken = (client, before.min(after))..=(client, before.max(after));
            touched.extend(traffic.touches.range(taken).flat_map(|(_, packets)| packets));
        }
        // A damaged length may be that of its message and the next together.
        if byte < 4 {
            touched.extend(traffic.behind(client, packet));
        }
        let decoded = decode(&damaged.pcap(Link::Ethernet));
        assert_untouched(&traffic, &touched, &whole, &decoded)?;
    }

    #[test]
    fn a_damaged_length_spares_all_but_its_message_and_the_next(
        connections in exchanges(),
        packet in any::<prop::sample::Index>(),
        byte in 0..4_usize,
        flip in 1..=255_u8,
    ) {
        let traffic = traffic(&connections);
        let whole = decode(&traffic.capture.pcap(Link::Ethernet));
        let with_payload: Vec<usize> = traffic.touches.values().flatten().copied().collect();
        let packet = with_payload[packet.index(with_payload.len())];
        let mut damaged = traffic.capture.clone();
        let ip = &mut damaged.packets[packet].ip;
        let port = |at: usize| u16::from_be_bytes([ip[at], ip[at + 1]]);
        let client = if port(20) == 9092 { port(22) } else { port(20) };
        prop_assume!(ip.len() > 44);
        ip[40 + byte] ^= flip;
        let mut touched = vec![packet];
        touched.extend(traffic.behind(client, packet));
        let decoded = decode(&damaged.pcap(Link::Ethernet));
        assert_untouched(&traffic, &touched, &whole, &decoded)?;
    }

    #[test]
    fn a_flipped_byte_of_the_file_spares_other_connections(
        connections in exchanges(),
        at in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
        ng in any::<bool>(),
    ) {
        let traffic = traffic(&connections);
        let file = |capture: &Capture| if ng {
            capture.pcapng(Link::Ethernet, false, 0)
        } else {
            capture.pcap(Link::Ethernet)
        };
        let mut bytes = file(&traffic.capture);
        let whole = decode(&bytes);
        // Behind the headers that say what the rest is.
        let head = file(&Capture::default()).len();
        let at = head + at.index(bytes.len() - head);
        bytes[at] ^= flip;
        let decoded = decode_with(PcapOptions::default(), &[&bytes], 777);
        // The packet that was hit, those beside it, and their connections.
        let (before, behind) = if ng { (28, 4) } else { (16, 0) };
        let packets = &traffic.capture.packets;
        // A block of statistics is behind the packets.
        let mut starts = vec![if ng { head - 40 } else { head }];
        for packet in packets {
            let frame = 14 + packet.ip.len();
            let frame = if ng { frame.next_multiple_of(4) } else { frame };
            starts.push(starts[starts.len() - 1] + before + frame + behind);
        }
        let hit = starts.iter().rposition(|&start| start <= at).unwrap();
        let near = packets.iter().take(hit + 2).skip(hit.saturating_sub(1));
        // A damaged port may be that of another connection, which then has bytes more.
        let now = bytes.get(starts[hit] + before + 14..).unwrap_or_default();
        let ports: Vec<u16> = near
            .map(|packet| &packet.ip[..])
            .chain((now.len() >= 24).then_some(now))
            .flat_map(|ip| [20, 22].map(|at| u16::from_be_bytes([ip[at], ip[at + 1]])))
            .collect();
        let damaged: Vec<usize> = traffic
            .touches
            .iter()
            .filter(|((port, _), _)| ports.contains(port))
            .flat_map(|(_, packets)| packets.iter().copied())
            .collect();
        assert_untouched(&traffic, &damaged, &whole, &decoded)?;
    }
}
