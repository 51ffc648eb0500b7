//! Inputs: files, pipes and compressed files, as the bytes that decoders take.

mod likeness;
mod map;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use likeness::HEAD_BYTES;
pub(crate) use likeness::{Likeness, likeness};
pub(crate) use map::map;
use xxhash_rust::xxh3::Xxh3;

use crate::error::{Error, Result};

/// Bytes that are pushed into a decoder at once: enough to share out among cores.
pub(crate) const CHUNK_BYTES: usize = 8 << 20;

/// Bytes that are read from a file at once.
const READ_BYTES: usize = 1 << 20;

/// How an input is compressed, told by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// An opened input.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) compression: Compression,
    pub(crate) kind: InputKind,
}

/// Where an input's bytes are.
#[derive(Debug)]
pub(crate) enum InputKind {
    /// A file on disk, with its size.
    File(File, u64),
    /// A pipe or device, whose first bytes were read already.
    Pipe(io::Chain<io::Cursor<Vec<u8>>, Box<dyn ReadPipe>>),
}

/// A pipe that can be sent to the thread that decodes it.
pub(crate) trait ReadPipe: Read + Send + std::fmt::Debug {}
impl<T: Read + Send + std::fmt::Debug> ReadPipe for T {}

impl Input {
    /// Opens a file, a named pipe, or `-` for standard input.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        if path == Path::new("-") {
            return Self::pipe(path, Box::new(io::stdin()));
        }
        let cannot_open = |e| Error::io("cannot open", path, e);
        let mut file = File::open(path).map_err(cannot_open)?;
        let metadata = file.metadata().map_err(cannot_open)?;
        if metadata.is_dir() {
            let error = io::Error::from(io::ErrorKind::IsADirectory);
            return Err(cannot_open(error));
        }
        if !metadata.is_file() {
            return Self::pipe(path, Box::new(file));
        }
        let head = read_head(&mut file).map_err(|e| Error::io("cannot read", path, e))?;
        io::Seek::rewind(&mut file).map_err(|e| Error::io("cannot read", path, e))?;
        Ok(Self {
            compression: Compression::of(&head),
            kind: InputKind::File(file, metadata.len()),
        })
    }

    fn pipe(path: &Path, mut pipe: Box<dyn ReadPipe>) -> Result<Self> {
        let head = read_head(&mut pipe).map_err(|e| Error::io("cannot read", path, e))?;
        Ok(Self {
            compression: Compression::of(&head),
            kind: InputKind::Pipe(io::Cursor::new(head).chain(pipe)),
        })
    }

    /// A reader of the decompressed bytes; `seen` is told of every raw byte.
    pub(crate) fn reader<'a>(self, seen: impl FnMut(&[u8]) + 'a) -> io::Result<Box<dyn Read + 'a>> {
        let raw: Box<dyn Read> = match self.kind {
            InputKind::File(file, _) => Box::new(file),
            InputKind::Pipe(pipe) => Box::new(pipe),
        };
        let raw = BufReader::with_capacity(READ_BYTES, Watched { raw, seen });
        Ok(match self.compression {
            Compression::None => Box::new(raw),
            Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(raw)),
            Compression::Zstd => Box::new(zstd::stream::Decoder::with_buffer(raw)?),
        })
    }
}

/// The first (decompressed) bytes of a file, to tell what it looks like.
pub fn head(path: &Path) -> Result<Vec<u8>> {
    beginning(path, 4096)
}

/// The first (decompressed) bytes of a file, so many if it has them.
pub fn beginning(path: &Path, bytes: usize) -> Result<Vec<u8>> {
    let cannot_read = |e| Error::io("cannot read", path, e);
    let mut reader = Input::open(path)?.reader(|_| {}).map_err(cannot_read)?;
    let mut head = vec![0; bytes];
    let filled = fill(&mut reader, &mut head).0;
    head.truncate(filled);
    Ok(head)
}

/// Reads until the buffer is full or the input ends or fails; bytes read before a failure count.
pub(crate) fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> (usize, Option<io::Error>) {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return (filled, Some(e)),
        }
    }
    (filled, None)
}

fn read_head(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = vec![0; 4];
    let (filled, error) = fill(reader, &mut head);
    head.truncate(filled);
    error.map_or(Ok(head), Err)
}

/// The hash that tells whether two inputs have the same content.
#[derive(Default)]
pub(crate) struct ContentHash {
    whole: Xxh3,
    head: Xxh3,
    head_bytes: u64,
}

impl ContentHash {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.whole.update(bytes);
        let left = usize::try_from(HEAD_BYTES - self.head_bytes).unwrap_or(0);
        let head = &bytes[..bytes.len().min(left)];
        self.head.update(head);
        self.head_bytes += head.len() as u64;
    }

    /// Of all bytes.
    pub(crate) fn hex(&self) -> String {
        format!("{:032x}", self.whole.digest128())
    }

    /// Of the first bytes.
    pub(crate) fn head_hex(&self) -> String {
        format!("{:032x}", self.head.digest128())
    }
}

struct Watched<R, F> {
    raw: R,
    seen: F,
}

impl<R: Read, F: FnMut(&[u8])> Read for Watched<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.raw.read(buffer)?;
        (self.seen)(&buffer[..n]);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read_all(path: &Path) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut reader = Input::open(path).unwrap().reader(|_| {}).unwrap();
        reader.read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn compression_is_told_by_content_and_several_members_are_one_input() {
        let folder = tempfile::tempdir().unwrap();
        let gzip = |text: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Default::default());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        };
        let cases = [
            ("plain", b"one two".to_vec()),
            ("gzip", [gzip(b"one "), gzip(b"two")].concat()),
            (
                "zstd",
                [
                    zstd::encode_all(&b"one "[..], 1).unwrap(),
                    zstd::encode_all(&b"two"[..], 1).unwrap(),
                ]
                .concat(),
            ),
        ];
        for (name, bytes) in cases {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(read_all(&path), b"one two", "{name}");
            assert_eq!(head(&path).unwrap(), b"one two", "{name}");
        }
    }

    #[test]
    fn a_folder_is_no_input() {
        let folder = tempfile::tempdir().unwrap();
        let error = Input::open(folder.path()).unwrap_err();
        assert!(error.to_string().starts_with("cannot open"));
    }
}
