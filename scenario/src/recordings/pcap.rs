//! `dump.pcap`: what tcpdump writes on the broker (pcap, microseconds, Ethernet, whole packets): connections to it, and
//! those by which it follows others.

use std::io::{self, Write};

use super::Recorder;
use crate::broker::{OPEN, SYN};
use crate::history::{BROKER_PORT, Connection, History, Packet, Time, broker_ip};

const MAGIC_MICROSECONDS: u32 = 0xa1b2_c3d4;
const SNAP_LENGTH: u32 = 262_144;
const ETHERNET: u32 = 1;
const CLIENT_START: u32 = 0x1000_0000;
const BROKER_START: u32 = 0x7000_0000;

/// The options of both SYNs: segments of 1,460 bytes, windows of 7 bits more.
const SYN_OPTIONS: [u8; 8] = [2, 4, 5, 0xb4, 1, 3, 3, 7];

/// One direction of a connection, in the order of time.
#[derive(Debug, Clone)]
struct Way {
    /// The window that its sender told last.
    window: u16,
    /// The number behind all bytes that were sent.
    sent: u32,
    /// What has arrived without a gap, and what has behind gaps.
    arrived: u32,
    behind: Vec<(u32, u32)>,
}

impl Way {
    fn new() -> Self {
        Self {
            window: OPEN,
            sent: 0,
            arrived: 0,
            behind: Vec::new(),
        }
    }

    fn take(&mut self, start: u32, end: u32, arrives: bool) {
        self.sent = self.sent.max(end);
        if !arrives {
            return;
        }
        self.behind.push((start, end));
        self.behind.sort_unstable();
        self.behind.retain(|(start, end)| {
            let follows = *start <= self.arrived;
            if follows {
                self.arrived = self.arrived.max(*end);
            }
            !follows
        });
    }
}

/// Packets that pass the card of a broker, with the broker that was connected to, by time.
fn packets(brokers: &[History], broker: usize) -> Vec<(Time, usize, &Packet)> {
    let mut order = Vec::new();
    for (place, history) in brokers.iter().enumerate() {
        for packet in &history.packets {
            if place == broker {
                order.push((packet.time, place, packet));
                continue;
            }
            let fetcher = history.connections[packet.connection].fetcher;
            let is_own = fetcher.is_some_and(|fetcher| fetcher.broker == broker);
            if let Some(time) = packet.far_time.filter(|_| is_own) {
                order.push((time, place, packet));
            }
        }
    }
    order.sort_by_key(|(time, ..)| *time);
    order
}

/// Writes all packets in the order of time. What a packet acknowledges does not depend on what the recording
/// lost.
pub(super) fn write(
    brokers: &[History],
    broker: usize,
    mut recorder: Recorder,
    mut output: impl Write,
) -> io::Result<()> {
    for word in [MAGIC_MICROSECONDS, 2 | 4 << 16, 0, 0, SNAP_LENGTH, ETHERNET] {
        output.write_all(&word.to_le_bytes())?;
    }
    let connections = |history: &History| history.connections.len();
    let ways = |history| vec![[Way::new(), Way::new()]; connections(history)];
    let mut ways: Vec<_> = brokers.iter().map(ways).collect();
    for (number, (time, to, packet)) in packets(brokers, broker).into_iter().enumerate() {
        let side = usize::from(!packet.from_client);
        let starts = [CLIENT_START, BROKER_START];
        let ways = &mut ways[to][packet.connection];
        let sequence = packet.sequence.unwrap_or(ways[side].sent);
        let acknowledged = starts[1 - side].wrapping_add(ways[1 - side].arrived);
        let length = packet.payload.len() as u32 + u32::from(packet.flags & SYN != 0);
        if length > 0 {
            ways[side].take(sequence, sequence + length, packet.arrives);
        }
        let sequence = starts[side].wrapping_add(sequence);
        let window = packet.window.unwrap_or(ways[side].window);
        ways[side].window = window;
        if recorder.loses() {
            continue;
        }
        let history = &brokers[to];
        let frame = frame(
            packet,
            &history.connections[packet.connection],
            broker_ip(history.broker_id),
            number as u16,
            sequence,
            acknowledged,
            window,
        );
        let micros = recorder.clock.wall(time).div_euclid(1_000);
        let (seconds, rest) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
        for word in [
            seconds as u32,
            rest as u32,
            frame.len() as u32,
            frame.len() as u32,
        ] {
            output.write_all(&word.to_le_bytes())?;
        }
        output.write_all(&frame)?;
    }
    output.flush()
}

fn frame(
    packet: &Packet,
    connection: &Connection,
    broker_ip: [u8; 4],
    number: u16,
    sequence: u32,
    acknowledged: u32,
    window: u16,
) -> Vec<u8> {
    let client = (connection.ip, connection.port);
    let broker = (broker_ip, BROKER_PORT);
    let (from, to) = if packet.from_client {
        (client, broker)
    } else {
        (broker, client)
    };
    let mut tcp = Vec::with_capacity(20 + packet.payload.len());
    tcp.extend(from.1.to_be_bytes());
    tcp.extend(to.1.to_be_bytes());
    tcp.extend(sequence.to_be_bytes());
    let is_first = packet.flags == SYN;
    tcp.extend(if is_first { 0 } else { acknowledged }.to_be_bytes());
    let options: &[u8] = if packet.flags & SYN == 0 {
        &[]
    } else {
        &SYN_OPTIONS
    };
    tcp.extend([0x50 + 4 * options.len() as u8, packet.flags]);
    tcp.extend(window.to_be_bytes());
    tcp.extend([0; 4]);
    tcp.extend(options);
    tcp.extend(&packet.payload);
    let mut pseudo = Vec::with_capacity(12 + tcp.len());
    pseudo.extend(from.0);
    pseudo.extend(to.0);
    pseudo.extend([0, 6]);
    pseudo.extend((tcp.len() as u16).to_be_bytes());
    pseudo.extend(&tcp);
    let sum = checksum(&pseudo);
    tcp[16..18].copy_from_slice(&sum.to_be_bytes());

    let mut ip = vec![0x45, 0];
    ip.extend((20 + tcp.len() as u16).to_be_bytes());
    ip.extend(number.to_be_bytes());
    ip.extend([0x40, 0, 64, 6, 0, 0]);
    ip.extend(from.0);
    ip.extend(to.0);
    let sum = checksum(&ip);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());

    let mut frame = Vec::with_capacity(14 + ip.len() + tcp.len());
    for address in [to.0, from.0] {
        // Locally administered addresses.
        frame.extend([0x02, 0]);
        frame.extend(address);
    }
    frame.extend([0x08, 0]);
    frame.extend(ip);
    frame.extend(tcp);
    frame
}

/// The Internet checksum, RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for pair in bytes.chunks(2) {
        let low = pair.get(1).copied().unwrap_or(0);
        sum += u32::from(u16::from_be_bytes([pair[0], low]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
