//! Whether an input is stored already under another name, whole or in part: told by its bytes, before
//! they are decoded.
//!
//! A recording that was cut, or went on, begins with the same bytes. Inputs that can be read only once
//! (pipes) are not looked at, nor is what is in a compressed file.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::content_hash::{ContentHash, HEAD_BYTES, READ_BYTES};
use crate::source_entry::SourceEntry;

/// What an input is to those that are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Likeness {
    /// Nothing stored is like it.
    New,
    /// It begins with all bytes of these sources, and may go on.
    Holds(Vec<i64>),
    /// It is the beginning of this source.
    BeginningOf(i64),
    /// Its first bytes are those of this source; what comes then differs, or cannot be compared.
    BeginsLike(i64),
}

/// Compares an input with the stored sources of its kind. What cannot be read is new; opening it says why.
pub fn likeness<'a>(
    paths: &[PathBuf],
    kind: &str,
    stored: impl IntoIterator<Item = &'a SourceEntry>,
) -> Likeness {
    compare(paths, kind, stored.into_iter()).unwrap_or(Likeness::New)
}

fn compare<'a>(
    paths: &[PathBuf],
    kind: &str,
    stored: impl Iterator<Item = &'a SourceEntry>,
) -> io::Result<Likeness> {
    let size = size(paths)?;
    let mut alike: Vec<&SourceEntry> = Vec::new();
    // Most stored sources are longer than their head, so that one hash does for all of them.
    let mut heads: HashMap<u64, String> = HashMap::new();
    for source in stored.filter(|source| source.kind == kind) {
        // Too short a beginning says nothing.
        let is_comparable = source.size_bytes > 0 && size >= source.size_bytes.min(HEAD_BYTES);
        let (true, Some(head)) = (is_comparable, &source.head_hash) else {
            continue;
        };
        let own = match heads.entry(source.size_bytes.min(HEAD_BYTES)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let hash = hashes(paths, &[*new.key()])?.concat();
                new.insert(hash)
            }
        };
        if head == own {
            alike.push(source);
        }
    }
    let Some(first) = alike.first() else {
        return Ok(Likeness::New);
    };
    let (shorter, longer): (Vec<&SourceEntry>, Vec<&SourceEntry>) =
        alike.iter().partition(|source| source.size_bytes <= size);
    let mut places: Vec<u64> = shorter.iter().map(|source| source.size_bytes).collect();
    places.push(size);
    places.sort_unstable();
    places.dedup();
    let found = hashes(paths, &places)?;
    let at = |place: u64| found.get(places.binary_search(&place).ok()?);
    let is_held = |source: &&&SourceEntry| at(source.size_bytes) == Some(&source.content_hash);
    let held: Vec<i64> = shorter
        .iter()
        .filter(is_held)
        .map(|s| s.source_id)
        .collect();
    if !held.is_empty() {
        return Ok(Likeness::Holds(held));
    }
    let begins = |source: &&&SourceEntry| at(size).is_some_and(|hash| goes_on(source, size, hash));
    Ok(match longer.iter().find(begins) {
        Some(source) => Likeness::BeginningOf(source.source_id),
        None => Likeness::BeginsLike(first.source_id),
    })
}

/// Whether the files of a stored source are still what was stored, and begin with bytes of a hash.
fn goes_on(source: &SourceEntry, size: u64, hash: &str) -> bool {
    let paths: Vec<PathBuf> = source.paths.iter().map(PathBuf::from).collect();
    let found = hashes(&paths, &[size, source.size_bytes]);
    found.is_ok_and(|found| found == [hash, &source.content_hash])
}

fn size(paths: &[PathBuf]) -> io::Result<u64> {
    let sizes = paths.iter().map(|path| {
        let metadata = fs::metadata(path)?;
        if metadata.is_file() && path != Path::new("-") {
            Ok(metadata.len())
        } else {
            Err(io::Error::from(io::ErrorKind::Unsupported))
        }
    });
    sizes.sum()
}

/// Hashes of the first bytes of files that follow each other, at places in ascending order; fewer when the
/// files end before.
fn hashes(paths: &[PathBuf], places: &[u64]) -> io::Result<Vec<String>> {
    let mut hash = ContentHash::default();
    let mut found = Vec::new();
    let mut buffer = vec![0; READ_BYTES];
    let mut read_bytes = 0;
    for path in paths {
        let mut file = File::open(path)?;
        while let Some(place) = places.get(found.len()) {
            let left = usize::try_from(place - read_bytes).unwrap_or(usize::MAX);
            let wanted = left.min(buffer.len());
            let filled = file.read(&mut buffer[..wanted])?;
            hash.update(&buffer[..filled]);
            read_bytes += filled as u64;
            if read_bytes == *place {
                found.push(hash.hex());
            }
            if filled == 0 {
                break;
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stored source with the bytes of a file.
    fn stored(source_id: i64, path: &Path) -> SourceEntry {
        let bytes = fs::read(path).unwrap();
        let mut hash = ContentHash::default();
        hash.update(&bytes);
        let mut source = crate::source_entry::test_source(source_id);
        source.paths = vec![path.display().to_string()];
        source.size_bytes = bytes.len() as u64;
        source.content_hash = hash.hex();
        source.head_hash = Some(hash.head_hex());
        source
    }

    #[test]
    fn a_grown_a_cut_and_a_changed_copy_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            path
        };
        let bytes: Vec<u8> = (0..20_000_u32).flat_map(u32::to_le_bytes).collect();
        let whole = stored(1, &file("whole", &bytes));
        let small = stored(2, &file("small", &bytes[40_000..40_100]));
        let sources = [whole, small];
        let likeness =
            |name: &str, bytes: &[u8]| likeness(&[file(name, bytes)], &sources[0].kind, &sources);
        let grown = [&bytes[..], b"more"].concat();
        let mut changed = grown.clone();
        changed[50_000] ^= 1;
        assert_eq!(likeness("copy", &bytes), Likeness::Holds(vec![1]));
        assert_eq!(likeness("grown", &grown), Likeness::Holds(vec![1]));
        assert_eq!(likeness("changed", &changed), Likeness::BeginsLike(1));
        assert_eq!(likeness("cut", &bytes[..9_000]), Likeness::BeginningOf(1));
        assert_eq!(
            likeness("small and more", &bytes[40_000..]),
            Likeness::Holds(vec![2])
        );
        assert_eq!(likeness("other", &bytes[8..]), Likeness::New);
        let parts = [file("one", &bytes[..60_000]), file("two", &bytes[60_000..])];
        let rotated = super::likeness(&parts, &sources[0].kind, &sources);
        assert_eq!(rotated, Likeness::Holds(vec![1]));
        // What was stored cannot be compared any more.
        fs::write(folder.path().join("whole"), b"else").unwrap();
        assert_eq!(likeness("cut", &bytes[..9_000]), Likeness::BeginsLike(1));
    }
}
