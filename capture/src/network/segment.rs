//! TCP segments.
//!
//! Source: RFC 9293.

use std::fmt;
use std::net::Ipv6Addr;

use super::bytes::Bytes;
use super::no_segment::NoSegment;

/// One end of a connection. IPv4 addresses are held as IPv4-mapped IPv6 addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// The IPv6 address, as a number.
    pub address: u128,
    /// The TCP port.
    pub port: u16,
}

pub(super) const MAPPED: u128 = 0xffff_0000_0000;

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
pub struct Segment<'a> {
    /// Who sends it.
    pub source: Endpoint,
    /// Whom it is sent to.
    pub destination: Endpoint,
    /// The sequence number of its first byte.
    pub sequence: u32,
    /// The sequence number that its sender expects next; none without the flag ACK.
    pub acknowledgment: Option<u32>,
    /// The flag SYN.
    pub syn: bool,
    /// The flag FIN.
    pub fin: bool,
    /// The flag RST.
    pub rst: bool,
    /// The window as it stands in the header, not scaled.
    pub window: u16,
    /// Options of the TCP header, as far as they were captured.
    pub options: &'a [u8],
    /// Of the IP packet: the same in copies of a packet, mostly another when its bytes are sent again; 0 when
    /// there is none.
    pub packet_id: u16,
    /// The captured payload.
    pub payload: &'a [u8],
    /// Payload bytes behind it that were on the wire but not captured (snap length).
    pub cut: u32,
    /// It stands for whole messages that were exported without their TCP headers: it has no sequence
    /// number and follows what came before.
    pub is_message: bool,
    /// Only the first fragment of its IP packet was read.
    pub is_fragment: bool,
    /// It came through a tunnel in UDP.
    pub is_in_udp: bool,
}

impl<'a> Segment<'a> {
    /// Payload bytes that were on the wire, captured or not.
    #[inline]
    pub fn bytes(&self) -> u32 {
        u32::try_from(self.payload.len())
            .unwrap_or(u32::MAX)
            .saturating_add(self.cut)
    }

    /// Whether there are any.
    #[inline]
    pub fn has_bytes(&self) -> bool {
        !self.payload.is_empty() || self.cut > 0
    }

    /// Whether it says nothing but what has arrived: no bytes, and no flag of a beginning or an end.
    #[inline]
    pub fn is_bare(&self) -> bool {
        !self.has_bytes() && !(self.syn | self.fin | self.rst)
    }

    /// A segment of nothing between two ends.
    pub(super) fn empty(source: Endpoint, destination: Endpoint) -> Self {
        Self {
            source,
            destination,
            sequence: 0,
            acknowledgment: None,
            syn: false,
            fin: false,
            rst: false,
            window: 0,
            options: &[],
            packet_id: 0,
            payload: &[],
            cut: 0,
            is_message: false,
            is_fragment: false,
            is_in_udp: false,
        }
    }
}

/// Reads a TCP segment: `bytes` are the IP packet's payload.
#[inline]
pub(super) fn tcp(
    bytes: Bytes<'_>,
    source: u128,
    destination: u128,
    packet_id: u16,
) -> Result<Segment<'_>, NoSegment> {
    let header: &[u8; 20] = bytes.data.first_chunk().ok_or(NoSegment::Cut)?;
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
        w0,
        w1,
        ..,
    ] = *header;
    let header_bytes = usize::from(offset >> 4) * 4;
    if header_bytes < 20 {
        return Err(NoSegment::Malformed("the TCP header length is below 20"));
    }
    let payload_bytes = bytes
        .original
        .checked_sub(header_bytes)
        .ok_or(NoSegment::Malformed(
            "the TCP header is longer than its packet",
        ))?;
    let options = bytes.data.get(20..).unwrap_or_default();
    let options = options
        .get(..header_bytes.saturating_sub(20))
        .unwrap_or(options);
    let rest = bytes.data.get(header_bytes..).unwrap_or_default();
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
        window: u16::from_be_bytes([w0, w1]),
        options,
        packet_id,
        payload,
        cut: u32::try_from(cut).map_err(|_| NoSegment::Malformed("a packet longer than 4 GiB"))?,
        is_message: false,
        is_fragment: false,
        is_in_udp: false,
    })
}
