//! Inputs: files, pipes and compressed files, as the bytes that decoders take.

mod content_hash;
mod likeness;
mod map;
mod pipe;
mod stop;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

pub use content_hash::ContentHash;
pub use likeness::{Likeness, likeness};
pub use map::map;
pub use pipe::Pipe;
pub use stop::Stop;

use content_hash::READ_BYTES;

use crate::error::{Error, ErrorKind, Result};

/// Bytes that are pushed into a decoder at once: enough to share out among cores.
pub const CHUNK_BYTES: usize = 8 << 20;

/// How an input is compressed, told by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// In one or more members.
    Gzip,
    /// In one or more frames.
    Zstd,
}

impl Compression {
    fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            // A skippable frame, with which pzstd begins.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// A compression that is not read: its name, and the command that undoes it.
fn unread_compression(head: &[u8]) -> Option<(&'static str, &'static str)> {
    match head {
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(("xz", "xz")),
        [
            b'B',
            b'Z',
            b'h',
            b'1'..=b'9',
            0x31,
            0x41,
            0x59,
            0x26,
            0x53,
            0x59,
            ..,
        ] => Some(("bzip2", "bzip2")),
        [0x04, 0x22, 0x4d, 0x18, ..] => Some(("lz4", "lz4")),
        _ => None,
    }
}

/// An opened input.
#[derive(Debug)]
pub struct Input {
    /// How its bytes are compressed.
    pub compression: Compression,
    /// Where they are.
    pub kind: InputKind,
}

/// Where an input's bytes are.
#[derive(Debug)]
pub enum InputKind {
    /// A file on disk, with its size.
    File(File, u64),
    /// A pipe or device, whose first bytes were read already.
    Pipe(io::Chain<io::Cursor<Vec<u8>>, Pipe>),
}

impl Input {
    /// Opens a file, a named pipe, or `-` for standard input. Pipes end when they are asked to stop.
    pub fn open(path: &Path, stop: &Stop) -> Result<Self> {
        if path == Path::new("-") {
            return Self::pipe(path, Pipe::new(io::stdin(), stop));
        }
        let cannot_open = |e| Error::io("cannot open", path, e);
        let mut file = File::open(path).map_err(cannot_open)?;
        let metadata = file.metadata().map_err(cannot_open)?;
        if metadata.is_dir() {
            let error = io::Error::from(io::ErrorKind::IsADirectory);
            return Err(cannot_open(error));
        }
        if !metadata.is_file() {
            return Self::pipe(path, Pipe::new(file, stop));
        }
        let head = read_head(&mut file).map_err(|e| Error::io("cannot read", path, e))?;
        io::Seek::rewind(&mut file).map_err(|e| Error::io("cannot read", path, e))?;
        refuse_unread(path, &head)?;
        Ok(Self {
            compression: Compression::of(&head),
            kind: InputKind::File(file, metadata.len()),
        })
    }

    fn pipe(path: &Path, mut pipe: Pipe) -> Result<Self> {
        let head = read_head(&mut pipe).map_err(|e| Error::io("cannot read", path, e))?;
        refuse_unread(path, &head)?;
        Ok(Self {
            compression: Compression::of(&head),
            kind: InputKind::Pipe(io::Cursor::new(head).chain(pipe)),
        })
    }

    /// A reader of the decompressed bytes; `seen` is told of every raw byte.
    pub fn reader<'a>(self, seen: impl FnMut(&[u8]) + 'a) -> io::Result<Box<dyn Read + 'a>> {
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

fn refuse_unread(path: &Path, head: &[u8]) -> Result<()> {
    let Some((name, command)) = unread_compression(head) else {
        return Ok(());
    };
    let path = path.display();
    let message = format!(
        "{path} is compressed with {name}, which is not read: give what `{command} -dc {path}` prints"
    );
    Err(Error::new(ErrorKind::Input, message))
}

/// The first (decompressed) bytes of a file, to tell what it looks like.
pub fn head(path: &Path) -> Result<Vec<u8>> {
    beginning(path, 4096)
}

/// The first (decompressed) bytes of a file, so many if it has them.
pub fn beginning(path: &Path, bytes: usize) -> Result<Vec<u8>> {
    let cannot_read = |e| Error::io("cannot read", path, e);
    let input = Input::open(path, &Stop::default())?;
    let mut reader = input.reader(|_| {}).map_err(cannot_read)?;
    let mut head = vec![0; bytes];
    let filled = fill(&mut reader, &mut head).0;
    head.truncate(filled);
    Ok(head)
}

/// Reads until the buffer is full or the input ends or fails; bytes read before a failure count.
pub fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> (usize, Option<io::Error>) {
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
    let mut head = vec![0; 10];
    let (filled, error) = fill(reader, &mut head);
    head.truncate(filled);
    error.map_or(Ok(head), Err)
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
        let input = Input::open(path, &Stop::default()).unwrap();
        let mut reader = input.reader(|_| {}).unwrap();
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
    fn a_zstd_file_may_begin_with_a_skippable_frame() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pzstd");
        let skippable = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 9, 9, 9, 9];
        let frame = zstd::encode_all(&b"one two"[..], 1).unwrap();
        std::fs::write(&path, [&skippable[..], &frame].concat()).unwrap();
        assert_eq!(read_all(&path), b"one two");
    }

    #[test]
    fn a_compression_that_is_not_read_is_named_with_the_command_that_undoes_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dump");
        let heads: [(&str, &[u8]); 3] = [
            ("xz", b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46"),
            ("bzip2", b"BZh91AY&SY\x4e\xec"),
            ("lz4", b"\x04\x22\x4d\x18\x64\x40\xa7"),
        ];
        for (name, head) in heads {
            std::fs::write(&path, head).unwrap();
            let error = Input::open(&path, &Stop::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Input);
            let command = format!("`{name} -dc {}`", path.display());
            assert!(error.to_string().contains(&command), "{error}");
        }
        std::fs::write(&path, "BZh1 is how this text begins").unwrap();
        assert!(Input::open(&path, &Stop::default()).is_ok());
    }

    #[test]
    fn a_folder_is_no_input() {
        let folder = tempfile::tempdir().unwrap();
        let error = Input::open(folder.path(), &Stop::default()).unwrap_err();
        assert!(error.to_string().starts_with("cannot open"));
    }
}
