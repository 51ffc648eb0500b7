//! Captures as people have them: begun in mid-stream, cut short, mirrored, exported, seen twice.

use crate::support::{Decoded, decode_with};
use kcorr_ingest_pcap::PcapOptions;

fn field(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/data/field/{name}.zst", env!("CARGO_MANIFEST_DIR"));
    zstd::decode_all(&std::fs::read(path).unwrap()[..]).unwrap()
}

fn on_port(port: u16) -> PcapOptions {
    PcapOptions {
        kafka_ports: vec![port],
        ..PcapOptions::default()
    }
}

fn decoded(name: &str) -> Decoded {
    let capture = field(name);
    let whole = decode_with(on_port(19092), &[&capture], usize::MAX);
    let pieces = decode_with(on_port(19092), &[&capture], 77);
    assert_eq!(
        whole.all_rows(&kcorr_model::tables::REQUESTS),
        pieces.all_rows(&kcorr_model::tables::REQUESTS)
    );
    whole
}

/// Requests, how many of them were answered, and the sum of their latencies.
fn totals(decoded: &Decoded) -> (usize, usize, i64) {
    let latencies = decoded.rows("requests", &["latency_ns"]);
    let answered: Vec<i64> = latencies.iter().filter_map(|l| l.parse().ok()).collect();
    (latencies.len(), answered.len(), answered.iter().sum())
}

#[test]
fn requests_with_an_empty_client_id_are_found_in_mid_stream() {
    let decoded = decoded("empty-client-id-mid.pcap");
    let (requests, answered, _) = totals(&decoded);
    assert_eq!(
        (requests, answered),
        (227, 227),
        "{:?}",
        decoded.summary.losses
    );
    let of_writer = decoded.rows("requests", &["connection_id"]);
    let first = of_writer.iter().filter(|id| **id == of_writer[0]).count();
    assert_eq!(first.max(requests - first), 225);
    // Their bodies too, the first included.
    let produces = decoded.rows("requests", &["api"]);
    let produces = produces.iter().filter(|api| *api == "Produce").count();
    assert_eq!(
        decoded.rows("request_partitions", &["topic"]).len(),
        produces
    );
}

#[test]
fn requests_that_begin_inside_of_segments_are_found_in_mid_stream() {
    let decoded = decoded("large-requests-mid.pcap");
    let rows = decoded.rows(
        "requests",
        &["correlation_id", "api", "client_id", "latency_ns"],
    );
    let expected: Vec<String> = [
        23_934, 2_063, 2_448, 2_893, 23_912, 1_984, 2_381, 23_518, 2_224,
    ]
    .iter()
    .zip(8..)
    .map(|(micros, id)| format!("{id} Produce checkout-service {micros}000"))
    .collect();
    let first = expected.len().saturating_sub(rows.len());
    assert!(first <= 1, "{rows:?}");
    assert_eq!(rows, expected[first..], "{:?}", decoded.summary.losses);
    // What came before is told with its size and its time.
    let skipped = &decoded.summary.losses[0];
    assert_eq!(skipped.kind.name, "pcap_mid_stream");
    assert!(skipped.time_range.is_some());
    assert!(skipped.detail.contains("bytes"), "{}", skipped.detail);
}

#[test]
fn tunnelled_packets_give_the_rows_of_plain_ones() {
    for name in ["base", "vxlan", "gre", "mixed-vxlan"] {
        let decoded = decoded(&format!("tunnels-{name}.pcap"));
        assert_eq!(totals(&decoded), (71, 71, 160_524_168), "{name}");
        assert_eq!(decoded.losses(), [] as [&str; 0], "{name}");
    }
}

