//! How the lines of an event are laid out: what stands between their values.
//!
//! A probe prints its lines by one format, so that all but the numbers and strings is as in the line before it. What was
//! read key by key once is compared as a whole from then on. A line that differs is read key by key.

use std::ops::Range;

use super::cursor::Cursor;
use super::fields::{Field, Fields};

/// Layouts that are known at a time: those of two events, and of a probe's other version.
const MOST: usize = 4;
/// Lines that are looked at for a layout. Where each has another, none is of use.
const MOST_LEARNT: u32 = 64;
/// Words that are compared between two values at most.
const WORDS: usize = 5;
const WORD_BYTES: usize = 8;

/// The layouts of the lines so far.
#[derive(Debug, Default)]
pub(crate) struct Layouts {
    known: Vec<Layout>,
    learnt: u32,
}

#[derive(Debug)]
struct Layout {
    event: &'static [u8],
    values: Vec<(Gap, Field)>,
    end: Vec<u8>,
}

/// What stands before a value.
#[derive(Debug)]
struct Gap {
    text: Vec<u8>,
    /// The text in words, and which of their bits are of it.
    words: Vec<(u64, u64)>,
}

/// A layout being found: where values are in a line, but for the event's name.
#[derive(Debug, Default)]
pub(super) struct Draft {
    values: Vec<(Field, Range<usize>)>,
}

impl Draft {
    /// Notes where a value is.
    #[inline]
    pub(super) fn value(&mut self, field: Field, place: Range<usize>) {
        // What the event is called is the same in all lines of a layout.
        if field != Field::Event {
            self.values.push((field, place));
        }
    }
}

impl Layouts {
    /// Reads a line that is laid out as one before, and may have others behind it. Says where it ends, if it does.
    #[inline]
    pub(super) fn read<'a>(&self, line: &'a [u8]) -> Option<(Fields<'a>, usize)> {
        self.known.iter().find_map(|layout| layout.read(line))
    }

    /// Whether another layout may be learnt.
    #[inline]
    pub(super) fn learns(&self) -> bool {
        self.learnt < MOST_LEARNT
    }

    /// Remembers how a line is laid out.
    pub(super) fn learn(&mut self, draft: Draft, line: &[u8], fields: &Fields<'_>) {
        let event: &'static [u8] = match fields.event {
            Some(b"write") => b"write",
            Some(b"monitor_contended") => b"monitor_contended",
            _ => return,
        };
        self.learnt = self.learnt.saturating_add(1);
        let mut values = Vec::with_capacity(draft.values.len());
        let mut from = 0;
        for (field, place) in draft.values {
            let Some(gap) = line.get(from..place.start).and_then(Gap::new) else {
                return;
            };
            values.push((gap, field));
            from = place.end;
        }
        let end = line.get(from..).unwrap_or_default().to_vec();
        if self.known.len() >= MOST {
            self.known.pop();
        }
        self.known.push(Layout { event, values, end });
    }
}

impl Layout {
    #[inline]
    fn read<'a>(&self, line: &'a [u8]) -> Option<(Fields<'a>, usize)> {
        let mut cursor = Cursor { line, at: 0 };
        let mut fields = Fields::of(self.event);
        for (gap, field) in &self.values {
            cursor.at = gap.behind(line, cursor.at)?;
            fields.set(*field, &mut cursor)?;
        }
        let end = cursor.at.saturating_add(self.end.len());
        (line.get(cursor.at..end) == Some(&self.end[..])).then_some((fields, end))
    }
}

impl Gap {
    fn new(text: &[u8]) -> Option<Self> {
        if text.is_empty() || text.len() > WORDS.saturating_mul(WORD_BYTES) {
            return None;
        }
        let words = text.chunks(WORD_BYTES).map(|part| {
            let (mut word, mut mask) = ([0; WORD_BYTES], [0; WORD_BYTES]);
            for ((to, of_it), byte) in word.iter_mut().zip(&mut mask).zip(part) {
                (*to, *of_it) = (*byte, 0xff);
            }
            (u64::from_le_bytes(word), u64::from_le_bytes(mask))
        });
        Some(Self {
            words: words.collect(),
            text: text.to_vec(),
        })
    }

