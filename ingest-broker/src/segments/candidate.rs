//! Bytes that may be a batch: what their header says, and whether their checksum agrees.

use kcorr_kafka::{BatchHeader, EntryHeader, MessageHeader, Stop};

/// Bytes from a batch's start to its magic: enough to know which header it has.
pub(crate) const MAGIC_END: usize = 17;

/// Where the bytes begin that the checksum of magic 2 covers.
const BATCH_CRC_END: usize = 21;
/// Where the bytes begin that the checksum of magic 0 and 1 covers.
const MESSAGE_CRC_END: usize = 16;

/// A header that could be one of a segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    pub(crate) header: EntryHeader,
    /// Size with the header, in bytes.
    pub(crate) total: u64,
}

impl Candidate {
    /// Reads a header at the start of `bytes`, in a segment whose first offset is `segment_base`.
    /// It must be possible in such a segment; its checksum is not looked at.
    pub(crate) fn read(bytes: &[u8], segment_base: i64) -> Result<Self, Stop> {
        let header = EntryHeader::read(bytes)?;
        let (total, offset) = match &header {
            EntryHeader::Batch(batch) => {
                if batch.last_offset_delta < 0 || batch.record_count < 0 {
                    return Err(Stop::Malformed("a batch has a negative number of records"));
                }
                (batch.total_bytes(), batch.base_offset)
            }
            EntryHeader::Message(message) => (message.total_bytes(), message.offset),
        };
        // Indexes hold offsets relative to the segment's base in 32 bits.
        let relative = offset.checked_sub(segment_base);
        if !relative.is_some_and(|relative| (0..=i64::from(i32::MAX)).contains(&relative)) {
            return Err(Stop::Malformed(
                "the offset of a batch is outside of its segment",
            ));
        }
        Ok(Self { header, total })
    }

    /// The checksum that the header tells.
    pub(crate) fn checksum(&self, bytes: &[u8]) -> Option<Checksum> {
        let (at, start, is_batch) = match self.header {
            EntryHeader::Batch(_) => (17, BATCH_CRC_END, true),
            EntryHeader::Message(_) => (12, MESSAGE_CRC_END, false),
        };
        let expected = u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?);
        let sum = if is_batch {
            Sum::Crc32c(0)
        } else {
            Sum::Crc32(crc32fast::Hasher::new())
        };
        Some(Checksum {
            expected,
            uncovered: start,
            sum,
        })
    }

    /// Whether the checksum of the whole batch in `bytes` is right.
    pub(crate) fn is_intact(&self, bytes: &[u8]) -> bool {
        let Some(mut checksum) = self.checksum(bytes) else {
            return false;
        };
        checksum.add(bytes);
        checksum.is_right()
    }

    /// Bytes of the header as it is read here.
    pub(crate) fn header_bytes(&self) -> usize {
        match self.header {
            EntryHeader::Batch(_) => BatchHeader::BYTES,
            EntryHeader::Message(_) => MessageHeader::BYTES,
        }
    }
}

/// The checksum of a batch, over bytes that come in pieces.
#[derive(Debug)]
pub(crate) struct Checksum {
    expected: u32,
    /// Bytes at the batch's front that are not covered and have not come yet.
    uncovered: usize,
    sum: Sum,
}

#[derive(Debug)]
enum Sum {
    Crc32c(u32),
    Crc32(crc32fast::Hasher),
}

impl Checksum {
    /// Adds the next bytes of the batch, from its first on.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        let skipped = self.uncovered.min(bytes.len());
        self.uncovered = self.uncovered.saturating_sub(skipped);
        let covered = bytes.get(skipped..).unwrap_or_default();
        match &mut self.sum {
            Sum::Crc32c(sum) => *sum = crc32c::crc32c_append(*sum, covered),
            Sum::Crc32(sum) => sum.update(covered),
        }
    }

    /// Whether the bytes added are those that the header's checksum was made of.
    pub(crate) fn is_right(&self) -> bool {
        let found = match &self.sum {
            Sum::Crc32c(sum) => *sum,
            Sum::Crc32(sum) => sum.clone().finalize(),
        };
        found == self.expected
    }
}
