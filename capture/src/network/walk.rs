//! Down the layers of a packet, one in another, to the TCP segment.
//!
//! Whatever mirrors, tunnels or tags traffic wraps packets in further layers, in any order. Each layer
//! is read by one function that tells what is inside; how deep they nest is bounded.

use super::bytes::Bytes;
use super::layer::{Inside, Layer};
use super::no_segment::{NoSegment, NotRead};
use super::segment::Segment;
use super::{ethertype, exported_pdu, gre, ip, link, mpls, ppp};

/// More layers than any network nests: a mirrored, tunnelled packet with tags has ten.
const MOST_LAYERS: usize = 24;

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
