//! The bytes of a packet from some layer on.

use super::no_segment::NoSegment;

/// Captured bytes, and how many there were on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bytes<'a> {
    pub(super) data: &'a [u8],
    pub(super) original: usize,
}

impl<'a> Bytes<'a> {
    pub(super) fn new(data: &'a [u8], original: usize) -> Self {
        Self {
            data,
            original: original.max(data.len()),
        }
    }

    /// The first `N` bytes; an error when they are not all there.
    pub(super) fn head<const N: usize>(&self) -> Result<&'a [u8; N], NoSegment> {
        self.data.first_chunk().ok_or(NoSegment::Cut)
    }

    /// What is behind the first `n` bytes.
    pub(super) fn behind(&self, n: usize) -> Result<Self, NoSegment> {
        Ok(Self {
            data: self.data.get(n..).ok_or(NoSegment::Cut)?,
            original: self.original.saturating_sub(n),
        })
    }

    /// The first `n` bytes: what follows is padding.
    pub(super) fn first(&self, n: usize) -> Self {
        Self {
            data: self.data.get(..n).unwrap_or(self.data),
            original: self.original.min(n),
        }
    }
}
