//! Captures of several files that cover the same time.

use kcorr_ingest_pcap::{PcapOptions, first_time};
use kcorr_model::tables;
use proptest::prelude::*;

use crate::support::capture::{BROKER, CLIENT, Capture, Link, Tcp};
use crate::support::kafka::{Topic, batch, produce, produced, request, response};
use crate::support::{Decoded, cases, decode, decode_with};

/// Connections whose requests and responses take turns.
fn traffic(connections: u16, requests: i32) -> Capture {
    let mut capture = Capture::default();
    let mut open: Vec<Tcp> = (0..connections).map(|i| Tcp::new(40_000 + i)).collect();
    for tcp in &mut open {
        capture.open(tcp);
    }
    let topic = Topic::Name("orders");
    for id in 0..requests {
        for tcp in &mut open {
            let records = batch(0, -1, &["a", "b"], 700);
            let body = produce(9, -1, &[(topic, &[(0, records)])]);
            capture.send(tcp, CLIENT, &request(0, 9, id, "app", &body), 1448);
            let answer = produced(9, &[(topic, &[(0, 0, i64::from(id))])]);
            capture.send(tcp, BROKER, &response(id, true, &answer), 1448);
            capture.clock += 200_000;
        }
    }
    for tcp in &mut open {
        capture.close(tcp);
    }
    capture
}

/// The packets in as many files, by the number of each; empty files are left out.
fn files(capture: &Capture, number: impl Fn(usize) -> usize) -> Vec<Vec<u8>> {
    let most = (0..capture.packets.len()).map(&number).max().unwrap();
    let mut files: Vec<Vec<u8>> = (0..=most)
        .map(|file| {
            let mut part = capture.clone();
            let mut index = 0;
            part.packets.retain(|_| {
                index += 1;
                number(index - 1) == file
            });
            part
        })
        .filter(|part| !part.packets.is_empty())
        .map(|part| part.pcap_as(Link::Ethernet, false, true))
        .collect();
    files.sort_by_key(|file| first_time(file));
    files
}

fn merged(files: &[Vec<u8>], options: PcapOptions) -> Decoded {
    let options = PcapOptions {
        file_starts: files.iter().map(|file| first_time(file).unwrap()).collect(),
        ..options
    };
    let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
    decode_with(options, &files, 1000)
}

fn assert_same(whole: &Decoded, merged: &Decoded) -> Result<(), TestCaseError> {
    for table in [
        &tables::REQUESTS,
        &tables::REQUEST_PARTITIONS,
        &tables::TCP_CONNECTIONS,
        &tables::TCP_STRETCHES,
    ] {
        prop_assert_eq!(whole.all_rows(table), merged.all_rows(table));
    }
    Ok(())
}

#[test]
fn two_captures_of_one_direction_each_are_brought_together() {
    let capture = traffic(3, 50);
    let whole = decode(&capture.pcap_as(Link::Ethernet, false, true));
    let from_broker = |index: usize| {
        let ip = &capture.packets[index].ip;
        usize::from(ip[20..22] == 9092_u16.to_be_bytes())
    };
    let merged = merged(&files(&capture, from_broker), PcapOptions::default());
    assert_same(&whole, &merged).unwrap();
    assert_eq!(merged.losses(), ["pcap_files_overlap"]);
}

#[test]
fn files_that_follow_each_other_are_read_as_they_come() {
    let capture = traffic(2, 20);
    let whole = decode(&capture.pcap_as(Link::Ethernet, false, true));
    let merged = merged(&files(&capture, |i| i / 40), PcapOptions::default());
    assert_same(&whole, &merged).unwrap();
    assert_eq!(merged.losses(), [] as [&str; 0]);
}

#[test]
fn packets_that_two_files_hold_count_once() {
    let capture = traffic(2, 20);
    let whole = decode(&capture.pcap_as(Link::Ethernet, false, true));
    let file = capture.pcap_as(Link::Ethernet, false, true);
    let half = files(&capture, |i| usize::from(i > 60)).remove(0);
    let merged = merged(&[file, half], PcapOptions::default());
    assert_eq!(
        whole.all_rows(&tables::REQUESTS),
        merged.all_rows(&tables::REQUESTS)
    );
    let again = [
        "to_broker_retransmissions",
        "from_broker_retransmissions",
        "to_broker_duplicate_acks",
        "from_broker_duplicate_acks",
    ];
    assert_eq!(merged.rows("tcp_connections", &again), ["0 0 0 0"; 2]);
    assert!(merged.lost("pcap_files_overlap") > 0);
}

#[test]
fn more_than_is_held_is_told() {
    let capture = traffic(3, 50);
    let by_turns = files(&capture, |i| i % 2);
    let options = PcapOptions {
        merge_bytes: 20_000,
        ..PcapOptions::default()
    };
    assert!(merged(&by_turns, options).lost("pcap_overlap_too_large") > 0);
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn packets_give_the_same_rows_however_they_are_spread_over_files(
        spread in prop::collection::vec(0..4_usize, 1..200),
        connections in 1..4_u16,
    ) {
        let capture = traffic(connections, 15);
        let whole = decode(&capture.pcap_as(Link::Ethernet, false, true));
        let files = files(&capture, |i| spread[i % spread.len()]);
        assert_same(&whole, &merged(&files, PcapOptions::default()))?;
    }
}
