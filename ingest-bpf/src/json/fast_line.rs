//! The fast path for the two events that make up nearly all of a recording: `write` and
//! `monitor_contended` of kcorr's own probes.
//!
//! It reads one flat JSON object whose values are integers and strings without escapes, in any order
//! of keys and with any spaces, and passes on everything else ([`read`] is none) to the general path,
//! which gives the same row for what both can read.

use super::cursor::Cursor;
use super::fields::{Field, Fields};
use super::layout::{Draft, Layouts};
use crate::labels::Labels;
use crate::rows::AnyRow;

/// The row of a line, if it is one of the two events and simple enough.
pub(crate) fn read(line: &[u8], labels: &mut Labels, layouts: &mut Layouts) -> Option<AnyRow> {
    match layouts.read(line) {
        Some((fields, end)) if end == line.len() => fields.into_row(labels),
        _ => read_by_keys(line, labels, layouts),
    }
}

/// The row of the first of some lines, and where the line ends, if it is laid out as one before; the row is none
/// if it is not simple enough.
#[inline]
pub(crate) fn read_first(
    lines: &[u8],
    labels: &mut Labels,
    layouts: &Layouts,
) -> Option<(Option<AnyRow>, usize)> {
    let (fields, end) = layouts.read(lines)?;
    // Neither what stands between values nor a value has a line's end in it.
    let is_line = lines.get(end) == Some(&b'\n');
    is_line.then(|| (fields.into_row(labels), end))
}

/// The row of a line, whatever the order of its keys.
pub(crate) fn read_by_keys(
    line: &[u8],
    labels: &mut Labels,
    layouts: &mut Layouts,
) -> Option<AnyRow> {
    let mut cursor = Cursor { line, at: 0 };
    cursor.spaces();
    cursor.byte(b'{')?;
    let mut fields = Fields::default();
    let mut layout = Draft::default();
    let learns = layouts.learns();
    loop {
        cursor.spaces();
        let key = cursor.key()?;
        cursor.spaces();
        cursor.byte(b':')?;
        cursor.spaces();
        let field = Field::of(&key)?;
        let start = cursor.at;
        fields.set(field, &mut cursor)?;
        if learns {
            layout.value(field, start..cursor.at);
        }
        cursor.spaces();
        match cursor.next()? {
            b',' => {}
            b'}' => break,
            _ => return None,
        }
    }
    cursor.spaces();
    if cursor.at != line.len() {
        return None;
    }
    if learns {
        layouts.learn(layout, line, &fields);
    }
    fields.into_row(labels)
}
