//! The records of a batch of magic 2, after decompression.

use crate::{Reader, Stop};

/// Goes through the records of a batch. Ends at the first that cannot be read.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    reader: Reader<'a>,
}

impl<'a> Records<'a> {
    /// The records in `bytes`: what follows the batch header, decompressed.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            reader: Reader::new(bytes),
        }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, Stop>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let record = Record::read(&mut self.reader);
        if record.is_err() {
            self.reader = Reader::new(&[]);
        }
        Some(record)
    }
}

/// One record.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// Offset − the batch's base offset.
    pub offset_delta: i32,
    /// Timestamp − the batch's base timestamp, ms.
    pub timestamp_delta: i64,
    /// The key; `None` is null.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is null.
    pub value: Option<&'a [u8]>,
    /// The headers, not read yet.
    pub headers: Headers<'a>,
}

impl<'a> Record<'a> {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, Stop> {
        let length = usize::try_from(reader.varint()?)
            .map_err(|_| Stop::Malformed("a record has a negative length"))?;
        let mut reader = Reader::new(reader.take(length)?);
        let _attributes = reader.i8()?;
        let timestamp_delta = reader.varlong()?;
        let offset_delta = reader.varint()?;
        let key = field(&mut reader)?;
        let value = field(&mut reader)?;
        let count = u32::try_from(reader.varint()?)
            .map_err(|_| Stop::Malformed("a record has a negative number of headers"))?;
        Ok(Self {
            offset_delta,
            timestamp_delta,
            key,
            value,
            headers: Headers {
                reader,
                left: count,
            },
        })
    }
}

/// A byte string with a VARINT length; `None` is null.
#[inline]
fn field<'a>(reader: &mut Reader<'a>) -> Result<Option<&'a [u8]>, Stop> {
    match reader.varint()? {
        -1 => Ok(None),
        n => {
            let n = usize::try_from(n)
                .map_err(|_| Stop::Malformed("a record field has a negative length"))?;
            reader.take(n).map(Some)
        }
    }
}

/// Goes through the headers of a record: key and value. Ends at the first that cannot be read.
#[derive(Debug, Clone)]
pub struct Headers<'a> {
    reader: Reader<'a>,
    left: u32,
}

impl<'a> Iterator for Headers<'a> {
    type Item = Result<(&'a [u8], Option<&'a [u8]>), Stop>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let mut header = || {
            let key =
                field(&mut self.reader)?.ok_or(Stop::Malformed("a record header has no key"))?;
            Ok((key, field(&mut self.reader)?))
        };
        let header = header();
        if header.is_err() {
            self.left = 0;
        }
        Some(header)
    }
}
