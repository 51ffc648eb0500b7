//! Changes of in-sync sets that leaders ask the controller for.

use kcorr_ingest_pcap::PcapOptions;
use kcorr_model::tables;

use crate::support::capture::{BROKER, CLIENT, Capture, Link, Tcp};
use crate::support::kafka::{Out, request, response};
use crate::support::{Decoded, decode, decode_with};

const COLUMNS: [&str; 10] = [
    "leader_id",
    "topic",
    "topic_id",
    "partition",
    "isr",
    "version",
    "error_code",
    "stored_isr",
    "stored_version",
    "request_id",
];

#[test]
fn a_follower_of_a_real_broker_leaves_and_joins() {
    let folder = env!("CARGO_MANIFEST_DIR");
    let path = format!("{folder}/tests/data/kafka39-alter-partition.pcap");
    let capture = std::fs::read(path).unwrap();
    let decode = |piece| {
        let options = PcapOptions {
            kafka_ports: vec![29690],
            ..PcapOptions::default()
        };
        decode_with(options, &[&capture], piece)
    };
    let decoded = decode(usize::MAX);
    assert_eq!(decoded.losses(), [] as [&str; 0]);
    let rows = decoded.rows("isr_requests", &COLUMNS[3..9]);
    // The broker's own log: shrinks from 1,2,3 to 1,2 and back, of partitions 0 to 2.
    assert_eq!(
        rows,
        [
            "0 1,2 0 0 1,2 1",
            "1 1,2 0 0 1,2 1",
            "2 1,2 0 0 1,2 1",
            "1 1,2,3 1 0 1,2,3 2",
            "0 1,2,3 1 0 1,2,3 2",
            "2 1,2,3 1 0 1,2,3 2",
            "0 1,2 2 0 1,2 3",
            "1 1,2 2 0 1,2 3",
            "2 1,2 2 0 1,2 3",
            "0 1,2,3 3 0 1,2,3 4",
            "1 1,2,3 3 0 1,2,3 4",
            "2 1,2,3 3 0 1,2,3 4",
        ]
    );
    assert_eq!(
        decoded.all_rows(&tables::ISR_REQUESTS),
        decode(77).all_rows(&tables::ISR_REQUESTS)
    );
}

/// Two partitions of a topic, the second of which is refused.
fn asked(version: i16) -> Vec<u8> {
    let set = |out: Out, ids: &[i32]| {
        let out = out.count(true, ids.len());
        ids.iter().fold(out, |out, &id| {
            let out = out.i32(id);
            if version >= 3 {
                out.i64(99).tags(true)
            } else {
                out
            }
        })
    };
    let partition = |out: Out, partition: i32, ids: &[i32], epoch: i32| {
        let out = set(out.i32(partition).i32(12), ids);
        let out = if version >= 1 { out.i8(0) } else { out };
        out.i32(epoch).tags(true)
    };
    let out = Out::default().i32(4).i64(17).count(true, 1);
    let out = topic(out, version).count(true, 2);
    let out = partition(out, 7, &[4, 5, 6], 30);
    let out = partition(out, 8, &[4], 31);
    out.tags(true).tags(true).0
}

fn answered(version: i16) -> Vec<u8> {
    let partition = |out: Out, partition: i32, error: i16, ids: &[i32], epoch: i32| {
        let out = out.i32(partition).i16(error).i32(4).i32(12);
        let out = out.count(true, ids.len());
        let out = ids.iter().fold(out, |out, &id| out.i32(id));
        let out = if version >= 1 { out.i8(0) } else { out };
        out.i32(epoch).tags(true)
    };
    let out = Out::default().i32(0).i16(0).count(true, 1);
    let out = topic(out, version).count(true, 2);
    let out = partition(out, 8, 6, &[], 0);
    let out = partition(out, 7, 0, &[4, 5, 6], 31);
    out.tags(true).tags(true).0
}

fn topic(out: Out, version: i16) -> Out {
    if version >= 2 {
        out.raw(&[7; 16])
    } else {
        out.string(true, "orders")
    }
}

fn exchanged(version: i16, body: &[u8], answer: &[u8]) -> Decoded {
    let mut capture = Capture::default();
    let mut tcp = Tcp::new(40_000);
    capture.open(&mut tcp);
    capture.send(&mut tcp, CLIENT, &request(56, version, 1, "4", body), 9);
    capture.send(&mut tcp, BROKER, &response(1, true, answer), 11);
    decode(&capture.pcap(Link::Ethernet))
}

#[test]
fn every_version_tells_what_was_asked_and_what_was_stored() {
    for version in 0..=3 {
        let decoded = exchanged(version, &asked(version), &answered(version));
        assert_eq!(decoded.losses(), [] as [&str; 0], "version {version}");
        let name = if version >= 2 {
            "- BwcHBwcHBwcHBwcHBwcHBw"
        } else {
            "orders -"
        };
        let id = decoded.rows("requests", &["request_id"]).concat();
        assert_eq!(
            decoded.rows("isr_requests", &COLUMNS),
            [
                format!("4 {name} 7 4,5,6 30 0 4,5,6 31 {id}"),
                format!("4 {name} 8 4 31 6 - - {id}"),
            ],
            "version {version}"
        );
        assert_eq!(decoded.rows("requests", &["error_code"]), ["6"]);
    }
}

#[test]
fn a_newer_version_or_a_set_too_large_is_a_loss_and_the_request_stays() {
    let decoded = exchanged(4, &asked(3), &answered(3));
    assert_eq!(decoded.losses(), ["pcap_unknown_version"]);
    assert_eq!(decoded.rows("requests", &["api"]), ["AlterPartition"]);
    assert_eq!(decoded.rows("isr_requests", &COLUMNS), [] as [&str; 0]);
    let body = Out::default().i32(4).i64(17).count(true, 1);
    let body = topic(body, 3).count(true, 1).i32(7).i32(12);
    let body = body.count(true, 257).raw(&[0; 4_000]).0;
    let decoded = exchanged(3, &body, &answered(3));
    assert_eq!(decoded.losses(), ["pcap_body_malformed"]);
    assert_eq!(decoded.rows("requests", &["api"]), ["AlterPartition"]);
}
