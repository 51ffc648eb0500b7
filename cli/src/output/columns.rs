//! Which columns of a table a terminal shows, and how wide.

use datafusion::arrow::datatypes::SchemaRef;
use kcorr_engine::TerminalColumns;

/// Spaces beside a column.
const GAP: usize = 2;

/// Texts are not cut to less than this.
const LEAST_WIDTH: usize = 12;

/// A column that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    /// Its place in the rows.
    pub(super) column: usize,
    /// Characters that its cells may have.
    pub(super) width: usize,
}

/// A column that could be shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    /// Characters of its name.
    pub(super) name: usize,
    /// Of its longest cell.
    pub(super) cells: usize,
    /// Whether its cells may be cut: they are text.
    pub(super) is_text: bool,
}

impl Candidate {
    fn width(&self) -> usize {
        self.name.max(self.cells)
    }

    fn least(&self) -> usize {
        match self.is_text {
            true => self.width().min(self.name.max(LEAST_WIDTH)),
            false => self.width(),
        }
    }
}

/// All columns, as they come.
pub(super) fn all(candidates: &[Candidate]) -> Vec<Shown> {
    let whole = |(column, candidate): (usize, &Candidate)| Shown {
        column,
        width: candidate.width(),
    };
    candidates.iter().enumerate().map(whole).collect()
}

/// The leading columns that fit, and the first in any case.
pub(super) fn leading(candidates: &[Candidate], width: usize) -> Vec<Shown> {
    let mut used = 0;
    let mut shown = all(candidates);
    let count = shown.iter().take_while(|column| {
        used += column.width + GAP;
        used <= width || column.column == 0
    });
    shown.truncate(count.count());
    shown
}

/// The columns that answer, whose texts are cut where there is no room for them, and then whatever else fits: what
/// the query names first.
pub(super) fn answering(
    candidates: &[Candidate],
    schema: &SchemaRef,
    named: &TerminalColumns,
    width: usize,
) -> Vec<Shown> {
    let place = |name: &String| schema.index_of(name).ok();
    let whole = |column: usize| Shown {
        column,
        width: candidates[column].width(),
    };
    let first = named.first.iter().filter_map(place).map(whole);
    let first: Vec<Shown> = first.collect();
    let used = |shown: &[Shown]| shown.iter().map(|column| column.width + GAP).sum::<usize>();
    let fitting = (1..=first.len()).rev().map(|count| {
        let mut shown = first[..count].to_vec();
        cut(&mut shown, candidates, width);
        shown
    });
    let mut shown: Vec<Shown> = Vec::new();
    for leading in fitting {
        shown = leading;
        if used(&shown) <= width {
            break;
        }
    }
    let more = named.more.iter().filter_map(place);
    for column in more.chain(0..candidates.len()) {
        let is_shown = shown.iter().any(|other| other.column == column);
        if !is_shown && used(&shown) + whole(column).width + GAP <= width {
            shown.push(whole(column));
        }
    }
    shown
}

/// Cuts the longest texts until all fits, or none can be cut further.
fn cut(shown: &mut [Shown], candidates: &[Candidate], width: usize) {
    let spare = |column: &Shown| column.width - candidates[column.column].least();
    let used: usize = shown.iter().map(|column| column.width + GAP).sum();
    for _ in width..used {
        let long = shown.iter_mut().filter(|column| spare(column) > 0);
        let Some(longest) = long.max_by_key(|column| column.width) else {
            return;
        };
        longest.width -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    /// Columns of these widths; those of text have names that end in `t`.
    fn columns(widths: &[(&str, usize)]) -> (Vec<Candidate>, SchemaRef) {
        let fields = widths
            .iter()
            .map(|(name, _)| Field::new(*name, DataType::Utf8, true));
        let candidates = widths.iter().map(|(name, cells)| Candidate {
            name: name.len(),
            cells: *cells,
            is_text: name.ends_with('t'),
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        (candidates.collect(), schema)
    }

    fn named(first: &[&str], more: &[&str]) -> TerminalColumns {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        TerminalColumns {
            first: names(first),
            more: names(more),
        }
    }

    fn widths(shown: &[Shown]) -> Vec<(usize, usize)> {
        shown.iter().map(|s| (s.column, s.width)).collect()
    }

    #[test]
    fn what_answers_is_shown_and_its_longest_text_is_cut() {
        let (candidates, schema) = columns(&[("a", 20), ("bt", 30), ("ct", 16), ("d", 5)]);
        let named = named(&["bt", "d", "ct"], &["a"]);
        let at = |width| widths(&answering(&candidates, &schema, &named, width));
        assert_eq!(at(80), [(1, 30), (3, 5), (2, 16), (0, 20)]);
        assert_eq!(at(78), [(1, 30), (3, 5), (2, 16)]);
        assert_eq!(at(50), [(1, 23), (3, 5), (2, 16)]);
        assert_eq!(at(35), [(1, 12), (3, 5), (2, 12)]);
        assert_eq!(at(34), [(1, 25), (3, 5)], "the last of them has no room");
        assert_eq!(at(1), [(1, 12)]);
    }

    #[test]
    fn of_other_tables_the_leading_columns_that_fit_are_shown() {
        let (candidates, _) = columns(&[("a", 20), ("b", 30), ("c", 1)]);
        let at = |width| widths(&leading(&candidates, width));
        assert_eq!(at(80), [(0, 20), (1, 30), (2, 1)]);
        assert_eq!(at(30), [(0, 20)]);
        assert_eq!(at(5), [(0, 20)]);
    }
}
