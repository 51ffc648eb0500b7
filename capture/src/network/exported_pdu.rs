//! PDUs that Wireshark and tshark export: tags with addresses and ports, then the payload.
//!
//! Source: `epan/exported_pdu.h` of Wireshark. Exported from layer 7 the payload is a whole message of
//! the protocol, which came in as many segments as it needed; its time is that of the last of them.

use std::net::Ipv4Addr;

use super::bytes::Bytes;
use super::ethertype;
use super::layer::{Inside, Layer};
use super::no_segment::{NoSegment, NotRead};
use super::segment::{Endpoint, MAPPED, Segment};

const END: u16 = 0;
const LINK_TYPE: u16 = 11;
const DISSECTOR: u16 = 12;
const DISSECTOR_TABLE: u16 = 14;
const TABLE_VALUE: u16 = 32;
const PORT_TYPE: u16 = 24;

/// More tags than Wireshark knows.
const MOST_TAGS: usize = 64;

/// What is in an exported PDU.
pub(super) fn inside(bytes: Bytes<'_>) -> Result<Inside<'_>, NoSegment> {
    let mut ends = [Endpoint {
        address: MAPPED,
        port: 0,
    }; 2];
    let [mut source, mut destination] = ends;
    let (mut dissector, mut table, mut value) = (&b""[..], &b""[..], 0_u32);
    let (mut link_type, mut is_tcp) = (None, true);
    let mut rest = bytes;
    for _ in 0..MOST_TAGS {
        let [t0, t1, l0, l1] = *rest.head::<4>()?;
        let tag = u16::from_be_bytes([t0, t1]);
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let content = rest.behind(4)?;
        let text = content.data.get(..length).ok_or(NoSegment::Cut)?;
        rest = content.behind(length)?;
        let number = || text.first_chunk().map_or(0, |n| u32::from_be_bytes(*n));
        let port = || u16::try_from(number()).unwrap_or(0);
        let v4 = || MAPPED | u128::from(Ipv4Addr::from_bits(number()).to_bits());
        let v6 = || text.first_chunk().map_or(0, |n| u128::from_be_bytes(*n));
        match tag {
            END => {
                ends = [source, destination];
                break;
            }
            LINK_TYPE => link_type = u16::try_from(number()).ok(),
            DISSECTOR => dissector = trimmed(text),
            DISSECTOR_TABLE => table = trimmed(text),
            TABLE_VALUE => value = number(),
            20 => source.address = v4(),
            21 => destination.address = v4(),
            22 => source.address = v6(),
            23 => destination.address = v6(),
            25 => source.port = port(),
            26 => destination.port = port(),
            PORT_TYPE => is_tcp = number() == 2,
            _ => {}
        }
    }
    let [source, destination] = ends;
    if let Some(link_type) = link_type {
        return Ok(Inside::Layer(Layer::Frame(link_type), rest));
    }
    let layer = match (dissector, table) {
        (b"eth" | b"eth_withoutfcs" | b"eth_maybefcs" | b"eth_withfcs", _) => Layer::Ethernet,
        (b"ip" | b"ipv4" | b"ipv6" | b"raw_ip", _) => Layer::Ip,
        (b"gre", _) => Layer::Gre,
        (b"ppp" | b"ppp_hdlc", _) => Layer::Ppp,
        (b"mpls", _) => Layer::Mpls,
        (b"", b"ip.proto") => Layer::Protocol(u8::try_from(value).unwrap_or(0)),
        (b"", b"ethertype") => Layer::Type(u16::try_from(value).unwrap_or(ethertype::IPV4)),
        (b"tcp", _) => {
            let segment = super::segment::tcp(rest, source.address, destination.address, 0)?;
            return Ok(Inside::Segment(segment));
        }
        (b"udp", _) => return super::udp_tunnel::inside(rest),
        _ if is_tcp && source.port != 0 && destination.port != 0 => {
            return Ok(Inside::Segment(Segment {
                is_message: true,
                cut: u32::try_from(rest.original.saturating_sub(rest.data.len()))
                    .unwrap_or(u32::MAX),
                payload: rest.data,
                ..Segment::empty(source, destination)
            }));
        }
        _ if !is_tcp => return Err(NoSegment::NotTcp),
        _ => return Err(NoSegment::NotRead(NotRead::ExportedPdu)),
    };
    Ok(Inside::Layer(layer, rest))
}

/// Tags of text are filled up with zeros.
fn trimmed(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|&byte| byte == 0);
    text.get(..end.unwrap_or(text.len())).unwrap_or(text)
}
