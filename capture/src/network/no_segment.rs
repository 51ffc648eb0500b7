//! Why a packet yields no TCP segment.

use std::fmt;

use super::link_type;

/// Why a packet yields no segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoSegment {
    /// It holds no TCP.
    NotTcp,
    /// It is a fragment of an IP packet, behind the first.
    Fragment,
    /// The same, of a UDP datagram: of interest only where tunnels in UDP are.
    UdpFragment,
    /// It was cut before the end of its headers.
    Cut,
    /// Its headers contradict themselves; the text says how.
    Malformed(&'static str),
    /// It may hold TCP, in a way that is not read.
    NotRead(NotRead),
}

/// Kinds of packets that may hold TCP and are not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NotRead {
    /// A link layer, by its LINKTYPE_ number.
    Link(u16),
    /// What an ethertype announces.
    Ethertype(u16),
    /// What an IP protocol number announces.
    IpProtocol(u8),
    /// What GRE's protocol type announces.
    Gre(u16),
    /// What PPP's protocol number announces.
    Ppp(u16),
    /// IPsec's encrypted payload.
    Esp,
    /// WireGuard.
    WireGuard,
    /// A PDU that Wireshark exported without addresses or ports.
    ExportedPdu,
    /// More layers in one another than are followed.
    TooDeep,
}

impl fmt::Display for NotRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotRead::Link(kind) => f.write_str(&link_type::name(*kind)),
            NotRead::Ethertype(kind) => {
                let name = match kind {
                    0x88e5 => " (MACsec: encrypted)",
                    0x22f3 => " (TRILL)",
                    0x8903 => " (FabricPath)",
                    0x8909 => " (Cisco metadata)",
                    0x894f => " (NSH)",
                    _ => "",
                };
                write!(f, "ethertype {kind:#06x}{name}")
            }
            NotRead::IpProtocol(protocol) => {
                let name = match protocol {
                    55 => " (minimal encapsulation)",
                    108 => " (IPComp: compressed)",
                    115 => " (L2TPv3)",
                    _ => "",
                };
                write!(f, "IP protocol {protocol}{name}")
            }
            NotRead::Gre(kind) => write!(f, "GRE with protocol {kind:#06x}"),
            NotRead::Ppp(kind) => write!(
                f,
                "PPP protocol {kind:#06x} (compressed, encrypted or multilink)"
            ),
            NotRead::Esp => f.write_str("IPsec ESP (encrypted)"),
            NotRead::WireGuard => f.write_str("WireGuard (encrypted)"),
            NotRead::ExportedPdu => f.write_str("exported PDUs without addresses and TCP ports"),
            NotRead::TooDeep => f.write_str("more nested headers than are followed"),
        }
    }
}
