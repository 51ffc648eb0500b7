//! Link layers: what a frame holds.

use super::bytes::Bytes;
use super::ethertype;
use super::layer::{Inside, Layer};
use super::link_type::{
    CISCO_HDLC, COOKED, COOKED_2, ENC, EPON, ETHERNET, EXPORTED_PDU, LOOP, MPLS, NETANALYZER,
    NETANALYZER_TRANSPARENT, NFLOG, NULL, PFLOG, PKTAP, PKTAP_BEFORE, PPI, PPP, PPP_HDLC, PPP_PPPD,
    PPP_WITH_DIRECTION, PPPOE,
};
use super::no_segment::{NoSegment, NotRead};

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
