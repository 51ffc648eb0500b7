//! One Parquet file of a table: how it is laid out, written and converted to wall time.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, PrimitiveArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, TimeUnit, TimestampNanosecondType};
use arrow::error::ArrowError;
use kcorr_model::{ClockConversion, Table, realtime_from_source};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::{PageIndexPolicy, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use crate::block_hashes::{BlockHashes, HashedFile};
use crate::encoding::{PAGE_ROWS, ZSTD_LEVEL};
use crate::error::{Error, ErrorKind, Result};
use crate::picked::Picked;
use crate::table_writer::{ROW_GROUP_ROWS, TableWriter};

/// Writes rows as one file, sorted by the table's time. Times are converted to wall time first when
/// an offset is given. Returns the length and the hashes of the file.
pub(super) fn write(
    path: &Path,
    table: &Table,
    batches: Vec<RecordBatch>,
    clock_offset_ns: i64,
) -> Result<(u64, BlockHashes)> {
    let schema = batches
        .first()
        .map_or_else(|| table.schema(), RecordBatch::schema);
    let conversion = ClockConversion::fixed(clock_offset_ns);
    let mut writer = writer(path, table.sorted_by, &schema)?;
    let mut write = |rows: std::result::Result<RecordBatch, ArrowError>| {
        let rows = rows.and_then(|rows| moved(&rows, &conversion));
        let rows = rows.map_err(|e| bad_rows(path, e))?;
        writer.write(&rows).map_err(|e| cannot_write(path, e))
    };
    match table.sorted_by {
        Some(time) if !is_sorted(table, &batches) => {
            let picked = Picked::by_time(batches, time).map_err(|e| bad_rows(path, e))?;
            picked.chunks(ROW_GROUP_ROWS).try_for_each(&mut write)?;
        }
        _ => batches.into_iter().map(Ok).try_for_each(&mut write)?,
    }
    close(path, writer)
}

/// Writes a copy of a file of the store with all times converted once more. Order and ids stay. Only what the
/// conversion changes is decoded; other columns are copied as they are.
pub(super) fn write_moved(
    from: &Path,
    to: &Path,
    conversion: &ClockConversion,
) -> Result<(u64, BlockHashes)> {
    let cannot_read = |e| cannot_read(from, e);
    let file = File::open(from).map_err(|e| Error::io("cannot open", from, e))?;
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
    let footer = ArrowReaderMetadata::load(&file, options).map_err(cannot_read)?;
    let reader =
        |file: File| ParquetRecordBatchReaderBuilder::new_with_metadata(file, footer.clone());
    let again = || {
        file.try_clone()
            .map_err(|e| Error::io("cannot open", from, e))
    };
    let sorted_by = sorting_column(&reader(again()?));
    let schema = Arc::clone(footer.schema());
    let is_changed =
        |field: &Field| is_time(field.data_type()) || is_changed_length(field.name(), conversion);
    let changed: Vec<usize> = (0..schema.fields().len())
        .filter(|place| is_changed(schema.field(*place)))
        .collect();
    let mut writer = writer(to, sorted_by.as_deref(), &schema)?;
    for group in 0..footer.metadata().num_row_groups() {
        let columns = ProjectionMask::roots(footer.parquet_schema(), changed.iter().copied());
        let batches = reader(again()?)
            .with_row_groups(vec![group])
            .with_projection(columns)
            .with_batch_size(ROW_GROUP_ROWS)
            .build()
            .map_err(cannot_read)?;
        // A table without times has no such columns.
        let batches = batches.take_while(|_| !changed.is_empty());
        let batches: std::result::Result<Vec<RecordBatch>, ArrowError> = batches
            .map(|batch| batch.and_then(|batch| moved(&batch, conversion)))
            .collect();
        let batches = batches.map_err(|e| bad_rows(from, e))?;
        writer
            .copy_row_group((&file, footer.metadata()), group, &batches)
            .map_err(|e| cannot_write(to, e))?;
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

fn is_time(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(TimeUnit::Nanosecond, _))
}

/// Whether a column is a length that a conversion changes.
fn is_changed_length(name: &str, conversion: &ClockConversion) -> bool {
    conversion.drift_ppb != 0 && LENGTHS.iter().any(|(length, ..)| *length == name)
}

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

/// Whether rows come in the order of the table's time, or need not.
fn is_sorted(table: &Table, batches: &[RecordBatch]) -> bool {
    let mut before = i64::MIN;
    let batches = batches.iter().filter_map(|batch| times(table, batch));
    let mut batches = batches.filter(|times| !times.is_empty());
    batches.all(|times| {
        let values = times.values();
        let is_behind = values[0] >= before;
        before = values[values.len() - 1];
        is_behind && times.null_count() == 0 && values.is_sorted()
    })
}

/// The times that a table is sorted by.
fn times<'a>(
    table: &Table,
    batch: &'a RecordBatch,
) -> Option<&'a PrimitiveArray<TimestampNanosecondType>> {
    let column = batch.column_by_name(table.sorted_by?)?;
    column.as_primitive_opt::<TimestampNanosecondType>()
}

/// Begins a file of rows that come in the order of a column.
pub(super) fn writer(
    path: &Path,
    sorted_by: Option<&str>,
    schema: &Arc<Schema>,
) -> Result<TableWriter> {
    let file = File::create_new(path).map_err(|e| Error::io("cannot create", path, e))?;
    let properties = properties(sorted_by, schema);
    TableWriter::new(HashedFile::new(file), schema, sorted_by, properties)
        .map_err(|e| cannot_write(path, e))
}

/// Ends a file and makes it durable; its length and hashes.
pub(super) fn close(path: &Path, writer: TableWriter) -> Result<(u64, BlockHashes)> {
    let file = writer.finish().map_err(|e| cannot_write(path, e))?;
    file.close().map_err(|e| Error::io("cannot write", path, e))
}

/// What the footer says, and how columns are written that are [not encoded here](crate::encoding).
fn properties(sorted_by: Option<&str>, schema: &Schema) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_compression(Compression::ZSTD(
            ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default(),
        ))
        .set_created_by(concat!("kcorr ", env!("CARGO_PKG_VERSION")).to_owned());
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
    use arrow::array::{DictionaryArray, TimestampNanosecondArray};
    use arrow::datatypes::Int32Type;
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
    fn a_file_without_times_is_copied_as_it_is() {
        static NAMES: Table = Table {
            name: "names",
            doc: "A name.",
            sorted_by: None,
            columns: &[Column::required("name", Type::Label, "The name.")],
        };
        let names = DictionaryArray::<Int32Type>::from_iter(["a", "b", "a"]);
        let rows = RecordBatch::try_new(NAMES.schema(), vec![Arc::new(names)]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let first = folder.path().join("a.parquet");
        let second = folder.path().join("b.parquet");
        write(&first, &NAMES, vec![rows], 0).unwrap();
        write_moved(&first, &second, &ClockConversion::fixed(-7)).unwrap();
        assert_eq!(read(&second), read(&first));
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
