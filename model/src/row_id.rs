//! Ids of sources and of their rows, unique in a store and the same whenever an input is ingested
//! again.

/// Rows one source can number before its ids would reach the next source's.
const ROWS_PER_SOURCE: i64 = 10_000_000_000;

/// An ingested input, numbered by the store from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub i64);

impl SourceId {
    /// Ids for the rows of one table of this source: 30000000001 is row 1 of source 3, so a person
    /// who meets an id in a verdict sees which recording it came from.
    pub fn row_ids(self) -> RowIds {
        RowIds {
            next: self.0.saturating_mul(ROWS_PER_SOURCE),
        }
    }

    /// The source that a row id belongs to.
    pub fn of_row(row_id: i64) -> Self {
        Self(row_id / ROWS_PER_SOURCE)
    }
}

/// Hands out consecutive row ids of one table of one source, from sequence number 1.
#[derive(Debug, Clone)]
pub struct RowIds {
    next: i64,
}

impl RowIds {
    /// The next id. (Not an `Iterator`: it never ends.)
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> i64 {
        self.next = self.next.saturating_add(1);
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_id_shows_its_source() {
        let mut ids = SourceId(3).row_ids();
        assert_eq!((ids.next(), ids.next()), (30_000_000_001, 30_000_000_002));
        assert_eq!(SourceId::of_row(30_000_000_002), SourceId(3));
    }
}
