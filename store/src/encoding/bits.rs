//! Numbers of few bits each, and numbers of as many bytes as they need.

/// Appends the lowest bits of numbers, `width` of each (at most 64), the first number lowest.
pub(super) fn pack(values: impl Iterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    if width == 0 {
        return;
    }
    let (mut held, mut filled) = (0_u64, 0);
    for value in values {
        held |= value << filled;
        filled += width;
        if filled >= u64::BITS {
            out.extend_from_slice(&held.to_le_bytes());
            filled -= u64::BITS;
            held = match filled {
                0 => 0,
                left => value >> (width - left),
            };
        }
    }
    let bytes = held.to_le_bytes();
    let used = bytes.iter().take(filled.div_ceil(8) as usize);
    out.extend(used);
}

/// Bits that a number needs.
pub(super) fn width(value: u64) -> u32 {
    u64::BITS - value.leading_zeros()
}

/// Appends a number in groups of seven bits (ULEB128).
pub(super) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value > 0x7f {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Appends a number with a sign: 0, −1, 1, −2, … as 0, 1, 2, 3, ….
pub(super) fn zigzag(value: i64, out: &mut Vec<u8>) {
    let sign = value >> 63;
    varint(((value << 1) ^ sign).cast_unsigned(), out);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The number that lies at a place among packed ones.
    fn unpacked(bytes: &[u8], width: u32, place: usize) -> u64 {
        let first = place * width as usize;
        let bit = |at: usize| u64::from(bytes[at / 8] >> (at % 8) & 1);
        (0..width as usize).fold(0, |value, at| value | bit(first + at) << at)
    }

    proptest! {
        #[test]
        fn numbers_of_any_width_lie_one_behind_the_other(
            width in 1_u32..=64,
            values in prop::collection::vec(any::<u64>(), 0..200),
        ) {
            let values: Vec<u64> = values.iter().map(|value| value >> (64 - width)).collect();
            let mut bytes = Vec::new();
            pack(values.iter().copied(), width, &mut bytes);
            prop_assert_eq!(bytes.len(), (values.len() * width as usize).div_ceil(8));
            for (place, value) in values.iter().enumerate() {
                prop_assert_eq!(unpacked(&bytes, width, place), *value);
            }
        }
    }

    #[test]
    fn small_numbers_take_a_byte_and_signs_alternate() {
        let bytes = |value| {
            let mut out = Vec::new();
            zigzag(value, &mut out);
            out
        };
        assert_eq!(bytes(0), [0]);
        assert_eq!(bytes(-1), [1]);
        assert_eq!(bytes(1), [2]);
        assert_eq!(bytes(-65), [0x81, 1]);
        assert_eq!(bytes(i64::MIN).len(), 10);
    }
}
