//! What is written is what is read, by the parquet crate's own reader.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Float64Array, Int16Array, Int32Array,
    Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder, TimestampNanosecondArray,
};
use arrow::compute;
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema};
use kcorr_model::ClockConversion;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::PageIndexPolicy;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;
use proptest::prelude::*;

use crate::table_file;

/// A row: what each of its columns has.
type Row = (
    i64,
    Option<i64>,
    Option<i32>,
    Option<u8>,
    Option<bool>,
    Option<u8>,
);

const LABELS: [&str; 5] = ["", "write", "read", "ärger", "orders-0"];

/// A batch with a column of each type that tables have. Labels are out of a dictionary that has more than are used.
fn batch(rows: &[Row], kind: usize) -> RecordBatch {
    let mut times: Vec<i64> = rows.iter().map(|row| row.0).collect();
    times.sort_unstable();
    let times = TimestampNanosecondArray::from(times).with_timezone("UTC");
    let end =
        TimestampNanosecondArray::from_iter(rows.iter().map(|row| row.1)).with_timezone("UTC");
    let wide = Int64Array::from_iter(rows.iter().map(|row| row.1));
    let narrow = Int32Array::from_iter(rows.iter().map(|row| row.2));
    let short = rows
        .iter()
        .map(|row| row.2.map(|n| n.to_le_bytes()[0].into()));
    let short = Int16Array::from_iter(short);
    let mut labels = LABELS.to_vec();
    labels.rotate_left(kind % LABELS.len());
    let keys = rows.iter().map(|row| row.3.map(|key| i32::from(key) % 5));
    let keys = Int32Array::from_iter(keys);
    let label = DictionaryArray::<Int32Type>::new(keys, Arc::new(StringArray::from(labels)));
    let flag = BooleanArray::from_iter(rows.iter().map(|row| row.4));
    let text = |row: &Row| row.5.map(|n| "x".repeat(usize::from(n % 9)));
    let text_column = StringArray::from_iter(rows.iter().map(text));
    let float = Float64Array::from_iter(rows.iter().map(|row| row.5.map(f64::from)));
    let mut list = ListBuilder::new(StringBuilder::new());
    for row in rows {
        if let Some(text) = text(row) {
            list.values().append_value(text);
        }
        list.append(row.5.is_some());
    }
    let columns: [(&str, ArrayRef, bool); 10] = [
        ("time", Arc::new(times), false),
        ("end", Arc::new(end), true),
        ("wide", Arc::new(wide), true),
        ("narrow", Arc::new(narrow), true),
        ("short", Arc::new(short), true),
        ("label", Arc::new(label), true),
        ("flag", Arc::new(flag), true),
        ("text", Arc::new(text_column), true),
        ("float", Arc::new(float), true),
        ("list", Arc::new(list.finish()), true),
    ];
    let field = |(name, array, is_optional): &(&str, ArrayRef, bool)| {
        Field::new(*name, array.data_type().clone(), *is_optional)
    };
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let columns = columns.into_iter().map(|(_, array, _)| array).collect();
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

fn write(path: &Path, batches: &[RecordBatch]) {
    let schema = batches[0].schema();
    let mut writer = table_file::writer(path, Some("time"), &schema).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    table_file::close(path, writer).unwrap();
}

/// All rows, and dictionaries as the strings that they stand for.
fn plain(batches: &[RecordBatch]) -> Vec<ArrayRef> {
    let schema = batches[0].schema();
    let rows = compute::concat_batches(&schema, batches).unwrap();
    let plain = |array: &ArrayRef| match array.data_type() {
        DataType::Dictionary(_, value) => compute::cast(array, value).unwrap(),
        _ => Arc::clone(array),
    };
    rows.columns().iter().map(plain).collect()
}

fn read(path: &Path) -> Vec<ArrayRef> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    plain(&batches)
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let wide = prop_oneof![any::<i64>(), 0..1000_i64, Just(i64::MIN), Just(i64::MAX)];
    let narrow = prop_oneof![0..40_i32, any::<i32>()];
    let row = (
        0..1_000_000_i64,
        prop::option::of(wide),
        prop::option::of(narrow),
        prop::option::of(any::<u8>()),
        prop::option::of(any::<bool>()),
        prop::option::of(any::<u8>()),
    );
    prop::collection::vec(row, 1..300)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_written_is_what_is_read(parts in prop::collection::vec(rows(), 1..5)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        let batches: Vec<RecordBatch> =
            parts.iter().enumerate().map(|(kind, rows)| batch(rows, kind)).collect();
        write(&path, &batches);
        prop_assert_eq!(read(&path), plain(&batches));
    }
}

