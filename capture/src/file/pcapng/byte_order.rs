//! Numbers in the byte order of a section, and the options that are made of them.

/// The byte order of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ByteOrder {
    pub(super) is_big_endian: bool,
}

impl ByteOrder {
    #[inline]
    pub(super) fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = *bytes.get(at..)?.first_chunk::<4>()?;
        Some(if self.is_big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        })
    }

    #[inline]
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = *bytes.get(at..)?.first_chunk::<2>()?;
        Some(if self.is_big_endian {
            u16::from_be_bytes(bytes)
        } else {
            u16::from_le_bytes(bytes)
        })
    }

    pub(super) fn u64(self, bytes: &[u8], at: usize) -> Option<u64> {
        let bytes = *bytes.get(at..)?.first_chunk::<8>()?;
        Some(if self.is_big_endian {
            u64::from_be_bytes(bytes)
        } else {
            u64::from_le_bytes(bytes)
        })
    }

    /// Calls back for each option, with its code and value.
    pub(super) fn options<'a>(self, mut bytes: &'a [u8], mut option: impl FnMut(u16, &'a [u8])) {
        while let (Some(code), Some(length)) = (self.u16(bytes, 0), self.u16(bytes, 2)) {
            let length = usize::from(length);
            let Some(value) = bytes.get(4..4_usize.saturating_add(length)) else {
                return;
            };
            if code == 0 {
                return;
            }
            option(code, value);
            bytes = bytes
                .get(4_usize.saturating_add(length.next_multiple_of(4))..)
                .unwrap_or_default();
        }
    }
}
