//! What bytes are that nothing announces: told by how they begin.

use super::bytes::Bytes;
use super::ethertype::{IPV4, IPV6, MPLS, PPPOE_SESSION, is_tag};

/// Whether bytes begin with an IP header that fits them.
pub(super) fn is_ip(bytes: Bytes<'_>) -> bool {
    match *bytes.data {
        [first @ 0x45..=0x4f, _, l0, l1, ..] => {
            let total = usize::from(u16::from_be_bytes([l0, l1]));
            let is_long = total >= usize::from(first & 0x0f) * 4 && total <= bytes.original;
            bytes.data.len() >= 20 && (is_long || total == 0)
        }
        [0x60..=0x6f, _, _, _, l0, l1, ..] => {
            let total = usize::from(u16::from_be_bytes([l0, l1])).saturating_add(40);
            bytes.data.len() >= 40 && total <= bytes.original
        }
        _ => false,
    }
}

/// Whether an ethertype that may lead to IP stands where an Ethernet frame has it.
pub(super) fn is_ethernet(bytes: Bytes<'_>) -> bool {
    let Some([.., high, low]) = bytes.data.first_chunk::<14>() else {
        return false;
    };
    let kind = u16::from_be_bytes([*high, *low]);
    matches!(kind, IPV4 | IPV6 | MPLS | PPPOE_SESSION | 0x0806) || is_tag(kind)
}
