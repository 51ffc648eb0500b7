//! Columns of strings that repeat: dictionary arrays, whose keys become keys of one dictionary.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::Int32Type;
use parquet::basic::Encoding;
use parquet::data_type::ByteArray;
use parquet::errors::Result;
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescPtr;

use super::bits::width;
use super::hybrid;
use super::numbers::append_present;
use super::pages::{Compressor, Encoded, Pages, in_pages};

/// Longer strings are not told as the least or the greatest of a row group.
const LONGEST_BOUND: usize = 256;

/// Encodes a column.
pub(super) fn encode(
    arrays: &[ArrayRef],
    column: ColumnDescPtr,
    compressor: &mut Compressor,
) -> Result<Encoded> {
    let mut dictionary = Dictionary::default();
    let pages: Vec<(Vec<ArrayRef>, Vec<u32>)> = in_pages(arrays)
        .into_iter()
        .map(|page| {
            let mut keys = Vec::new();
            page.iter()
                .for_each(|array| dictionary.append(array, &mut keys));
            (page, keys)
        })
        .collect();
    let width = width((dictionary.values.len() as u64).saturating_sub(1));
    let mut encoded = Pages::new(column, Encoding::RLE_DICTIONARY);
    for (page, keys) in &pages {
        encoded.page(page, |out| {
            out.push(width.to_le_bytes()[0]);
            hybrid::keys(keys, width, out);
        });
    }
    let mut bytes = Vec::new();
    for value in &dictionary.values {
        bytes.extend(u32::try_from(value.len())?.to_le_bytes());
        bytes.extend_from_slice(value.as_bytes());
    }
    encoded.dictionary(bytes, dictionary.values.len());
    // Strings in the dictionary are those that rows have, and no others.
    let values = dictionary.values.iter();
    let bound = |value: Option<&String>| {
        let value = value.filter(|value| value.len() <= LONGEST_BOUND)?;
        Some(ByteArray::from(value.as_str()))
    };
    let statistics = Statistics::byte_array(
        bound(values.clone().min()),
        bound(values.max()),
        None,
        Some(encoded.null_count()),
        false,
    );
    encoded.finish(statistics, None, compressor)
}

/// The strings of a column, in the order in which rows have them.
#[derive(Default)]
struct Dictionary {
    values: Vec<String>,
    keys: HashMap<String, u32>,
    last: Option<Known>,
}

/// The dictionary of the last array.
struct Known {
    strings: ArrayRef,
    /// The key that each of its strings has in the column, if rows had it.
    keys: Vec<Option<u32>>,
}

impl Dictionary {
    /// Appends the keys of an array's rows that are not null.
    fn append(&mut self, array: &ArrayRef, keys: &mut Vec<u32>) {
        let array = array.as_dictionary::<Int32Type>();
        let values = array.values();
        // Pages cut arrays, whose parts have the same dictionary.
        let is_same =
            |last: &Known| std::ptr::addr_eq(Arc::as_ptr(&last.strings), Arc::as_ptr(values));
        let mut known = self.last.take().filter(is_same).unwrap_or_else(|| Known {
            strings: Arc::clone(values),
            keys: vec![None; values.len()],
        });
        let strings = values.as_string::<i32>();
        let own: ArrayRef = Arc::new(array.keys().clone());
        let mut of_array = Vec::new();
        append_present::<Int32Type>(&own, &mut of_array);
        keys.reserve(of_array.len());
        for key in of_array {
            let place = usize::try_from(key).unwrap_or(usize::MAX);
            let Some(known) = known.keys.get_mut(place) else {
                continue;
            };
            let key = match known {
                Some(key) => *key,
                None => *known.insert(self.key(strings, place)),
            };
            keys.push(key);
        }
        self.last = Some(known);
    }

    #[cold]
    fn key(&mut self, strings: &StringArray, place: usize) -> u32 {
        let string = strings.value(place);
        if let Some(key) = self.keys.get(string) {
            return *key;
        }
        let key = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.values.push(string.to_owned());
        self.keys.insert(string.to_owned(), key);
        key
    }
}
