//! The members of a tar archive, from bytes that come in pieces.
//!
//! POSIX ustar and pax (`path`, `size`) and GNU's long names, as GNU tar, bsdtar and Docker write; and pax records
//! `KCORR.offset`, by which a member is the part of its file that begins there (`kcorr record` writes them). A header
//! is one whose checksum is right; where one should be and is not, the reader goes on at the next that is.
//! Sparse files are not read.

use kcorr_model::Error;

/// Bytes of a header, and what all else is rounded up to.
pub(crate) const BLOCK: usize = 512;
/// Bytes of a long name or of a pax header that are read.
const MOST_NAME_BYTES: usize = 64 << 10;

/// What comes of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Member<'a> {
    /// A file begins, with its path, and where in it the bytes that follow begin.
    File(&'a str, u64),
    /// Bytes of the file that began last.
    Bytes(&'a [u8]),
    /// The file ends.
    End,
    /// A member that cannot be read, with its path.
    Unread(&'a str),
    /// A block that should be a header and is none.
    Damaged,
}

type Take<'t> = dyn FnMut(Member<'_>) -> Result<(), Error> + 't;

/// Reads an archive.
#[derive(Debug, Default)]
pub(crate) struct TarReader {
    block: Vec<u8>,
    state: State,
    /// The next member's path and size, where a header before it told them.
    path: Option<String>,
    size: Option<u64>,
    /// Where in its file the next member begins.
    offset: Option<u64>,
    is_damaged: bool,
    /// Whether the block of zeros came that ends an archive.
    is_ended: bool,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Header,
    /// So many bytes of a member's content are left, and of what fills its last block.
    Content {
        of: Content,
        left: u64,
        padding: u64,
    },
}

#[derive(Debug)]
enum Content {
    File,
    /// A path for the next member.
    Name(Vec<u8>),
    /// Records for the next member.
    Pax(Vec<u8>),
    Other,
}

/// Whether a block is a header whose checksum is right.
pub(crate) fn is_header(block: &[u8]) -> bool {
    let Some(told) = block.get(148..156).and_then(octal) else {
        return false;
    };
    let bytes = block.iter().take(BLOCK).enumerate();
    let sum: u64 = bytes
        .map(|(at, &byte)| match at {
            148..156 => u64::from(b' '),
            _ => u64::from(byte),
        })
        .sum();
    block.len() >= BLOCK && sum == told
}

/// A number in octal digits, between spaces and zeros.
fn octal(field: &[u8]) -> Option<u64> {
    let digits = field.iter().skip_while(|&&byte| byte == b' ');
    let digits = digits.take_while(|byte| !matches!(byte, b' ' | 0));
    let mut value = None;
    for digit in digits {
        if !(b'0'..=b'7').contains(digit) {
            return None;
        }
        let before = value.unwrap_or(0_u64);
        value = Some(
            before
                .checked_mul(8)?
                .checked_add(u64::from(digit.wrapping_sub(b'0')))?,
        );
    }
    value
}

/// A size: octal, or in binary where it is larger than that holds.
fn size_of(field: &[u8]) -> Option<u64> {
    match field.split_first()? {
        (0x80, rest) => rest.iter().try_fold(0_u64, |value, &byte| {
            value.checked_mul(256)?.checked_add(u64::from(byte))
        }),
        _ => octal(field),
    }
}

fn text(field: &[u8]) -> String {
    let end = field
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(field.len());
    String::from_utf8_lossy(field.get(..end).unwrap_or(field)).into_owned()
}

impl TarReader {
    /// Takes the next bytes.
    pub(crate) fn push(&mut self, mut bytes: &[u8], take: &mut Take<'_>) -> Result<(), Error> {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Header => {
                    let missing = BLOCK.saturating_sub(self.block.len());
                    let (now, later) = bytes.split_at_checked(missing).unwrap_or((bytes, &[]));
                    self.block.extend_from_slice(now);
                    bytes = later;
                    if self.block.len() >= BLOCK {
                        let block = std::mem::take(&mut self.block);
                        self.header(&block, take)?;
                    }
                }
                State::Content { of, left, padding } => {
                    let count = usize::try_from(*left)
                        .unwrap_or(usize::MAX)
                        .min(bytes.len());
                    let (content, rest) = bytes.split_at_checked(count).unwrap_or((bytes, &[]));
                    *left = left.saturating_sub(content.len() as u64);
                    match of {
                        Content::File if !content.is_empty() => take(Member::Bytes(content))?,
                        Content::Name(held) | Content::Pax(held) => {
                            let room = MOST_NAME_BYTES.saturating_sub(held.len());
                            held.extend_from_slice(content.get(..room).unwrap_or(content));
                        }
                        Content::File | Content::Other => {}
                    }
                    bytes = rest;
                    if *left == 0 {
                        let filled = usize::try_from(*padding).unwrap_or(BLOCK).min(bytes.len());
                        *padding = padding.saturating_sub(filled as u64);
                        bytes = bytes.get(filled..).unwrap_or_default();
                        if *padding == 0 {
                            self.end_content(take)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Ends the archive; whether it was whole.
    pub(crate) fn finish(&mut self, take: &mut Take<'_>) -> Result<bool, Error> {
        let is_whole = matches!(self.state, State::Header) && self.block.is_empty();
        if let State::Content { left: 0, .. } = self.state {
            // What fills the last block is no content.
            self.end_content(take)?;
            return Ok(self.is_ended);
        }
        if let State::Content {
            of: Content::File, ..
        } = self.state
        {
            take(Member::End)?;
        }
        let is_ended = self.is_ended;
        *self = Self::default();
        Ok(is_whole && is_ended)
    }

    fn header(&mut self, block: &[u8], take: &mut Take<'_>) -> Result<(), Error> {
        if block.iter().all(|&byte| byte == 0) {
            self.is_ended = true;
            return Ok(());
        }
        let size = block.get(124..136).and_then(size_of);
        let Some(size) = size.filter(|_| is_header(block)) else {
            if !std::mem::replace(&mut self.is_damaged, true) {
                take(Member::Damaged)?;
            }
            return Ok(());
        };
        self.is_damaged = false;
        self.is_ended = false;
        let kind = block.get(156).copied().unwrap_or_default();
        let of = match kind {
            b'L' => Content::Name(Vec::new()),
            b'x' => Content::Pax(Vec::new()),
            b'0' | 0 | b'7' => {
                let path = self.path.take().unwrap_or_else(|| path_of(block));
                // Before POSIX, a directory was a file whose name ends so.
                if path.ends_with('/') {
                    Content::Other
                } else {
                    take(Member::File(&path, self.offset.take().unwrap_or(0)))?;
                    Content::File
                }
            }
            b'S' => {
                let path = self.path.take().unwrap_or_else(|| path_of(block));
                take(Member::Unread(&path))?;
                Content::Other
            }
            _ => {
                if !matches!(kind, b'g' | b'K') {
                    self.path = None;
                    self.offset = None;
                }
                Content::Other
            }
        };
        let size = match of {
            Content::File | Content::Other if !matches!(kind, b'g' | b'K') => {
                let told = self.size.take().unwrap_or(size);
                // Links, directories and devices have no content, whatever their size says.
                if matches!(kind, b'1'..=b'6') { 0 } else { told }
            }
            _ => size,
        };
        let block_bytes = BLOCK as u64;
        let padding = block_bytes.wrapping_sub(size % block_bytes) % block_bytes;
        self.state = State::Content {
            of,
            left: size,
            padding,
        };
        if size == 0 {
            self.end_content(take)?;
        }
        Ok(())
    }

    fn end_content(&mut self, take: &mut Take<'_>) -> Result<(), Error> {
        let State::Content { of, .. } = std::mem::take(&mut self.state) else {
            return Ok(());
        };
        match of {
            Content::File => take(Member::End),
            Content::Name(name) => {
                self.path = Some(text(&name));
                Ok(())
            }
            Content::Pax(records) => {
                for (key, value) in pax_records(&records) {
                    match key {
                        "path" => self.path = Some(value.to_owned()),
                        "size" => self.size = value.parse().ok(),
                        "KCORR.offset" => self.offset = value.parse().ok(),
                        _ => {}
                    }
                }
                Ok(())
            }
            Content::Other => Ok(()),
        }
    }
}

/// The path in a header: prefix and name of ustar.
fn path_of(block: &[u8]) -> String {
    let name = text(block.get(..100).unwrap_or_default());
    let is_ustar = block.get(257..263) == Some(b"ustar\0");
    let prefix = text(block.get(345..500).unwrap_or_default());
    if is_ustar && !prefix.is_empty() {
        format!("{prefix}/{name}")
    } else {
        name
    }
}

/// Records of a pax header: `27 path=orders-0/00000.log\n`.
fn pax_records(bytes: &[u8]) -> Vec<(&str, &str)> {
    let mut records = Vec::new();
    let mut rest = bytes;
    while let Some(space) = rest.iter().position(|&byte| byte == b' ') {
        let length = rest
            .get(..space)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let Some(length) = length.and_then(|digits| digits.parse::<usize>().ok()) else {
            break;
        };
        let record = rest.get(space.saturating_add(1)..length.saturating_sub(1));
        let pair = record.and_then(|record| std::str::from_utf8(record).ok());
        records.extend(pair.and_then(|record| record.split_once('=')));
        match rest.get(length..) {
            Some(behind) if length > 0 => rest = behind,
            _ => break,
        }
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of an archive.
    fn header(path: &str, kind: u8, size: usize) -> Vec<u8> {
        let mut block = vec![0; BLOCK];
        block[..path.len()].copy_from_slice(path.as_bytes());
        block[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
        block[156] = kind;
        block[257..263].copy_from_slice(b"ustar\0");
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        block
    }

    fn member(path: &str, kind: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = header(path, kind, content.len());
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        bytes
    }

    #[allow(
        clippy::type_complexity,
        reason = "files, what was left out, and whether it ended"
    )]
    fn read(bytes: &[u8], size: usize) -> (Vec<(String, Vec<u8>)>, Vec<String>, bool) {
        let mut reader = TarReader::default();
        let mut files: Vec<(String, Vec<u8>)> = Vec::new();
        let mut events = Vec::new();
        let mut take = |member: Member<'_>| {
            match member {
                Member::File(path, 0) => files.push((path.to_owned(), Vec::new())),
                Member::File(path, offset) => {
                    files.push((format!("{path} at {offset}"), Vec::new()));
                }
                Member::Bytes(bytes) => files.last_mut().unwrap().1.extend_from_slice(bytes),
                Member::End => {}
                other => events.push(format!("{other:?}")),
            }
            Ok(())
        };
        for piece in bytes.chunks(size) {
            reader.push(piece, &mut take).unwrap();
        }
        let is_whole = reader.finish(&mut take).unwrap();
        (files, events, is_whole)
    }

    #[test]
    fn members_are_read_however_the_archive_is_split_and_their_names_are_told() {
        let long = format!("{}/orders-0/0.log", "d".repeat(200));
        let record = format!("path={long}\n");
        let length = record.len() + 4;
        let pax = format!("{length} {record}");
        let archive = [
            member("./orders-0/", b'5', b""),
            member("./orders-0/0.log", b'0', &[7; 700]),
            member("././@LongLink", b'L', format!("{long}\0").as_bytes()),
            member("cut name", b'0', b"long"),
            member("pax", b'x', pax.as_bytes()),
            member("cut name", b'0', b"pax"),
            member("empty", b'0', b""),
            member("sparse", b'S', b"x"),
            vec![0; 2 * BLOCK],
        ]
        .concat();
        let expected = [
            ("./orders-0/0.log".to_owned(), vec![7; 700]),
            (long.clone(), b"long".to_vec()),
            (long.clone(), b"pax".to_vec()),
            ("empty".to_owned(), Vec::new()),
        ];
        for size in [1, 100, 512, 100_000] {
            let (files, events, is_whole) = read(&archive, size);
            assert_eq!(files, expected, "{size}");
            assert_eq!(events, ["Unread(\"sparse\")"]);
            assert!(is_whole);
        }
    }

    #[test]
    fn a_part_of_a_file_tells_where_it_begins_and_only_its_own_member_does() {
        let archive = [
            member("pax", b'x', b"21 KCORR.offset=4096\n"),
            member("a", b'0', b"part"),
            member("b", b'0', b"whole"),
            member("pax", b'x', b"21 KCORR.offset=many\n"),
            member("c", b'0', b"whole"),
            vec![0; 2 * BLOCK],
        ]
        .concat();
        let (files, ..) = read(&archive, 100);
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a at 4096", "b", "c"]);
    }

    #[test]
    fn damage_and_a_cut_are_told_and_the_rest_is_read() {
        let archive = [
            member("a", b'0', &[1; 600]),
            vec![9; 3 * BLOCK],
            member("b", b'0', &[2; 600]),
            vec![0; 2 * BLOCK],
        ]
        .concat();
        let (files, events, is_whole) = read(&archive, 333);
        assert_eq!(files.len(), 2);
        assert_eq!(events, ["Damaged"]);
        assert!(is_whole);
        let (files, _, is_whole) = read(&archive[..archive.len() - 3 * BLOCK], 333);
        assert_eq!(files[1].1.len(), 512);
        assert!(!is_whole);
    }
}
