//! One Parquet file of a table: how it is laid out, written and converted to wall time.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, PrimitiveArray, RecordBatch, UInt64Array,
};
use arrow::compute;
use arrow::datatypes::{DataType, Int64Type, Schema, TimeUnit, TimestampNanosecondType};
use arrow::error::ArrowError;
use kcorr_model::{ClockConversion, Table, realtime_from_source};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use crate::block_hashes::{BlockHashes, HashedFile};
use crate::error::{Error, ErrorKind, Result};

/// Rows of a row group: few, so that a stretch of time reads little beside itself; with fewer, reading a
/// whole file takes longer (`bench/store`).
const ROW_GROUP_ROWS: usize = 64 * 1024;

/// Writes rows as one file, sorted by the table's time. Times are converted to wall time first when
/// an offset is given. Returns the length and the hashes of the file.
pub(super) fn write(
    path: &Path,
    table: &Table,
    batches: Vec<RecordBatch>,
    clock_offset_ns: i64,
) -> Result<(u64, BlockHashes)> {
    let rows = sorted(table, batches).map_err(|e| bad_rows(path, e))?;
    let conversion = ClockConversion::fixed(clock_offset_ns);
    let rows = moved(&rows, &conversion).map_err(|e| bad_rows(path, e))?;
    let mut writer = writer(path, table.sorted_by, &rows.schema())?;
    writer.write(&rows).map_err(|e| cannot_write(path, e))?;
    close(path, writer)
}

/// Writes a copy of a file of the store with all times converted once more. Order and ids stay.
pub(super) fn write_moved(
    from: &Path,
    to: &Path,
    conversion: &ClockConversion,
) -> Result<(u64, BlockHashes)> {
    let cannot_read = |e| cannot_read(from, e);
    let file = File::open(from).map_err(|e| Error::io("cannot open", from, e))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(cannot_read)?;
    let sorted_by = sorting_column(&builder);
    let schema = Arc::clone(builder.schema());
    let reader = builder
        .with_batch_size(64 * 1024)
        .build()
        .map_err(cannot_read)?;
    let mut writer = writer(to, sorted_by.as_deref(), &schema)?;
    for batch in reader {
        let batch = batch
            .and_then(|batch| moved(&batch, conversion))
            .map_err(|e| bad_rows(from, e))?;
        writer.write(&batch).map_err(|e| cannot_write(to, e))?;
    }
    close(to, writer)
}

/// The column that a file says it is sorted by.
pub(super) fn sorting_column(file: &ParquetRecordBatchReaderBuilder<File>) -> Option<String> {
    let sorting = file.metadata().row_groups().first()?.sorting_columns()?;
    let column = usize::try_from(sorting.first()?.column_idx).ok()?;
    Some(file.schema().fields().get(column)?.name().clone())
}

/// Lengths that are stored beside the times they lie between.
const LENGTHS: [(&str, &str, &str); 2] = [
    ("duration_ns", "start_time", "end_time"),
    ("latency_ns", "arrival_time", "end_time"),
];

/// A batch with all its times converted. With a drift, lengths change with the times they belong to.
fn moved(batch: &RecordBatch, conversion: &ClockConversion) -> Result<RecordBatch, ArrowError> {
    if conversion.is_identity() {
        return Ok(batch.clone());
    }
    let columns = batch
        .columns()
        .iter()
        .map(|column| moved_column(column, conversion));
    let mut columns: Vec<ArrayRef> = columns.collect();
    if conversion.drift_ppb != 0 {
        for (length, start, end) in LENGTHS {
            if let Ok(place) = batch.schema().index_of(length)
                && let Some(lengths) = moved_lengths(batch, conversion, (length, start, end))
            {
                columns[place] = lengths;
            }
        }
    }
    RecordBatch::try_new(batch.schema(), columns)
}

fn moved_column(column: &ArrayRef, conversion: &ClockConversion) -> ArrayRef {
    match column.data_type() {
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            let times = column.as_primitive::<TimestampNanosecondType>();
            let moved: PrimitiveArray<TimestampNanosecondType> =
                times.unary(|time| realtime_from_source(time, conversion));
            Arc::new(moved.with_timezone_opt(zone.clone()))
        }
        _ => Arc::clone(column),
    }
}

