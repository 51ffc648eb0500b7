//! Kafka's primitive types, read from bytes that may not all be there yet.
//!
//! Source: the Kafka protocol guide, "Protocol primitive types"; KIP-482 for the compact forms and
//! tagged fields.

/// Why a value could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The bytes end too early: at least so many, from the reader's start, are needed.
    Need(usize),
    /// The bytes are not what they should be; the text says what was found.
    Malformed(&'static str),
}

/// Reads primitive values from the front of a slice.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes read so far.
    pub fn position(&self) -> usize {
        self.at
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Whether all bytes have been read.
    pub fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// The next `n` bytes.
    #[inline]
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], Stop> {
        let end = self
            .at
            .checked_add(n)
            .ok_or(Stop::Malformed("a length overflows"))?;
        let taken = self.bytes.get(self.at..end).ok_or(Stop::Need(end))?;
        self.at = end;
        Ok(taken)
    }

    /// The next `N` bytes as an array.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let taken = self
            .bytes
            .get(self.at..)
            .and_then(|rest| rest.first_chunk::<N>())
            .ok_or(Stop::Need(self.at.saturating_add(N)))?;
        self.at += N;
        Ok(*taken)
    }

    /// INT8.
    #[inline]
    pub fn i8(&mut self) -> Result<i8, Stop> {
        Ok(i8::from_be_bytes(self.array()?))
    }

    /// INT16.
    #[inline]
    pub fn i16(&mut self) -> Result<i16, Stop> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    /// INT32.
    #[inline]
    pub fn i32(&mut self) -> Result<i32, Stop> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    /// UINT32.
    #[inline]
    pub fn u32(&mut self) -> Result<u32, Stop> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// INT64.
    #[inline]
    pub fn i64(&mut self) -> Result<i64, Stop> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    /// UNSIGNED_VARINT: at most five bytes.
    #[inline]
    pub fn unsigned_varint(&mut self) -> Result<u32, Stop> {
        let [first] = self.array::<1>()?;
        if first < 0x80 {
            return Ok(u32::from(first));
        }
        let mut value = u32::from(first & 0x7f);
        for shift in [7, 14, 21, 28] {
            let [byte] = self.array::<1>()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Stop::Malformed("a varint is longer than five bytes"))
    }

    /// VARINT: zigzag, at most five bytes.
    #[inline]
    pub fn varint(&mut self) -> Result<i32, Stop> {
        let raw = self.unsigned_varint()?;
        Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
    }

    /// VARLONG: zigzag, at most ten bytes.
    #[inline]
    pub fn varlong(&mut self) -> Result<i64, Stop> {
        let mut value = 0_u64;
        for shift in [0, 7, 14, 21, 28, 35, 42, 49, 56, 63] {
            let [byte] = self.array::<1>()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            }
        }
        Err(Stop::Malformed("a varlong is longer than ten bytes"))
    }

    /// A length in its INT16 (plain) or UNSIGNED_VARINT (compact) form; `None` is null.
    #[inline]
    fn string_length(&mut self, compact: bool) -> Result<Option<usize>, Stop> {
        if compact {
            return self.compact_length();
        }
        match self.i16()? {
            -1 => Ok(None),
            n => usize::try_from(n)
                .map(Some)
                .map_err(|_| Stop::Malformed("a string has a negative length")),
        }
    }

    #[inline]
    fn compact_length(&mut self) -> Result<Option<usize>, Stop> {
        let raw = self.unsigned_varint()?;
        match raw.checked_sub(1) {
            None => Ok(None),
            Some(n) => usize::try_from(n)
                .map(Some)
                .map_err(|_| Stop::Malformed("a length overflows")),
        }
    }

    /// NULLABLE_STRING or COMPACT_NULLABLE_STRING, as bytes.
    #[inline]
    pub fn nullable_string(&mut self, compact: bool) -> Result<Option<&'a [u8]>, Stop> {
        match self.string_length(compact)? {
            None => Ok(None),
            Some(n) => self.take(n).map(Some),
        }
    }

    /// NULLABLE_STRING or COMPACT_NULLABLE_STRING, which must be UTF-8.
    #[inline]
    pub fn nullable_text(&mut self, compact: bool) -> Result<Option<&'a str>, Stop> {
        match self.nullable_string(compact)? {
            None => Ok(None),
            Some(bytes) => std::str::from_utf8(bytes)
                .map(Some)
                .map_err(|_| Stop::Malformed("a string is not UTF-8")),
        }
    }

    /// STRING or COMPACT_STRING, which must be UTF-8.
    #[inline]
    pub fn string(&mut self, compact: bool) -> Result<&'a str, Stop> {
        self.nullable_text(compact)?
            .ok_or(Stop::Malformed("a string is null"))
    }

    /// The number of elements of an ARRAY or COMPACT_ARRAY; 0 for a null array. The number is not
    /// checked against anything: count down while reading, reserve nothing by it.
    #[inline]
    pub fn array_length(&mut self, compact: bool) -> Result<u32, Stop> {
        if compact {
            return Ok(self.unsigned_varint()?.saturating_sub(1));
        }
        match self.i32()? {
            -1 => Ok(0),
            n => u32::try_from(n).map_err(|_| Stop::Malformed("an array has a negative length")),
        }
    }

    /// The length of RECORDS, BYTES or their compact forms; `None` is null.
    #[inline]
    pub fn bytes_length(&mut self, compact: bool) -> Result<Option<u32>, Stop> {
        if compact {
            return Ok(self.unsigned_varint()?.checked_sub(1));
        }
        match self.i32()? {
            -1 => Ok(None),
            n => u32::try_from(n)
                .map(Some)
                .map_err(|_| Stop::Malformed("a byte string has a negative length")),
        }
    }

    /// An array of elements of one fixed size, skipped.
    #[inline]
    pub fn skip_array(&mut self, compact: bool, element_bytes: usize) -> Result<(), Stop> {
        let count = usize::try_from(self.array_length(compact)?)
            .map_err(|_| Stop::Malformed("a length overflows"))?;
        let size = count
            .checked_mul(element_bytes)
            .ok_or(Stop::Malformed("a length overflows"))?;
        self.take(size)?;
        Ok(())
    }

    /// The tagged fields of a flexible structure: calls `field` with each tag and its bytes. Does
    /// nothing when `present` is false.
    #[inline]
    pub fn tagged_fields(
        &mut self,
        present: bool,
        mut field: impl FnMut(u32, &'a [u8]),
    ) -> Result<(), Stop> {
        if !present {
            return Ok(());
        }
        for _ in 0..self.unsigned_varint()? {
            let tag = self.unsigned_varint()?;
            let size = usize::try_from(self.unsigned_varint()?)
                .map_err(|_| Stop::Malformed("a length overflows"))?;
            field(tag, self.take(size)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zigzag_varints_follow_the_protocol() {
        let mut reader = Reader::new(&[0x00, 0x01, 0x02, 0xac, 0x02]);
        let values: Vec<i32> = (0..4).map(|_| reader.varint().unwrap()).collect();
        assert_eq!(values, [0, -1, 1, 150]);
    }

    #[test]
    fn extreme_varlongs_are_read() {
        let max = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(Reader::new(&max).varlong(), Ok(i64::MAX));
        let min = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(Reader::new(&min).varlong(), Ok(i64::MIN));
    }

    #[test]
    fn a_varint_without_end_is_malformed() {
        assert!(matches!(
            Reader::new(&[0xff; 6]).unsigned_varint(),
            Err(Stop::Malformed(_))
        ));
    }

    #[test]
    fn a_short_string_tells_how_many_bytes_it_needs() {
        assert_eq!(Reader::new(&[0, 5, b'a']).string(false), Err(Stop::Need(7)));
        assert_eq!(Reader::new(&[6, b'a']).string(true), Err(Stop::Need(6)));
    }

    #[test]
    fn null_strings_are_told_from_empty_ones() {
        assert_eq!(Reader::new(&[0xff, 0xff]).nullable_string(false), Ok(None));
        assert_eq!(Reader::new(&[0]).nullable_string(true), Ok(None));
        assert_eq!(
            Reader::new(&[1]).nullable_string(true),
            Ok(Some(&[] as &[u8]))
        );
    }

    #[test]
    fn tagged_fields_are_handed_over_with_their_bytes() {
        let mut seen = Vec::new();
        Reader::new(&[2, 1, 2, 7, 8, 3, 0])
            .tagged_fields(true, |tag, bytes| seen.push((tag, bytes.to_vec())))
            .unwrap();
        assert_eq!(seen, [(1, vec![7, 8]), (3, vec![])]);
    }
}