    /// The place behind the text, if it is in the line from a place on.
    #[inline]
    fn behind(&self, line: &[u8], at: usize) -> Option<usize> {
        let mut rest = line.get(at..)?;
        for (word, mask) in &self.words {
            let Some((bytes, behind)) = rest.split_first_chunk::<WORD_BYTES>() else {
                // Near the line's end, where no whole word is left.
                let is_it = line.get(at..)?.starts_with(&self.text);
                return is_it.then_some(at.saturating_add(self.text.len()));
            };
            if (u64::from_le_bytes(*bytes) ^ word) & mask != 0 {
                return None;
            }
            rest = behind;
        }
        Some(at.saturating_add(self.text.len()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Layouts;
    use crate::json::fast_line;
    use crate::labels::Labels;

    /// What a line is read as, with layouts of the lines before it.
    fn read(line: &str, layouts: &mut Layouts) -> String {
        let mut labels = Labels::default();
        let row = fast_line::read(line.as_bytes(), &mut labels, layouts);
        let labels: Vec<&str> = (1..=labels.len())
            .map(|label| labels.get(u32::try_from(label).unwrap_or_default()))
            .collect();
        format!("{row:?} {labels:?}")
    }

    fn line() -> impl Strategy<Value = String> {
        let number = prop_oneof![
            any::<i64>().prop_map(|number| number.to_string()),
            (1..100_000_000_000_000_i64).prop_map(|number| number.to_string()),
            Just("007".to_owned()),
            Just("99999999999999999999".to_owned()),
            Just("1.5".to_owned()),
            Just("-".to_owned()),
        ];
        let text = prop_oneof!["[a-z0-9-]{0,20}", Just("a\\\"b".to_owned())];
        let space = prop_oneof![8 => Just(""), 1 => Just(" ")];
        (0..3_usize, prop::collection::vec(number, 6), text, space).prop_map(
            |(event, numbers, text, space)| {
                let [start, end, pid, tid, bytes, offset] = &numbers[..] else {
                    return String::new();
                };
                match event {
                    0 => format!(
                        "{{\"ev\":\"write\",\"start_ns\":{start},\"end_ns\":{space}{end},\"pid\":{pid},\"tid\":{tid},\
                         \"comm\":\"{text}\",\"bytes\":{bytes},\"offset\":{offset}}}{space}"
                    ),
                    1 => format!(
                        "{{\"ev\":\"monitor_contended\",\"start_ns\":{start},\"end_ns\":{end},\"tid\":{tid},\
                         \"class\":\"{text}\"}}"
                    ),
                    _ => format!(
                        "{{\"start_ns\":{start},\"ev\":{space}\"write\",\"end_ns\":{end},\"dir\":\"{text}\",\"ret\":{bytes}}}"
                    ),
                }
            },
        )
    }

    proptest! {
        #[test]
        fn a_line_is_read_the_same_whatever_lines_came_before(lines in prop::collection::vec(line(), 1..40)) {
            let mut layouts = Layouts::default();
            for line in &lines {
                let alone = read(line, &mut Layouts::default());
                prop_assert_eq!(read(line, &mut layouts), alone, "{}", line);
            }
        }
    }

    #[test]
    fn lines_are_learnt_and_others_are_not_taken_for_them() {
        let mut layouts = Layouts::default();
        let line = r#"{"ev":"write","start_ns":10,"end_ns":20,"tid":7,"bytes":5}"#;
        read(line, &mut layouts);
        assert!(layouts.read(line.as_bytes()).is_some());
        for other in [
            r#"{"ev":"write","start_ns":10,"end_ns":20,"tid":7,"bytes":5.5}"#,
            r#"{"ev":"write","start_ns":10,"end_ns":20,"tid":7,"bytes":5"#,
            r#"{"ev":"write","start_ns":10,"end_ns":20,"tid":7,"offset":5}"#,
            r#"{"ev":"fsync","start_ns":10,"end_ns":20,"tid":7,"bytes":5}"#,
        ] {
            assert!(layouts.read(other.as_bytes()).is_none(), "{other}");
        }
    }
}