/// Lengths with what the conversion adds between their start and end; null where one of the two is.
fn moved_lengths(
    batch: &RecordBatch,
    conversion: &ClockConversion,
    (length, start, end): (&str, &str, &str),
) -> Option<ArrayRef> {
    let time = |name| {
        let column = batch.column_by_name(name)?;
        column.as_primitive_opt::<TimestampNanosecondType>()
    };
    let (starts, ends) = (time(start)?, time(end)?);
    let lengths = batch
        .column_by_name(length)?
        .as_primitive_opt::<Int64Type>()?;
    let added = |time: i64| realtime_from_source(time, conversion).saturating_sub(time);
    let moved = (0..lengths.len()).map(|row| {
        let is_known = lengths.is_valid(row) && starts.is_valid(row) && ends.is_valid(row);
        is_known.then(|| {
            let gain = added(ends.value(row)).saturating_sub(added(starts.value(row)));
            lengths.value(row).saturating_add(gain)
        })
    });
    Some(Arc::new(moved.collect::<Int64Array>()))
}

/// The rows of all batches in one, by the table's time; rows of equal time keep their order.
fn sorted(table: &Table, batches: Vec<RecordBatch>) -> Result<RecordBatch, ArrowError> {
    let schema = batches
        .first()
        .map_or_else(|| table.schema(), RecordBatch::schema);
    let rows = compute::concat_batches(&schema, &batches)?;
    drop(batches);
    let Some(time) = table.sorted_by.and_then(|name| rows.column_by_name(name)) else {
        return Ok(rows);
    };
    let times = time.as_primitive::<TimestampNanosecondType>();
    if times.null_count() == 0 && times.values().is_sorted() {
        return Ok(rows);
    }
    // None sorts first, as the file's sorting column says.
    let key = |row: usize| times.is_valid(row).then(|| times.value(row));
    let mut order: Vec<(Option<i64>, u64)> =
        (0..times.len()).map(|row| (key(row), row as u64)).collect();
    order.sort_unstable();
    let order = UInt64Array::from_iter_values(order.into_iter().map(|(_, row)| row));
    compute::take_record_batch(&rows, &order)
}

/// Begins a file of rows that come in the order of a column.
pub(super) fn writer(
    path: &Path,
    sorted_by: Option<&str>,
    schema: &Arc<Schema>,
) -> Result<ArrowWriter<HashedFile>> {
    let file = File::create_new(path).map_err(|e| Error::io("cannot create", path, e))?;
    ArrowWriter::try_new(
        HashedFile::new(file),
        Arc::clone(schema),
        Some(properties(sorted_by, schema)),
    )
    .map_err(|e| cannot_write(path, e))
}

/// Ends a file and makes it durable; its length and hashes.
pub(super) fn close(path: &Path, writer: ArrowWriter<HashedFile>) -> Result<(u64, BlockHashes)> {
    let file = writer.into_inner().map_err(|e| cannot_write(path, e))?;
    file.close().map_err(|e| Error::io("cannot write", path, e))
}

fn properties(sorted_by: Option<&str>, schema: &Schema) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).unwrap_or_default()))
        .set_created_by(concat!("kcorr ", env!("CARGO_PKG_VERSION")).to_owned());
    for field in schema.fields() {
        properties = column_properties(properties, field.name(), field.data_type());
    }
    if let Some(time) = sorted_by {
        // Pages of a time range are found by the time alone.
        let column = ColumnPath::from(time);
        properties = properties.set_column_statistics_enabled(column, EnabledStatistics::Page);
    }
    let sorting = sorted_by.and_then(|name| schema.index_of(name).ok());
    if let Some(column) = sorting.and_then(|column| i32::try_from(column).ok()) {
        properties = properties.set_sorting_columns(Some(vec![SortingColumn {
            column_idx: column,
            descending: false,
            nulls_first: true,
        }]));
    }
    properties.build()
}

/// Times and 64-bit numbers rarely repeat but differ little from row to row.
fn column_properties(
    properties: WriterPropertiesBuilder,
    name: &str,
    data_type: &DataType,
) -> WriterPropertiesBuilder {
    match data_type {
        DataType::Timestamp(..) | DataType::Int64 => {
            let column = ColumnPath::from(name);
            properties
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED)
        }
        _ => properties,
    }
}

