//! Encrypted connections, of real brokers and clients: against the broker's own request log, and against tshark.
//!
//! `tests/data/tls/record` made the recordings, and says what is in each.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::recordings::{capture, decoded_on, keys, packets, text, with};
use crate::support::{Decoded, decode_with};
use kcorr_ingest_pcap::{KeyLogReader, PcapOptions, TlsKeys};

/// Recordings of Kafka's own TLS: clients of Java and of librdkafka, without and with certificates, for each suite of
/// TLS 1.2 and 1.3; and keys that change.
const RECORDINGS: [&str; 5] = [
    "java",
    "java-certificate",
    "kcat",
    "kcat-certificate",
    "key-update",
];

/// What a broker's request log says of a request.
struct Logged {
    api: String,
    version: String,
    total_ms: f64,
    partitions: BTreeSet<String>,
}

fn decoded(name: &str) -> Decoded {
    let options = with(keys(&text(&format!("{name}.keys"))));
    decode_with(options, &[&capture(&format!("{name}.pcap"))], usize::MAX)
}

const ALL: [&str; 15] = [
    "client_address",
    "correlation_id",
    "api",
    "api_version",
    "client_id",
    "arrival_time",
    "read_time",
    "response_time",
    "end_time",
    "latency_ns",
    "request_bytes",
    "response_bytes",
    "acks",
    "error_code",
    "no_response",
];

fn rows(decoded: &Decoded) -> BTreeSet<String> {
    decoded.rows("requests", &ALL).into_iter().collect()
}

/// Client and correlation id of a row.
fn key(row: &str) -> (String, String) {
    let mut fields = row.split(' ').map(str::to_owned);
    (fields.next().unwrap(), fields.next().unwrap())
}

fn keys_of(rows: &BTreeSet<String>) -> BTreeSet<(String, String)> {
    rows.iter().map(|row| key(row)).collect()
}

/// The requests of the broker's log, by client and correlation id.
fn logged(name: &str) -> BTreeMap<(String, String), Logged> {
    text(&format!("{name}.requests"))
        .lines()
        .map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            let logged = Logged {
                api: fields[1].replace('_', "").to_lowercase(),
                version: fields[2].to_owned(),
                total_ms: fields[5].parse().unwrap(),
                partitions: fields[6..].iter().map(|&name| name.to_owned()).collect(),
            };
            ((fields[0].to_owned(), fields[3].to_owned()), logged)
        })
        .collect()
}

#[test]
fn requests_are_those_of_the_broker_s_log() {
    for name in RECORDINGS {
        let decoded = decoded(name);
        assert_eq!(decoded.losses(), [] as [&str; 0], "{name}");
        let logged = logged(name);
        assert!(logged.len() > 10, "{name}");
        let columns = [
            "client_address",
            "correlation_id",
            "api",
            "api_version",
            "read_time",
            "end_time",
        ];
        let rows = decoded.rows("requests", &columns);
        let mut unlogged = 0;
        let mut ends: BTreeMap<String, i64> = BTreeMap::new();
        let mut apart = Vec::new();
        let mut seen = BTreeSet::new();
        for row in &rows {
            let fields: Vec<&str> = row.split(' ').collect();
            let Some(logged) = logged.get(&key(row)) else {
                unlogged += 1;
                continue;
            };
            seen.insert(key(row));
            assert_eq!(fields[2].to_lowercase(), logged.api, "{name}: {row}");
            assert_eq!(fields[3], logged.version, "{name}: {row}");
            if fields[5] == "-" {
                continue;
            }
            // The broker begins to count when it has read a request, behind the earlier ones of its connection,
            // and ends when it learns that the response was sent.
            let number = |at: usize| fields[at].parse::<i64>().unwrap();
            let begun = ends
                .get(fields[0])
                .map_or(number(4), |&end| number(4).max(end));
            ends.insert(fields[0].to_owned(), number(5));
            let own_ms = (number(5) - begun) as f64 / 1e6;
            apart.push(own_ms - logged.total_ms);
        }
        apart.sort_by(f64::total_cmp);
        let (least, middle) = (apart[0], apart[apart.len() / 2]);
        assert!(least > -40.0 && middle.abs() < 12.0, "{name}: {apart:?}");
        assert_eq!(seen.len(), logged.len(), "{name}");
        assert_eq!(unlogged, 0, "{name}");
    }
}

