//! Reads the primitive encodings of a JFR chunk from a slice, never past its end.
//!
//! Integers are LEB128 of at most nine bytes (the ninth has eight payload bits) when the chunk's
//! header says so, big-endian otherwise. Booleans and bytes are always one byte, floats big-endian.

/// The slice ended inside a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Truncated;

/// A position in a slice.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
    compressed: bool,
}

impl<'a> Cursor<'a> {
    /// Starts at `position`; `compressed` tells how integers are written.
    #[inline]
    pub(crate) fn new(bytes: &'a [u8], position: usize, compressed: bool) -> Self {
        Self {
            bytes,
            position,
            compressed,
        }
    }

    /// Where the next value starts.
    #[inline]
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// Bytes left.
    #[inline]
    pub(crate) fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.position)
    }

    /// One byte.
    #[inline]
    pub(crate) fn byte(&mut self) -> Result<u8, Truncated> {
        let byte = *self.bytes.get(self.position).ok_or(Truncated)?;
        self.position += 1;
        Ok(byte)
    }

    /// The next `n` bytes.
    #[inline]
    pub(crate) fn take(&mut self, n: usize) -> Result<&'a [u8], Truncated> {
        let end = self.position.checked_add(n).ok_or(Truncated)?;
        let taken = self.bytes.get(self.position..end).ok_or(Truncated)?;
        self.position = end;
        Ok(taken)
    }

    /// A LEB128 integer, as its 64 bits.
    #[inline(always)]
    pub(crate) fn varint(&mut self) -> Result<u64, Truncated> {
        let rest = self.bytes.get(self.position..).ok_or(Truncated)?;
        let Some(window) = rest.first_chunk::<9>() else {
            return self.varint_near_end();
        };
        // Byte by byte, not eight at once: the branches are predicted, since events of a type have
        // fields of like lengths, and then the next value does not wait for this one's length.
        let mut value = 0;
        let mut shift = 0;
        for (byte, length) in window.iter().zip(1..) {
            if length == 9 {
                value |= u64::from(*byte) << 56;
            } else {
                value |= u64::from(*byte & 0x7f) << shift;
                shift += 7;
            }
            if *byte <= 0x7f || length == 9 {
                self.position += length;
                return Ok(value);
            }
        }
        Ok(value)
    }

    #[cold]
    fn varint_near_end(&mut self) -> Result<u64, Truncated> {
        let mut value = 0u64;
        for shift in (0..56).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Ok(value | u64::from(self.byte()?) << 56)
    }

    /// An integer written with `width` bytes when integers are not compressed.
    #[inline(always)]
    fn integer(&mut self, width: usize) -> Result<u64, Truncated> {
        if self.compressed {
            return self.varint();
        }
        let bytes = self.take(width)?;
        Ok(bytes
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// A `long`, a constant-pool reference or a type id.
    #[inline(always)]
    #[allow(clippy::cast_possible_wrap)]
    pub(crate) fn long(&mut self) -> Result<i64, Truncated> {
        self.integer(8).map(|value| value as i64)
    }

    /// An `int`, a size or a count, not negative.
    #[inline(always)]
    pub(crate) fn count(&mut self) -> Result<usize, Truncated> {
        // A count is four bytes in Java; a larger one can only be damage, and every caller compares
        // it with the bytes that are left.
        let value = self.integer(4)?;
        Ok(usize::try_from(value).unwrap_or(usize::MAX))
    }

    /// An `int`, as its 32 bits.
    #[inline]
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn int(&mut self) -> Result<u32, Truncated> {
        self.integer(4).map(|value| value as u32)
    }

    /// A `char` or `short`, as its 16 bits.
    #[inline]
    #[allow(clippy::cast_possible_truncation)]
    pub(crate) fn short(&mut self) -> Result<u16, Truncated> {
        self.integer(2).map(|value| value as u16)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leb128(mut value: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < 8 && value > 0x7f {
            bytes.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value.to_le_bytes()[0]);
        bytes
    }

    proptest! {
        #[test]
        fn an_integer_reads_back_whatever_follows_it(value: u64, shift in 0u32..64, tail in 0usize..12) {
            let value = value >> shift;
            let mut bytes = leb128(value);
            let length = bytes.len();
            bytes.extend(std::iter::repeat_n(0xff, tail));
            let mut cursor = Cursor::new(&bytes, 0, true);
            prop_assert_eq!(cursor.varint(), Ok(value));
            prop_assert_eq!(cursor.position(), length);
        }

        #[test]
        fn an_integer_cut_short_is_told(value: u64) {
            let bytes = leb128(value);
            let mut cursor = Cursor::new(&bytes[..bytes.len() - 1], 0, true);
            prop_assert_eq!(cursor.varint(), Err(Truncated));
        }
    }

    #[test]
    fn uncompressed_integers_are_big_endian() {
        let mut cursor = Cursor::new(&[0, 0, 1, 2, 0xff, 0xfe], 0, false);
        assert_eq!(cursor.count(), Ok(258));
        assert_eq!(cursor.short(), Ok(0xfffe));
        assert_eq!(cursor.count(), Err(Truncated));
    }
}