/// Rows over several pages and row groups: stretches without values, of one value, and of many.
fn many_rows(count: i64) -> Vec<Row> {
    let row = |number: i64| {
        let stretch = number / 7_000 % 4;
        let small = u8::try_from(number * 31 % 251).unwrap();
        let some =
            (stretch != 0).then_some(number.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64.cast_signed()));
        (
            number,
            some.map(|value| if stretch == 1 { 5 } else { value }),
            some.map(|value| {
                if stretch == 3 {
                    (value >> 33).try_into().unwrap()
                } else {
                    7
                }
            }),
            (number % 3 > 0 || stretch > 1).then_some(if stretch == 2 { 1 } else { small }),
            (stretch != 2).then_some(stretch == 1),
            (number > count / 2).then_some(small),
        )
    };
    (0..count).map(row).collect()
}

#[test]
fn rows_of_several_pages_and_row_groups_are_read_as_they_were_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    let rows = many_rows(150_000);
    let batches: Vec<RecordBatch> = rows.chunks(9_999).map(|rows| batch(rows, 0)).collect();
    write(&path, &batches);
    assert_eq!(read(&path), plain(&batches));
}

#[test]
fn a_footer_tells_ranges_nulls_and_pages() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    write(&path, &[batch(&many_rows(100_000), 0)]);
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let file = File::open(&path).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).unwrap();
    let footer = builder.metadata();
    assert_eq!(footer.num_row_groups(), 2);
    let column =
        |group: usize, place: usize| footer.row_group(group).column(place).statistics().unwrap();
    let Statistics::Int64(times) = column(1, 0) else {
        panic!("times are 64-bit numbers");
    };
    assert_eq!(
        (times.min_opt(), times.max_opt()),
        (Some(&65_536), Some(&99_999))
    );
    assert_eq!(column(0, 1).null_count_opt(), Some(3 * 7_000));
    let Statistics::ByteArray(labels) = column(0, 5) else {
        panic!("labels are strings");
    };
    assert_eq!(labels.min_opt().unwrap().as_utf8().unwrap(), "");
    assert_eq!(labels.max_opt().unwrap().as_utf8().unwrap(), "ärger");
    // Pages can be left out by the time alone, and be found in every column.
    let pages = footer.offset_index().unwrap();
    assert!(
        pages[0]
            .iter()
            .all(|column| !column.page_locations().is_empty())
    );
    assert_eq!(pages[0][0].page_locations().len(), 4);
    assert_eq!(pages[0][1].page_locations()[2].first_row_index, 2 * 16_384);
}

#[test]
fn a_moved_copy_has_other_times_and_every_other_column_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (
        folder.path().join("a.parquet"),
        folder.path().join("b.parquet"),
    );
    let batches = [batch(&many_rows(100_000), 0)];
    write(&first, &batches);
    table_file::write_moved(&first, &second, &ClockConversion::fixed(1_000)).unwrap();
    let (before, after) = (read(&first), read(&second));
    assert_eq!(before[2..], after[2..]);
    let later = |array: &ArrayRef| {
        let one = Int64Array::new_scalar(1_000);
        let numbers = compute::cast(array, &DataType::Int64).unwrap();
        let later = compute::kernels::numeric::add_wrapping(&numbers, &one).unwrap();
        compute::cast(&later, array.data_type()).unwrap()
    };
    // A time at the end of the range stays there, and is not looked at here.
    let is_inside = |array: &ArrayRef| compute::cast(array, &DataType::Int64).unwrap();
    assert_eq!(&later(&before[0]), &after[0]);
    assert_eq!(
        is_inside(&before[1]).null_count(),
        is_inside(&after[1]).null_count()
    );
}

#[test]
fn a_row_group_that_lacks_all_strings_and_lists_is_read_with_one_that_has_some() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    let mut rows = many_rows(70_000);
    for row in &mut rows[..65_536] {
        row.5 = None;
    }
    let batches = [batch(&rows, 0)];
    write(&path, &batches);
    assert_eq!(read(&path), plain(&batches));
}

