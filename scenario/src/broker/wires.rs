//! The TCP connections: what goes over them, cut into packets. What they acknowledge is told later, in the
//! order of time (see `recordings::pcap`).

use crate::history::{Hold, Packet, Span, Time};

const MAX_PAYLOAD: usize = 1448;
pub(crate) const SYN: u8 = 2;
const PUSH: u8 = 8;
const ACK: u8 = 16;

/// The window of both ends where nothing is said of it; scaled (`recordings::pcap` has the options).
pub(crate) const OPEN: u16 = u16::MAX;

/// Packets of one message follow each other so fast.
const PACE: i64 = 2_000;
/// The receiver's acknowledgement passes the broker's network card so much later.
const ACK_NS: i64 = 20_000;

/// The packets of all connections.
#[derive(Debug, Default)]
pub(crate) struct Wires {
    pub(crate) packets: Vec<Packet>,
    /// The next number of each direction, that of the client first.
    next: Vec<[u32; 2]>,
}

/// A message on its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'a> {
    pub(crate) connection: usize,
    pub(crate) from_client: bool,
    /// When its first packet passes.
    pub(crate) first: Time,
    /// When its last does, at the earliest.
    pub(crate) last: Time,
    pub(crate) bytes: &'a [u8],
    /// To or from another broker of the cluster: how long it is on its way, ns.
    pub(crate) way: Option<i64>,
}

impl Wires {
    /// Opens the next connection.
    pub(crate) fn open(&mut self, time: Time, way: Option<i64>) {
        let connection = self.next.len();
        self.next.push([0; 2]);
        let last = time - 50_000;
        let first = last - 30_000 - 2 * way.unwrap_or(5_000);
        self.push(first, connection, true, SYN, Vec::new());
        self.passed(way);
        self.push(first + 10_000, connection, false, SYN | ACK, Vec::new());
        self.passed(way);
        self.push(last, connection, true, ACK, Vec::new());
        self.passed(way);
    }

    /// The last packet passed the other end's card as well: so much earlier, or later.
    fn passed(&mut self, way: Option<i64>) {
        if let (Some(packet), Some(way)) = (self.packets.last_mut(), way) {
            let way = if packet.from_client { -way } else { way };
            packet.far_time = Some(packet.time + way);
        }
    }

    /// Sends a message. Answers when its last packet passes.
    pub(crate) fn send(&mut self, message: Message<'_>) -> Time {
        let mut pieces = pieces(message.bytes, MAX_PAYLOAD);
        // What leaves slowly is cut in two at least.
        if pieces.len() == 1 && message.last > message.first && message.bytes.len() > 8 {
            pieces = self::pieces(message.bytes, message.bytes.len() / 2);
        }
        let count = pieces.len() as i64;
        let last = message.last.max(message.first + PACE * (count - 1));
        for (index, piece) in pieces.iter().enumerate() {
            let index = index as i64;
            let time = if index + 1 == count {
                last
            } else {
                message.first + PACE * index
            };
            self.data(message, time, piece);
        }
        // What acknowledges an answer comes by as long a way.
        let way = message.way.filter(|_| !message.from_client);
        let way = way.map_or(0, |way| 2 * way);
        self.acknowledge(message, last + way + 2 * ACK_NS, None);
        last
    }

