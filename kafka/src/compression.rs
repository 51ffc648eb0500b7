//! Decompression of record batches, with a bound on what may come out.
//!
//! Source: KIP-110 (zstd), `CompressionType` in Kafka's sources. Snappy comes in the frames of the
//! xerial library (Java clients) or raw (some others); lz4 in its frame format.

use std::io::Read;

use crate::Reader;

/// How a batch is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// Snappy, xerial frames or raw.
    Snappy,
    /// lz4 frames.
    Lz4,
    /// zstd.
    Zstd,
}

impl Codec {
    /// The codec in a batch's attributes; `None` for one that is not known.
    pub fn from_attributes(attributes: i16) -> Option<Self> {
        match attributes & 7 {
            0 => Some(Codec::None),
            1 => Some(Codec::Gzip),
            2 => Some(Codec::Snappy),
            3 => Some(Codec::Lz4),
            4 => Some(Codec::Zstd),
            _ => None,
        }
    }

    /// The name that Kafka's `compression.type` uses.
    pub fn name(self) -> &'static str {
        match self {
            Codec::None => "none",
            Codec::Gzip => "gzip",
            Codec::Snappy => "snappy",
            Codec::Lz4 => "lz4",
            Codec::Zstd => "zstd",
        }
    }
}

/// Why a batch could not be decompressed.
#[derive(Debug, thiserror::Error)]
pub enum DecompressError {
    /// More would come out than is allowed.
    #[error("decompresses to more than {limit} bytes")]
    TooLarge {
        /// The bound, in bytes.
        limit: usize,
    },
    /// The bytes are not of the codec.
    #[error("is not valid {}: {message}", codec.name())]
    Corrupt {
        /// The codec that the batch names.
        codec: Codec,
        /// What the codec said.
        message: String,
    },
}

/// Decompresses batches one after another into one buffer that it keeps.
pub struct Decompressor {
    buffer: Vec<u8>,
    limit: usize,
    zstd: Option<zstd::stream::raw::Decoder<'static>>,
}

impl std::fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decompressor")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// The largest window a zstd frame may ask for, as a power of two: what level 22 uses is above it,
/// every level that Kafka's producers default to is far below.
const ZSTD_WINDOW_LOG: u32 = 25;

/// A buffer larger than this is given back after use.
const KEPT_BYTES: usize = 4 << 20;

