//! Packet captures: from the bytes of files to the TCP segments in their packets.
//!
//! A [`CaptureReader`] is pushed the bytes of pcap and pcapng files in any pieces, and hands each packet to a
//! [`PacketSink`]; [`segment_of_frame`] finds the TCP segment in a packet, through whatever it is wrapped in. It does no
//! IO and knows nothing of what the segments say; putting their bytes in order is the caller's.
//!
//! - Files: pcap (µs and ns, either byte order) and pcapng (sections, interfaces with their own resolutions and
//!   offsets, statistics of drops, secrets of TLS); [`recognise`] tells them from other formats, [`first_time`] when
//!   one begins. Files that cover the same time are merged by a [`Merge`], and [`FileTimes`] tells how they follow
//!   each other.
//! - Link layers and tunnels: Ethernet, Linux cooked v1 and v2, raw IP, null/loopback, PPP, PPPoE, Cisco HDLC, MPLS,
//!   NFLOG, PKTAP, PPI, pflog, enc, and PDUs that Wireshark exports; tags of any kind; VXLAN, Geneve, GRE, NVGRE,
//!   ERSPAN, IP in IP, MPLS, GTP-U, L2TP, TZSP and EtherIP, in one another to a bound; IPv4 and IPv6 with extension
//!   headers. IP fragments are not put together: what is in the first of them is read.
//! - Packets that may hold TCP in a way that is not read are counted by kind ([`PacketsNotRead`]).
//!
//! A damaged record is a loss, and reading goes on at the next place where records follow one another. Segments borrow
//! the pushed bytes.
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)
)]

mod file;
mod network;
mod not_read;

pub use file::{
    CaptureReader, FileTimes, HeldPacket, Merge, Packet, PacketSink, first_time, recognise,
};
pub use network::{Endpoint, NoSegment, NotRead, Segment, segment_of_frame};
pub use not_read::PacketsNotRead;

/// The example of the README, so that it is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