    /// Sends a message that is held up for so long. Answers when its last packet passes, and when it was held
    /// up as far as packets show it.
    pub(crate) fn send_held(&mut self, message: Message<'_>, hold: Hold, ns: i64) -> (Time, Span) {
        let size = MAX_PAYLOAD.min(message.bytes.len() / 7).max(1);
        let pieces = pieces(message.bytes, size);
        let first = message.first;
        let free = first + ns;
        match hold {
            Hold::Window | Hold::Idle => {
                let (head, rest) = pieces.split_first().expect("a message has bytes");
                self.data(message, first, head);
                let told = first + ACK_NS;
                let opened = free - 30_000;
                let span = if hold == Hold::Window {
                    self.acknowledge(message, told, Some(0));
                    self.probe(message, first + ns / 2);
                    self.acknowledge(message, first + ns / 2 + ACK_NS, None);
                    self.acknowledge(message, opened, Some(OPEN));
                    Span {
                        start: told,
                        end: opened,
                    }
                } else {
                    self.acknowledge(message, told, None);
                    Span {
                        start: told + 2 * ACK_NS,
                        end: free,
                    }
                };
                (self.burst(message, free, rest), span)
            }
            Hold::Loss if message.from_client => {
                // On its way to the broker: only what follows is seen.
                let (head, rest) = pieces.split_first().expect("a message has bytes");
                let (lost, rest) = rest.split_first().expect("a second piece");
                self.data(message, first, head);
                let start = first + PACE;
                let sequence = self.next_of(message);
                self.skip(message, lost.len());
                for (index, piece) in rest.iter().enumerate() {
                    self.data(message, start + PACE * index as i64, piece);
                }
                for index in 0..3 {
                    self.acknowledge(message, start + ACK_NS + PACE * index, None);
                }
                let end = free.max(start + PACE * rest.len() as i64 + 2 * ACK_NS);
                self.data_at(message, end, sequence, lost, true);
                self.acknowledge(message, end + ACK_NS, None);
                (end, Span { start, end })
            }
            Hold::Loss => {
                // Behind the broker's network card: it passes twice.
                let (before, rest) = pieces.split_at(pieces.len().saturating_sub(6));
                let start = self.burst(message, first, before) + PACE;
                let sequence = self.next_of(message);
                let (lost, rest) = rest.split_first().expect("a message has bytes");
                let (last, rest) = rest.split_last().expect("a second piece");
                self.data_at(message, start, sequence, lost, false);
                self.skip(message, lost.len());
                for (index, piece) in rest.iter().enumerate() {
                    let time = start + PACE * (index as i64 + 1);
                    self.data(message, time, piece);
                    self.acknowledge(message, time + ACK_NS, None);
                }
                let again = free.max(start + PACE * 8 + 2 * ACK_NS);
                self.data_at(message, again, sequence, lost, true);
                let end = again + ACK_NS;
                self.acknowledge(message, end, None);
                (
                    self.burst(message, end + PACE, &[last]),
                    Span { start, end },
                )
            }
        }
    }

    /// Sends pieces one after another, and acknowledges them. Answers when the last passes.
    fn burst(&mut self, message: Message<'_>, first: Time, pieces: &[&[u8]]) -> Time {
        let mut last = first;
        for (index, piece) in pieces.iter().enumerate() {
            last = first + PACE * index as i64;
            self.data(message, last, piece);
        }
        self.acknowledge(message, last + 2 * ACK_NS, None);
        last
    }

    fn next_of(&self, message: Message<'_>) -> u32 {
        self.next[message.connection][usize::from(!message.from_client)]
    }

    fn skip(&mut self, message: Message<'_>, bytes: usize) {
        let next = &mut self.next[message.connection][usize::from(!message.from_client)];
        *next = next.wrapping_add(bytes as u32);
    }

    fn data(&mut self, message: Message<'_>, time: Time, piece: &[u8]) {
        let (connection, from_client) = (message.connection, message.from_client);
        self.push(time, connection, from_client, PUSH | ACK, piece.to_vec());
        self.passed(message.way);
    }

    fn data_at(&mut self, of: Message<'_>, time: Time, sequence: u32, piece: &[u8], arrives: bool) {
        self.packets.push(Packet {
            time,
            far_time: None,
            connection: of.connection,
            from_client: of.from_client,
            flags: PUSH | ACK,
            sequence: Some(sequence),
            window: None,
            arrives,
            payload: piece.to_vec(),
        });
    }

    /// The receiver of a message acknowledges what it has, and tells its window.
    fn acknowledge(&mut self, of: Message<'_>, time: Time, window: Option<u16>) {
        let (connection, from_client) = (of.connection, !of.from_client);
        self.push(time, connection, from_client, ACK, Vec::new());
        self.passed(of.way);
        if let Some(packet) = self.packets.last_mut() {
            packet.window = window;
        }
    }

    /// The sender of a message asks whether the window is still closed, as Linux does.
    fn probe(&mut self, of: Message<'_>, time: Time) {
        self.push(time, of.connection, of.from_client, ACK, Vec::new());
        let next = self.next_of(of);
        if let Some(packet) = self.packets.last_mut() {
            packet.sequence = Some(next.wrapping_sub(1));
        }
    }

    fn push(
        &mut self,
        time: Time,
        connection: usize,
        from_client: bool,
        flags: u8,
        payload: Vec<u8>,
    ) {
        let next = &mut self.next[connection][usize::from(!from_client)];
        let size = payload.len() as u32 + u32::from(flags & SYN != 0);
        let sequence = (size > 0).then_some(*next);
        *next = next.wrapping_add(size);
        self.packets.push(Packet {
            time,
            far_time: None,
            connection,
            from_client,
            flags,
            sequence,
            window: None,
            arrives: true,
            payload,
        });
    }
}

fn pieces(bytes: &[u8], size: usize) -> Vec<&[u8]> {
    bytes.chunks(size.max(1)).collect()
}
