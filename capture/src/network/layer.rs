//! The layers of a packet: what bytes are, and what a layer holds.

use super::bytes::Bytes;
use super::segment::Segment;

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
