//! From a packet to its TCP segment: link layer, IP, TCP.

pub(crate) mod link;
pub(crate) mod segment;

pub(crate) use segment::{Endpoint, NoSegment, Segment};