pub(super) fn bad_rows(path: &Path, error: ArrowError) -> Error {
    let message = format!("rows of {} do not fit together", path.display());
    Error::because(ErrorKind::Store, message, error)
}

pub(super) fn cannot_read(path: &Path, error: parquet::errors::ParquetError) -> Error {
    let message = format!("cannot read {}", path.display());
    Error::because(ErrorKind::Store, message, error)
}

pub(super) fn cannot_write(path: &Path, error: parquet::errors::ParquetError) -> Error {
    Error::because(
        ErrorKind::Io,
        format!("cannot write {}", path.display()),
        error,
    )
}

#[cfg(test)]
mod tests {
    use arrow::array::TimestampNanosecondArray;
    use kcorr_model::{Column, Type};

    use super::*;

    static EVENTS: Table = Table {
        name: "events",
        doc: "An event.",
        sorted_by: Some("time"),
        columns: &[
            Column::required("event_id", Type::Int64, "Id."),
            Column::optional("time", Type::Time, "When."),
        ],
    };

    fn batch(rows: &[(i64, Option<i64>)]) -> RecordBatch {
        let ids = Int64Array::from_iter_values(rows.iter().map(|row| row.0));
        let times = TimestampNanosecondArray::from_iter(rows.iter().map(|row| row.1));
        RecordBatch::try_new(
            EVENTS.schema(),
            vec![Arc::new(ids), Arc::new(times.with_timezone("UTC"))],
        )
        .unwrap()
    }

    fn read(path: &Path) -> Vec<RecordBatch> {
        let file = File::open(path).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        reader.build().unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn rows_are_stored_by_time_in_wall_time_and_equal_times_keep_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.parquet");
        let batches = vec![
            batch(&[(1, Some(30)), (2, Some(10))]),
            batch(&[(3, Some(10)), (4, None)]),
        ];
        write(&path, &EVENTS, batches, 1000).unwrap();
        let expected = batch(&[(4, None), (2, Some(1010)), (3, Some(1010)), (1, Some(1030))]);
        assert_eq!(read(&path), vec![expected]);
    }

    #[test]
    fn a_file_can_be_moved_in_time_again() {
        let folder = tempfile::tempdir().unwrap();
        let first = folder.path().join("a.parquet");
        let second = folder.path().join("b.parquet");
        write(&first, &EVENTS, vec![batch(&[(1, Some(5)), (2, None)])], 0).unwrap();
        write_moved(&first, &second, &ClockConversion::fixed(-7)).unwrap();
        assert_eq!(read(&second), vec![batch(&[(2, None), (1, Some(-2))])]);
    }

    #[test]
    fn with_a_drift_a_length_stays_the_difference_of_its_times() {
        static CALLS: Table = Table {
            name: "calls",
            doc: "A call.",
            sorted_by: Some("start_time"),
            columns: &[
                Column::required("start_time", Type::Time, "Start."),
                Column::optional("end_time", Type::Time, "End."),
                Column::optional("duration_ns", Type::Int64, "Length."),
            ],
        };
        let rows = |start: i64, end: i64, length: i64| {
            let time = |values: Vec<Option<i64>>| {
                Arc::new(TimestampNanosecondArray::from(values).with_timezone("UTC"))
            };
            RecordBatch::try_new(
                CALLS.schema(),
                vec![
                    time(vec![Some(start), Some(start)]),
                    time(vec![Some(end), None]),
                    Arc::new(Int64Array::from(vec![Some(length), None])),
                ],
            )
            .unwrap()
        };
        let folder = tempfile::tempdir().unwrap();
        let first = folder.path().join("a.parquet");
        let second = folder.path().join("b.parquet");
        write(&first, &CALLS, vec![rows(1_000, 2_001_000, 2_000_000)], 0).unwrap();
        let conversion = ClockConversion {
            offset_ns: 10,
            drift_ppb: 50_000,
            drift_from_ns: 1_000,
        };
        write_moved(&first, &second, &conversion).unwrap();
        assert_eq!(read(&second), vec![rows(1_010, 2_001_110, 2_000_100)]);
    }
}
