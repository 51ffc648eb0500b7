//! Link layers: where the IP packet begins.
//!
//! Source: the LINKTYPE_ registry of tcpdump.org.

/// What a link-layer frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frame {
    /// An IP packet at this offset.
    Ip(usize),
    /// Something that is not IP.
    Other,
    /// Fewer bytes than the header has.
    Short,
    /// A link layer that is not known.
    Unsupported,
}

const NULL: u16 = 0;
const ETHERNET: u16 = 1;
const LOOP: u16 = 108;
const COOKED: u16 = 113;
const COOKED_2: u16 = 276;

/// The name of a LINKTYPE_ number.
pub(crate) fn name(link_type: u16) -> String {
    match link_type {
        NULL => "null/loopback".into(),
        ETHERNET => "Ethernet".into(),
        12 | 14 | 101 => "raw IP".into(),
        LOOP => "OpenBSD loopback".into(),
        COOKED => "Linux cooked".into(),
        228 => "raw IPv4".into(),
        229 => "raw IPv6".into(),
        COOKED_2 => "Linux cooked v2".into(),
        other => format!("link type {other}"),
    }
}

/// Finds the IP packet in a frame.
#[inline]
pub(crate) fn ip_of_frame(link_type: u16, frame: &[u8]) -> Frame {
    match link_type {
        ETHERNET => ethertype(frame, 12),
        COOKED => ethertype(frame, 14),
        // v2 has the protocol first, and no room for VLAN tags between it and the payload.
        COOKED_2 => match frame.first_chunk::<2>() {
            None => Frame::Short,
            Some([0x81, 0x00] | [0x88, 0xa8]) => tagged(frame, 20),
            Some(&kind) => of_kind(kind, 20),
        },
        12 | 14 | 101 | 228 | 229 => Frame::Ip(0),
        NULL | LOOP => match frame.first_chunk::<4>() {
            None => Frame::Short,
            // The address family is in the byte order of the capturing host: 2 is IPv4 everywhere,
            // IPv6 is 10, 24, 28 or 30.
            Some([0, 0, 0, 2 | 10 | 24 | 28 | 30] | [2 | 10 | 24 | 28 | 30, 0, 0, 0]) => {
                Frame::Ip(4)
            }
            Some(_) => Frame::Other,
        },
        _ => Frame::Unsupported,
    }
}

/// The ethertype at `at`, behind any number of VLAN tags (bounded).
#[inline]
fn ethertype(frame: &[u8], at: usize) -> Frame {
    match frame.get(at..).and_then(|rest| rest.first_chunk::<2>()) {
        None => Frame::Short,
        Some([0x81 | 0x91, 0x00] | [0x88, 0xa8]) => tagged(frame, at.saturating_add(2)),
        Some(&kind) => of_kind(kind, at.saturating_add(2)),
    }
}

/// `at` is behind a tag's ethertype: two bytes of tag, then the next ethertype.
fn tagged(frame: &[u8], mut at: usize) -> Frame {
    for _ in 0..4 {
        at = at.saturating_add(2);
        match frame.get(at..).and_then(|rest| rest.first_chunk::<2>()) {
            None => return Frame::Short,
            Some([0x81 | 0x91, 0x00] | [0x88, 0xa8]) => at = at.saturating_add(2),
            Some(&kind) => return of_kind(kind, at.saturating_add(2)),
        }
    }
    Frame::Other
}

#[inline]
fn of_kind(kind: [u8; 2], at: usize) -> Frame {
    match kind {
        [0x08, 0x00] | [0x86, 0xdd] => Frame::Ip(at),
        _ => Frame::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vlan_and_qinq_tags_are_stepped_over() {
        let mut frame = vec![0; 12];
        frame.extend([0x08, 0x00]);
        assert_eq!(ip_of_frame(ETHERNET, &frame), Frame::Ip(14));
        let mut frame = vec![0; 12];
        frame.extend([0x81, 0x00, 0, 7, 0x86, 0xdd]);
        assert_eq!(ip_of_frame(ETHERNET, &frame), Frame::Ip(18));
        let mut frame = vec![0; 12];
        frame.extend([0x88, 0xa8, 0, 7, 0x81, 0x00, 0, 7, 0x08, 0x00]);
        assert_eq!(ip_of_frame(ETHERNET, &frame), Frame::Ip(22));
    }

    #[test]
    fn cooked_headers_are_stepped_over() {
        let mut v1 = vec![0; 14];
        v1.extend([0x08, 0x00]);
        assert_eq!(ip_of_frame(COOKED, &v1), Frame::Ip(16));
        let mut v2 = vec![0; 20];
        v2[..2].copy_from_slice(&[0x86, 0xdd]);
        assert_eq!(ip_of_frame(COOKED_2, &v2), Frame::Ip(20));
    }

    #[test]
    fn null_headers_of_either_byte_order_are_read() {
        assert_eq!(ip_of_frame(NULL, &[2, 0, 0, 0]), Frame::Ip(4));
        assert_eq!(ip_of_frame(NULL, &[30, 0, 0, 0]), Frame::Ip(4));
        assert_eq!(ip_of_frame(LOOP, &[0, 0, 0, 24]), Frame::Ip(4));
        assert_eq!(ip_of_frame(NULL, &[7, 0, 0, 0]), Frame::Other);
    }

    #[test]
    fn a_frame_shorter_than_its_header_is_told() {
        assert_eq!(ip_of_frame(ETHERNET, &[0; 13]), Frame::Short);
        assert_eq!(ip_of_frame(COOKED_2, &[8]), Frame::Short);
        assert_eq!(ip_of_frame(147, &[0; 64]), Frame::Unsupported);
    }
}
