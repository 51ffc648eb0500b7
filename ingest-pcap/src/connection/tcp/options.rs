//! Options of TCP headers.
//!
//! Source: RFC 9293 3.2, RFC 7323 (window scale, timestamps), RFC 2018 (selective acknowledgements).

/// What a SYN says of its sender.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct SynOptions {
    pub(super) segment_bytes: Option<u16>,
    pub(super) window_scale: Option<u8>,
    pub(super) sack: bool,
    pub(super) timestamps: bool,
}

impl SynOptions {
    /// Reads options as far as they can be read.
    pub(super) fn read(options: &[u8]) -> Self {
        let mut read = Self::default();
        for (kind, value) in Options(options) {
            match (kind, value) {
                (2, &[high, low]) => read.segment_bytes = Some(u16::from_be_bytes([high, low])),
                // Larger shifts are taken for 14.
                (3, &[shift]) => read.window_scale = Some(shift.min(14)),
                (4, []) => read.sack = true,
                (8, _) => read.timestamps = true,
                _ => {}
            }
        }
        read
    }
}

/// The timestamp of a segment, and the one it echoes.
#[inline]
pub(super) fn timestamps(options: &[u8]) -> Option<(u32, u32)> {
    // As nearly all systems write them.
    if let Some(&[1, 1, 8, 10, a, b, c, d, e, f, g, h]) = options.first_chunk::<12>() {
        return Some((
            u32::from_be_bytes([a, b, c, d]),
            u32::from_be_bytes([e, f, g, h]),
        ));
    }
    Options(options).find_map(|(kind, value)| match (kind, value) {
        (8, &[a, b, c, d, e, f, g, h]) => Some((
            u32::from_be_bytes([a, b, c, d]),
            u32::from_be_bytes([e, f, g, h]),
        )),
        _ => None,
    })
}

/// The first block of a selective acknowledgement: bytes from a number to another.
pub(super) fn first_block(options: &[u8]) -> Option<(u32, u32)> {
    Options(options).find_map(|(kind, value)| match (kind, value) {
        (5, &[a, b, c, d, e, f, g, h, ..]) => Some((
            u32::from_be_bytes([a, b, c, d]),
            u32::from_be_bytes([e, f, g, h]),
        )),
        _ => None,
    })
}

struct Options<'a>(&'a [u8]);

impl<'a> Iterator for Options<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match *self.0 {
                [] | [0, ..] => return None,
                [1, ref rest @ ..] => self.0 = rest,
                [kind, length, ref rest @ ..] => {
                    let length = usize::from(length).checked_sub(2)?;
                    let (value, rest) = rest.split_at_checked(length)?;
                    self.0 = rest;
                    return Some((kind, value));
                }
                [_] => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_a_syn_are_read_in_any_order_and_as_far_as_they_go() {
        let linux = [
            2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7,
        ];
        assert_eq!(
            SynOptions::read(&linux),
            SynOptions {
                segment_bytes: Some(1460),
                window_scale: Some(7),
                sack: true,
                timestamps: true
            }
        );
        assert_eq!(SynOptions::read(&linux[..6]).segment_bytes, Some(1460));
        for cut in 0..linux.len() {
            SynOptions::read(&linux[..cut]);
        }
        assert_eq!(SynOptions::read(&[3, 3, 200]).window_scale, Some(14));
        assert_eq!(SynOptions::read(&[3, 0, 1, 3, 3, 7]).window_scale, None);
        assert_eq!(SynOptions::read(&[0, 3, 3, 7]).window_scale, None);
    }

    #[test]
    fn the_first_block_of_a_selective_acknowledgement_is_found_behind_timestamps() {
        let options = [
            1, 1, 8, 10, 0, 0, 0, 5, 0, 0, 0, 3, 1, 1, 5, 18, 0, 0, 0, 7, 0, 0, 0, 9, 0, 0, 0, 1,
            0, 0, 0, 2,
        ];
        assert_eq!(first_block(&options), Some((7, 9)));
        assert_eq!(first_block(&options[..23]), None);
    }

    #[test]
    fn timestamps_are_found_wherever_they_stand() {
        let usual = [1, 1, 8, 10, 0, 0, 0, 5, 0, 0, 0, 3];
        assert_eq!(timestamps(&usual), Some((5, 3)));
        let behind = [&[5, 10, 0, 0, 0, 0, 0, 0, 0, 0], &usual[2..]].concat();
        assert_eq!(timestamps(&behind), Some((5, 3)));
        assert_eq!(timestamps(&usual[..11]), None);
    }
}
