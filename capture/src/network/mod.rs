//! From a packet to its TCP segment: link layer, tags, tunnels, IP, TCP.

mod bytes;
mod ethertype;
mod exported_pdu;
mod gre;
mod guess;
mod ip;
mod layer;
mod link;
pub(crate) mod link_type;
mod mpls;
mod no_segment;
mod ppp;
mod segment;
mod udp_tunnel;
mod walk;

pub use no_segment::{NoSegment, NotRead};
pub use segment::{Endpoint, Segment};

use bytes::Bytes;

/// The TCP segment of a frame with this link layer (a LINKTYPE_ number). `original` is the frame's size on the wire.
///
/// # Errors
/// When it holds none, or none that can be read.
#[inline]
pub fn segment_of_frame(
    link_type: u16,
    frame: &[u8],
    original: usize,
) -> Result<Segment<'_>, NoSegment> {
    // Nearly all packets: Ethernet, IPv4, TCP.
    if link_type == link_type::ETHERNET
        && let Some((ethernet, ip)) = frame.split_first_chunk::<14>()
        && let [.., 0x08, 0x00] = ethernet
        && ip.get(9) == Some(&ip::TCP)
        && let Some(segment) = ip::tcp_in_ipv4(ip)
    {
        return segment;
    }
    walk::walk(link_type, Bytes::new(frame, original))
}
