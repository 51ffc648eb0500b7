//! Captures of TCP conversations.

/// How packets are wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    Ethernet,
    Vlan,
    QinQ,
    Cooked,
    Cooked2,
    Raw,
    Null,
}

impl Link {
    pub const ALL: [Link; 7] = [
        Link::Ethernet,
        Link::Vlan,
        Link::QinQ,
        Link::Cooked,
        Link::Cooked2,
        Link::Raw,
        Link::Null,
    ];

    pub fn number(self) -> u16 {
        match self {
            Link::Ethernet | Link::Vlan | Link::QinQ => 1,
            Link::Cooked => 113,
            Link::Cooked2 => 276,
            Link::Raw => 101,
            Link::Null => 0,
        }
    }

    fn header(self, v6: bool) -> Vec<u8> {
        let kind: [u8; 2] = if v6 { [0x86, 0xdd] } else { [8, 0] };
        match self {
            Link::Ethernet => [&[0; 12][..], &kind].concat(),
            Link::Vlan => [&[0; 12][..], &[0x81, 0, 0, 5], &kind].concat(),
            Link::QinQ => [&[0; 12][..], &[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6], &kind].concat(),
            Link::Cooked => [&[0; 14][..], &kind].concat(),
            Link::Cooked2 => [&kind[..], &[0; 18]].concat(),
            Link::Raw => Vec::new(),
            Link::Null => vec![if v6 { 30 } else { 2 }, 0, 0, 0],
        }
    }
}

/// A captured packet: IP and what it carries.
#[derive(Debug, Clone)]
pub struct Packet {
    pub time: i64,
    pub ip: Vec<u8>,
    pub v6: bool,
    /// Captured bytes from the IP header on, when fewer than sent.
    pub kept: usize,
}

/// Packets in the order they were captured.
#[derive(Debug, Clone, Default)]
pub struct Capture {
    pub packets: Vec<Packet>,
    pub clock: i64,
}

/// Times begin here.
pub const START: i64 = 1_700_000_000_000_000_000;

pub const CLIENT: usize = 0;
pub const BROKER: usize = 1;

/// A TCP connection: ports, and both directions' next sequence numbers.
#[derive(Debug, Clone)]
pub struct Tcp {
    pub port: u16,
    pub v6: bool,
    pub next: [u32; 2],
}

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const ACK: u8 = 16;

impl Tcp {
    pub fn new(port: u16) -> Self {
        Self {
            port,
            v6: false,
            next: [u32::MAX - 300, 5_000],
        }
    }

    /// The IP packet of a segment.
    pub fn packet(&self, from: usize, flags: u8, payload: &[u8]) -> Vec<u8> {
        self.packet_at(from, self.next[from], flags, payload)
    }

    pub fn packet_at(&self, from: usize, sequence: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
        let ports = [self.port, 9092];
        let mut tcp = Vec::new();
        tcp.extend(ports[from].to_be_bytes());
        tcp.extend(ports[1 - from].to_be_bytes());
        tcp.extend(sequence.to_be_bytes());
        let ack = if flags & ACK == 0 {
            0
        } else {
            self.next[1 - from]
        };
        tcp.extend(ack.to_be_bytes());
        tcp.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        tcp.extend(payload);
        let mut ip = Vec::new();
        if self.v6 {
            ip.extend([0x60, 0, 0, 0]);
            ip.extend((tcp.len() as u16 + 8).to_be_bytes());
            // A destination options header before TCP.
            ip.extend([60, 64]);
            let mut addresses = [[0_u8; 16]; 2];
            addresses[0][15] = 1;
            addresses[1][15] = 2;
            ip.extend(addresses[from]);
            ip.extend(addresses[1 - from]);
            ip.extend([6, 0, 1, 4, 0, 0, 0, 0]);
        } else {
            ip.extend([0x45, 0]);
            ip.extend((tcp.len() as u16 + 20).to_be_bytes());
            ip.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
            ip.extend([10, 0, 0, 1 + from as u8]);
            ip.extend([10, 0, 0, 2 - from as u8]);
        }
        ip.extend(tcp);
        ip
    }
}

impl Capture {
    pub fn push(&mut self, v6: bool, ip: Vec<u8>) {
        self.clock += 1_000;
        self.packets.push(Packet {
            time: START + self.clock,
            kept: ip.len(),
            ip,
            v6,
        });
    }

    /// Sends a segment.
    pub fn segment(&mut self, tcp: &mut Tcp, from: usize, flags: u8, payload: &[u8]) {
        let ip = tcp.packet(from, flags, payload);
        tcp.next[from] = tcp.next[from]
            .wrapping_add(payload.len() as u32)
            .wrapping_add(u32::from(flags & (SYN | FIN) != 0));
        self.push(tcp.v6, ip);
    }

    /// Opens a connection.
    pub fn open(&mut self, tcp: &mut Tcp) {
        self.segment(tcp, CLIENT, SYN, &[]);
        self.segment(tcp, BROKER, SYN | ACK, &[]);
        self.segment(tcp, CLIENT, ACK, &[]);
    }

