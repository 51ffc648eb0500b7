//! Hashes of a file's blocks, by which a changed byte is noticed when the block it is in is read.
//!
//! A file is hashed in blocks, not as a whole, so that a query that reads a stretch of time out of a large file
//! checks what it reads and reads no more than that.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::error::{Error, ErrorKind, Result};

/// Bytes of a block: large enough that a file has few, small enough that a column of a row group, which is
/// read by itself, makes little else be read.
pub(crate) const BLOCK_BYTES: u64 = 256 << 10;

/// The hash (XXH3, 64 bits) of each block of a file, in order; the last block may be shorter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct BlockHashes(Vec<u64>);

impl BlockHashes {
    /// Whether a block, by number, still has the bytes that were written.
    pub(crate) fn matches(&self, block: u64, bytes: &[u8]) -> bool {
        let hash = usize::try_from(block)
            .ok()
            .and_then(|block| self.0.get(block));
        hash.is_some_and(|hash| *hash == xxh3_64(bytes))
    }

    /// Reads a whole file and compares it. Fails with the first place that differs.
    pub(crate) fn check_file(&self, path: &Path, size_bytes: u64) -> Result<()> {
        let mut file = File::open(path).map_err(|e| Error::io("cannot open", path, e))?;
        let mut block = vec![0; usize::try_from(BLOCK_BYTES).unwrap_or(usize::MAX)];
        let mut read_bytes = 0;
        for number in 0.. {
            let mut part = (&mut file).take(BLOCK_BYTES);
            let mut filled = 0;
            loop {
                let n = part
                    .read(&mut block[filled..])
                    .map_err(|e| Error::io("cannot read", path, e))?;
                if n == 0 {
                    break;
                }
                filled += n;
            }
            if filled == 0 {
                break;
            }
            read_bytes += filled as u64;
            if !self.matches(number, &block[..filled]) {
                return Err(changed(path, number, size_bytes));
            }
        }
        if read_bytes != size_bytes {
            let message = format!("the store's file {} is cut", path.display());
            return Err(Error::new(ErrorKind::Store, message));
        }
        Ok(())
    }
}

/// What is said of a file with a block that is not as it was written.
pub(crate) fn changed(path: &Path, block: u64, size_bytes: u64) -> Error {
    let first = block.saturating_mul(BLOCK_BYTES);
    let message = format!(
        "the store's file {} is damaged: bytes {first} to {} are not those that were written: {} (`kcorr \
         check` finds all such files)",
        path.display(),
        first.saturating_add(BLOCK_BYTES).min(size_bytes),
        how_to_mend(path),
    );
    Error::new(ErrorKind::Store, message)
}

/// What makes a store whole again that lacks a file.
pub(crate) fn how_to_mend(path: &Path) -> &'static str {
    let name = path.file_name().unwrap_or_default();
    if name.as_encoded_bytes().starts_with(b"0-") {
        "it has rows of several recordings: ingest them again into a new store"
    } else {
        "ingest its recording again"
    }
}

impl From<BlockHashes> for String {
    fn from(hashes: BlockHashes) -> Self {
        hashes.0.iter().map(|hash| format!("{hash:016x}")).collect()
    }
}

impl TryFrom<String> for BlockHashes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.as_bytes().chunks(16);
        let hash = |digits: &[u8]| {
            let digits = std::str::from_utf8(digits).ok().filter(|d| d.len() == 16)?;
            u64::from_str_radix(digits, 16).ok()
        };
        let hashes: Option<Vec<u64>> = digits.map(hash).collect();
        hashes
            .map(Self)
            .ok_or_else(|| "no list of hashes".to_owned())
    }
}

/// A file being written, and hashed on the way.
pub(crate) struct HashedFile {
    file: File,
    block: Xxh3,
    filled: u64,
    size_bytes: u64,
    hashes: Vec<u64>,
}

impl HashedFile {
    pub(crate) fn new(file: File) -> Self {
        Self {
            file,
            block: Xxh3::new(),
            filled: 0,
            size_bytes: 0,
            hashes: Vec::new(),
        }
    }

    /// Makes the file durable; its length and hashes.
    pub(crate) fn close(mut self) -> io::Result<(u64, BlockHashes)> {
        if self.filled > 0 {
            self.hashes.push(self.block.digest());
        }
        self.file.sync_all()?;
        Ok((self.size_bytes, BlockHashes(self.hashes)))
    }
}

impl Write for HashedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.size_bytes += written as u64;
        let mut left = &bytes[..written];
        while !left.is_empty() {
            let room = usize::try_from(BLOCK_BYTES - self.filled).unwrap_or(usize::MAX);
            let (now, later) = left.split_at(left.len().min(room));
            self.block.update(now);
            self.filled += now.len() as u64;
            if self.filled == BLOCK_BYTES {
                self.hashes.push(self.block.digest());
                self.block.reset();
                self.filled = 0;
            }
            left = later;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(path: &Path, bytes: &[u8], piece: usize) -> (u64, BlockHashes) {
        let mut file = HashedFile::new(File::create(path).unwrap());
        for piece in bytes.chunks(piece) {
            file.write_all(piece).unwrap();
        }
        file.close().unwrap()
    }

    #[test]
    fn hashes_do_not_depend_on_how_a_file_was_written_and_survive_the_manifest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let bytes: Vec<u8> = (0..600_000_u32)
            .map(|i| ((i * 7) >> 3).to_le_bytes()[0])
            .collect();
        let (size_bytes, hashes) = written(&path, &bytes, 1_000);
        assert_eq!((size_bytes, hashes.0.len()), (600_000, 3));
        assert_eq!(hashes, written(&path, &bytes, 599_999).1);
        let text = serde_json::to_string(&hashes).unwrap();
        assert_eq!(hashes, serde_json::from_str(&text).unwrap());
        hashes.check_file(&path, size_bytes).unwrap();
    }

    #[test]
    fn one_flipped_bit_is_found_and_located() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let bytes = vec![7; 300_000];
        let (size_bytes, hashes) = written(&path, &bytes, 4096);
        for at in [0, 262_143, 262_144, 299_999] {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            std::fs::write(&path, &flipped).unwrap();
            let error = hashes
                .check_file(&path, size_bytes)
                .unwrap_err()
                .to_string();
            let first = if at < 262_144 {
                "bytes 0 to"
            } else {
                "bytes 262144 to 300000"
            };
            assert!(error.contains(first), "{at}: {error}");
        }
    }

    #[test]
    fn a_cut_file_is_found_at_the_edge_of_a_block_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let (size_bytes, hashes) = written(&path, &vec![7; 300_000], 4096);
        std::fs::write(&path, vec![7; 262_144]).unwrap();
        assert!(hashes.check_file(&path, size_bytes).is_err());
    }
}
