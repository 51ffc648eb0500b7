//! Link layers, and files of captures.

use crate::support::capture::{BROKER, CLIENT, Capture, Link, Tcp};
use crate::support::exchange::{exchange, order, ordered, partitions};
use crate::support::{decode, decode_with};
use kcorr_ingest_pcap::PcapOptions;
use kcorr_model::tables;

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
fn fragments_are_counted() {
    let mut capture = exchange();
    capture.packets[3].ip[6] = 0x20;
    let decoded = decode(&capture.pcap(Link::Ethernet));
    assert_eq!(decoded.lost("pcap_ip_fragment"), 1);
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