#[test]
fn partitions_are_those_of_the_broker_s_log() {
    for name in RECORDINGS {
        let decoded = decoded(name);
        let columns = ["client_address", "correlation_id", "api", "request_id"];
        let requests = decoded.rows("requests", &columns);
        let mut partitions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for row in decoded.rows("request_partitions", &["request_id", "topic", "partition"]) {
            let fields: Vec<&str> = row.split(' ').collect();
            let of = partitions.entry(fields[0].to_owned()).or_default();
            of.insert(format!("{}-{}", fields[1], fields[2]));
        }
        let logged = logged(name);
        let mut produces = 0;
        for row in &requests {
            let fields: Vec<&str> = row.split(' ').collect();
            if fields[2] == "Produce" {
                produces += 1;
                let own = partitions.remove(fields[3]).unwrap_or_default();
                assert_eq!(own, logged[&key(row)].partitions, "{name}: {row}");
            }
        }
        assert!(produces > 2, "{name}");
    }
}

#[test]
fn messages_are_those_that_tshark_decrypts() {
    for name in RECORDINGS {
        // Sender, receiver, correlation id, length.
        let mut told = BTreeSet::new();
        for line in text(&format!("{name}.tshark")).lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let (ids, lengths) = (fields[2].split(','), fields[3].split(','));
            for (id, length) in ids.zip(lengths) {
                told.insert(format!("{} {} {id} {length}", fields[0], fields[1]));
            }
        }
        let columns = [
            "client_address",
            "server_address",
            "correlation_id",
            "request_bytes",
            "response_bytes",
        ];
        let mut own = BTreeSet::new();
        for row in decoded(name).rows("requests", &columns) {
            let fields: Vec<&str> = row.split(' ').collect();
            let port = |address: &str| address.rsplit(':').next().unwrap().to_owned();
            let (client, server) = (port(fields[0]), port(fields[1]));
            let length = |bytes: &str| bytes.parse::<u64>().unwrap() - 4;
            let id = fields[2];
            own.insert(format!("{client} {server} {id} {}", length(fields[3])));
            if fields[4] != "-" {
                own.insert(format!("{server} {client} {id} {}", length(fields[4])));
            }
        }
        assert!(told.len() > 20, "{name}");
        let missed: Vec<_> = told.difference(&own).collect();
        assert!(missed.is_empty(), "{name}: {missed:?}");
    }
}

#[test]
fn suites_that_only_openssl_has_are_read() {
    let decoded = decoded_on("openssl", 9097);
    assert_eq!(decoded.losses(), [] as [&str; 0]);
    let ids: BTreeSet<String> = decoded
        .rows("requests", &["client_id"])
        .into_iter()
        .collect();
    let suites = [
        "proxied-AES128-GCM-SHA256",
        "proxied-AES128-SHA",
        "proxied-AES256-SHA256",
        "proxied-DHE-RSA-AES128-SHA",
        "proxied-ECDHE-RSA-AES256-SHA384",
    ];
    assert_eq!(ids, suites.map(str::to_owned).into());
    // The broker has them from the proxy.
    let mut told: Vec<(String, String)> = logged_lines("openssl");
    let mut own: Vec<(String, String)> = decoded
        .rows("requests", &["api", "correlation_id"])
        .iter()
        .map(|row| key(&row.to_lowercase()))
        .collect();
    told.sort();
    own.sort();
    assert_eq!(own, told);
}

/// By a ticket in TLS 1.2, by a PSK in 1.3.
#[test]
fn resumed_sessions_are_read() {
    let decoded = decoded_on("resumed", 9097);
    assert_eq!(decoded.losses(), [] as [&str; 0]);
    let columns = ["api", "correlation_id", "client_id", "no_response"];
    let expected: Vec<String> = (1..=6)
        .map(|id| format!("ApiVersions {id} openssl -"))
        .collect();
    assert_eq!(decoded.rows("requests", &columns), expected);
    let told: Vec<(String, String)> = logged_lines("resumed");
    let own: Vec<(String, String)> = decoded
        .rows("requests", &["api", "correlation_id"])
        .iter()
        .map(|row| key(&row.to_lowercase()))
        .collect();
    assert_eq!(own, told);
}

fn logged_lines(name: &str) -> Vec<(String, String)> {
    let text = text(&format!("{name}.requests"));
    let lines = text.lines().map(|line| {
        let fields: Vec<&str> = line.split(' ').collect();
        (
            fields[1].replace('_', "").to_lowercase(),
            fields[3].to_owned(),
        )
    });
    lines.collect()
}

#[test]
fn a_port_that_encrypted_kafka_is_spoken_on_is_found() {
    let options = with(keys(&text("openssl.keys")));
    let found = decode_with(options, &[&capture("openssl.pcap")], usize::MAX);
    assert_eq!(rows(&found), rows(&decoded_on("openssl", 9097)));
    assert!(found.summary.format.ends_with("port 9097 (found)"));
}

#[test]
fn secrets_in_the_capture_are_used() {
    let capture = capture("kcat-secrets.pcapng");
    let inside = decode_with(PcapOptions::default(), &[&capture], usize::MAX);
    assert_eq!(inside.losses(), [] as [&str; 0]);
    assert_eq!(rows(&inside), rows(&decoded("kcat")));
}

