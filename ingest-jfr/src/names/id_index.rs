//! Finds a pool's entry by its id.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Ids of one pool → positions of its entries.
#[derive(Debug)]
pub(crate) enum IdIndex {
    /// Position + 1 by id; 0 where there is none.
    Dense(Vec<u32>),
    Sparse(HashMap<i64, u32, BuildHasherDefault<IdHasher>>),
}

impl Default for IdIndex {
    fn default() -> Self {
        IdIndex::Dense(Vec::new())
    }
}

impl IdIndex {
    /// Indexes the ids in the order of their entries; of equal ids the last counts, because
    /// recorders write an entry anew when it changed.
    pub(crate) fn new(ids: impl Iterator<Item = i64> + Clone) -> Self {
        let (count, max) = ids.clone().fold((0usize, 0u64), |(n, max), id| {
            (n + 1, max.max(id.cast_unsigned()))
        });
        let dense_limit = (count as u64).saturating_mul(8).saturating_add(4096);
        if max < dense_limit {
            let length = usize::try_from(max).unwrap_or(0) + 1;
            let mut dense = vec![0; length];
            for (id, position) in ids.zip(1u32..) {
                let slot = usize::try_from(id).ok().and_then(|id| dense.get_mut(id));
                if let Some(slot) = slot {
                    *slot = position;
                }
            }
            return IdIndex::Dense(dense);
        }
        IdIndex::Sparse(ids.zip(1u32..).collect())
    }

    /// The position of an id's entry.
    #[inline(always)]
    pub(crate) fn get(&self, id: i64) -> Option<usize> {
        let position = match self {
            IdIndex::Dense(positions) => *positions.get(usize::try_from(id).ok()?)?,
            IdIndex::Sparse(positions) => *positions.get(&id)?,
        };
        (position as usize).checked_sub(1)
    }
}

/// Hashes ids by one multiplication. Pools have at most as many entries as the chunk has bytes, and
/// the table is thrown away with the chunk, so ids chosen to collide cost time only.
#[derive(Debug, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        let product = u128::from(self.0 ^ value) * 0x9e37_79b9_7f4a_7c15;
        #[allow(clippy::cast_possible_truncation)]
        let folded = (product >> 64) as u64 ^ product as u64;
        self.0 = folded;
    }

    fn write_i64(&mut self, value: i64) {
        self.write_u64(value.cast_unsigned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_entry_of_an_id_counts() {
        for ids in [vec![3, 9, 3], vec![1 << 60, 9, 1 << 60], vec![-1, 9, -1]] {
            let index = IdIndex::new(ids.iter().copied());
            assert_eq!(index.get(ids[0]), Some(2));
            assert_eq!(index.get(9), Some(1));
            assert_eq!(index.get(4), None);
            assert_eq!(index.get(i64::MIN), None);
        }
    }
}
