//! Splits an input into chunks, in a way that does not depend on how much of it is seen at once.
//!
//! A chunk ends where its header says if there the input ends or another chunk starts. Otherwise
//! the length is wrong, or the recorder had not updated it, or the input was cut: then the chunk's bytes
//! reach to the next header of another chunk, or to the end. Copies of its own header, which the JDK
//! writes at every flush, are part of it.

use memchr::memmem::Finder;

use crate::format::header::{HEADER_LENGTH, Header, MAGIC};

/// Where the chunk that starts at the beginning of some bytes ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// It ends at this offset.
    Known(usize),
    /// More bytes of the input are needed to tell.
    NeedMore,
}

/// Tells where the chunk at the start of `bytes` ends; `at_end` when no more bytes will come.
/// `searched` remembers how far a search for the next header has come.
pub(crate) fn extent(bytes: &[u8], at_end: bool, searched: &mut usize) -> Extent {
    let Some(header) = Header::read_any_version(bytes) else {
        return if at_end {
            Extent::Known(bytes.len())
        } else {
            Extent::NeedMore
        };
    };
    let length = usize::try_from(header.chunk_length).unwrap_or(usize::MAX);
    if length >= HEADER_LENGTH && length <= bytes.len() {
        let behind = bytes.get(length..).unwrap_or_default();
        // The same recording behind itself says the same length; a copy says another.
        let begins =
            |next: Header| !header.is_copied_by(&next) || next.chunk_length == header.chunk_length;
        if Header::read(behind).is_some_and(begins) || (behind.is_empty() && at_end) {
            return Extent::Known(length);
        }
        if behind.len() < HEADER_LENGTH && !at_end {
            return Extent::NeedMore;
        }
    } else if !at_end && length >= HEADER_LENGTH {
        // Perhaps the rest of it is still to come.
        return Extent::NeedMore;
    }
    let from = MAGIC.len().max(*searched);
    if let Some(next) = next_header(bytes, from, &header) {
        return Extent::Known(next);
    }
    if at_end {
        return Extent::Known(bytes.len());
    }
    *searched = bytes.len().saturating_sub(HEADER_LENGTH).max(from);
    Extent::NeedMore
}

/// The offset of the first header at or behind `from` of another chunk than that of `own`.
pub(crate) fn next_header(bytes: &[u8], from: usize, own: &Header) -> Option<usize> {
    let finder = Finder::new(MAGIC);
    let rest = bytes.get(from..)?;
    finder.find_iter(rest).map(|found| from + found).find(|at| {
        let header = bytes.get(*at..).and_then(Header::read);
        header.is_some_and(|header| !own.is_copied_by(&header))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(declared: u64, body: usize) -> Vec<u8> {
        began_at(1, declared, body)
    }

    fn began_at(start: u8, declared: u64, body: usize) -> Vec<u8> {
        let mut bytes = b"FLR\0\0\x02\0\x01".to_vec();
        bytes.extend(declared.to_be_bytes());
        bytes.extend([start; 40]);
        bytes.extend(1_000_000_000u64.to_be_bytes());
        bytes.truncate(56);
        bytes.extend(1_000_000_000u64.to_be_bytes());
        bytes.extend([0, 0, 0, 1]);
        bytes.extend(vec![7; body]);
        bytes
    }

    #[test]
    fn a_chunk_ends_where_its_header_says() {
        let bytes = [chunk(78, 10), chunk(78, 10)].concat();
        assert_eq!(extent(&bytes, true, &mut 0), Extent::Known(78));
        assert_eq!(extent(&bytes[..100], false, &mut 0), Extent::NeedMore);
        assert_eq!(extent(&bytes[78..], true, &mut 0), Extent::Known(78));
    }

    #[test]
    fn copies_of_its_own_header_are_part_of_a_chunk() {
        for declared in [0, 1 << 30, 70, 90, u64::MAX] {
            let own = [chunk(declared, 10), chunk(68, 0), vec![7; 5], chunk(0, 3)].concat();
            let length = own.len();
            assert_eq!(
                extent(&own, true, &mut 0),
                Extent::Known(length),
                "{declared}"
            );
            let two = [own, began_at(2, 78, 10)].concat();
            assert_eq!(
                extent(&two, true, &mut 0),
                Extent::Known(length),
                "{declared}"
            );
        }
    }

    #[test]
    fn an_unfinished_chunk_reaches_to_the_next_header() {
        for declared in [0, 1 << 30, 70, u64::MAX] {
            let bytes = [chunk(declared, 10), began_at(2, 78, 10)].concat();
            assert_eq!(
                extent(&bytes, true, &mut 0),
                Extent::Known(78),
                "{declared}"
            );
        }
    }
}
