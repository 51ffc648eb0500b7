//! What clients push to a broker: of a console consumer 3.9.1, which compresses it by zstd, once while it runs and once at
//! its end.

use kcorr_ingest_pcap::PcapOptions;
use kcorr_model::tables;

use crate::support::{Decoded, decode_with};

fn capture() -> Vec<u8> {
    let folder = env!("CARGO_MANIFEST_DIR");
    std::fs::read(format!("{folder}/tests/data/kafka39-telemetry.pcap")).unwrap()
}

fn decode(capture: &[u8], piece: usize) -> Decoded {
    let options = PcapOptions {
        kafka_ports: vec![29892],
        ..PcapOptions::default()
    };
    decode_with(options, &[capture], piece)
}

#[test]
fn what_a_client_tells_of_itself_is_a_row_a_number() {
    let capture = capture();
    let decoded = decode(&capture, usize::MAX);
    assert!(
        decoded.summary.losses.is_empty(),
        "{:?}",
        decoded.summary.losses
    );
    let rows = decoded.all_rows(&tables::CLIENT_METRICS);
    assert_eq!(
        rows,
        decode(&capture, 333).all_rows(&tables::CLIENT_METRICS)
    );
    let of = |name: &str| {
        rows.iter()
            .filter(|row| row.contains(name))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of("org.apache.kafka.consumer.request.total").len(),
        2,
        "{rows:#?}"
    );
    let of_nodes = of("org.apache.kafka.consumer.node.request.total");
    // The broker as such, and as the group's coordinator, and its address to begin with.
    assert_eq!(of_nodes.len(), 6);
    assert!(
        of_nodes
            .iter()
            .all(|row| row.contains("console-consumer") && row.contains("telemetry"))
    );
    // What it had not measured has no row.
    assert_eq!(of("NaN").len(), 0);
    assert_eq!(of("commit.latency.avg").len(), 0);
    assert!(rows.len() > 100, "{}", rows.len());
}

#[test]
fn metrics_that_are_damaged_are_a_loss_and_the_request_stays() {
    let mut capture = capture();
    let requests = decode(&capture, usize::MAX)
        .all_rows(&tables::REQUESTS)
        .len();
    // The frames of zstd lose their names.
    let magic = [0x28, 0xb5, 0x2f, 0xfd];
    let places: Vec<usize> = (0..capture.len() - 4)
        .filter(|&at| capture[at..at + 4] == magic)
        .collect();
    assert_eq!(places.len(), 2);
    capture[places[0]] = 0;
    let decoded = decode(&capture, usize::MAX);
    let losses = &decoded.summary.losses;
    let lost: Vec<_> = losses.iter().map(|it| (it.kind.name, it.count)).collect();
    assert_eq!(lost, [("pcap_telemetry_unread", 1)]);
    assert_eq!(decoded.all_rows(&tables::REQUESTS).len(), requests);
    assert!(decoded.all_rows(&tables::CLIENT_METRICS).len() > 50);
}
