//! Columns of 32-bit numbers: threads and partitions are few, and have a dictionary; others go by differences.

use std::collections::HashMap;

use arrow::array::ArrayRef;
use arrow::datatypes::{Int16Type, Int32Type};
use parquet::basic::Encoding;
use parquet::errors::Result;
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescPtr;

use super::bits::width;
use super::numbers::{append_present, least_and_greatest, union};
use super::pages::{Compressor, Encoded, Pages, in_pages};
use super::{delta, hybrid};

/// Numbers that lie as near each other are looked up in a table, which is faster than hashing.
const NEAR: usize = 1 << 17;

/// Numbers of a dictionary that lie far from each other.
const MOST_FAR: usize = 1 << 10;

/// Encodes a column of 32-bit numbers.
pub(super) fn encode(
    arrays: &[ArrayRef],
    column: ColumnDescPtr,
    compressor: &mut Compressor,
) -> Result<Encoded> {
    encode_with(arrays, column, compressor, append_present::<Int32Type>)
}

/// Encodes a column of 16-bit numbers, which Parquet has as 32-bit ones.
pub(super) fn encode_short(
    arrays: &[ArrayRef],
    column: ColumnDescPtr,
    compressor: &mut Compressor,
) -> Result<Encoded> {
    encode_with(arrays, column, compressor, |array, values| {
        let mut short = Vec::new();
        append_present::<Int16Type>(array, &mut short);
        values.extend(short.into_iter().map(i32::from));
    })
}

fn encode_with(
    arrays: &[ArrayRef],
    column: ColumnDescPtr,
    compressor: &mut Compressor,
    append: impl Fn(&ArrayRef, &mut Vec<i32>),
) -> Result<Encoded> {
    let pages: Vec<(Vec<ArrayRef>, Vec<i32>)> = in_pages(arrays)
        .into_iter()
        .map(|page| {
            let mut values = Vec::new();
            page.iter().for_each(|array| append(array, &mut values));
            (page, values)
        })
        .collect();
    let ranges = pages.iter().map(|(_, values)| least_and_greatest(values));
    let range = ranges.reduce(union).flatten();
    let (least, greatest) = range.unwrap_or((0, 0));
    let mut keyed = Keyed::new(least, greatest);
    let keys: Option<Vec<Vec<u32>>> = pages.iter().map(|(_, values)| keyed.keys(values)).collect();
    let mut encoded;
    match keys {
        Some(keys) => {
            encoded = Pages::new(column, Encoding::RLE_DICTIONARY);
            let width = width((keyed.values.len() as u64).saturating_sub(1));
            for ((page, _), keys) in pages.iter().zip(keys) {
                encoded.page(page, |out| {
                    out.push(width.to_le_bytes()[0]);
                    hybrid::keys(&keys, width, out);
                });
            }
            let bytes = keyed.values.iter().flat_map(|value| value.to_le_bytes());
            encoded.dictionary(bytes.collect(), keyed.values.len());
        }
        None => {
            encoded = Pages::new(column, Encoding::DELTA_BINARY_PACKED);
            for (page, values) in &pages {
                encoded.page(page, |out| delta::encode(values, out));
            }
        }
    }
    let statistics = Statistics::int32(
        range.map(|range| range.0),
        range.map(|range| range.1),
        None,
        Some(encoded.null_count()),
        false,
    );
    encoded.finish(statistics, None, compressor)
}

/// A dictionary of numbers, in the order in which they come.
struct Keyed {
    values: Vec<i32>,
    known: Known,
}

enum Known {
    /// The key of each number from the least on, and one more; 0 for none.
    Near(i32, Vec<u32>),
    Far(HashMap<i32, u32>),
}

impl Keyed {
    fn new(least: i32, greatest: i32) -> Self {
        let span = usize::try_from(greatest.abs_diff(least)).unwrap_or(usize::MAX);
        let known = match span < NEAR {
            true => Known::Near(least, vec![0; span + 1]),
            false => Known::Far(HashMap::new()),
        };
        Self {
            values: Vec::new(),
            known,
        }
    }

    /// The keys of numbers; none if a dictionary does not pay.
    fn keys(&mut self, numbers: &[i32]) -> Option<Vec<u32>> {
        let mut keys = Vec::with_capacity(numbers.len());
        for &number in numbers {
            let next = u32::try_from(self.values.len()).ok()?;
            let key = match &mut self.known {
                Known::Near(least, known) => {
                    let place = usize::try_from(number.abs_diff(*least)).ok()?;
                    let known = known.get_mut(place)?;
                    if *known == 0 {
                        *known = next + 1;
                        self.values.push(number);
                    }
                    *known - 1
                }
                Known::Far(known) => *known.entry(number).or_insert_with(|| {
                    self.values.push(number);
                    next
                }),
            };
            keys.push(key);
            if self.values.len() > MOST_FAR && matches!(self.known, Known::Far(_)) {
                return None;
            }
        }
        Some(keys)
    }
}
