//! IP packets of both versions.
//!
//! Source: RFC 791, RFC 8200 (extension headers), RFC 2003, RFC 2473 and RFC 4213 (IP in IP), the IANA's
//! protocol numbers. Checksums are not verified: captures on the sending host hold packets whose
//! checksum the network card was to fill in.

use std::net::Ipv4Addr;

use super::bytes::Bytes;
use super::layer::{Inside, Layer};
use super::no_segment::{NoSegment, NotRead};
use super::segment::{MAPPED, Segment, tcp};
use super::udp_tunnel;

pub(super) const TCP: u8 = 6;
const UDP: u8 = 17;

/// The segment of an IPv4 packet that holds TCP; none when there is more to it than the usual.
#[inline]
pub(super) fn tcp_in_ipv4(data: &[u8]) -> Option<Result<Segment<'_>, NoSegment>> {
    let header: &[u8; 20] = data.first_chunk()?;
    let [
        first,
        _,
        len0,
        len1,
        id0,
        id1,
        frag0,
        frag1,
        _,
        _,
        _,
        _,
        a,
        b,
        c,
        d,
        e,
        f,
        g,
        h,
    ] = *header;
    let total = usize::from(u16::from_be_bytes([len0, len1]));
    if first != 0x45 || u16::from_be_bytes([frag0, frag1]) & 0xbfff != 0 || total < 20 {
        return None;
    }
    let bytes = Bytes {
        data: data.get(20..)?,
        original: total.saturating_sub(20),
    };
    Some(tcp(
        bytes,
        MAPPED | u128::from(Ipv4Addr::new(a, b, c, d).to_bits()),
        MAPPED | u128::from(Ipv4Addr::new(e, f, g, h).to_bits()),
        u16::from_be_bytes([id0, id1]),
    ))
}

/// Whether a packet is whole.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    First,
    Later,
}

impl Part {
    fn of(offset_is_zero: bool, more: bool) -> Self {
        match (offset_is_zero, more) {
            (true, false) => Part::Whole,
            (true, true) => Part::First,
            (false, _) => Part::Later,
        }
    }
}

