//! The 68 bytes that start a chunk.
//!
//! Layout as in OpenJDK's `jfrChunkWriter.cpp` and async-profiler's `flightRecorder.cpp`. Integers
//! of the header are big-endian whatever the chunk's own encoding is.

use crate::format::cursor::{Cursor, Truncated};
use crate::format::framing::{METADATA, frame};

/// What every chunk starts with.
pub(crate) const MAGIC: &[u8; 4] = b"FLR\0";
/// Bytes of a chunk header.
pub(crate) const HEADER_LENGTH: usize = 68;

const COMPRESSED_INTEGERS: u16 = 1;

/// A chunk's header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) major: u16,
    pub(crate) minor: u16,
    /// Declared bytes of the chunk with its header; 0 while the recorder has not finished it.
    pub(crate) chunk_length: u64,
    /// Offset of the last constant-pool event, from the chunk's start; 0 if unknown.
    pub(crate) pool_offset: u64,
    /// Offset of the metadata event, from the chunk's start; 0 if unknown.
    pub(crate) metadata_offset: u64,
    /// Wall time of the chunk's start, ns since 1970.
    pub(crate) start_nanos: i64,
    /// The tick counter at the same moment.
    pub(crate) start_ticks: i64,
    pub(crate) ticks_per_second: i64,
    /// 0 in a finished chunk; the JDK counts here while it rewrites the header of an open one.
    pub(crate) generation: u8,
    pub(crate) compressed: bool,
    /// async-profiler wrote the chunk, not the JDK.
    pub(crate) is_async_profiler: bool,
}

impl Header {
    /// Whether another header is a copy of this one, as the JDK writes one into a checkpoint event at every
    /// flush (14 and later): a chunk of its own began at another time.
    pub(crate) fn is_copied_by(&self, other: &Self) -> bool {
        (self.start_nanos, self.start_ticks) == (other.start_nanos, other.start_ticks)
    }

    /// Reads a header, if the bytes are one of version 1 or 2 with a usable clock.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let header = Self::read_any_version(bytes)?;
        let known = matches!(header.major, 1 | 2) && header.ticks_per_second > 0;
        known.then_some(header)
    }

    /// Reads a header of any version.
    pub(crate) fn read_any_version(bytes: &[u8]) -> Option<Self> {
        Self::try_read(bytes).ok().flatten()
    }

    fn try_read(bytes: &[u8]) -> Result<Option<Self>, Truncated> {
        let mut cursor = Cursor::new(bytes, 0, false);
        if cursor.take(MAGIC.len())? != MAGIC {
            return Ok(None);
        }
        let mut header = Self {
            major: cursor.short()?,
            minor: cursor.short()?,
            chunk_length: cursor.long()?.cast_unsigned(),
            pool_offset: cursor.long()?.cast_unsigned(),
            metadata_offset: cursor.long()?.cast_unsigned(),
            start_nanos: cursor.long()?,
            start_ticks: {
                let _duration_nanos = cursor.long()?;
                cursor.long()?
            },
            ticks_per_second: cursor.long()?,
            generation: cursor.byte()?,
            compressed: {
                let _padding = cursor.byte()?;
                cursor.short()? & COMPRESSED_INTEGERS != 0
            },
            is_async_profiler: false,
        };
        header.is_async_profiler =
            header.minor == 0 && starts_with_metadata(bytes, header.compressed);
        Ok(Some(header))
    }
}

/// Whether async-profiler wrote the chunk: it writes version 2.0 and the metadata event at once behind
/// the header. The JDK writes version 2.1 (11 to 13 also 2.0) and starts with other events.
fn starts_with_metadata(bytes: &[u8], compressed: bool) -> bool {
    frame(bytes, HEADER_LENGTH, compressed).is_ok_and(|first| first.type_id == METADATA)
}
