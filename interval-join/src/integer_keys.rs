//! Keys of one column of integers or times. Most are of this kind (thread ids, partitions), and such
//! keys need neither be compared after they are found nor, when they are close together, be hashed.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use datafusion::common::NullEquality;

use super::group::{NO_GROUP, number};
use super::ordinal::Ordinals;
use super::threads::{on_threads, shares};

/// Keys that lie within this many values of each other are their own numbers.
const MOST_PLACES: u64 = 1 << 16;

/// Also with few rows, so many places are worth what they save.
const FEW_PLACES: u64 = 1 << 12;

/// Integers, with a number each.
#[derive(Debug)]
pub(super) struct IntegerKeys {
    numbers: Numbers,
    /// The group of null, when null equals null.
    null_group: u32,
    group_count: usize,
    limits: Option<(i64, i64)>,
}

#[derive(Debug)]
enum Numbers {
    /// The distance from the least key, below a number.
    Distance { least: i64, count: u64 },
    /// In the order that the keys came.
    Table(HashMap<i64, u32, BuildHasherDefault<Spread>>),
}

impl IntegerKeys {
    /// The numbers of some rows' keys, and the group of each row, by part.
    pub(super) fn new(
        parts: &[Ordinals],
        null_equality: NullEquality,
        threads: usize,
    ) -> (Self, Vec<Vec<u32>>) {
        let limits = on_threads(shares(parts, threads), |parts| {
            parts.iter().filter_map(limits).reduce(wider)
        });
        let limits = limits.into_iter().flatten().reduce(wider);
        let rows: usize = parts.iter().map(|part| part.values.len()).sum();
        let most = FEW_PLACES.max(MOST_PLACES.min(u64::try_from(rows).unwrap_or(u64::MAX)));
        let count = limits.map_or(0, |(least, greatest)| {
            greatest.abs_diff(least).saturating_add(1)
        });
        let mut keys = Self {
            numbers: Numbers::Table(HashMap::default()),
            null_group: NO_GROUP,
            group_count: 0,
            limits,
        };
        let has_null_group = null_equality == NullEquality::NullEqualsNull;
        if count > most {
            let groups = parts.iter().map(|part| keys.insert(part, has_null_group));
            let groups = groups.collect();
            return (keys, groups);
        }
        let least = limits.map_or(0, |(least, _)| least);
        keys.numbers = Numbers::Distance { least, count };
        keys.group_count = usize::try_from(count).unwrap_or(0);
        if has_null_group {
            keys.null_group = number(keys.group_count);
            keys.group_count += 1;
        }
        let groups = on_threads(shares(parts, threads), |parts| {
            let groups = parts.iter().map(|part| keys.groups_of(part));
            groups.collect::<Vec<_>>()
        });
        (keys, groups.into_iter().flatten().collect())
    }

    /// The group of each row of other keys of the same type.
    pub(super) fn groups_of(&self, keys: &Ordinals) -> Vec<u32> {
        match &self.numbers {
            Numbers::Distance { least, count } => self.mapped(keys, |key| {
                let distance = key.wrapping_sub(*least).cast_unsigned();
                match distance < *count {
                    true => u32::try_from(distance).unwrap_or(NO_GROUP),
                    false => NO_GROUP,
                }
            }),
            Numbers::Table(table) => {
                self.mapped(keys, |key| table.get(&key).copied().unwrap_or(NO_GROUP))
            }
        }
    }

    /// How many groups there are. Some may have no rows.
    pub(super) fn len(&self) -> usize {
        self.group_count
    }

    /// The least and the greatest key that is not null.
    pub(super) fn limits(&self) -> Option<(i64, i64)> {
        self.limits
    }

    fn mapped(&self, keys: &Ordinals, group: impl Fn(i64) -> u32) -> Vec<u32> {
        match &keys.nulls {
            None => keys.values.iter().map(|&key| group(key)).collect(),
            Some(nulls) => (keys.values.iter().zip(nulls))
                .map(|(&key, is_valid)| {
                    if is_valid {
                        group(key)
                    } else {
                        self.null_group
                    }
                })
                .collect(),
        }
    }

    fn insert(&mut self, part: &Ordinals, has_null_group: bool) -> Vec<u32> {
        let Numbers::Table(table) = &mut self.numbers else {
            return Vec::new();
        };
        let (null_group, group_count) = (&mut self.null_group, &mut self.group_count);
        let mut next = || {
            *group_count += 1;
            number(*group_count - 1)
        };
        let group_of = |row| match part.get(row) {
            Some(key) => *table.entry(key).or_insert_with(&mut next),
            None if has_null_group && *null_group == NO_GROUP => {
                *null_group = next();
                *null_group
            }
            None => *null_group,
        };
        (0..part.values.len()).map(group_of).collect()
    }
}

fn limits(part: &Ordinals) -> Option<(i64, i64)> {
    if part.nulls.is_none() {
        let least = part.values.iter().copied().min()?;
        return Some((least, part.values.iter().copied().max()?));
    }
    let keys = (0..part.values.len()).filter_map(|row| part.get(row));
    keys.map(|key| (key, key)).reduce(wider)
}

fn wider(one: (i64, i64), other: (i64, i64)) -> (i64, i64) {
    (one.0.min(other.0), one.1.max(other.1))
}

/// Spreads integers that are close together over all hashes.
#[derive(Debug, Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_i64(i64::from(byte));
        }
    }

    fn write_i64(&mut self, key: i64) {
        // Fibonacci hashing; the table uses the low bits, the product is best in the high ones.
        let product = (self.0 ^ key.cast_unsigned()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ (product >> 32);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ordinals(keys: &[Option<i64>]) -> Ordinals {
        Ordinals {
            values: keys.iter().map(|key| key.unwrap_or(7)).collect(),
            nulls: Some(keys.iter().map(Option::is_some).collect()),
        }
    }

    fn key() -> impl Strategy<Value = Option<i64>> {
        prop_oneof![
            1 => Just(None),
            4 => (-5_i64..5).prop_map(Some),
            1 => prop::sample::select(vec![Some(i64::MIN), Some(i64::MAX), Some(1 << 40)]),
        ]
    }

    proptest! {
        #[test]
        fn rows_share_a_group_when_their_keys_are_equal(
            is_near in any::<bool>(),
            build in prop::collection::vec(prop::collection::vec(key(), 0..9), 0..4),
            probe in prop::collection::vec(key(), 0..30),
            are_nulls_equal in any::<bool>(),
        ) {
            let near = |key: &Option<i64>| key.map(|key| if is_near { key.rem_euclid(50) } else { key });
            let build: Vec<Vec<_>> = build.iter().map(|part| part.iter().map(near).collect()).collect();
            let nulls = match are_nulls_equal {
                true => NullEquality::NullEqualsNull,
                false => NullEquality::NullEqualsNothing,
            };
            let parts: Vec<Ordinals> = build.iter().map(|part| ordinals(part)).collect();
            let (keys, groups) = IntegerKeys::new(&parts, nulls, 2);
            let groups = groups.concat();
            let build = build.concat();
            for (row, &group) in groups.iter().enumerate() {
                prop_assert_eq!(group == NO_GROUP, build[row].is_none() && !are_nulls_equal);
                prop_assert!(group == NO_GROUP || (group as usize) < keys.len());
            }
            for (key, group) in probe.iter().zip(keys.groups_of(&ordinals(&probe))) {
                for (row, &other) in groups.iter().enumerate() {
                    let is_equal = *key == build[row] && (key.is_some() || are_nulls_equal);
                    prop_assert_eq!(group != NO_GROUP && group == other, is_equal);
                }
            }
        }
    }
}