/// What is in an IP packet.
pub(super) fn inside(bytes: Bytes<'_>) -> Result<Inside<'_>, NoSegment> {
    match bytes.data.first().map(|byte| byte >> 4) {
        Some(4) => ipv4(bytes),
        Some(6) => ipv6(bytes),
        Some(_) => Err(NoSegment::Malformed("the IP version is neither 4 nor 6")),
        None => Err(NoSegment::Cut),
    }
}

fn ipv4(bytes: Bytes<'_>) -> Result<Inside<'_>, NoSegment> {
    let [
        first,
        _,
        len0,
        len1,
        id0,
        id1,
        frag0,
        frag1,
        _,
        protocol,
        _,
        _,
        addresses @ ..,
    ] = *bytes.head::<20>()?;
    let header_bytes = usize::from(first & 0x0f) * 4;
    if header_bytes < 20 {
        return Err(NoSegment::Malformed("the IPv4 header length is below 20"));
    }
    // 0 stands for "see the card": segmentation offload of packets above 64 KiB.
    let total = match usize::from(u16::from_be_bytes([len0, len1])) {
        0 => bytes.original,
        total => total,
    };
    let payload_bytes = total.checked_sub(header_bytes).ok_or(NoSegment::Malformed(
        "the IPv4 length is below its header's",
    ))?;
    let [a, b, c, d, e, f, g, h] = addresses;
    let fragment = u16::from_be_bytes([frag0, frag1]);
    let inside = payload(
        protocol,
        on_wire(bytes.behind(header_bytes)?, payload_bytes),
        Part::of(fragment & 0x1fff == 0, fragment & 0x2000 != 0),
        MAPPED | u128::from(Ipv4Addr::new(a, b, c, d).to_bits()),
        MAPPED | u128::from(Ipv4Addr::new(e, f, g, h).to_bits()),
    )?;
    Ok(match inside {
        Inside::Segment(segment) => Inside::Segment(Segment {
            packet_id: u16::from_be_bytes([id0, id1]),
            ..segment
        }),
        other => other,
    })
}

/// A packet's payload: its own length counts, whatever padding the frame has or however it was cut.
fn on_wire(bytes: Bytes<'_>, payload_bytes: usize) -> Bytes<'_> {
    Bytes {
        data: bytes.data.get(..payload_bytes).unwrap_or(bytes.data),
        original: payload_bytes,
    }
}

fn ipv6(bytes: Bytes<'_>) -> Result<Inside<'_>, NoSegment> {
    let [_, _, _, _, len0, len1, next, _, addresses @ ..] = bytes.head::<40>()?;
    let address = |at: usize| {
        addresses
            .get(at..)
            .and_then(|rest| rest.first_chunk::<16>())
            .map_or(0, |bytes| u128::from_be_bytes(*bytes))
    };
    let payload_bytes = match usize::from(u16::from_be_bytes([*len0, *len1])) {
        0 => bytes.original.saturating_sub(40),
        length => length,
    };
    let mut next = *next;
    let mut rest = on_wire(bytes.behind(40)?, payload_bytes);
    let mut part = Part::Whole;
    // Eight headers are more than any sender uses.
    for _ in 0..8 {
        let extension = |scale: usize, plus: usize| {
            let [next, length] = *rest.head::<2>()?;
            Ok((next, (usize::from(length) + plus) * scale))
        };
        let (following, size) = match next {
            // Hop-by-hop, routing, destination options, mobility, host identity, shim6.
            0 | 43 | 60 | 135 | 139 | 140 => extension(8, 1)?,
            // Authentication header: in units of four bytes.
            51 => extension(4, 2)?,
            44 => {
                let [following, _, offset0, offset1, ..] = *rest.head::<8>()?;
                let offset = u16::from_be_bytes([offset0, offset1]);
                part = Part::of(offset & 0xfff8 == 0, offset & 1 != 0);
                (following, 8)
            }
            _ => return payload(next, rest, part, address(0), address(16)),
        };
        if size > rest.original {
            return Err(NoSegment::Malformed(
                "the IPv6 length is below its extension headers'",
            ));
        }
        // Behind an offset there are no more headers.
        if part == Part::Later {
            return payload(following, rest, part, address(0), address(16));
        }
        next = following;
        rest = rest.behind(size)?;
    }
    Err(NoSegment::Malformed("too many IPv6 extension headers"))
}

/// What an IP packet carries.
fn payload(
    protocol: u8,
    bytes: Bytes<'_>,
    part: Part,
    source: u128,
    destination: u128,
) -> Result<Inside<'_>, NoSegment> {
    match (part, protocol) {
        (Part::Later, UDP) => return Err(NoSegment::UdpFragment),
        (Part::Later, protocol) if is_without_tcp(protocol) => return Err(NoSegment::NotTcp),
        (Part::Later, _) => return Err(NoSegment::Fragment),
        _ => {}
    }
    if protocol == TCP {
        return Ok(Inside::Segment(Segment {
            is_fragment: part == Part::First,
            ..tcp(bytes, source, destination, 0)?
        }));
    }
    // The authentication header, which IPv6 has among its extension headers.
    if protocol == 51 {
        let [next, length, ..] = *bytes.head::<12>()?;
        let rest = bytes.behind((usize::from(length) + 2) * 4)?;
        return match next {
            51 => Err(NoSegment::NotRead(NotRead::IpProtocol(51))),
            next => payload(next, rest, part, source, destination),
        };
    }
    let inside = inside_protocol(protocol, bytes)?;
    Ok(match (part, inside) {
        (Part::First, Inside::Layer(layer, bytes) | Inside::Datagram(layer, bytes)) => {
            Inside::Fragment(layer, bytes)
        }
        (_, inside) => inside,
    })
}

/// What is behind an IP header with this protocol number.
pub(super) fn inside_protocol(protocol: u8, bytes: Bytes<'_>) -> Result<Inside<'_>, NoSegment> {
    let layer = |layer, at| Ok(Inside::Layer(layer, bytes.behind(at)?));
    match protocol {
        UDP => udp_tunnel::inside(bytes),
        // IP in IP, of either version in either.
        4 | 41 | 94 => layer(Layer::Ip, 0),
        47 => layer(Layer::Gre, 0),
        97 => layer(Layer::Ethernet, 2),
        137 => layer(Layer::Mpls, 0),
        143 => layer(Layer::Ethernet, 0),
        protocol if is_without_tcp(protocol) => Err(NoSegment::NotTcp),
        50 => Err(NoSegment::NotRead(NotRead::Esp)),
        protocol => Err(NoSegment::NotRead(NotRead::IpProtocol(protocol))),
    }
}

/// Protocols on IP that carry no TCP: control, routing, other transports.
fn is_without_tcp(protocol: u8) -> bool {
    matches!(
        protocol,
        1 | 2 | 3 | 8 | 9 | 27 | 33 | 46 | 58 | 59 | 88 | 89 | 103 | 112 | 113 | 132 | 136 | 255
    )
}
