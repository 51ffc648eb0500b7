//! Strings that repeat, each held once and named by a number.
//!
//! Rows wait in the reorder window as small copyable values, so their strings live here. The table
//! is bounded: its owner writes out every row and calls [`Labels::clear`] when it
//! [is full](Labels::is_full).

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Distinct labels that are held at most, before rows are written out to make room.
const MAX_LABELS: usize = 1 << 20;
/// Bytes of labels that are held at most.
const MAX_BYTES: usize = 32 << 20;

/// A string's number in [`Labels`]; 0 is no string.
pub(crate) type Label = u32;

/// No string.
pub(crate) const NONE: Label = 0;

/// The strings of the rows that are held.
#[derive(Debug, Default)]
pub(crate) struct Labels {
    text: String,
    /// End of each label in `text`; label n is the n-th, from 1.
    ends: Vec<usize>,
    table: HashTable<Label>,
    hasher: DefaultHashBuilder,
    /// The line that is being read, and the one that each label came with first.
    line: u64,
    first_lines: Vec<u64>,
    /// The last label of each of some columns.
    last: [Label; COLUMNS],
}

/// Columns whose strings are mostly those of the row before.
const COLUMNS: usize = 4;

impl Labels {
    /// Says which line the strings that come now are of.
    #[inline]
    pub(crate) fn at_line(&mut self, line: u64) {
        self.line = line;
    }

    /// The line that a label came with first.
    pub(crate) fn first_line(&self, label: Label) -> u64 {
        let index = (label as usize).checked_sub(1);
        let line = index.and_then(|index| self.first_lines.get(index));
        line.copied().unwrap_or_default()
    }

    /// The number of a string. Bytes that are not UTF-8 (the kernel cuts names at 15 bytes, also inside
    /// a character) become U+FFFD.
    pub(crate) fn intern(&mut self, bytes: &[u8]) -> Label {
        let hash = self.hasher.hash_one(bytes);
        let (text, ends) = (&self.text, &self.ends);
        let found = self
            .table
            .find(hash, |&label| slice(text, ends, label).as_bytes() == bytes);
        if let Some(&label) = found {
            return label;
        }
        match std::str::from_utf8(bytes) {
            Ok(string) => self.insert(hash, string),
            Err(_) => {
                let string = String::from_utf8_lossy(bytes).into_owned();
                self.intern(string.as_bytes())
            }
        }
    }

    /// The number of a string of a column, by number, that is mostly the one of the row before.
    #[inline]
    pub(crate) fn intern_again(&mut self, column: usize, bytes: &[u8]) -> Label {
        let last = self.last.get(column).copied().unwrap_or(NONE);
        if last != NONE && slice(&self.text, &self.ends, last).as_bytes() == bytes {
            return last;
        }
        let label = self.intern(bytes);
        if let Some(last) = self.last.get_mut(column) {
            *last = label;
        }
        label
    }

    fn insert(&mut self, hash: u64, string: &str) -> Label {
        let Ok(label) = Label::try_from(self.ends.len().saturating_add(1)) else {
            return NONE;
        };
        self.text.push_str(string);
        self.ends.push(self.text.len());
        self.first_lines.push(self.line);
        let (text, ends, hasher) = (&self.text, &self.ends, &self.hasher);
        self.table.insert_unique(hash, label, |&label| {
            hasher.hash_one(slice(text, ends, label).as_bytes())
        });
        label
    }

    /// The string of a label; empty for [`NONE`].
    pub(crate) fn get(&self, label: Label) -> &str {
        slice(&self.text, &self.ends, label)
    }

    /// How many labels there are: numbers run from 1 to this.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether it is time to write rows out and forget the labels.
    pub(crate) fn is_full(&self) -> bool {
        self.ends.len() >= MAX_LABELS || self.text.len() >= MAX_BYTES
    }

    /// Forgets all labels; no row may refer to one any more.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.first_lines.clear();
        self.table.clear();
        self.last = [NONE; COLUMNS];
    }
}

fn slice<'a>(text: &'a str, ends: &[usize], label: Label) -> &'a str {
    let Some(index) = (label as usize).checked_sub(1) else {
        return "";
    };
    let start = index
        .checked_sub(1)
        .map_or(Some(0), |before| ends.get(before).copied());
    match (start, ends.get(index)) {
        (Some(start), Some(&end)) => text.get(start..end).unwrap_or(""),
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_has_the_same_number_whether_it_is_looked_up_or_was_the_last() {
        let mut labels = Labels::default();
        let empty = labels.intern_again(0, b"");
        let cut = labels.intern_again(0, b"caf\xc3");
        assert_eq!(labels.intern_again(1, b""), empty);
        assert_eq!(labels.intern_again(0, b"caf\xc3"), cut);
        assert_eq!(labels.intern_again(0, b""), empty);
        assert_eq!(labels.intern(b"caf\xc3"), cut);
        labels.clear();
        assert_eq!(labels.intern_again(0, b"kafka"), 1);
    }

    #[test]
    fn a_string_has_one_number_whatever_its_bytes() {
        let mut labels = Labels::default();
        let a = labels.intern(b"kafka");
        let cut = labels.intern(b"caf\xc3");
        let empty = labels.intern(b"");
        assert_eq!(labels.intern(b"kafka"), a);
        assert_eq!(labels.intern(b"caf\xc3"), cut);
        assert_eq!(labels.intern(b""), empty);
        assert_eq!(
            (labels.get(a), labels.get(cut), labels.get(empty)),
            ("kafka", "caf\u{fffd}", "")
        );
        assert_eq!((labels.len(), labels.get(NONE)), (3, ""));
    }
}
