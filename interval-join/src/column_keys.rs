//! Keys of several columns, or of any type: found by their hash, then compared.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, UInt32Array};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::compute::kernels::cmp::not_distinct;
use datafusion::arrow::compute::{and, concat, take};
use datafusion::common::hash_utils::{RandomState, create_hashes};
use datafusion::common::{NullEquality, Result};

use super::group::{NO_GROUP, number};
use super::ordinal::Ordinals;

/// Rows of columns, with a number each.
#[derive(Debug)]
pub(super) struct ColumnKeys {
    /// The first group with a hash.
    first: HashMap<u64, u32, BuildHasherDefault<HashAsIs>>,
    /// The next group with the same hash, for each group.
    next: Vec<u32>,
    /// A row of `columns` with the key, for each group.
    representatives: Vec<u32>,
    /// All rows' keys while the table is made, then one row a group.
    columns: Vec<ArrayRef>,
    null_equality: NullEquality,
}

impl ColumnKeys {
    /// The numbers of some rows' keys, and the group of each row, by part.
    pub(super) fn new(
        parts: &[Vec<ArrayRef>],
        null_equality: NullEquality,
    ) -> Result<(Self, Vec<Vec<u32>>)> {
        let mut table = Self {
            first: HashMap::default(),
            next: Vec::new(),
            representatives: Vec::new(),
            columns: concatenated(parts)?,
            null_equality,
        };
        let mut groups = Vec::with_capacity(parts.len());
        let mut start = 0;
        for columns in parts {
            let (hashes, mut found) = table.insert(columns, start)?;
            for row in table.mismatches(columns, &found)? {
                found[row] = match table.search(columns, row, hashes[row])? {
                    NO_GROUP => table.insert_behind(hashes[row], start + row),
                    group => group,
                };
            }
            start += found.len();
            groups.push(found);
        }
        // Only one row a key is looked at again: together they stay near the processor.
        table.columns = table.keys()?;
        table.representatives = (0..number(table.representatives.len())).collect();
        Ok((table, groups))
    }

    /// The group of each row of other columns of the same types.
    pub(super) fn groups_of(&self, columns: &[ArrayRef]) -> Result<Vec<u32>> {
        let nulls = self.unmatchable(columns);
        let mut hashes = vec![0; columns.first().map_or(0, |column| column.len())];
        create_hashes(columns, &hash_state(), &mut hashes)?;
        let mut groups: Vec<u32> = hashes
            .iter()
            .enumerate()
            .map(|(row, hash)| match &nulls {
                Some(nulls) if nulls.is_null(row) => NO_GROUP,
                _ => self.first.get(hash).copied().unwrap_or(NO_GROUP),
            })
            .collect();
        for row in self.mismatches(columns, &groups)? {
            groups[row] = self.search(columns, row, hashes[row])?;
        }
        Ok(groups)
    }

    /// How many different keys there are.
    pub(super) fn len(&self) -> usize {
        self.representatives.len()
    }

    /// The least and the greatest value of each column that has an order in 64 bits.
    pub(super) fn limits(&self) -> Vec<Option<(i64, i64)>> {
        let limits = |column| {
            let ordinals = Ordinals::of(column).ok()?;
            let values = (0..ordinals.values.len()).filter_map(|row| ordinals.get(row));
            values.fold(None, |limits: Option<(i64, i64)>, value| match limits {
                Some((least, greatest)) => Some((least.min(value), greatest.max(value))),
                None => Some((value, value)),
            })
        };
        self.columns.iter().map(limits).collect()
    }

    fn keys(&self) -> Result<Vec<ArrayRef>> {
        let rows = UInt32Array::from(self.representatives.clone());
        let keys = self.columns.iter().map(|column| take(column, &rows, None));
        Ok(keys.collect::<std::result::Result<_, _>>()?)
    }

