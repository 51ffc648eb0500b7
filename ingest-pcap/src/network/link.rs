//! Link layers, by their LINKTYPE_ numbers: what a frame holds.
//!
//! Source: the LINKTYPE_ registry of tcpdump.org.

use super::ethertype;
use super::layer::{Bytes, Inside, Layer};
use super::segment::{NoSegment, NotRead};

const NULL: u16 = 0;
pub(crate) const ETHERNET: u16 = 1;
const PPP: u16 = 9;
const PPP_HDLC: u16 = 50;
const PPPOE: u16 = 51;
const CISCO_HDLC: u16 = 104;
const LOOP: u16 = 108;
const ENC: u16 = 109;
const COOKED: u16 = 113;
const PFLOG: u16 = 117;
const PPP_PPPD: u16 = 166;
const PPI: u16 = 192;
const PPP_WITH_DIRECTION: u16 = 204;
const MPLS: u16 = 219;
const NFLOG: u16 = 239;
const NETANALYZER: u16 = 240;
const NETANALYZER_TRANSPARENT: u16 = 241;
const EXPORTED_PDU: u16 = 252;
const PKTAP: u16 = 258;
/// What macOS wrote for PKTAP before it had a number of its own.
const PKTAP_BEFORE: u16 = 149;
const EPON: u16 = 259;
const COOKED_2: u16 = 276;

/// The name of a LINKTYPE_ number.
pub(crate) fn name(link_type: u16) -> String {
    let name = match link_type {
        NULL => "null/loopback",
        ETHERNET => "Ethernet",
        PPP | PPP_HDLC | PPP_PPPD | PPP_WITH_DIRECTION => "PPP",
        PPPOE => "PPPoE",
        12 | 14 | 101 => "raw IP",
        CISCO_HDLC => "Cisco HDLC",
        LOOP => "OpenBSD loopback",
        ENC => "OpenBSD enc",
        COOKED => "Linux cooked",
        PFLOG => "OpenBSD pflog",
        PKTAP | PKTAP_BEFORE => "Apple PKTAP",
        PPI => "PPI",
        MPLS => "MPLS",
        228 => "raw IPv4",
        229 => "raw IPv6",
        NFLOG => "Linux NFLOG",
        NETANALYZER | NETANALYZER_TRANSPARENT => "netANALYZER",
        EXPORTED_PDU => "exported PDUs",
        EPON => "EPON",
        COOKED_2 => "Linux cooked v2",
        105 => return "IEEE 802.11 (link type 105)".into(),
        127 => return "IEEE 802.11 with radiotap (link type 127)".into(),
        253 => return "Linux netlink (link type 253)".into(),
        189 | 220 | 249 => return format!("USB (link type {link_type})"),
        187 | 201 | 254 | 255 => return format!("Bluetooth (link type {link_type})"),
        other => return format!("link type {other}"),
    };
    name.into()
}

