//! The numbers of link layers (LINKTYPE_), and what people call them.
//!
//! Source: the LINKTYPE_ registry of tcpdump.org.

pub(super) const NULL: u16 = 0;
pub(super) const ETHERNET: u16 = 1;
pub(super) const PPP: u16 = 9;
pub(super) const PPP_HDLC: u16 = 50;
pub(super) const PPPOE: u16 = 51;
pub(super) const CISCO_HDLC: u16 = 104;
pub(super) const LOOP: u16 = 108;
pub(super) const ENC: u16 = 109;
pub(super) const COOKED: u16 = 113;
pub(super) const PFLOG: u16 = 117;
pub(super) const PPP_PPPD: u16 = 166;
pub(super) const PPI: u16 = 192;
pub(super) const PPP_WITH_DIRECTION: u16 = 204;
pub(super) const MPLS: u16 = 219;
pub(super) const NFLOG: u16 = 239;
pub(super) const NETANALYZER: u16 = 240;
pub(super) const NETANALYZER_TRANSPARENT: u16 = 241;
pub(super) const EXPORTED_PDU: u16 = 252;
pub(super) const PKTAP: u16 = 258;
/// What macOS wrote for PKTAP before it had a number of its own.
pub(super) const PKTAP_BEFORE: u16 = 149;
pub(super) const EPON: u16 = 259;
pub(super) const COOKED_2: u16 = 276;

/// The name of a LINKTYPE_ number.
pub(crate) fn name(link_type: u16) -> String {
    let name = match link_type {
        NULL => "null/loopback",
        ETHERNET => "Ethernet",
        PPP | PPP_HDLC | PPP_PPPD | PPP_WITH_DIRECTION => "PPP",
        PPPOE => "PPPoE",
        12 | 14 | 101 => "raw IP",
        CISCO_HDLC => "Cisco HDLC",
        LOOP => "OpenBSD loopback",
        ENC => "OpenBSD enc",
        COOKED => "Linux cooked",
        PFLOG => "OpenBSD pflog",
        PKTAP | PKTAP_BEFORE => "Apple PKTAP",
        PPI => "PPI",
        MPLS => "MPLS",
        228 => "raw IPv4",
        229 => "raw IPv6",
        NFLOG => "Linux NFLOG",
        NETANALYZER | NETANALYZER_TRANSPARENT => "netANALYZER",
        EXPORTED_PDU => "exported PDUs",
        EPON => "EPON",
        COOKED_2 => "Linux cooked v2",
        105 => return "IEEE 802.11 (link type 105)".into(),
        127 => return "IEEE 802.11 with radiotap (link type 127)".into(),
        253 => return "Linux netlink (link type 253)".into(),
        189 | 220 | 249 => return format!("USB (link type {link_type})"),
        187 | 201 | 254 | 255 => return format!("Bluetooth (link type {link_type})"),
        other => return format!("link type {other}"),
    };
    name.into()
}