    /// Gives rows groups by their hashes alone; new hashes become new groups. Also the hashes.
    fn insert(&mut self, columns: &[ArrayRef], start: usize) -> Result<(Vec<u64>, Vec<u32>)> {
        let nulls = self.unmatchable(columns);
        let mut hashes = vec![0; columns.first().map_or(0, |column| column.len())];
        create_hashes(columns, &hash_state(), &mut hashes)?;
        let mut groups = Vec::with_capacity(hashes.len());
        for (row, &hash) in hashes.iter().enumerate() {
            if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                groups.push(NO_GROUP);
                continue;
            }
            let (representatives, next) = (&mut self.representatives, &mut self.next);
            groups.push(*self.first.entry(hash).or_insert_with(|| {
                representatives.push(number(start + row));
                next.push(NO_GROUP);
                number(representatives.len() - 1)
            }));
        }
        Ok((hashes, groups))
    }

    /// Adds a key whose hash another key has already.
    fn insert_behind(&mut self, hash: u64, row: usize) -> u32 {
        let group = number(self.representatives.len());
        self.representatives.push(number(row));
        let first = self.first.insert(hash, group);
        self.next.push(first.unwrap_or(NO_GROUP));
        group
    }

    /// Rows with nulls in their keys, when those match nothing.
    fn unmatchable(&self, columns: &[ArrayRef]) -> Option<NullBuffer> {
        if self.null_equality == NullEquality::NullEqualsNull {
            return None;
        }
        let nulls = columns.iter().map(|column| column.logical_nulls());
        nulls.fold(None, |all, nulls| {
            NullBuffer::union(all.as_ref(), nulls.as_ref())
        })
    }

    /// Rows whose key differs from that of their group.
    fn mismatches(&self, columns: &[ArrayRef], groups: &[u32]) -> Result<Vec<usize>> {
        let (rows, representatives): (Vec<u32>, Vec<u32>) = (0..)
            .zip(groups)
            .filter(|&(_, &group)| group != NO_GROUP)
            .map(|(row, &group)| (row, self.representatives[group as usize]))
            .unzip();
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let is_every = rows.len() == groups.len();
        let rows = UInt32Array::from(rows);
        let representatives = UInt32Array::from(representatives);
        let mut equal: Option<BooleanArray> = None;
        for (ours, theirs) in self.columns.iter().zip(columns) {
            let ours = take(ours, &representatives, None)?;
            let theirs = match is_every {
                true => ArrayRef::clone(theirs),
                false => take(theirs, &rows, None)?,
            };
            let column = not_distinct(&ours, &theirs)?;
            equal = Some(match equal {
                Some(before) => and(&before, &column)?,
                None => column,
            });
        }
        let Some(equal) = equal.filter(|equal| equal.true_count() < equal.len()) else {
            return Ok(Vec::new());
        };
        let differs = |place: &usize| !equal.value(*place);
        let row = |place: usize| rows.value(place) as usize;
        Ok((0..rows.len()).filter(differs).map(row).collect())
    }

    /// The group of one row, among all those with its hash.
    fn search(&self, columns: &[ArrayRef], row: usize, hash: u64) -> Result<u32> {
        let mut group = self.first.get(&hash).copied().unwrap_or(NO_GROUP);
        let single: Vec<ArrayRef> = columns.iter().map(|column| column.slice(row, 1)).collect();
        while group != NO_GROUP {
            if self.mismatches(&single, &[group])?.is_empty() {
                return Ok(group);
            }
            group = self.next[group as usize];
        }
        Ok(NO_GROUP)
    }
}

/// Another seed than that of repartitioning, after which all hashes of a partition are alike.
fn hash_state() -> RandomState {
    RandomState::with_seed(0x6b63_6f72_7221)
}

/// Each column of all parts.
fn concatenated(parts: &[Vec<ArrayRef>]) -> Result<Vec<ArrayRef>> {
    let column = |place: usize| {
        let arrays: Vec<&dyn Array> = parts.iter().map(|part| part[place].as_ref()).collect();
        Ok(concat(&arrays)?)
    };
    (0..parts.first().map_or(0, Vec::len)).map(column).collect()
}

/// Keeps the hashes that are keys of a map as they are.
#[derive(Debug, Default)]
struct HashAsIs(u64);

impl Hasher for HashAsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes
            .iter()
            .fold(self.0, |hash, &byte| hash.rotate_left(8) ^ u64::from(byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{DictionaryArray, Int32Array, StringArray};
    use datafusion::arrow::datatypes::Int32Type;

    use super::*;

    fn columns(rows: &[(Option<&str>, Option<i32>)]) -> Vec<ArrayRef> {
        let names: DictionaryArray<Int32Type> = rows.iter().map(|row| row.0).collect();
        vec![
            Arc::new(names),
            Arc::new(Int32Array::from_iter(rows.iter().map(|row| row.1))),
        ]
    }

    #[test]
    fn equal_keys_share_a_group_whatever_their_dictionaries() {
        let parts = [
            columns(&[(Some("a"), Some(1))]),
            columns(&[(Some("b"), Some(1)), (Some("a"), Some(1))]),
        ];
        let (table, groups) = ColumnKeys::new(&parts, NullEquality::NullEqualsNothing).unwrap();
        assert_eq!((groups, table.len()), (vec![vec![0], vec![1, 0]], 2));
        let others = columns(&[
            (Some("z"), Some(1)),
            (Some("b"), Some(1)),
            (Some("b"), Some(2)),
        ]);
        assert_eq!(table.groups_of(&others).unwrap(), [NO_GROUP, 1, NO_GROUP]);
    }

    #[test]
    fn a_null_in_a_key_matches_only_where_nulls_are_equal() {
        let rows = [(Some("a"), None), (None, Some(1)), (Some("a"), None)];
        let parts = [columns(&rows)];
        let (_, groups) = ColumnKeys::new(&parts, NullEquality::NullEqualsNothing).unwrap();
        assert_eq!(groups, [[NO_GROUP; 3]]);
        let (table, groups) = ColumnKeys::new(&parts, NullEquality::NullEqualsNull).unwrap();
        assert_eq!(groups, [[0, 1, 0]]);
        assert_eq!(table.groups_of(&columns(&rows[1..])).unwrap(), [1, 0]);
    }

    #[test]
    fn keys_with_the_same_hash_are_told_apart() {
        let rows: Vec<ArrayRef> = vec![Arc::new(StringArray::from(vec!["a", "b", "c"]))];
        let parts = [rows.clone()];
        let (mut table, _) = ColumnKeys::new(&parts, NullEquality::NullEqualsNothing).unwrap();
        // As if all hashes were those of "a".
        let mut hashes = vec![0; 3];
        create_hashes(&rows, &hash_state(), &mut hashes).unwrap();
        table.first.clear();
        table.first.insert(hashes[0], 2);
        table.next = vec![NO_GROUP, 0, 1];
        assert_eq!(table.search(&rows, 0, hashes[0]).unwrap(), 0);
        assert_eq!(table.search(&rows, 1, hashes[0]).unwrap(), 1);
        assert_eq!(table.groups_of(&rows).unwrap(), [0, NO_GROUP, NO_GROUP]);
    }
}
