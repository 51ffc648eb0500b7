//! Which words of a line belong to which column of its table.

use super::column::Column::{Comm, Unknown};
use super::fields::Fields;
use super::header::Header;
use super::words::{covering, offset};

/// Longest name of a thread in the kernel, in bytes, with room for what a tool puts behind it.
const MAX_COMM_BYTES: usize = 16;
/// Words of a name at most: it has 15 bytes.
const MAX_WORDS: usize = 8;
/// Ways to read a line that are tried at most.
const MAX_TRIES: u32 = 512;

/// A search for the words that each column of a line has.
pub(super) struct Reading<'t, 'a> {
    header: &'t Header,
    line: &'a str,
    tokens: &'t [&'a str],
    tries: u32,
    /// Tokens of the columns so far, to see whether they stand below the header's words.
    widths: Vec<(usize, usize)>,
    best: Option<(usize, Fields<'a>)>,
}

impl<'t, 'a> Reading<'t, 'a> {
    pub(super) fn new(header: &'t Header, line: &'a str, tokens: &'t [&'a str]) -> Self {
        Self {
            header,
            line,
            tokens,
            tries: 0,
            widths: Vec::new(),
            best: None,
        }
    }

    /// The values of the line, if it can be read as a row of the table.
    pub(super) fn best(mut self) -> Option<Fields<'a>> {
        let is_ambiguous = self.header.columns.contains(&Unknown);
        self.read(0, Fields::default(), 0, is_ambiguous);
        self.best.map(|(_, fields)| fields)
    }

    /// Reads the columns from one on. True when no further reading is needed.
    fn read(&mut self, column: usize, fields: Fields<'a>, at: usize, is_ambiguous: bool) -> bool {
        let Some(&kind) = self.header.columns.get(column) else {
            if at != self.tokens.len() {
                return false;
            }
            let aligned = self.aligned();
            if self.best.as_ref().is_none_or(|(best, _)| aligned > *best) {
                self.best = Some((aligned, fields));
            }
            return !is_ambiguous;
        };
        self.tries = self.tries.saturating_add(1);
        if self.tries > MAX_TRIES {
            return true;
        }
        let next = column.saturating_add(1);
        if !matches!(kind, Comm | Unknown) {
            let is_last = next == self.header.columns.len();
            let mut fields = fields;
            let Some(end) = fields.read_one(kind, is_last, self.line, self.tokens, at) else {
                return false;
            };
            return self.go_on(next, fields, (at, end), is_ambiguous);
        }
        for words in 1..=MAX_WORDS {
            let Some(end) = at.checked_add(words) else {
                return false;
            };
            let Some(name) = self
                .tokens
                .get(at..end)
                .and_then(|name| covering(self.line, name))
            else {
                return false;
            };
            let mut fields = fields.clone();
            if kind == Comm {
                // Bytes that are no UTF-8 have become three each.
                let lost = name
                    .matches(char::REPLACEMENT_CHARACTER)
                    .count()
                    .saturating_mul(2);
                if name.len().saturating_sub(lost) > MAX_COMM_BYTES {
                    return false;
                }
                fields.values.set_text("comm", name);
            }
            if self.go_on(next, fields, (at, end), is_ambiguous) {
                return true;
            }
            if self.header.is_csv {
                return false;
            }
        }
        false
    }

    fn go_on(
        &mut self,
        next: usize,
        fields: Fields<'a>,
        tokens: (usize, usize),
        is_ambiguous: bool,
    ) -> bool {
        self.widths.push(tokens);
        let is_done = self.read(next, fields, tokens.1, is_ambiguous);
        self.widths.pop();
        is_done
    }

    /// How many columns begin or end where the header's words do.
    fn aligned(&self) -> usize {
        let stands = |((from, to), place): (&(usize, usize), &(usize, usize))| {
            let start = self.tokens.get(*from).map(|token| offset(self.line, token));
            let last = to.checked_sub(1).and_then(|last| self.tokens.get(last));
            let end = last.map(|token| offset(self.line, token).saturating_add(token.len()));
            start == Some(place.0) || end == Some(place.1)
        };
        self.widths
            .iter()
            .zip(&self.header.places)
            .filter(|pair| stands(*pair))
            .count()
    }
}
