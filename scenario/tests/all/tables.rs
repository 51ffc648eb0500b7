//! Tables of any size have the rows that were asked for, in order.

use std::fs::File;
use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Int64Type};
use kcorr_model::{Table, tables};
use kcorr_scenario::tables::{Skew, TableOptions, write};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

fn read(folder: &Path, table: &Table) -> RecordBatch {
    let file = File::open(folder.join(format!("{}.parquet", table.name))).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let schema = reader.schema().clone();
    assert_eq!(schema.fields(), table.schema().fields());
    let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

fn numbers(batch: &RecordBatch, column: &str) -> Vec<i64> {
    let column = cast(batch.column_by_name(column).unwrap(), &DataType::Int64).unwrap();
    column.as_primitive::<Int64Type>().values().to_vec()
}

fn options(skew: Skew) -> TableOptions {
    TableOptions {
        requests: 20_000,
        writes: 200_000,
        lock_waits: 100_000,
        logs: 100,
        slow_share: 0.000_1,
        seed: 1,
        skew,
    }
}

#[test]
fn rows_are_as_many_as_asked_for_and_in_the_order_of_time() {
    for skew in [Skew::None, Skew::OnePartition, Skew::HeavyWrite] {
        let folder = tempfile::tempdir().unwrap();
        let counts = write(&options(skew), folder.path()).unwrap();
        assert_eq!(counts[..2], [("requests", 20_000), ("writes", 200_000)]);
        assert_eq!(counts[2], ("lock_waits", 100_000));
        for (table, time) in [
            (&tables::REQUESTS, "arrival_time"),
            (&tables::REQUEST_PARTITIONS, "arrival_time"),
            (&tables::WRITES, "start_time"),
            (&tables::LOCK_WAITS, "start_time"),
            (&tables::FUNCTION_CALLS, "start_time"),
        ] {
            let rows = read(folder.path(), table);
            assert!(rows.num_rows() > 0, "{skew:?} {}", table.name);
            assert!(numbers(&rows, time).is_sorted(), "{skew:?} {}", table.name);
        }
    }
}

#[test]
fn writes_to_a_log_do_not_overlap_and_waits_end_before_their_write() {
    let folder = tempfile::tempdir().unwrap();
    write(&options(Skew::None), folder.path()).unwrap();
    let writes = read(folder.path(), &tables::WRITES);
    let (start, end) = (numbers(&writes, "start_time"), numbers(&writes, "end_time"));
    let topic = cast(writes.column_by_name("directory").unwrap(), &DataType::Utf8).unwrap();
    let mut free = std::collections::HashMap::new();
    for (row, log) in topic.as_string::<i32>().iter().enumerate() {
        let before = free.insert(log.unwrap(), end[row]);
        assert!(before.is_none_or(|before| before <= start[row]));
    }
    // A thread writes soon after its wait.
    let tids = numbers(&writes, "tid");
    let mut starts: Vec<_> = tids.into_iter().zip(start).collect();
    starts.sort_unstable();
    let waits = read(folder.path(), &tables::LOCK_WAITS);
    for (tid, end) in numbers(&waits, "tid")
        .into_iter()
        .zip(numbers(&waits, "end_time"))
    {
        let next = starts.partition_point(|write| *write < (tid, end));
        assert_eq!(starts[next].0, tid);
        assert!(starts[next].1 - end <= 2_000);
    }
}

#[test]
fn one_write_has_half_of_all_appends_of_a_log_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    write(&options(Skew::HeavyWrite), folder.path()).unwrap();
    let writes = read(folder.path(), &tables::WRITES);
    let durations = numbers(&writes, "duration_ns");
    let heavy = (0..durations.len())
        .max_by_key(|row| durations[*row])
        .unwrap();
    let (start, end) = (numbers(&writes, "start_time"), numbers(&writes, "end_time"));
    let (start, end) = (start[heavy], end[heavy]);
    let waits = read(folder.path(), &tables::LOCK_WAITS);
    let spans = numbers(&waits, "start_time")
        .into_iter()
        .zip(numbers(&waits, "end_time"));
    let behind = spans.filter(|(from, to)| *from < end && start < *to && to - from > 1_000_000);
    assert!(behind.count() > 10_000);
}
