//! Encrypted recordings, damaged in several ways at once: what is not touched has the rows that it has without damage, and
//! what has none is told.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::support::decode_with;
use crate::support::recordings::{capture, keys, packets, text, with};
use kcorr_model::Position;

/// Damaged so often, each.
const ROUNDS: u64 = 12;

const RECORDINGS: [&str; 4] = ["java", "java-certificate", "kcat", "kcat-certificate"];

const COLUMNS: [&str; 10] = [
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
];

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

/// A recording: its packets with the clients that they are of, its rows by client, and the clients of each session.
struct Recording {
    name: &'static str,
    capture: Vec<u8>,
    packets: Vec<(Range<usize>, String)>,
    rows: BTreeMap<String, BTreeSet<String>>,
    lines: Vec<String>,
    clients: BTreeMap<String, String>,
}

/// The random of the session that a line of a key log is of.
fn session(line: &str) -> &str {
    line.split(' ').nth(1).unwrap()
}

fn by_client(key_log: &str, capture: &[u8]) -> BTreeMap<String, BTreeSet<String>> {
    let decoded = decode_with(with(keys(key_log)), &[capture], usize::MAX);
    let mut rows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in decoded.rows("requests", &COLUMNS) {
        let client = row.split(' ').next().unwrap().to_owned();
        rows.entry(client).or_default().insert(row);
    }
    rows
}

/// The client of a packet of raw or Ethernet IPv4, at the port that is not the broker's.
fn client(packet: &[u8], link_header: usize) -> String {
    let ip = &packet[16 + link_header..];
    let tcp = &ip[usize::from(ip[0] & 15) * 4..];
    let port = |at: usize| u16::from_be_bytes([tcp[at], tcp[at + 1]]);
    let (address, port) = if port(0) == 9092 {
        (&ip[16..20], port(2))
    } else {
        (&ip[12..16], port(0))
    };
    let address: Vec<String> = address.iter().map(u8::to_string).collect();
    format!("{}:{port}", address.join("."))
}

fn recording(name: &'static str) -> Recording {
    let capture = capture(&format!("{name}.pcap"));
    let link_header = match capture[20] {
        1 => 14,
        113 => 16,
        other => panic!("{name}: link type {other}"),
    };
    let packets = packets(&capture)
        .into_iter()
        .map(|packet| {
            let client = client(&capture[packet.clone()], link_header);
            (packet, client)
        })
        .collect();
    let lines: Vec<String> = text(&format!("{name}.keys"))
        .lines()
        .map(str::to_owned)
        .collect();
    let mut clients = BTreeMap::new();
    for random in lines
        .iter()
        .map(|line| session(line))
        .collect::<BTreeSet<_>>()
    {
        let own = lines.iter().filter(|line| session(line) == random);
        let key_log: String = own.map(|line| format!("{line}\n")).collect();
        for client in by_client(&key_log, &capture).into_keys() {
            clients.insert(random.to_owned(), client);
        }
    }
    let whole: String = lines.iter().map(|line| format!("{line}\n")).collect();
    Recording {
        name,
        packets,
        rows: by_client(&whole, &capture),
        capture,
        lines,
        clients,
    }
}

/// One packet in a thousand is missing, half of the sessions have no keys, one has those of another, and a line of one is
/// cut.
#[test]
fn damage_of_all_kinds_at_once_spares_what_it_does_not_touch() {
    for name in RECORDINGS {
        let recording = recording(name);
        let sessions: Vec<&String> = recording.clients.keys().collect();
        assert!(sessions.len() > 10, "{name}");
        let (mut kept_rows, mut spared_clients) = (0, 0);
        for round in 0..ROUNDS {
            let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (round + 1));
            let missing: BTreeSet<usize> = (0..recording.packets.len().div_ceil(1000))
                .map(|_| dice.below(recording.packets.len()))
                .collect();
            let mut damaged = recording.capture[..24].to_vec();
            let mut hurt = BTreeSet::new();
            for (index, (packet, client)) in recording.packets.iter().enumerate() {
                if missing.contains(&index) {
                    hurt.insert(client.clone());
                } else {
                    damaged.extend(&recording.capture[packet.clone()]);
                }
            }
            let first = dice.below(2);
            let known: Vec<&&String> = sessions.iter().skip(first).step_by(2).collect();
            let (wrong, cut) = (*known[0], *known[known.len() / 2]);
            let mut key_log = String::new();
            for line in &recording.lines {
                let random = session(line);
                if !known.iter().any(|known| known.as_str() == random) {
                    continue;
                }
                let line = if random == cut {
                    // In the middle of its secret, where no line ends that is whole.
                    &line[..line.len() - 7]
                } else {
                    line
                };
                let secret = line.rsplit(' ').next().unwrap();
                let flipped: String = secret
                    .chars()
                    .map(|digit| if digit == '0' { '1' } else { '0' })
                    .collect();
                let secret = if random == wrong { &flipped } else { secret };
                let label = line.split(' ').next().unwrap();
                key_log.push_str(&format!("{label} {random} {secret}\n"));
            }
            let decoded = decode_with(with(keys(&key_log)), &[&damaged], usize::MAX);
            let context = format!(
                "{} round {round}: {:?}",
                recording.name, decoded.summary.losses
            );
            let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for row in decoded.rows("requests", &COLUMNS) {
                let client = row.split(' ').next().unwrap().to_owned();
                found.entry(client).or_default().insert(row);
            }
            let shut: BTreeSet<&String> = sessions
                .iter()
                .filter(|random| !known.contains(random) || **random == wrong || **random == cut)
                .map(|random| &recording.clients[*random])
                .collect();
            let identities = |rows: &BTreeSet<String>| -> BTreeSet<String> {
                let identity =
                    |row: &String| row.splitn(4, ' ').take(3).collect::<Vec<_>>().join(" ");
                rows.iter().map(identity).collect()
            };
            for (client, whole) in &recording.rows {
                let rows = found.remove(client).unwrap_or_default();
                kept_rows += rows.len();
                if shut.contains(client) {
                    assert!(rows.is_empty(), "{client}: {context}");
                    let is_told = decoded.summary.losses.iter().any(|loss| {
                        ["tls_no_key", "tls_not_authentic", "tls_no_handshake"]
                            .contains(&loss.kind.name)
                            && (loss.detail.contains(client.as_str())
                                || loss.detail.contains(" more: "))
                    });
                    assert!(is_told, "{client}: {context}");
                } else if hurt.contains(client) {
                    assert!(
                        identities(&rows).is_subset(&identities(whole)),
                        "{client}: {context}"
                    );
                    // A loss names the first connection that it is of.
                    let is_told = decoded.summary.losses.iter().any(|loss| {
                        loss.kind.name.starts_with("pcap_")
                            && matches!(loss.first_position, Position::Byte(_))
                            && (hurt.len() > 1 || loss.detail.contains(client.as_str()))
                    });
                    assert!(rows == *whole || is_told, "{client}: {context}");
                } else {
                    assert_eq!(&rows, whole, "{client}: {context}");
                    spared_clients += 1;
                }
            }
            assert!(found.is_empty(), "{found:?}: {context}");
            assert!(decoded.lost("tls_key_log_line") > 0, "{context}");
            assert!(decoded.lost("tls_not_authentic") > 0, "{context}");
        }
        assert!(
            kept_rows > 100 && spared_clients > 40,
            "{name}: {kept_rows}, {spared_clients}"
        );
    }
}
