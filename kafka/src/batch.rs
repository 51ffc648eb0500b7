//! The headers of record batches (magic 2) and of the messages before them (magic 0 and 1).
//!
//! Source: Kafka documentation, "Implementation: Message Format"; `DefaultRecordBatch` and
//! `LegacyRecord` in Kafka's sources.

use crate::{Codec, Reader, Stop};

/// The header of one entry of a record set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryHeader {
    /// A record batch, magic 2.
    Batch(BatchHeader),
    /// A message, magic 0 or 1; compressed, it holds further messages.
    Message(MessageHeader),
}

impl EntryHeader {
    /// Reads the header at the start of `bytes`.
    pub fn read(bytes: &[u8]) -> Result<Self, Stop> {
        let magic = bytes.get(16).copied().ok_or(Stop::Need(17))?;
        match magic {
            2 => BatchHeader::read(bytes).map(EntryHeader::Batch),
            0 | 1 => MessageHeader::read(bytes).map(EntryHeader::Message),
            _ => Err(Stop::Malformed("a record batch has an unknown magic")),
        }
    }
}

/// The header of a record batch, magic 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record; 0 in requests of producers.
    pub base_offset: i64,
    /// Bytes that follow the length field; at least 49.
    pub length: u32,
    /// Epoch of the leader that appended it.
    pub leader_epoch: i32,
    /// Compression, timestamp type, transactional and control bits.
    pub attributes: i16,
    /// Offset of the last record − base offset.
    pub last_offset_delta: i32,
    /// Timestamp of the first record, ms since 1970.
    pub base_timestamp: i64,
    /// Largest timestamp of its records, ms since 1970.
    pub max_timestamp: i64,
    /// Producer id, or −1.
    pub producer_id: i64,
    /// Producer epoch, or −1.
    pub producer_epoch: i16,
    /// Sequence number of the first record, or −1.
    pub base_sequence: i32,
    /// Number of records.
    pub record_count: i32,
}

impl BatchHeader {
    /// Size of the header in bytes.
    pub const BYTES: usize = 61;

    /// Bytes before those that `length` counts: base offset and length.
    pub const PREFIX_BYTES: usize = 12;

    /// Reads the header at the start of `bytes`.
    pub fn read(bytes: &[u8]) -> Result<Self, Stop> {
        let header: &[u8; Self::BYTES] = bytes.first_chunk().ok_or(Stop::Need(Self::BYTES))?;
        let mut reader = Reader::new(header);
        let base_offset = reader.i64()?;
        let length = reader.i32()?;
        let leader_epoch = reader.i32()?;
        let magic = reader.i8()?;
        let _crc = reader.u32()?;
        if magic != 2 {
            return Err(Stop::Malformed("a record batch has not magic 2"));
        }
        let length = u32::try_from(length)
            .ok()
            .filter(|&length| length >= 49)
            .ok_or(Stop::Malformed("a record batch is shorter than its header"))?;
        Ok(Self {
            base_offset,
            length,
            leader_epoch,
            attributes: reader.i16()?,
            last_offset_delta: reader.i32()?,
            base_timestamp: reader.i64()?,
            max_timestamp: reader.i64()?,
            producer_id: reader.i64()?,
            producer_epoch: reader.i16()?,
            base_sequence: reader.i32()?,
            record_count: reader.i32()?,
        })
    }

    /// Size of the batch with its header, in bytes; at least [`Self::BYTES`].
    pub fn total_bytes(&self) -> u64 {
        u64::from(self.length) + 12
    }

    /// How the records behind the header are compressed; `None` for a codec not known.
    pub fn codec(&self) -> Option<Codec> {
        Codec::from_attributes(self.attributes)
    }

    /// Whether it is a control batch (transaction markers), which holds no messages.
    pub fn is_control(&self) -> bool {
        self.attributes & 0x20 != 0
    }

    /// Whether it belongs to a transaction.
    pub fn is_transactional(&self) -> bool {
        self.attributes & 0x10 != 0
    }
}

/// The header of a message, magic 0 or 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageHeader {
    /// Offset of the message; of a compressed one, of its last inner message.
    pub offset: i64,
    /// Bytes that follow the size field.
    pub size: u32,
    /// Magic, 0 or 1.
    pub magic: u8,
    /// Compression and timestamp type.
    pub attributes: i8,
}

impl MessageHeader {
    /// Size of what is read, in bytes.
    pub const BYTES: usize = 18;

    /// Reads the header at the start of `bytes`.
    pub fn read(bytes: &[u8]) -> Result<Self, Stop> {
        let mut reader = Reader::new(bytes);
        let offset = reader.i64()?;
        let size = reader.i32()?;
        let _crc = reader.u32()?;
        let [magic] = reader.array()?;
        let attributes = reader.i8()?;
        let size = u32::try_from(size)
            .ok()
            .filter(|&size| size >= 14)
            .ok_or(Stop::Malformed("a message is shorter than its header"))?;
        Ok(Self {
            offset,
            size,
            magic,
            attributes,
        })
    }

    /// Size of the message with its header, in bytes.
    pub fn total_bytes(&self) -> u64 {
        u64::from(self.size) + 12
    }

    /// How the message's value is compressed; `None` for a codec not known.
    pub fn codec(&self) -> Option<Codec> {
        Codec::from_attributes(i16::from(self.attributes))
    }

    /// The timestamp of the message at the start of `bytes`, ms since 1970; −1 for none. `None` for
    /// magic 0, which has none, and when the message ends before it.
    pub fn timestamp(&self, bytes: &[u8]) -> Option<i64> {
        if self.magic == 0 {
            return None;
        }
        let field = bytes.get(Self::BYTES..)?.first_chunk()?;
        Some(i64::from_be_bytes(*field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_shorter_than_its_header_is_malformed() {
        let mut bytes = [0_u8; 61];
        bytes[16] = 2;
        bytes[11] = 48;
        assert!(matches!(EntryHeader::read(&bytes), Err(Stop::Malformed(_))));
        bytes[11] = 49;
        let EntryHeader::Batch(header) = EntryHeader::read(&bytes).unwrap() else {
            panic!("magic 2 is a batch")
        };
        assert_eq!(header.total_bytes(), 61);
    }

    #[test]
    fn a_header_cut_short_tells_what_it_needs() {
        let mut bytes = [0_u8; 60];
        bytes[16] = 2;
        assert_eq!(EntryHeader::read(&bytes[..10]), Err(Stop::Need(17)));
        assert_eq!(EntryHeader::read(&bytes), Err(Stop::Need(61)));
    }
}