#[test]
fn exported_pdus_of_a_decrypted_connection_are_read() {
    let capture = field("exported-pdus.pcapng");
    let decoded = decode_with(on_port(19095), &[&capture], usize::MAX);
    let apis = decoded.rows("requests", &["api", "latency_ns"]);
    assert_eq!(apis.len(), 17);
    assert!(apis.iter().all(|row| !row.ends_with(" -")), "{apis:?}");
    let produces = apis.iter().filter(|row| row.starts_with("Produce"));
    assert_eq!(produces.count(), 10);
    assert_eq!(decoded.losses(), [] as [&str; 0]);
    assert_eq!(decoded.summary.limits[0].name, "exported_pdus");
    // The same connection as it was captured, with its secrets in the file.
    let columns = &[
        "api",
        "api_version",
        "correlation_id",
        "request_bytes",
        "response_bytes",
    ];
    let exported = decoded.rows("requests", columns);
    let capture = field("tls-secrets.pcapng");
    for options in [on_port(19095), PcapOptions::default()] {
        let decoded = decode_with(options, &[&capture], usize::MAX);
        assert_eq!(decoded.losses(), [] as [&str; 0]);
        assert_eq!(decoded.rows("requests", columns), exported);
    }
}

#[test]
fn a_short_snap_length_keeps_every_request_and_its_times() {
    let columns = &[
        "correlation_id",
        "api",
        "api_version",
        "arrival_time",
        "latency_ns",
        "request_bytes",
        "response_bytes",
    ];
    let whole = decoded("consumer.pcap").rows("requests", columns);
    let cut = decoded("consumer-snap96.pcap");
    assert_eq!(whole.len(), 74);
    assert_eq!(cut.rows("requests", columns), whole);
    assert!(
        cut.rows("requests", &["client_id"])
            .iter()
            .all(|id| id == "-")
    );
    assert!(cut.lost("pcap_packet_cut") > 0);
}

#[test]
fn a_connection_seen_before_and_after_address_translation_has_one_row_a_request() {
    let decoded = decoded("dnat-both-views.pcap");
    // The view of the broker has base's times; in the service's a request takes 30 µs more.
    assert_eq!(totals(&decoded), (71, 71, 160_524_168));
    let servers = decoded.rows("requests", &["server_address"]);
    assert!(servers.iter().all(|server| server == "127.0.0.1:19092"));
    assert_eq!(decoded.losses(), ["pcap_second_view"]);
}

#[test]
fn the_brokers_port_is_found_in_every_capture() {
    for (name, port, requests) in [
        ("empty-client-id-mid.pcap", 19092, 227),
        ("large-requests-mid.pcap", 19092, 9),
        ("tunnels-base.pcap", 19092, 71),
        ("tunnels-vxlan.pcap", 19092, 71),
        ("exported-pdus.pcapng", 19095, 17),
        ("consumer.pcap", 19092, 74),
        ("consumer-snap96.pcap", 19092, 74),
        ("dnat-both-views.pcap", 19092, 71),
    ] {
        let decoded = decode_with(PcapOptions::default(), &[&field(name)], usize::MAX);
        let found = totals(&decoded).0;
        assert_eq!(found, requests, "{name}: {:?}", decoded.summary);
        let named = format!("port {port} (found)");
        assert!(
            decoded.summary.format.ends_with(&named),
            "{name}: {:?}",
            decoded.summary.format
        );
    }
}

fn rotated(order: &[usize]) -> Decoded {
    let files: Vec<Vec<u8>> = order
        .iter()
        .map(|index| match index {
            0 => field("dump.pcap"),
            index => field(&format!("dump.pcap{index}")),
        })
        .collect();
    let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
    decode_with(on_port(19092), &files, usize::MAX)
}

#[test]
fn files_of_one_capture_have_times_by_which_they_are_put_in_order() {
    let mut order: Vec<usize> = vec![0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9];
    let shuffled = rotated(&order);
    assert!(shuffled.lost("pcap_files_backwards") > 0);
    order.sort_by_key(|index| {
        let name = match index {
            0 => "dump.pcap".to_owned(),
            index => format!("dump.pcap{index}"),
        };
        kcorr_ingest_pcap::first_time(&field(&name)[..2000]).unwrap()
    });
    assert_eq!(order, (0..12).collect::<Vec<_>>());
    let sorted = rotated(&order);
    assert_eq!(totals(&sorted), (131, 128, 1_714_315_000));
    assert_eq!(sorted.losses(), ["pcap_mid_stream"]);
    // Without one in the middle.
    order.remove(9);
    let gap = rotated(&order);
    assert_eq!(gap.lost("pcap_file_gap"), 1, "{:?}", gap.summary.losses);
}
