//! A column of a row group, of any type that is encoded here.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Int32Type, Int64Type, TimeUnit, TimestampNanosecondType};
use parquet::basic::Encoding;
use parquet::errors::Result;
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescPtr;

use super::bits::pack;
use super::pages::{Compressor, Encoded, Pages, in_pages};
use super::{labels, narrow, numbers};

/// A column and how it is declared.
pub(crate) struct Column<'a> {
    /// Its type.
    pub(crate) data_type: &'a DataType,
    /// What Parquet calls it.
    pub(crate) description: ColumnDescPtr,
    /// Whether rows are sorted by it.
    pub(crate) is_sorted_by: bool,
}

/// Whether all rows of some arrays are null, and are strings or lists of them.
fn are_absent(arrays: &[ArrayRef]) -> bool {
    arrays.iter().all(|array| {
        let has_bytes = match array.data_type() {
            DataType::Utf8 => true,
            DataType::List(item) => *item.data_type() == DataType::Utf8,
            _ => false,
        };
        has_bytes && array.null_count() == array.len()
    })
}

/// Whether columns of a type are encoded here.
fn is_encoded(data_type: &DataType) -> bool {
    match data_type {
        DataType::Boolean | DataType::Int16 | DataType::Int32 | DataType::Int64 => true,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => true,
        DataType::Dictionary(key, value) => **key == DataType::Int32 && **value == DataType::Utf8,
        _ => false,
    }
}

/// Whether some arrays of such a type are. A dictionary may have a null among its strings.
pub(crate) fn are_encoded(arrays: &[ArrayRef]) -> bool {
    let mut all = arrays.iter();
    let are_encoded = all.all(|array| {
        let dictionary = array.as_dictionary_opt::<Int32Type>();
        is_encoded(array.data_type())
            && dictionary.is_none_or(|array| array.values().null_count() == 0)
    });
    are_encoded || are_absent(arrays)
}

impl Column<'_> {
    /// Encodes the rows of a row group, which some arrays have one after the other.
    pub(crate) fn encode(
        self,
        arrays: &[ArrayRef],
        compressor: &mut Compressor,
    ) -> Result<Encoded> {
        let (column, is_sorted_by) = (self.description, self.is_sorted_by);
        match self.data_type {
            DataType::Boolean => flags(arrays, column, compressor),
            DataType::Int16 => narrow::encode_short(arrays, column, compressor),
            DataType::Int32 => narrow::encode(arrays, column, compressor),
            DataType::Int64 => {
                numbers::encode::<Int64Type>(arrays, column, is_sorted_by, compressor)
            }
            DataType::Timestamp(..) => {
                numbers::encode::<TimestampNanosecondType>(arrays, column, is_sorted_by, compressor)
            }
            DataType::Dictionary(..) => labels::encode(arrays, column, compressor),
            _ => absent(arrays, column, compressor),
        }
    }
}

/// Encodes a column of strings, or of lists of them, that no row has.
fn absent(
    arrays: &[ArrayRef],
    column: ColumnDescPtr,
    compressor: &mut Compressor,
) -> Result<Encoded> {
    let mut pages = Pages::new(column, Encoding::PLAIN);
    for page in in_pages(arrays) {
        pages.page(&page, |_| ());
    }
    let statistics = Statistics::byte_array(None, None, None, Some(pages.null_count()), false);
    pages.finish(statistics, None, compressor)
}

/// Encodes a column of flags: a bit each.
fn flags(
    arrays: &[ArrayRef],
    column: ColumnDescPtr,
    compressor: &mut Compressor,
) -> Result<Encoded> {
    let mut pages = Pages::new(column, Encoding::PLAIN);
    let (mut has_false, mut has_true) = (false, false);
    for page in in_pages(arrays) {
        let arrays = page.iter().map(|array| array.as_boolean());
        let values: Vec<bool> = arrays.flat_map(|array| array.iter().flatten()).collect();
        has_true |= values.contains(&true);
        has_false |= values.contains(&false);
        pages.page(&page, |out| {
            pack(values.iter().map(|flag| u64::from(*flag)), 1, out)
        });
    }
    let has_value = has_false || has_true;
    let statistics = Statistics::boolean(
        has_value.then_some(!has_false),
        has_value.then_some(has_true),
        None,
        Some(pages.null_count()),
        false,
    );
    pages.finish(statistics, None, compressor)
}
