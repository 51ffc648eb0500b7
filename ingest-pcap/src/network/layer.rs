//! The layers of a packet, one in another, down to the TCP segment.
//!
//! Whatever mirrors, tunnels or tags traffic wraps packets in further layers, in any order. Each layer
//! is read by one function that tells what is inside; how deep they nest is bounded.

use super::segment::{NoSegment, NotRead, Segment};
use super::{ethertype, exported_pdu, gre, ip, link, mpls, ppp};

/// More layers than any network nests: a mirrored, tunnelled packet with tags has ten.
const MOST_LAYERS: usize = 24;

/// Captured bytes, and how many there were on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bytes<'a> {
    pub(super) data: &'a [u8],
    pub(super) original: usize,
}

impl<'a> Bytes<'a> {
    pub(super) fn new(data: &'a [u8], original: usize) -> Self {
        Self {
            data,
            original: original.max(data.len()),
        }
    }

    /// The first `N` bytes; an error when they are not all there.
    pub(super) fn head<const N: usize>(&self) -> Result<&'a [u8; N], NoSegment> {
        self.data.first_chunk().ok_or(NoSegment::Cut)
    }

    /// What is behind the first `n` bytes.
    pub(super) fn behind(&self, n: usize) -> Result<Self, NoSegment> {
        Ok(Self {
            data: self.data.get(n..).ok_or(NoSegment::Cut)?,
            original: self.original.saturating_sub(n),
        })
    }

    /// The first `n` bytes: what follows is padding.
    pub(super) fn first(&self, n: usize) -> Self {
        Self {
            data: self.data.get(..n).unwrap_or(self.data),
            original: self.original.min(n),
        }
    }
}

/// What bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer {
    /// A frame with the given LINKTYPE_.
    Frame(u16),
    /// An Ethernet frame, from its addresses on.
    Ethernet,
    /// What an ethertype announces.
    Type(u16),
    /// An IP packet of either version.
    Ip,
    /// What an IP protocol number announces, inside of no IP header that matters.
    Protocol(u8),
    /// A GRE header.
    Gre,
    /// A PPP frame, with or without its address and control bytes.
    Ppp,
    /// A stack of MPLS labels.
    Mpls,
    /// A PDU exported by Wireshark: tags, then a payload.
    ExportedPdu,
}

/// What a layer holds.
pub(super) enum Inside<'a> {
    /// Another layer.
    Layer(Layer, Bytes<'a>),
    /// Another layer, in an IP packet of which only the first fragment is there.
    Fragment(Layer, Bytes<'a>),
    /// Another layer, in a UDP datagram.
    Datagram(Layer, Bytes<'a>),
    /// The segment.
    Segment(Segment<'a>),
}

/// Goes through the layers of a frame.
pub(super) fn walk(link_type: u16, frame: Bytes<'_>) -> Result<Segment<'_>, NoSegment> {
    let (mut layer, mut bytes) = (Layer::Frame(link_type), frame);
    let (mut is_fragment, mut is_in_udp) = (false, false);
    for _ in 0..MOST_LAYERS {
        let inside = match layer {
            Layer::Frame(link_type) => link::inside(link_type, bytes)?,
            Layer::Ethernet => {
                let [.., high, low] = *bytes.head::<14>()?;
                ethertype::inside(u16::from_be_bytes([high, low]), bytes.behind(14)?)?
            }
            Layer::Type(kind) => ethertype::inside(kind, bytes)?,
            Layer::Ip => ip::inside(bytes)?,
            Layer::Protocol(protocol) => ip::inside_protocol(protocol, bytes)?,
            Layer::Gre => gre::inside(bytes)?,
            Layer::Ppp => ppp::inside(bytes)?,
            Layer::Mpls => mpls::inside(bytes)?,
            Layer::ExportedPdu => exported_pdu::inside(bytes)?,
        };
        match inside {
            Inside::Layer(next, inner) => (layer, bytes) = (next, inner),
            Inside::Fragment(next, inner) => {
                is_fragment = true;
                (layer, bytes) = (next, inner);
            }
            Inside::Datagram(next, inner) => {
                is_in_udp = true;
                (layer, bytes) = (next, inner);
            }
            Inside::Segment(segment) => {
                return Ok(Segment {
                    is_fragment: is_fragment || segment.is_fragment,
                    is_in_udp,
                    ..segment
                });
            }
        }
    }
    Err(NoSegment::NotRead(NotRead::TooDeep))
}