impl Decompressor {
    /// A decompressor that yields at most `limit` bytes a batch.
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: Vec::new(),
            limit,
            zstd: None,
        }
    }

    /// The decompressed bytes; `bytes` themselves when they are not compressed.
    pub fn decompress<'b>(
        &'b mut self,
        codec: Codec,
        bytes: &'b [u8],
    ) -> Result<&'b [u8], DecompressError> {
        if self.buffer.capacity() > KEPT_BYTES {
            self.buffer = Vec::new();
        }
        self.buffer.clear();
        match codec {
            Codec::None => return Ok(bytes),
            Codec::Gzip => self.read_all(codec, flate2::read::MultiGzDecoder::new(bytes))?,
            Codec::Lz4 => self.read_all(codec, lz4_flex::frame::FrameDecoder::new(bytes))?,
            Codec::Snappy => self.snappy(bytes)?,
            Codec::Zstd => self.zstd(bytes)?,
        }
        Ok(&self.buffer)
    }

    fn too_large(&self) -> DecompressError {
        DecompressError::TooLarge { limit: self.limit }
    }

    fn read_all(&mut self, codec: Codec, reader: impl Read) -> Result<(), DecompressError> {
        let bound = u64::try_from(self.limit).unwrap_or(u64::MAX);
        reader
            .take(bound.saturating_add(1))
            .read_to_end(&mut self.buffer)
            .map_err(|error| DecompressError::Corrupt {
                codec,
                message: error.to_string(),
            })?;
        if self.buffer.len() > self.limit {
            return Err(self.too_large());
        }
        Ok(())
    }

    fn snappy(&mut self, bytes: &[u8]) -> Result<(), DecompressError> {
        const XERIAL: &[u8] = b"\x82SNAPPY\0";
        if !bytes.starts_with(XERIAL) {
            return self.snappy_block(bytes);
        }
        // Magic, version and compatible version, then blocks behind their lengths.
        let mut reader = Reader::new(bytes.get(16..).unwrap_or_default());
        while !reader.is_empty() {
            let block = reader
                .u32()
                .ok()
                .and_then(|length| usize::try_from(length).ok())
                .and_then(|length| reader.take(length).ok())
                .ok_or_else(|| DecompressError::Corrupt {
                    codec: Codec::Snappy,
                    message: "a block is cut short".into(),
                })?;
            self.snappy_block(block)?;
        }
        Ok(())
    }

    fn snappy_block(&mut self, block: &[u8]) -> Result<(), DecompressError> {
        let corrupt = |error: snap::Error| DecompressError::Corrupt {
            codec: Codec::Snappy,
            message: error.to_string(),
        };
        let claimed = snap::raw::decompress_len(block).map_err(corrupt)?;
        let start = self.buffer.len();
        // Snappy cannot shrink more than about 64 to 3; a claim beyond that is a lie.
        if claimed > block.len().saturating_mul(32) {
            return Err(DecompressError::Corrupt {
                codec: Codec::Snappy,
                message: format!("{} bytes claim to hold {claimed}", block.len()),
            });
        }
        let end = start
            .checked_add(claimed)
            .filter(|&end| end <= self.limit)
            .ok_or_else(|| self.too_large())?;
        self.buffer.resize(end, 0);
        let target = self.buffer.get_mut(start..).unwrap_or_default();
        snap::raw::Decoder::new()
            .decompress(block, target)
            .map_err(corrupt)?;
        Ok(())
    }

    fn zstd(&mut self, bytes: &[u8]) -> Result<(), DecompressError> {
        use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};
        let corrupt = |error: std::io::Error| DecompressError::Corrupt {
            codec: Codec::Zstd,
            message: error.to_string(),
        };
        let mut decoder = match self.zstd.take() {
            Some(mut decoder) => {
                decoder.reinit().map_err(corrupt)?;
                decoder
            }
            None => {
                let mut decoder = Decoder::new().map_err(corrupt)?;
                decoder
                    .set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG))
                    .map_err(corrupt)?;
                decoder
            }
        };
        let mut input = InBuffer::around(bytes);
        let mut filled = 0_usize;
        let mut hint;
        loop {
            let grown = filled
                .saturating_mul(2)
                .max(64 << 10)
                .min(self.limit.saturating_add(1));
            self.buffer.resize(grown, 0);
            let target = self.buffer.get_mut(filled..).unwrap_or_default();
            if target.is_empty() {
                return Err(self.too_large());
            }
            let room = target.len();
            let mut output = OutBuffer::around(target);
            hint = decoder.run(&mut input, &mut output).map_err(corrupt)?;
            let written = output.pos();
            filled = filled.saturating_add(written);
            // With room left and no input left, nothing more comes.
            if written < room && input.pos() >= bytes.len() {
                break;
            }
        }
        self.buffer.truncate(filled);
        if hint != 0 {
            return Err(DecompressError::Corrupt {
                codec: Codec::Zstd,
                message: "the frame is cut short".into(),
            });
        }
        self.zstd = Some(decoder);
        if filled > self.limit {
            return Err(self.too_large());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn text() -> Vec<u8> {
        (0..20_000_u32)
            .flat_map(|i| (i / 7).to_be_bytes())
            .collect()
    }

    fn compressed(codec: Codec) -> Vec<u8> {
        let text = text();
        match codec {
            Codec::None => text,
            Codec::Gzip => {
                let mut encoder =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(&text).unwrap();
                encoder.finish().unwrap()
            }
            Codec::Snappy => snap::raw::Encoder::new().compress_vec(&text).unwrap(),
            Codec::Lz4 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
                encoder.write_all(&text).unwrap();
                encoder.finish().unwrap()
            }
            Codec::Zstd => zstd::stream::encode_all(&text[..], 3).unwrap(),
        }
    }

    const ALL: [Codec; 5] = [
        Codec::None,
        Codec::Gzip,
        Codec::Snappy,
        Codec::Lz4,
        Codec::Zstd,
    ];

    #[test]
    fn every_codec_gives_back_what_went_in() {
        let mut decompressor = Decompressor::new(1 << 20);
        for codec in ALL.into_iter().chain(ALL) {
            let bytes = compressed(codec);
            assert_eq!(decompressor.decompress(codec, &bytes).unwrap(), text());
        }
    }

    #[test]
    fn more_than_the_limit_is_refused() {
        let mut decompressor = Decompressor::new(text().len() - 1);
        for codec in ALL.into_iter().skip(1) {
            let bytes = compressed(codec);
            let error = decompressor.decompress(codec, &bytes).unwrap_err();
            assert!(
                matches!(error, DecompressError::TooLarge { .. }),
                "{codec:?}: {error}"
            );
        }
    }

    #[test]
    fn xerial_frames_are_read() {
        let mut framed = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec();
        for part in text().chunks(32 << 10) {
            let block = snap::raw::Encoder::new().compress_vec(part).unwrap();
            framed.extend(u32::try_from(block.len()).unwrap().to_be_bytes());
            framed.extend(block);
        }
        let mut decompressor = Decompressor::new(1 << 20);
        assert_eq!(
            decompressor.decompress(Codec::Snappy, &framed).unwrap(),
            text()
        );
    }

    #[test]
    fn a_batch_cut_short_is_corrupt() {
        let mut decompressor = Decompressor::new(1 << 20);
        for codec in ALL.into_iter().skip(1) {
            let bytes = compressed(codec);
            let cut = &bytes[..bytes.len() / 2];
            assert!(decompressor.decompress(codec, cut).is_err(), "{codec:?}");
        }
    }
}