    /// Sends bytes in segments of at most `size`; the other end acknowledges the last.
    pub fn send(&mut self, tcp: &mut Tcp, from: usize, bytes: &[u8], size: usize) {
        for part in bytes.chunks(size) {
            self.segment(tcp, from, ACK, part);
        }
        self.segment(tcp, 1 - from, ACK, &[]);
    }

    /// Closes a connection from both ends.
    pub fn close(&mut self, tcp: &mut Tcp) {
        self.segment(tcp, CLIENT, FIN | ACK, &[]);
        self.segment(tcp, BROKER, FIN | ACK, &[]);
        self.segment(tcp, CLIENT, ACK, &[]);
    }

    /// The time of the packet sent last.
    pub fn now(&self) -> i64 {
        START + self.clock
    }

    fn frames(&self, link: Link) -> impl Iterator<Item = (i64, Vec<u8>, usize)> + '_ {
        self.packets.iter().map(move |packet| {
            let header = link.header(packet.v6);
            let original = header.len() + packet.ip.len();
            let frame = [&header[..], &packet.ip[..packet.kept]].concat();
            (packet.time, frame, original)
        })
    }

    /// The capture as a classic pcap file.
    pub fn pcap(&self, link: Link) -> Vec<u8> {
        self.pcap_as(link, false, false)
    }

    pub fn pcap_as(&self, link: Link, big_endian: bool, nanoseconds: bool) -> Vec<u8> {
        let u32 = |value: u32| {
            if big_endian {
                value.to_be_bytes()
            } else {
                value.to_le_bytes()
            }
        };
        let magic = if nanoseconds {
            0xa1b2_3c4d_u32
        } else {
            0xa1b2_c3d4
        };
        let mut out = Vec::new();
        out.extend(u32(magic));
        out.extend(if big_endian {
            [0, 2, 0, 4]
        } else {
            [2, 0, 4, 0]
        });
        out.extend([0; 8]);
        out.extend(u32(262_144));
        out.extend(u32(u32::from(link.number())));
        for (time, frame, original) in self.frames(link) {
            let fraction = time % 1_000_000_000;
            out.extend(u32((time / 1_000_000_000) as u32));
            out.extend(u32(if nanoseconds {
                fraction
            } else {
                fraction / 1000
            } as u32));
            out.extend(u32(frame.len() as u32));
            out.extend(u32(original as u32));
            out.extend(frame);
        }
        out
    }

    /// The capture as a pcapng file: a second interface holds the packets; the first is of another
    /// link type and resolution. Times are in units of 2^-20 s behind an offset of 1,000 s, rounded
    /// down, or in ns.
    pub fn pcapng(&self, link: Link, big_endian: bool, dropped: u64) -> Vec<u8> {
        let u16 = |value: u16| {
            if big_endian {
                value.to_be_bytes()
            } else {
                value.to_le_bytes()
            }
        };
        let u32 = |value: u32| {
            if big_endian {
                value.to_be_bytes()
            } else {
                value.to_le_bytes()
            }
        };
        let u64 = |value: u64| {
            if big_endian {
                value.to_be_bytes()
            } else {
                value.to_le_bytes()
            }
        };
        let block = |kind: u32, body: &[u8]| {
            let padding = body.len().next_multiple_of(4) - body.len();
            let total = u32((12 + body.len() + padding) as u32);
            [&u32(kind)[..], &total, body, &vec![0; padding], &total].concat()
        };
        let mut out = Vec::new();
        let section = [&u32(0x1a2b_3c4d)[..], &u16(1), &u16(0), &[0xff; 8]].concat();
        out.extend(block(0x0a0d_0d0a, &section));
        let other = [&u16(147)[..], &[0, 0], &u32(96)].concat();
        out.extend(block(1, &other));
        let interface = [
            &u16(link.number())[..],
            &[0, 0],
            &u32(0),
            // if_tsresol 10^-9, if_tsoffset 1000 s
            &u16(9),
            &u16(1),
            &[9, 0, 0, 0],
            &u16(14),
            &u16(8),
            &u64(1000),
            &u16(0),
            &u16(0),
        ]
        .concat();
        out.extend(block(1, &interface));
        // A block of a kind that is not known.
        out.extend(block(0x0bad_0001, b"whatever"));
        for (time, frame, original) in self.frames(link) {
            let ticks = (time - 1_000_000_000_000) as u64;
            let packet = [
                &u32(1)[..],
                &u32((ticks >> 32) as u32),
                &u32(ticks as u32),
                &u32(frame.len() as u32),
                &u32(original as u32),
                &frame,
            ]
            .concat();
            out.extend(block(6, &packet));
        }
        let statistics = [
            &u32(1)[..],
            &u32(0),
            &u32(0),
            &u16(5),
            &u16(8),
            &u64(dropped),
            &u16(0),
            &u16(0),
        ]
        .concat();
        out.extend(block(5, &statistics));
        out
    }
}
