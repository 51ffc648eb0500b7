//! What ethertypes announce: IP, tags, tunnels.
//!
//! Source: the IEEE's ethertype registry; IEEE 802.1Q (tags, I-TAG), 802.1CB (R-TAG), RFC 2516 (PPPoE),
//! RFC 8300 (NSH), the LLC and SNAP headers of IEEE 802.2.

use super::bytes::Bytes;
use super::layer::{Inside, Layer};
use super::no_segment::{NoSegment, NotRead};

pub(super) const IPV4: u16 = 0x0800;
pub(super) const IPV6: u16 = 0x86dd;
pub(super) const ETHERNET: u16 = 0x6558;
pub(super) const MPLS: u16 = 0x8847;
const MPLS_MULTICAST: u16 = 0x8848;
pub(super) const PPPOE_SESSION: u16 = 0x8864;
pub(super) const NSH: u16 = 0x894f;

/// VLAN tags: 802.1Q, 802.1ad, and what switches used before that.
pub(super) fn is_tag(kind: u16) -> bool {
    matches!(kind, 0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300)
}

/// What is behind an ethertype.
pub(super) fn inside(kind: u16, bytes: Bytes<'_>) -> Result<Inside<'_>, NoSegment> {
    let layer = |layer, at| Ok(Inside::Layer(layer, bytes.behind(at)?));
    match kind {
        IPV4 | IPV6 => layer(Layer::Ip, 0),
        kind if is_tag(kind) => behind_tag(bytes, 2),
        // VN-tag and 802.1CB's R-TAG: four bytes.
        0x8926 | 0xf1c1 => behind_tag(bytes, 4),
        // 802.1ah: the service's number, then the customer's frame.
        0x88e7 => layer(Layer::Ethernet, 4),
        ETHERNET => layer(Layer::Ethernet, 0),
        MPLS | MPLS_MULTICAST => layer(Layer::Mpls, 0),
        PPPOE_SESSION => {
            let [_, code, _, _, high, low] = *bytes.head::<6>()?;
            if code != 0 {
                return Err(NoSegment::NotTcp);
            }
            let length = usize::from(u16::from_be_bytes([high, low]));
            Ok(Inside::Layer(Layer::Ppp, bytes.behind(6)?.first(length)))
        }
        NSH => nsh(bytes),
        0x880b => layer(Layer::Ppp, 0),
        // A length: an LLC header follows, and with SNAP an ethertype behind it.
        0..0x0600 => match *bytes.head::<3>()? {
            [0xaa, 0xaa, 0x03] => match *bytes.head::<8>()? {
                [.., 0, 0, 0 | 0xf8, high, low] => {
                    layer(Layer::Type(u16::from_be_bytes([high, low])), 8)
                }
                _ => Err(NoSegment::NotTcp),
            },
            [0x06, 0x06, 0x03] => layer(Layer::Ip, 3),
            _ => Err(NoSegment::NotTcp),
        },
        kind if is_without_tcp(kind) => Err(NoSegment::NotTcp),
        kind => Err(NoSegment::NotRead(NotRead::Ethertype(kind))),
    }
}

/// The ethertype behind a tag of `size` bytes.
fn behind_tag(bytes: Bytes<'_>, size: usize) -> Result<Inside<'_>, NoSegment> {
    let next = bytes.behind(size)?;
    let kind = u16::from_be_bytes(*next.head::<2>()?);
    Ok(Inside::Layer(Layer::Type(kind), next.behind(2)?))
}

/// A network service header: its length in words of four bytes, and a kind of its own.
pub(super) fn nsh(bytes: Bytes<'_>) -> Result<Inside<'_>, NoSegment> {
    let [_, length, _, next] = *bytes.head::<4>()?;
    let inner = bytes.behind(usize::from(length & 0x3f).max(2) * 4)?;
    let layer = match next {
        1 | 2 => Layer::Ip,
        3 => Layer::Ethernet,
        5 => Layer::Mpls,
        _ => return Err(NoSegment::NotRead(NotRead::Ethertype(NSH))),
    };
    Ok(Inside::Layer(layer, inner))
}

/// Protocols beside IP that carry no TCP: address resolution, link control, storage, time.
fn is_without_tcp(kind: u16) -> bool {
    matches!(
        kind,
        0x0806 // ARP
            | 0x0842 // wake on LAN
            | 0x22ea | 0x22f0 // stream reservation, AVTP
            | 0x8035 // RARP
            | 0x809b | 0x80f3 // AppleTalk
            | 0x8137 // IPX
            | 0x8808 | 0x8809 // flow control, LACP
            | 0x8863 // PPPoE discovery
            | 0x886d | 0x8870
            | 0x887b | 0x88e1 // HomePlug
            | 0x888e // EAPOL
            | 0x8892 | 0x88a4 | 0x88b8 | 0x88ba | 0x88cd | 0x88e3 // field buses
            | 0x8899 // loop detection
            | 0x88b5
            ..=0x88b7 // local experiments
            | 0x88ca // TIPC
            | 0x88cc | 0x88d9 | 0x893a // LLDP, LLTD, 1905.1
            | 0x88c7 // pre-authentication
            | 0x88f5 | 0x88f6 | 0x88f7 | 0x88f8 | 0x88fb // MVRP, MMRP, PTP, NC-SI, PRP
            | 0x8902 | 0x8906 | 0x8914 | 0x8915 // CFM, FCoE, RoCE
            | 0x9000 // loopback test
    )
}
