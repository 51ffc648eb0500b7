//! TCP segments, one by one, and what they tell of a connection.

use crate::support::capture::{ACK, BROKER, CLIENT, Capture, Link, START, SYN, Tcp};
use crate::support::{Decoded, decode};

pub const MS: i64 = 1_000_000;

/// A segment as it stands in the capture.
#[derive(Debug, Clone, Copy)]
pub struct Seg<'a> {
    pub at: i64,
    pub from: usize,
    pub flags: u8,
    pub seq: u32,
    pub ack: u32,
    pub window: u16,
    pub id: u16,
    pub options: &'a [u8],
    pub size: usize,
}

pub const CLIENT_ISN: u32 = u32::MAX - 100;

pub const BROKER_ISN: u32 = 7_000;

/// A segment of one end, `seq` and `ack` counted from the first byte of each direction.
pub fn seg<'a>(at: i64, from: usize, seq: u32, ack: u32, size: usize) -> Seg<'a> {
    let (own, other) = if from == CLIENT {
        (CLIENT_ISN, BROKER_ISN)
    } else {
        (BROKER_ISN, CLIENT_ISN)
    };
    Seg {
        at,
        from,
        flags: ACK,
        seq: own.wrapping_add(1).wrapping_add(seq),
        ack: other.wrapping_add(1).wrapping_add(ack),
        window: 512,
        id: 0,
        options: &[],
        size,
    }
}

pub const SCALED: [u8; 12] = [2, 4, 5, 0xb4, 1, 3, 3, 7, 4, 2, 1, 1];

/// A connection opened at 0 ms over a link of the given round trip, captured next to the broker.
pub fn opened<'a>(rtt: i64) -> Vec<Seg<'a>> {
    let syn = Seg {
        flags: SYN,
        window: 64_240,
        seq: CLIENT_ISN,
        ack: 0,
        options: &SCALED,
        ..seg(0, CLIENT, 0, 0, 0)
    };
    let syn_ack = Seg {
        at: MS / 10,
        from: BROKER,
        flags: SYN | ACK,
        seq: BROKER_ISN,
        ack: CLIENT_ISN.wrapping_add(1),
        ..syn
    };
    vec![syn, syn_ack, seg(MS / 10 + rtt, CLIENT, 0, 0, 0)]
}

pub fn capture(segments: &[Seg<'_>]) -> Capture {
    let tcp = Tcp::new(40_000);
    let mut capture = Capture::default();
    for (index, segment) in segments.iter().enumerate() {
        let mut ip = tcp.packet_at(segment.from, segment.seq, segment.flags, &[]);
        let options = segment.options.len().next_multiple_of(4);
        ip[32] = (5 + options as u8 / 4) << 4;
        ip[34..36].copy_from_slice(&segment.window.to_be_bytes());
        ip[28..32].copy_from_slice(&segment.ack.to_be_bytes());
        ip.extend(segment.options);
        ip.resize(40 + options, 0);
        ip.resize(40 + options + segment.size, 0);
        let id = if segment.id == 0 {
            index as u16 + 1
        } else {
            segment.id
        };
        ip[4..6].copy_from_slice(&id.to_be_bytes());
        let total = ip.len() as u16;
        ip[2..4].copy_from_slice(&total.to_be_bytes());
        capture.push(false, ip);
        capture.packets.last_mut().unwrap().time = START + segment.at;
    }
    capture
}

pub fn decoded(segments: &[Seg<'_>]) -> Decoded {
    decode(&capture(segments).pcap_as(Link::Ethernet, false, true))
}

/// Kind, direction, start and end in µs, whether the end was seen, segments and bytes.
pub fn stretches(decoded: &Decoded) -> Vec<String> {
    let columns = [
        "kind",
        "direction",
        "start_time",
        "end_time",
        "is_end_seen",
        "segments",
        "bytes",
    ];
    let rows = decoded.rows("tcp_stretches", &columns);
    rows.iter()
        .map(|row| {
            let mut words: Vec<String> = row.split(' ').map(str::to_owned).collect();
            for time in &mut words[2..4] {
                let ns: i64 = time.parse().unwrap();
                *time = ((ns - START) / 1000).to_string();
            }
            words.join(" ")
        })
        .collect()
}

pub fn connection(decoded: &Decoded, columns: &[&str]) -> String {
    let rows = decoded.rows("tcp_connections", columns);
    assert_eq!(rows.len(), 1);
    rows[0].clone()
}
