//! The keys of the build side: equal keys get the same number, their group.

use datafusion::arrow::array::ArrayRef;
use datafusion::common::{NullEquality, Result};

use super::column_keys::ColumnKeys;
use super::integer_keys::IntegerKeys;
use super::ordinal::{Ordinals, has_ordinals};

/// Keys, one or more columns, with a number each.
#[derive(Debug)]
pub(super) enum KeyTable {
    /// One column of integers.
    Integers(IntegerKeys),
    /// Any other columns.
    Columns(ColumnKeys),
}

impl KeyTable {
    /// The table of some rows' keys, and the group of each row, by part. A part has an array a column.
    pub(super) fn new(
        parts: &[Vec<ArrayRef>],
        null_equality: NullEquality,
        threads: usize,
    ) -> Result<(Self, Vec<Vec<u32>>)> {
        let is_integer = match parts.first().map(Vec::as_slice) {
            Some([column]) => has_ordinals(column.data_type()),
            _ => false,
        };
        if is_integer {
            let columns = parts.iter().flatten().map(Ordinals::of);
            let columns = columns.collect::<Result<Vec<_>>>()?;
            let (keys, groups) = IntegerKeys::new(&columns, null_equality, threads);
            return Ok((Self::Integers(keys), groups));
        }
        let (keys, groups) = ColumnKeys::new(parts, null_equality)?;
        Ok((Self::Columns(keys), groups))
    }

    /// The group of each row of other columns of the same types.
    pub(super) fn groups_of(&self, columns: &[ArrayRef]) -> Result<Vec<u32>> {
        match (self, columns) {
            (Self::Integers(keys), [column]) => Ok(keys.groups_of(&Ordinals::of(column)?)),
            (Self::Integers(_), _) => Ok(Vec::new()),
            (Self::Columns(keys), columns) => keys.groups_of(columns),
        }
    }

    /// How many groups there are. Some may have no rows.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Integers(keys) => keys.len(),
            Self::Columns(keys) => keys.len(),
        }
    }

    /// The least and the greatest value of each column that has an order in 64 bits.
    pub(super) fn limits(&self) -> Vec<Option<(i64, i64)>> {
        match self {
            Self::Integers(keys) => vec![keys.limits()],
            Self::Columns(keys) => keys.limits(),
        }
    }

    /// Bytes that a table of a number of rows takes at most, while it is built too.
    pub(super) fn size_of(rows: usize, groups: usize) -> usize {
        // the map's entries at its least load, next, representatives; the group of each row
        groups * (2 * 17 + 4 + 4) + rows * 4
    }
}
