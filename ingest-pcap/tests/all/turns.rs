//! Turns of encrypted connections without keys, against the requests that the keys show.

use std::collections::BTreeSet;

use kcorr_ingest_pcap::PcapOptions;
use proptest::prelude::*;

use crate::support::capture::{BROKER, CLIENT, Capture, Link, Tcp};
use crate::support::recordings::{capture, keys, text, with};
use crate::support::{Decoded, cases, decode_with};

const RECORDINGS: [(&str, u16); 7] = [
    ("java", 9092),
    ("java-certificate", 9092),
    ("kcat", 9092),
    ("kcat-certificate", 9092),
    ("key-update", 9092),
    ("openssl", 9097),
    ("resumed", 9097),
];

const TIMES: [&str; 5] = [
    "client_address",
    "arrival_time",
    "read_time",
    "response_time",
    "end_time",
];

fn decoded(name: &str, port: u16, with_keys: bool) -> Decoded {
    let options = if with_keys {
        with(keys(&text(&format!("{name}.keys"))))
    } else {
        PcapOptions::default()
    };
    let options = PcapOptions {
        kafka_ports: vec![port],
        ..options
    };
    decode_with(options, &[&capture(&format!("{name}.pcap"))], usize::MAX)
}

#[test]
fn turns_of_clients_that_wait_are_requests_with_the_same_times() {
    let (mut all_turns, mut overlapping_wrong) = (0, 0);
    for (name, port) in RECORDINGS {
        let read = decoded(name, port, true);
        let unread = decoded(name, port, false);
        assert_eq!(unread.rows("requests", &TIMES), [""; 0], "{name}");
        let requests: BTreeSet<String> = read.rows("requests", &TIMES).into_iter().collect();
        let overlapping: BTreeSet<String> = unread
            .rows("tcp_connections", &["overlap_time", "client_address"])
            .iter()
            .filter_map(|row| row.split_once(' '))
            .filter(|(time, _)| *time != "-")
            .map(|(_, client)| client.to_owned())
            .collect();
        assert_eq!(
            unread.lost("tls_overlap"),
            overlapping.len() as u64,
            "{name}"
        );
        let (other, turns): (Vec<_>, Vec<_>) = unread
            .rows("encrypted_turns", &TIMES)
            .into_iter()
            .partition(|row| overlapping.contains(row.split(' ').next().unwrap()));
        let wrong: Vec<_> = turns
            .iter()
            .filter(|row| !requests.contains(*row))
            .collect();
        assert!(wrong.is_empty(), "{name}: {wrong:?}");
        all_turns += turns.len();
        overlapping_wrong += other.iter().filter(|row| !requests.contains(*row)).count();
    }
    assert!(all_turns > 50, "{all_turns}");
    // Clients that do not wait are there, too, and their turns are not always requests.
    assert!(overlapping_wrong > 0);
}

/// A connection of records that nobody can open: two turns that are not told, then those given, and one that is not
/// over. Each is a request and a response of so many bytes.
fn conversation(turns: &[(usize, usize)], segment: usize) -> (Capture, Vec<String>) {
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    capture.open(&mut tcp);
    let hello = [
        &[0x16, 3, 1, 0, 42, 1, 0, 0, 38, 3, 3][..],
        &[7; 32],
        &[0; 4],
    ]
    .concat();
    capture.send(&mut tcp, CLIENT, &hello, 1448);
    let answer = [
        &[0x16, 3, 3, 0, 52, 2, 0, 0, 48, 3, 3][..],
        &[9; 32],
        &[0, 0x13, 1, 0, 0, 8, 0, 43, 0, 2, 3, 4, 0, 0],
    ]
    .concat();
    capture.send(&mut tcp, BROKER, &answer, 1448);
    let mut expected = Vec::new();
    let first = [(100, 100); 2];
    for (place, (asked, answered)) in first.iter().chain(turns).chain(&first[..1]).enumerate() {
        let mut times = Vec::new();
        for (from, bytes) in [(CLIENT, *asked), (BROKER, *answered)] {
            let begun = capture.packets.len();
            let records: Vec<u8> = vec![0xee; bytes]
                .chunks(16 << 10)
                .flat_map(|text| {
                    let length = u16::try_from(text.len() + 17).unwrap().to_be_bytes();
                    [&[0x17, 3, 3][..], &length, text, &[0xaa; 17]].concat()
                })
                .collect();
            capture.send(&mut tcp, from, &records, segment);
            // The last packet acknowledges.
            let packets = &capture.packets[begun..capture.packets.len() - 1];
            times.push(packets[0].time);
            times.push(packets[packets.len() - 1].time);
            capture.clock += 3_000_000;
        }
        // A turn with a record of an alert's or a key's size is not told.
        let last_text = |bytes: &usize| (bytes - 1) % (16 << 10) + 1;
        let is_control = [asked, answered]
            .map(last_text)
            .iter()
            .any(|text| [2, 5, 18, 21].contains(text));
        if (2..turns.len() + 2).contains(&place) && !is_control {
            let times: Vec<String> = times.iter().map(i64::to_string).collect();
            expected.push(times.join(" "));
        }
    }
    (capture, expected)
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn turns_of_any_sizes_have_the_times_of_their_packets(
        turns in prop::collection::vec((200..70_000_usize, 200..70_000_usize), 1..12),
        segment in prop_oneof![Just(700_usize), Just(1448), Just(60_000)],
        chunk in 1..9000_usize,
    ) {
        let (capture, expected) = conversation(&turns, segment);
        let file = capture.pcap(Link::Ethernet);
        let decoded = decode_with(PcapOptions::default(), &[&file], chunk);
        prop_assert_eq!(decoded.rows("encrypted_turns", &TIMES[1..]), expected);
        prop_assert_eq!(decoded.rows("tcp_connections", &["overlap_time"]), ["-"]);
    }

    /// Whatever is missing, a turn that is told is one that was.
    #[test]
    fn lost_packets_make_no_turn_that_was_not(
        turns in prop::collection::vec((200..40_000_usize, 200..40_000_usize), 2..12),
        drops in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let (mut capture, expected) = conversation(&turns, 1448);
        for drop in drops {
            let at = 5 + drop.index(capture.packets.len() - 5);
            capture.packets.remove(at);
        }
        let file = capture.pcap(Link::Ethernet);
        let decoded = decode_with(PcapOptions::default(), &[&file], usize::MAX);
        if decoded.rows("tcp_connections", &["overlap_time"]) == ["-"] {
            for row in decoded.rows("encrypted_turns", &TIMES[1..]) {
                prop_assert!(expected.contains(&row), "{row}: {expected:?}");
            }
        }
    }
}
