//! Columns of 64-bit numbers and times: they rarely repeat, and differ little from row to row.

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray};
use parquet::basic::Encoding;
use parquet::errors::Result;
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescPtr;

use super::delta;
use super::pages::{Compressor, Encoded, PageTimes, Pages, in_pages};

/// Encodes a column; with the range of each page, if it is what rows are sorted by.
pub(super) fn encode<T: ArrowPrimitiveType<Native = i64>>(
    arrays: &[ArrayRef],
    column: ColumnDescPtr,
    is_sorted_by: bool,
    compressor: &mut Compressor,
) -> Result<Encoded> {
    let mut pages = Pages::new(column, Encoding::DELTA_BINARY_PACKED);
    let mut times = is_sorted_by.then(PageTimes::new);
    let mut range: Option<(i64, i64)> = None;
    let mut values = Vec::new();
    for page in in_pages(arrays) {
        values.clear();
        page.iter()
            .for_each(|array| append_present::<T>(array, &mut values));
        let of_page = least_and_greatest(&values);
        let null_count = pages.page(&page, |out| delta::encode(&values, out));
        if let Some(times) = &mut times {
            times.page(of_page, null_count);
        }
        range = union(range, of_page);
    }
    let statistics = Statistics::int64(
        range.map(|range| range.0),
        range.map(|range| range.1),
        None,
        Some(pages.null_count()),
        false,
    );
    let index = times.map(PageTimes::finish).transpose()?;
    pages.finish(statistics, index, compressor)
}

/// Appends the values of an array that are not null.
pub(super) fn append_present<T: ArrowPrimitiveType>(array: &ArrayRef, values: &mut Vec<T::Native>) {
    let array = array.as_primitive::<T>();
    match array.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => values.extend_from_slice(array.values()),
        Some(nulls) => {
            for (from, until) in nulls.valid_slices() {
                values.extend_from_slice(&array.values()[from..until]);
            }
        }
    }
}

/// The least and the greatest of numbers.
pub(super) fn least_and_greatest<T: Copy + Ord>(values: &[T]) -> Option<(T, T)> {
    let (first, rest) = values.split_first()?;
    let widened = |(least, greatest): (T, T), value: &T| (least.min(*value), greatest.max(*value));
    Some(rest.iter().fold((*first, *first), widened))
}

/// What two ranges span.
pub(super) fn union<T: Ord>(a: Option<(T, T)>, b: Option<(T, T)>) -> Option<(T, T)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    }
}
