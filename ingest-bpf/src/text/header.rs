//! The header of a table: which columns there are, and where their names stand.

use super::column::Column::{self, Unknown};
use super::column::{NAMES, is_name};
use super::words::offset;

/// Columns of a table at most.
const MAX_COLUMNS: usize = 32;

/// A header that was read.
#[derive(Debug, Clone)]
pub(super) struct Header {
    pub(super) columns: Vec<Column>,
    /// Where the columns' names begin and end in the header, in bytes.
    pub(super) places: Vec<(usize, usize)>,
    /// Whether its table is of comma-separated values.
    pub(super) is_csv: bool,
}

impl Header {
    /// Reads a header. None when the line is none.
    pub(super) fn read(line: &str) -> Option<Self> {
        let is_csv = line.contains(',');
        let words: Vec<&str> = if is_csv {
            line.split(',').map(str::trim).collect()
        } else {
            line.split_ascii_whitespace()
                .filter(|word| *word != "[ARGS]")
                .collect()
        };
        let mut columns: Vec<Column> = Vec::new();
        let mut places = Vec::new();
        let mut unknown = 0usize;
        let mut rest = words.as_slice();
        while let Some((&first, behind)) = rest.split_first() {
            let find = |name: &str| NAMES.iter().find(|(known, _)| *known == name);
            let pair = behind
                .first()
                .and_then(|second| find(&format!("{first} {second}")));
            let (column, width): (Column, usize) = match pair.or_else(|| find(first)) {
                Some((_, column)) => (*column, if pair.is_some() { 2 } else { 1 }),
                None if is_name(first) => {
                    unknown = unknown.saturating_add(1);
                    (Unknown, 1)
                }
                None => return None,
            };
            let place = offset(line, first);
            let end = rest
                .get(width.saturating_sub(1))
                .map(|last| offset(line, last).saturating_add(last.len()));
            rest = rest.get(width..).unwrap_or_default();
            // A name that is there already is the second word of an unknown one: `NEXT COMM`.
            let is_second = columns.last() == Some(&Unknown)
                && column != Unknown
                && columns.contains(&column)
                && !is_csv;
            if is_second {
                if let Some((_, last_end)) = places.last_mut() {
                    *last_end = end.unwrap_or(place);
                }
                continue;
            }
            columns.push(column);
            places.push((place, end.unwrap_or(place)));
            if columns.len() > MAX_COLUMNS {
                return None;
            }
        }
        // Mostly words that nobody knows: a line in capitals, no header.
        if unknown.saturating_mul(2) > columns.len() {
            return None;
        }
        Some(Self {
            columns,
            places,
            is_csv,
        })
    }
}
