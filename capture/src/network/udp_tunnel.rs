//! Tunnels in UDP.
//!
//! Source: RFC 7348 (VXLAN), draft-ietf-nvo3-vxlan-gpe, RFC 8926 (Geneve), RFC 7510 (MPLS), RFC 8086
//! (GRE), draft-ietf-intarea-gue (GUE), 3GPP TS 29.281 (GTP-U), RFC 2661 (L2TP); TZSP as Wireshark
//! documents it. A tunnel on a port of its own choice is known by its header and the IP packet in it.

use super::bytes::Bytes;
use super::ethertype::{self, ETHERNET, IPV4, IPV6};
use super::guess::{is_ethernet, is_ip};
use super::layer::{Inside, Layer};
use super::no_segment::{NoSegment, NotRead};

/// What is in a UDP datagram, header included. What is no tunnel is no TCP.
pub(super) fn inside(datagram: Bytes<'_>) -> Result<Inside<'_>, NoSegment> {
    // Cut in its header: nothing speaks for a tunnel.
    let Some(&[s0, s1, d0, d1, ..]) = datagram.data.first_chunk::<8>() else {
        return Err(NoSegment::NotTcp);
    };
    let (from, to) = (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
    let bytes = datagram.behind(8)?;
    let found = match to {
        4789 | 8472 => vxlan(bytes)?,
        4790 => vxlan_gpe(bytes)?,
        6081 => geneve(bytes)?,
        6635 => Some((Layer::Mpls, 0)),
        4754 => Some((Layer::Gre, 0)),
        6080 => gue(bytes)?,
        2152 => gtp(bytes)?,
        37008 => tzsp(bytes)?,
        1701 => l2tp(bytes)?,
        _ => None,
    };
    let found = match found {
        Some(found) => Some(found),
        None => elsewhere(bytes),
    };
    if let Some((layer, at)) = found {
        return Ok(Inside::Datagram(layer, bytes.behind(at)?));
    }
    match bytes.data {
        // IPsec behind address translation: a security association's number first; with zero it is
        // key exchange, and one byte is a keepalive.
        [a, b, c, d, _, ..] if (to == 4500 || from == 4500) && [*a, *b, *c, *d] != [0; 4] => {
            Err(NoSegment::NotRead(NotRead::Esp))
        }
        [4, 0, 0, 0, rest @ ..] if rest.len() >= 28 && bytes.original % 16 == 0 => {
            Err(NoSegment::NotRead(NotRead::WireGuard))
        }
        _ => Err(NoSegment::NotTcp),
    }
}

type Found = Result<Option<(Layer, usize)>, NoSegment>;

fn vxlan(bytes: Bytes<'_>) -> Found {
    let [flags, ..] = *bytes.head::<8>()?;
    Ok((flags & 0x08 != 0).then_some((Layer::Ethernet, 8)))
}

fn vxlan_gpe(bytes: Bytes<'_>) -> Found {
    let [flags, _, _, next, ..] = *bytes.head::<8>()?;
    let layer = match next {
        _ if flags & 0x04 == 0 => Layer::Ethernet,
        1 | 2 => Layer::Ip,
        3 => Layer::Ethernet,
        4 => Layer::Type(ethertype::NSH),
        5 => Layer::Mpls,
        _ => return Ok(None),
    };
    Ok(Some((layer, 8)))
}

fn geneve(bytes: Bytes<'_>) -> Found {
    let [version, flags, k0, k1, ..] = *bytes.head::<8>()?;
    // A control packet holds no traffic.
    let is_read = version >> 6 == 0 && flags & 0x80 == 0;
    let at = 8 + 4 * usize::from(version & 0x3f);
    Ok(is_read.then_some((Layer::Type(u16::from_be_bytes([k0, k1])), at)))
}

fn gue(bytes: Bytes<'_>) -> Found {
    let [head, protocol, ..] = *bytes.head::<4>()?;
    Ok(match head >> 6 {
        0 if head & 0x20 == 0 => {
            Some((Layer::Protocol(protocol), 4 + 4 * usize::from(head & 0x1f)))
        }
        // An IP packet with no header before it.
        1 => Some((Layer::Ip, 0)),
        _ => None,
    })
}

fn gtp(bytes: Bytes<'_>) -> Found {
    let [flags, kind, ..] = *bytes.head::<8>()?;
    if flags >> 4 != 3 || kind != 0xff {
        return Ok(None);
    }
    let mut at = 8;
    if flags & 0x07 != 0 {
        // Sequence number, N-PDU number and the kind of the first extension header.
        let [_, _, _, mut next] = *bytes.behind(8)?.head::<4>()?;
        at = 12;
        for _ in 0..8 {
            if flags & 0x04 == 0 || next == 0 {
                break;
            }
            let size = 4 * usize::from(bytes.behind(at)?.head::<1>()?[0]).max(1);
            next = *bytes.data.get(at + size - 1).ok_or(NoSegment::Cut)?;
            at += size;
        }
    }
    Ok(Some((Layer::Ip, at)))
}

fn tzsp(bytes: Bytes<'_>) -> Found {
    let [version, kind, p0, p1] = *bytes.head::<4>()?;
    if version != 1 || kind > 1 || [p0, p1] != [0, 1] {
        return Ok(None);
    }
    let mut at = 4;
    for _ in 0..32 {
        match *bytes.data.get(at).ok_or(NoSegment::Cut)? {
            0 => at += 1,
            1 => return Ok(Some((Layer::Ethernet, at + 1))),
            _ => at += 2 + usize::from(*bytes.data.get(at + 1).ok_or(NoSegment::Cut)?),
        }
    }
    Ok(None)
}

fn l2tp(bytes: Bytes<'_>) -> Found {
    let [f0, f1] = *bytes.head::<2>()?;
    let flags = u16::from_be_bytes([f0, f1]);
    if flags & 0x8000 != 0 || flags & 0x000f != 2 {
        return Ok(None);
    }
    let has = |flag: u16, size: usize| if flags & flag != 0 { size } else { 0 };
    let at = 6 + has(0x4000, 2) + has(0x0800, 4);
    let padding = if flags & 0x0200 != 0 {
        2 + usize::from(u16::from_be_bytes(*bytes.behind(at)?.head::<2>()?))
    } else {
        0
    };
    Ok(Some((Layer::Ppp, at + padding)))
}

/// VXLAN and Geneve on other ports: all fixed bits are right, and IP is inside.
fn elsewhere(bytes: Bytes<'_>) -> Option<(Layer, usize)> {
    let [flags, option, k0, k1, _, _, _, last] = *bytes.data.first_chunk::<8>()?;
    let holds_ip = |frame: Bytes<'_>| match frame.data.get(12..14) {
        Some([0x08, 0x00] | [0x86, 0xdd]) => frame.behind(14).is_ok_and(is_ip),
        _ => is_ethernet(frame) && frame.data.get(12..14) != Some(&[0x08, 0x06]),
    };
    if flags == 0x08 && [option, k0, k1, last] == [0; 4] {
        return holds_ip(bytes.behind(8).ok()?).then_some((Layer::Ethernet, 8));
    }
    if flags >> 6 == 0 && option & 0xbf == 0 && last == 0 {
        let at = 8 + 4 * usize::from(flags & 0x3f);
        let kind = u16::from_be_bytes([k0, k1]);
        let inner = bytes.behind(at).ok()?;
        let is_it = match kind {
            ETHERNET => holds_ip(inner),
            IPV4 | IPV6 => is_ip(inner),
            _ => false,
        };
        return is_it.then_some((Layer::Type(kind), at));
    }
    None
}