/// What a frame holds.
pub(super) fn inside(link_type: u16, frame: Bytes<'_>) -> Result<Inside<'_>, NoSegment> {
    let layer = |layer, at| Ok(Inside::Layer(layer, frame.behind(at)?));
    match link_type {
        ETHERNET => layer(Layer::Ethernet, 0),
        COOKED => cooked(u16::from_be_bytes(last_two(frame.head::<16>()?)), frame, 16),
        // v2 has the protocol first.
        COOKED_2 => {
            let [k0, k1, ..] = *frame.head::<20>()?;
            cooked(u16::from_be_bytes([k0, k1]), frame, 20)
        }
        12 | 14 | 101 | 228 | 229 => layer(Layer::Ip, 0),
        NULL | LOOP => match frame.head::<4>()? {
            // The address family is in the byte order of the capturing host: 2 is IPv4 everywhere,
            // IPv6 is 10, 23, 24, 28 or 30.
            [0, 0, 0, 2 | 10 | 23 | 24 | 28 | 30] | [2 | 10 | 23 | 24 | 28 | 30, 0, 0, 0] => {
                layer(Layer::Ip, 4)
            }
            _ => Err(NoSegment::NotTcp),
        },
        PPP | PPP_HDLC => layer(Layer::Ppp, 0),
        // A direction in the place of the address, or before all.
        PPP_PPPD => layer(
            Layer::Ppp,
            if frame.data.get(1) == Some(&0x03) {
                2
            } else {
                1
            },
        ),
        PPP_WITH_DIRECTION => layer(Layer::Ppp, 1),
        PPPOE => layer(Layer::Type(ethertype::PPPOE_SESSION), 0),
        CISCO_HDLC => match *frame.head::<4>()? {
            // Its own keepalives, and OSI's protocols.
            [.., 0x80, 0x35] | [.., 0xfe, 0xfe] => Err(NoSegment::NotTcp),
            [.., k0, k1] => layer(Layer::Type(u16::from_be_bytes([k0, k1])), 4),
        },
        ENC => layer(Layer::Ip, 12),
        PFLOG => {
            let [length, ..] = *frame.head::<4>()?;
            layer(Layer::Ip, usize::from(length).next_multiple_of(4))
        }
        PPI => {
            let [_, _, l0, l1, d0, d1, ..] = *frame.head::<8>()?;
            let inner = Layer::Frame(u16::from_le_bytes([d0, d1]));
            layer(inner, usize::from(u16::from_le_bytes([l0, l1])))
        }
        MPLS => layer(Layer::Mpls, 0),
        NFLOG => nflog(frame),
        NETANALYZER => layer(Layer::Ethernet, 4),
        NETANALYZER_TRANSPARENT => layer(Layer::Ethernet, 12),
        EPON => layer(Layer::Ethernet, 8),
        EXPORTED_PDU => layer(Layer::ExportedPdu, 0),
        PKTAP | PKTAP_BEFORE => pktap(link_type, frame),
        other => Err(NoSegment::NotRead(NotRead::Link(other))),
    }
}

fn last_two(head: &[u8; 16]) -> [u8; 2] {
    let [.., a, b] = *head;
    [a, b]
}

/// Linux cooked captures have an ethertype, or small numbers of the kernel's own.
fn cooked(kind: u16, frame: Bytes<'_>, at: usize) -> Result<Inside<'_>, NoSegment> {
    match kind {
        // An LLC header follows.
        0x0004 | 0x0600.. => Ok(Inside::Layer(Layer::Type(kind), frame.behind(at)?)),
        _ => Err(NoSegment::NotTcp),
    }
}

/// Apple's header: its length, and the link type of what follows; little-endian.
fn pktap(link_type: u16, frame: Bytes<'_>) -> Result<Inside<'_>, NoSegment> {
    let [l0, l1, l2, l3, _, _, _, _, d0, d1, d2, d3] = *frame.head::<12>()?;
    let length = u32::from_le_bytes([l0, l1, l2, l3]);
    let inner = u16::try_from(u32::from_le_bytes([d0, d1, d2, d3]));
    match (usize::try_from(length), inner) {
        (Ok(length @ 12..=1024), Ok(inner)) if inner != link_type => {
            Ok(Inside::Layer(Layer::Frame(inner), frame.behind(length)?))
        }
        // The number that PKTAP had before is anybody's.
        _ if link_type == PKTAP_BEFORE => Err(NoSegment::NotRead(NotRead::Link(link_type))),
        _ => Err(NoSegment::Malformed("a PKTAP header of impossible length")),
    }
}

/// Linux's netfilter log: attributes in the byte order of the capturing host, one of which is the packet.
fn nflog(frame: Bytes<'_>) -> Result<Inside<'_>, NoSegment> {
    for of_bytes in [u16::from_le_bytes, u16::from_be_bytes] {
        let mut rest = frame.behind(4)?;
        for _ in 0..64 {
            let Ok([l0, l1, t0, t1]) = rest.head::<4>().copied() else {
                break;
            };
            let (length, kind) = (usize::from(of_bytes([l0, l1])), of_bytes([t0, t1]));
            if length < 4 || kind > 64 {
                break;
            }
            if kind == 9 {
                let payload = rest.behind(4)?;
                let size = if length <= rest.original {
                    length - 4
                } else {
                    payload.original
                };
                return Ok(Inside::Layer(Layer::Ip, payload.first(size)));
            }
            let Ok(next) = rest.behind(length.next_multiple_of(4)) else {
                break;
            };
            rest = next;
        }
    }
    // A log entry without its packet.
    Err(NoSegment::NotTcp)
}
