//! Makes a metadata event safe for jfrs to read.
//!
//! jfrs is the schema reader, and trusts its input: it allocates what counts say, recurses as deep
//! as elements nest, and refuses the whole event for one string or element that it does not know.
//! So the event is walked here first, with bounded counts and depth, and written anew: only the
//! elements that jfrs knows, strings as UTF-8, integers compressed. What had to be left out is told.

use crate::format::cursor::{Cursor, Truncated};
use crate::format::header::{HEADER_LENGTH, MAGIC};
use crate::format::text::{self, Text};

/// Elements nest as root, metadata, class, field, annotation.
const MAX_DEPTH: usize = 8;
/// JDK 25 writes about 180 kB.
const MAX_LENGTH: usize = 64 << 20;
const MAX_ELEMENTS: usize = 1 << 20;

const ELEMENTS: [&str; 7] = [
    "root",
    "metadata",
    "class",
    "field",
    "setting",
    "annotation",
    "region",
];

/// Why a metadata event cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("it is cut off or damaged")]
    Truncated,
    #[error("it is longer than 64 MiB")]
    TooLong,
    #[error("its elements are nested deeper than 8")]
    TooDeep,
    #[error("it has more than 1048576 elements")]
    TooMany,
}

impl From<Truncated> for Refusal {
    fn from(_: Truncated) -> Self {
        Refusal::Truncated
    }
}

/// A chunk that holds only the metadata event whose fields start at `body`, rewritten.
pub(crate) fn canonical_chunk(
    event: &[u8],
    body: usize,
    compressed: bool,
) -> Result<Vec<u8>, Refusal> {
    if event.len().saturating_sub(body) > MAX_LENGTH {
        return Err(Refusal::TooLong);
    }
    let mut cursor = Cursor::new(event, body, compressed);
    for _start_duration_id in 0..3 {
        cursor.long()?;
    }
    let count = cursor.count()?;
    if count > cursor.remaining() {
        return Err(Refusal::Truncated);
    }
    let mut strings = Vec::new();
    for _ in 0..count {
        strings.push(match text::read(&mut cursor)? {
            Text::Inline(text) => text.into_owned(),
            Text::Null | Text::Pooled(_) => String::new(),
        });
    }
    let mut walk = Walk {
        cursor,
        strings: &strings,
        elements: 0,
    };
    let _root_name = walk.cursor.count()?;
    let root = walk.element("root", 0)?;
    Ok(chunk_of(&strings, &root))
}

/// An element of the metadata tree, with indices into the string table.
#[derive(Debug)]
struct Element {
    name: usize,
    attributes: Vec<(usize, usize)>,
    children: Vec<Element>,
}

struct Walk<'a> {
    cursor: Cursor<'a>,
    strings: &'a [String],
    elements: usize,
}

impl Walk<'_> {
    /// Reads the element whose name has been read.
    fn element(&mut self, name: &str, depth: usize) -> Result<Element, Refusal> {
        if depth >= MAX_DEPTH {
            return Err(Refusal::TooDeep);
        }
        self.elements += 1;
        if self.elements > MAX_ELEMENTS {
            return Err(Refusal::TooMany);
        }
        let mut attributes = Vec::new();
        for _ in 0..self.bounded_count()? {
            let (key, value) = (self.cursor.count()?, self.cursor.count()?);
            let known = |index| self.strings.get(index).map(String::as_str);
            if let (Some(key_text), Some(value_text)) = (known(key), known(value))
                && is_readable(name, key_text, value_text)
            {
                attributes.push((key, value));
            }
        }
        let mut children = Vec::new();
        for _ in 0..self.bounded_count()? {
            let child = self.cursor.count()?;
            let child_name = self.strings.get(child).map_or("", String::as_str);
            let mut element = self.element(child_name, depth + 1)?;
            element.name = child;
            if ELEMENTS.contains(&child_name) && self.is_complete(child_name, &element) {
                children.push(element);
            }
        }
        Ok(Element {
            name: 0,
            attributes,
            children,
        })
    }

    /// A count of things that take at least a byte each.
    fn bounded_count(&mut self) -> Result<usize, Refusal> {
        let count = self.cursor.count()?;
        if count > self.cursor.remaining() {
            return Err(Refusal::Truncated);
        }
        Ok(count)
    }

    /// A class or field without a name would make jfrs refuse everything.
    fn is_complete(&self, name: &str, element: &Element) -> bool {
        let has = |wanted: &str| {
            let mut keys = element.attributes.iter();
            keys.any(|(key, _)| self.strings.get(*key).is_some_and(|key| key == wanted))
        };
        match name {
            "class" => has("name") && has("id"),
            "field" => has("name") && has("class"),
            _ => true,
        }
    }
}

/// Whether jfrs can parse an attribute that it parses.
fn is_readable(element: &str, key: &str, value: &str) -> bool {
    match (element, key) {
        ("class", "id") | ("field" | "annotation", "class") => value.parse::<i64>().is_ok(),
        ("field", "dimension") => value.parse::<i32>().is_ok(),
        ("class", "simpleType") | ("field", "constantPool") => value.parse::<bool>().is_ok(),
        _ => true,
    }
}

fn chunk_of(strings: &[String], root: &Element) -> Vec<u8> {
    let mut chunk = MAGIC.to_vec();
    chunk.extend([0, 2, 0, 1]);
    chunk.extend([0; 8]); // the length, set below
    chunk.extend(0u64.to_be_bytes());
    chunk.extend((HEADER_LENGTH as u64).to_be_bytes());
    chunk.extend([0; 32]);
    chunk.extend(1u32.to_be_bytes()); // compressed integers
    // Size, type, start, duration and id are read and not used.
    chunk.extend([0, 0, 0, 0, 0]);
    push(&mut chunk, strings.len());
    for string in strings {
        if string.is_empty() {
            chunk.push(1);
        } else {
            chunk.push(3);
            push(&mut chunk, string.len());
            chunk.extend(string.as_bytes());
        }
    }
    push(&mut chunk, 0);
    push_element(&mut chunk, root);
    let length = (chunk.len() as u64).to_be_bytes();
    if let Some(place) = chunk.get_mut(8..16) {
        place.copy_from_slice(&length);
    }
    chunk
}

/// Recurses at most [`MAX_DEPTH`] deep, as the walk that made the tree did.
fn push_element(chunk: &mut Vec<u8>, element: &Element) {
    push(chunk, element.attributes.len());
    for (key, value) in &element.attributes {
        push(chunk, *key);
        push(chunk, *value);
    }
    push(chunk, element.children.len());
    for child in &element.children {
        push(chunk, child.name);
        push_element(chunk, child);
    }
}

/// Appends a compressed integer.
#[allow(clippy::cast_possible_truncation)]
fn push(chunk: &mut Vec<u8>, mut value: usize) {
    while value > 0x7f {
        chunk.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    chunk.push(value as u8);
}