#[test]
fn however_a_capture_is_pushed_rows_are_the_same() {
    let (capture, text) = (capture("kcat.pcap"), text("kcat.keys"));
    let whole = rows(&decoded("kcat"));
    for chunk in [1, 61, 4096] {
        let pieces = decode_with(with(keys(&text)), &[&capture], chunk);
        assert_eq!(rows(&pieces), whole);
    }
}

#[test]
fn without_keys_connections_are_a_loss_with_their_extent() {
    let whole = decoded("kcat");
    let without = decode_with(PcapOptions::default(), &[&capture("kcat.pcap")], usize::MAX);
    assert_eq!(
        without.losses(),
        [
            "pcap_no_requests",
            "tls_no_key",
            "tls_overlap",
            "tls_uncertain_turns"
        ]
    );
    let columns = &[
        "client_address",
        "established_time",
        "tls_done_time",
        "to_broker_bytes",
    ];
    let connections = without.rows("tcp_connections", columns);
    assert_eq!(connections, whole.rows("tcp_connections", columns));
    assert_eq!(without.lost("tls_no_key"), connections.len() as u64);
    let detail = &without.summary.losses[1].detail;
    assert!(
        detail.starts_with("127.0.0.1:") && detail.contains(" records, "),
        "{detail}"
    );
}

#[test]
fn keys_of_half_of_the_connections_open_those() {
    let text = text("kcat.keys");
    let randoms: BTreeSet<&str> = text
        .lines()
        .map(|line| line.split(' ').nth(1).unwrap())
        .collect();
    let half: BTreeSet<&str> = randoms.iter().copied().step_by(2).collect();
    let of_half: String = text
        .lines()
        .filter(|line| half.contains(line.split(' ').nth(1).unwrap()))
        .map(|line| format!("{line}\n"))
        .collect();
    let decoded_half = decode_with(with(keys(&of_half)), &[&capture("kcat.pcap")], usize::MAX);
    assert_eq!(decoded_half.losses(), ["tls_no_key", "tls_uncertain_turns"]);
    let (part, whole) = (rows(&decoded_half), rows(&decoded("kcat")));
    assert!(part.is_subset(&whole));
    let clients = |rows: &BTreeSet<String>| -> BTreeSet<String> {
        rows.iter().map(|row| key(row).0).collect()
    };
    let read = clients(&part).len();
    let unread = decoded_half.lost("tls_no_key");
    assert_eq!(unread + read as u64, clients(&whole).len() as u64);
    assert!(read > 3 && unread > 3);
}

/// Key logs with wrong secrets: of other sessions, or with bits that are not right.
#[test]
fn wrong_keys_never_make_a_row() {
    for name in ["kcat", "java"] {
        let text = text(&format!("{name}.keys"));
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(' ').collect()).collect();
        let swapped: String = lines
            .iter()
            .map(|fields| {
                // The secret of the next session with this label.
                let at = lines.iter().position(|other| other == fields).unwrap();
                let others = lines[at + 1..].iter().chain(&lines);
                let mut others = others.filter(|other| {
                    other[0] == fields[0]
                        && other[1] != fields[1]
                        && other[2].len() == fields[2].len()
                });
                let secret = others.next().unwrap()[2];
                format!("{} {} {secret}\n", fields[0], fields[1])
            })
            .collect();
        let capture = capture(&format!("{name}.pcap"));
        let wrong = decode_with(with(keys(&swapped)), &[&capture], usize::MAX);
        assert_eq!(rows(&wrong), BTreeSet::new(), "{name}");
        assert_eq!(
            wrong.losses(),
            ["pcap_no_requests", "tls_not_authentic"],
            "{name}"
        );
        let connections = wrong.rows("tcp_connections", &["client_address"]).len();
        assert_eq!(
            wrong.lost("tls_not_authentic"),
            connections as u64,
            "{name}"
        );
    }
}

#[test]
fn a_key_log_that_is_cut_anywhere_gives_rows_of_the_sessions_before() {
    let text = text("kcat.keys");
    let capture = capture("kcat.pcap");
    let whole = rows(&decoded("kcat"));
    for cut in (0..text.len()).step_by(211) {
        let cut = decode_with(with(keys(&text[..cut])), &[&capture], usize::MAX);
        assert!(rows(&cut).is_subset(&whole));
        assert_eq!(cut.lost("tls_key_log_line"), 0);
    }
}

