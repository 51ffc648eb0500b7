//! IP and TCP headers.
//!
//! Source: RFC 791, RFC 8200 (extension headers), RFC 9293. Checksums are not verified: captures on
//! the sending host hold packets whose checksum the network card was to fill in.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// One end of a connection. IPv4 addresses are held as IPv4-mapped IPv6 addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Endpoint {
    pub(crate) address: u128,
    pub(crate) port: u16,
}

const MAPPED: u128 = 0xffff_0000_0000;

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = Ipv6Addr::from_bits(self.address);
        match address.to_ipv4_mapped() {
            Some(address) => write!(f, "{address}:{}", self.port),
            None => write!(f, "[{address}]:{}", self.port),
        }
    }
}

/// A TCP segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment<'a> {
    pub(crate) source: Endpoint,
    pub(crate) destination: Endpoint,
    pub(crate) sequence: u32,
    pub(crate) acknowledgment: Option<u32>,
    pub(crate) syn: bool,
    pub(crate) fin: bool,
    pub(crate) rst: bool,
    /// The captured payload.
    pub(crate) payload: &'a [u8],
    /// Payload bytes behind it that were on the wire but not captured (snap length).
    pub(crate) cut: u32,
}

/// Why a packet yields no segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoSegment {
    /// It is not TCP.
    NotTcp,
    /// It is a fragment of an IP packet.
    Fragment,
    /// It was cut before the TCP header's end.
    Cut,
    /// Its headers contradict themselves; the text says how.
    Malformed(&'static str),
}

/// Reads the segment of an IP packet. `original` is the packet's size on the wire from the IP
/// header on, `data` what was captured of it.
#[inline]
pub(crate) fn segment_of_ip(data: &[u8], original: usize) -> Result<Segment<'_>, NoSegment> {
    match data.first().map(|byte| byte >> 4) {
        Some(4) => ipv4(data, original),
        Some(6) => ipv6(data, original),
        Some(_) => Err(NoSegment::Malformed("the IP version is neither 4 nor 6")),
        None => Err(NoSegment::Cut),
    }
}

#[inline]
fn ipv4(data: &[u8], original: usize) -> Result<Segment<'_>, NoSegment> {
    let header: &[u8; 20] = data.first_chunk().ok_or(NoSegment::Cut)?;
    let [first, _, len0, len1, _, _, frag0, frag1, _, protocol, ..] = *header;
    if protocol != 6 {
        return Err(NoSegment::NotTcp);
    }
    let header_bytes = usize::from(first & 0x0f) * 4;
    if header_bytes < 20 {
        return Err(NoSegment::Malformed("the IPv4 header length is below 20"));
    }
    // Any bit but "don't fragment".
    if u16::from_be_bytes([frag0, frag1]) & 0xbfff != 0 {
        return Err(NoSegment::Fragment);
    }
    // 0 stands for "see the card": segmentation offload of packets above 64 KiB.
    let total = match usize::from(u16::from_be_bytes([len0, len1])) {
        0 => original,
        total => total,
    };
    let [.., a, b, c, d, e, f, g, h] = *header;
    let payload_bytes = total.checked_sub(header_bytes).ok_or(NoSegment::Malformed(
        "the IPv4 length is below its header's",
    ))?;
    tcp(
        data.get(header_bytes..).ok_or(NoSegment::Cut)?,
        payload_bytes,
        MAPPED | u128::from(Ipv4Addr::new(a, b, c, d).to_bits()),
        MAPPED | u128::from(Ipv4Addr::new(e, f, g, h).to_bits()),
    )
}

fn ipv6(data: &[u8], original: usize) -> Result<Segment<'_>, NoSegment> {
    let header: &[u8; 40] = data.first_chunk().ok_or(NoSegment::Cut)?;
    let [_, _, _, _, len0, len1, next, _, addresses @ ..] = header;
    let address = |at: usize| {
        addresses
            .get(at..)
            .and_then(|rest| rest.first_chunk::<16>())
            .map_or(0, |bytes| u128::from_be_bytes(*bytes))
    };
    let payload_bytes = match usize::from(u16::from_be_bytes([*len0, *len1])) {
        0 => original.saturating_sub(40),
        length => length,
    };
    let mut next = *next;
    let mut at = 40_usize;
    // Eight headers are more than any sender uses.
    for _ in 0..8 {
        let rest = data.get(at..).ok_or(NoSegment::Cut)?;
        let extension = |scale: usize, plus: usize| {
            let [next, length] = *rest.first_chunk::<2>().ok_or(NoSegment::Cut)?;
            Ok((next, (usize::from(length) + plus) * scale))
        };
        let (following, bytes) = match next {
            6 => {
                let payload_bytes = payload_bytes.checked_sub(at.saturating_sub(40)).ok_or(
                    NoSegment::Malformed("the IPv6 length is below its extension headers'"),
                )?;
                return tcp(rest, payload_bytes, address(0), address(16));
            }
            // Hop-by-hop, routing, destination options, mobility, host identity, shim6.
            0 | 43 | 60 | 135 | 139 | 140 => extension(8, 1)?,
            // Authentication header: in units of four bytes.
            51 => extension(4, 2)?,
            44 => {
                let fragment: &[u8; 8] = rest.first_chunk().ok_or(NoSegment::Cut)?;
                let [following, _, offset0, offset1, ..] = *fragment;
                // An offset, or more to follow; otherwise it is an atomic fragment: a whole packet.
                if u16::from_be_bytes([offset0, offset1]) & 0xfff9 != 0 {
                    return Err(NoSegment::Fragment);
                }
                (following, 8)
            }
            _ => return Err(NoSegment::NotTcp),
        };
        next = following;
        at = at.saturating_add(bytes);
    }
    Err(NoSegment::Malformed("too many IPv6 extension headers"))
}

#[inline]
fn tcp(
    data: &[u8],
    bytes_on_wire: usize,
    source: u128,
    destination: u128,
) -> Result<Segment<'_>, NoSegment> {
    let header: &[u8; 20] = data.first_chunk().ok_or(NoSegment::Cut)?;
    let [
        s0,
        s1,
        d0,
        d1,
        q0,
        q1,
        q2,
        q3,
        a0,
        a1,
        a2,
        a3,
        offset,
        flags,
        ..,
    ] = *header;
    let header_bytes = usize::from(offset >> 4) * 4;
    if header_bytes < 20 {
        return Err(NoSegment::Malformed("the TCP header length is below 20"));
    }
    let payload_bytes = bytes_on_wire
        .checked_sub(header_bytes)
        .ok_or(NoSegment::Malformed(
            "the TCP header is longer than its packet",
        ))?;
    let rest = data.get(header_bytes..).unwrap_or_default();
    // Behind the IP packet's end comes the padding of short Ethernet frames.
    let payload = rest.get(..payload_bytes).unwrap_or(rest);
    let cut = payload_bytes.saturating_sub(payload.len());
    Ok(Segment {
        source: Endpoint {
            address: source,
            port: u16::from_be_bytes([s0, s1]),
        },
        destination: Endpoint {
            address: destination,
            port: u16::from_be_bytes([d0, d1]),
        },
        sequence: u32::from_be_bytes([q0, q1, q2, q3]),
        acknowledgment: (flags & 0x10 != 0).then(|| u32::from_be_bytes([a0, a1, a2, a3])),
        syn: flags & 0x02 != 0,
        fin: flags & 0x01 != 0,
        rst: flags & 0x04 != 0,
        payload,
        cut: u32::try_from(cut).map_err(|_| NoSegment::Malformed("a packet longer than 4 GiB"))?,
    })
}
