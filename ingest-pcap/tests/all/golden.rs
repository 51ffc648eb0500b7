//! Cuts of real captures, and the rows they yield.

use std::fmt::Write;

use crate::support::decode_with;
use kcorr_ingest_pcap::PcapOptions;
use kcorr_model::tables;

/// The rows of a capture as text; long lists of ids are shortened.
fn rows(name: &str, ports: &[u16]) -> String {
    let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    let capture = std::fs::read(path).unwrap();
    let options = PcapOptions {
        kafka_ports: ports.to_vec(),
        ..PcapOptions::default()
    };
    let decoded = decode_with(options.clone(), &[&capture], usize::MAX);
    let pieces = decode_with(options, &[&capture], 333);
    let mut text = format!("{}\n", decoded.summary.format);
    for loss in &decoded.summary.losses {
        writeln!(text, "{} × {}: {}", loss.kind.name, loss.count, loss.detail).unwrap();
    }
    for table in [
        &tables::REQUESTS,
        &tables::REQUEST_PARTITIONS,
        &tables::TOPICS,
    ] {
        let rows = decoded.all_rows(table);
        assert_eq!(rows, pieces.all_rows(table));
        writeln!(text, "\n{} {}", rows.len(), table.name).unwrap();
        for row in rows.iter().take(25) {
            let row: String = row.chars().take(240).collect();
            writeln!(text, "{row}").unwrap();
        }
    }
    text
}

#[test]
fn produce_by_name_of_an_old_client() {
    insta::assert_snapshot!(rows("kafka23-client.pcap", &[19092]));
}

#[test]
fn an_incident_from_the_middle_of_its_capture() {
    insta::assert_snapshot!(rows("kafka39-incident.pcap", &[9092]));
}

#[test]
fn produce_by_topic_id_over_ipv6_in_pcapng() {
    insta::assert_snapshot!(rows("kafka41-ipv6.pcapng", &[19196]));
}

#[test]
fn produce_by_topic_id_in_small_segments() {
    insta::assert_snapshot!(rows("kafka41-mtu1500.pcap", &[19194]));
}

#[test]
fn followers_fetching_by_topic_id() {
    insta::assert_snapshot!(rows("kafka41-replication.pcap", &[19292, 19392]));
}