#[test]
fn keys_that_come_later_open_what_waits() {
    let text = text("kcat.keys");
    let keys = TlsKeys::default();
    let mut reader = KeyLogReader::new("keys", &keys);
    // Nothing is there when the capture begins; a line comes each time that it is looked for.
    let lines: Vec<String> = text.lines().map(|line| format!("{line}\n")).collect();
    let rest = std::sync::Mutex::new((lines.into_iter(), {
        reader.pause();
        reader
    }));
    let growing = keys.growing(move || {
        let mut rest = rest.lock().unwrap();
        let (lines, reader) = &mut *rest;
        if let Some(line) = lines.next() {
            reader.push(line.as_bytes());
        }
    });
    let late = decode_with(with(growing), &[&capture("kcat.pcap")], usize::MAX);
    assert_eq!(late.losses(), [] as [&str; 0]);
    assert_eq!(rows(&late), rows(&decoded("kcat")));
}

#[test]
fn a_capture_that_is_cut_at_any_packet_has_the_rows_before() {
    for name in ["kcat", "key-update"] {
        let (capture, text) = (
            capture(&format!("{name}.pcap")),
            text(&format!("{name}.keys")),
        );
        let whole = rows(&decoded(name));
        let mut before = 0;
        for packet in packets(&capture).iter().step_by(3) {
            let cut = decode_with(with(keys(&text)), &[&capture[..packet.end]], usize::MAX);
            let answered: BTreeSet<String> = rows(&cut)
                .into_iter()
                .filter(|row| row.ends_with(" -"))
                .collect();
            assert!(answered.is_subset(&whole), "{name}");
            assert!(answered.len() >= before, "{name}");
            before = answered.len();
        }
        let all = whole.iter().filter(|row| row.ends_with(" -")).count();
        assert!(before + 3 > all, "{name}");
    }
}

#[test]
fn a_packet_that_is_missing_costs_the_requests_that_it_touches() {
    for name in ["kcat", "java"] {
        let (capture, text) = (
            capture(&format!("{name}.pcap")),
            text(&format!("{name}.keys")),
        );
        let whole = rows(&decoded(name));
        let packets = packets(&capture);
        let step = packets.len() / 120;
        for missing in packets.iter().step_by(step.max(1)) {
            let damaged = [&capture[..missing.start], &capture[missing.end..]].concat();
            let damaged = decode_with(with(keys(&text)), &[&damaged], usize::MAX);
            let left = rows(&damaged);
            assert!(keys_of(&left).is_subset(&keys_of(&whole)), "{name}");
            // Of a connection whose hello is missing nothing is left in TLS 1.2, else a few are lost.
            let is_unread = damaged.lost("tls_no_handshake") > 0;
            let lost = whole.difference(&left).count();
            assert!(
                lost <= if is_unread { 30 } else { 6 },
                "{name}: {lost}: {:?}",
                damaged.losses()
            );
        }
    }
}

/// `tcpdump -s`: what is cut off a record cannot prove it.
#[test]
fn a_short_snap_length_keeps_requests_and_their_times() {
    let (capture, text) = (capture("kcat.pcap"), text("kcat.keys"));
    let whole = rows(&decoded("kcat"));
    let cut = cut_packets(&capture, 300);
    let cut = decode_with(with(keys(&text)), &[&cut], usize::MAX);
    assert!(cut.lost("pcap_packet_cut") > 0);
    let columns = |rows: &BTreeSet<String>| -> BTreeMap<(String, String), Vec<String>> {
        rows.iter()
            .map(|row| {
                (
                    key(row),
                    row.split(' ').skip(5).take(4).map(str::to_owned).collect(),
                )
            })
            .collect()
    };
    let (whole, cut) = (columns(&whole), columns(&rows(&cut)));
    let same = cut
        .iter()
        .filter(|(key, times)| whole.get(key) == Some(times))
        .count();
    assert!(cut.keys().all(|key| whole.contains_key(key)));
    assert!(same * 10 > whole.len() * 6, "{same} of {}", whole.len());
}

fn cut_packets(capture: &[u8], snap: usize) -> Vec<u8> {
    let mut cut = capture[..24].to_vec();
    for packet in packets(capture) {
        let record = &capture[packet];
        let length = (record.len() - 16).min(snap);
        cut.extend(&record[..8]);
        cut.extend(u32::try_from(length).unwrap().to_le_bytes());
        cut.extend(&record[12..16]);
        cut.extend(&record[16..16 + length]);
    }
    cut
}

#[test]
fn connections_from_their_middle_are_found_among_the_sessions_of_the_log() {
    let (capture, text) = (capture("key-update.pcap"), text("key-update.keys"));
    let whole = rows(&decoded("key-update"));
    let packets = packets(&capture);
    let mut found = 0;
    for begin in packets.iter().skip(20).step_by(25) {
        let middle = [&capture[..24], &capture[begin.start..]].concat();
        let decoded = decode_with(with(keys(&text)), &[&middle], usize::MAX);
        let left = rows(&decoded);
        assert!(keys_of(&left).is_subset(&keys_of(&whole)));
        found += usize::from(decoded.lost("pcap_mid_stream") > 0 && !left.is_empty());
    }
    assert!(found > 0);
}