/// What a footer says of a column of numbers or strings, as texts: least, greatest, nulls.
fn told(statistics: &Statistics) -> (Option<String>, Option<String>, Option<u64>) {
    fn text<T: ToString>(value: Option<&T>) -> Option<String> {
        value.map(T::to_string)
    }
    let string = |value: Option<&parquet::data_type::ByteArray>| {
        value.map(|value| value.as_utf8().unwrap().to_owned())
    };
    let (least, greatest) = match statistics {
        Statistics::Boolean(s) => (text(s.min_opt()), text(s.max_opt())),
        Statistics::Int32(s) => (text(s.min_opt()), text(s.max_opt())),
        Statistics::Int64(s) => (text(s.min_opt()), text(s.max_opt())),
        Statistics::ByteArray(s) => (string(s.min_opt()), string(s.max_opt())),
        other => panic!("{other:?}"),
    };
    (least, greatest, statistics.null_count_opt())
}

/// The same by looking at every row.
fn seen(array: &ArrayRef) -> (Option<String>, Option<String>, Option<u64>) {
    fn range<T: Ord + ToString>(
        values: impl Iterator<Item = T> + Clone,
    ) -> (Option<String>, Option<String>) {
        let text = |value: Option<T>| value.map(|value| value.to_string());
        (text(values.clone().min()), text(values.max()))
    }
    let strings = match array.data_type() {
        DataType::Dictionary(_, value) => compute::cast(array, value).unwrap(),
        _ => Arc::clone(array),
    };
    let (least, greatest) = match strings.data_type() {
        DataType::Boolean => range(strings.as_boolean().iter().flatten()),
        DataType::Utf8 => range(strings.as_string::<i32>().iter().flatten()),
        _ => {
            let numbers = compute::cast(&strings, &DataType::Int64).unwrap();
            range(numbers.as_primitive::<Int64Type>().iter().flatten())
        }
    };
    (least, greatest, Some(array.null_count() as u64))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn a_footer_tells_of_each_row_group_and_page_what_rows_have(
        parts in prop::collection::vec((rows(), 1..400_usize), 1..5),
        sorted_by in prop::sample::select(vec!["time", "end"]),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        let mut all: Vec<Row> = parts.iter().flat_map(|(rows, times)| rows.repeat(*times)).collect();
        // Rows without a time come first.
        all.sort_by_key(|row| if sorted_by == "end" { row.1 } else { Some(row.0) });
        let batches: Vec<RecordBatch> =
            all.chunks(30_001).enumerate().map(|(kind, rows)| batch(rows, kind)).collect();
        let schema = batches[0].schema();
        let mut writer = table_file::writer(&path, Some(sorted_by), &schema).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        table_file::close(&path, writer).unwrap();
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
        let open = || {
            let file = File::open(&path).unwrap();
            ParquetRecordBatchReaderBuilder::try_new_with_options(file, options.clone()).unwrap()
        };
        let footer = Arc::clone(open().metadata());
        for group in 0..footer.num_row_groups() {
            let rows = open().with_row_groups(vec![group]).build().unwrap();
            let rows: Vec<RecordBatch> = rows.map(Result::unwrap).collect();
            let rows = compute::concat_batches(&schema, &rows).unwrap();
            for place in 0..7 {
                let statistics = footer.row_group(group).column(place).statistics().unwrap();
                prop_assert_eq!(told(statistics), seen(rows.column(place)), "column {}", place);
            }
            let sorted = schema.index_of(sorted_by).unwrap();
            let ColumnIndexMetaData::INT64(pages) = &footer.column_index().unwrap()[group][sorted] else {
                panic!("times are 64-bit numbers");
            };
            let places = footer.offset_index().unwrap()[group][sorted].page_locations();
            for (page, place) in places.iter().enumerate() {
                let from = usize::try_from(place.first_row_index).unwrap();
                let until = places.get(page + 1).map_or(rows.num_rows(), |next| {
                    usize::try_from(next.first_row_index).unwrap()
                });
                let text = |value: Option<&i64>| value.map(i64::to_string);
                let nulls = pages.null_count(page).map(i64::cast_unsigned);
                let told = (text(pages.min_value(page)), text(pages.max_value(page)), nulls);
                prop_assert_eq!(told, seen(&rows.column(sorted).slice(from, until - from)));
            }
        }
    }
}
