//! Interval joins against DataFusion's own joins, which test every pair: random rows, every join type,
//! spelling, key, batch size, number of partitions, and with too little memory.

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::{
    AsArray, DictionaryArray, Int32Array, Int64Array, RecordBatch, TimestampNanosecondArray,
};
use datafusion::arrow::compute::binary;
use datafusion::arrow::datatypes::{
    DataType, Int32Type, Int64Type, Schema, TimeUnit, TimestampNanosecondType,
};
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::datasource::MemTable;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};
use datafusion::physical_plan::{ExecutionPlan, collect, displayable};
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;

use super::deadline::within;
use super::{IntervalJoinRule, UnspilledRepartitionPool};

/// Time for one case; it takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A row: key, other key, start, length, number. Times are small so that they often touch.
type Row = (Option<i32>, Option<u8>, Option<i64>, i64, i64);

#[derive(Debug, Clone)]
struct Case {
    left: Vec<Row>,
    right: Vec<Row>,
    sql: String,
    /// Rows of a batch of the inputs, and of the output.
    batch_rows: (usize, usize),
    partitions: usize,
    memory: Option<usize>,
    /// Above how many build rows both sides are partitioned.
    most_shared_rows: usize,
    inputs: Inputs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inputs {
    Memory,
    /// Parquet files, whose scan skips what the build side's times exclude.
    Files,
}

const JOINS: &[&str] = &[
    "SELECT a.n AS an, b.n AS bn, a.s, b.e FROM a {} JOIN b ON {}",
    "SELECT a.n, a.name FROM a LEFT SEMI JOIN b ON {}",
    "SELECT a.n, a.name FROM a LEFT ANTI JOIN b ON {}",
    "SELECT b.n, b.name FROM a RIGHT SEMI JOIN b ON {}",
    "SELECT b.n, b.name FROM a RIGHT ANTI JOIN b ON {}",
    "SELECT a.n FROM a WHERE a.n % 5 = 0 OR EXISTS (SELECT 1 FROM b WHERE {})",
    "SELECT count(*) AS pairs FROM a JOIN b ON {}",
];

const KEYS: &[&str] = &[
    "",
    "a.k = b.k AND ",
    "b.name = a.name AND ",
    "a.k = b.k AND a.name = b.name AND ",
];

const CONDITIONS: &[&str] = &[
    "a.s < b.e AND b.s < a.e",
    "a.e > b.s AND a.s < b.e",
    "b.s <= a.e AND b.e >= a.s",
    "a.s BETWEEN b.s AND b.e",
    "b.s >= a.s AND b.e <= a.e",
    "b.s <= a.s AND NOT (b.e < a.e)",
    "a.s < b.e AND b.s <= a.e AND a.n <> b.n",
    "a.s < b.e AND b.s < a.e AND (a.n + b.n) % 3 = 0",
    "add_ns(a.s, 3) < b.e AND b.s < add_ns(a.e, -1)",
    "a.n <= b.n + 4 AND a.n >= b.n - 4 AND a.s < b.e",
];

fn row() -> impl Strategy<Value = Row> {
    let key = prop::option::weighted(0.9, 0..3_i32);
    let name = prop::option::weighted(0.9, 0..3_u8);
    let start = prop::option::weighted(0.9, 0..60_i64);
    let length = prop_oneof![4 => 0..6_i64, 1 => -2..50_i64];
    (key, name, start, length, 0..40_i64)
}

fn sql() -> impl Strategy<Value = String> {
    let outer = prop::sample::select(&["INNER", "LEFT", "RIGHT", "FULL"][..]);
    let parts = (
        prop::sample::select(JOINS),
        outer,
        prop::sample::select(KEYS),
        prop::sample::select(CONDITIONS),
    );
    parts.prop_map(|(join, outer, key, condition)| {
        let join = match join.matches("{}").count() {
            2 => join.replacen("{}", outer, 1),
            _ => join.to_owned(),
        };
        join.replace("{}", &format!("{key}{condition}"))
    })
}

fn case() -> impl Strategy<Value = Case> {
    let rows = || prop_oneof![1 => Just(Vec::new()), 9 => prop::collection::vec(row(), 1..90)];
    let batch_rows = (1..40_usize, prop_oneof![1..20_usize, Just(8192)]);
    let memory = prop::option::of(2_000..20_000_usize);
    let plan = (1..4_usize, prop::sample::select(vec![usize::MAX, 0]));
    (rows(), rows(), sql(), batch_rows, plan, memory).prop_map(
        |(left, right, sql, batch_rows, (partitions, most_shared_rows), memory)| Case {
            left,
            right,
            sql,
            batch_rows,
            partitions,
            memory,
            most_shared_rows,
            inputs: Inputs::Memory,
        },
    )
}

fn batch(rows: &[Row]) -> RecordBatch {
    let times = |time: fn(&Row) -> Option<i64>| {
        TimestampNanosecondArray::from_iter(rows.iter().map(time)).with_timezone("UTC")
    };
    let name = |row: &Row| row.1.map(|name| ["x", "y", "zz"][usize::from(name)]);
    let names: DictionaryArray<Int32Type> = rows.iter().map(name).collect();
    RecordBatch::try_from_iter([
        (
            "k",
            Arc::new(Int32Array::from_iter(rows.iter().map(|row| row.0))) as _,
        ),
        ("name", Arc::new(names) as _),
        ("s", Arc::new(times(|row| row.2)) as _),
        (
            "e",
            Arc::new(times(|row| row.2.map(|start| start + row.3))) as _,
        ),
        (
            "n",
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.4))) as _,
        ),
    ])
    .unwrap()
}

/// Rows in batches of some size, dealt out to partitions.
fn table(rows: &[Row], batch_rows: usize, partitions: usize) -> MemTable {
    let fields = batch(rows).schema().fields().clone();
    let fields = fields
        .into_iter()
        .map(|field| Arc::new(field.as_ref().clone().with_nullable(true)));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let mut parts = vec![Vec::new(); partitions];
    for (place, rows) in rows.chunks(batch_rows).enumerate() {
        let columns = batch(rows).columns().to_vec();
        parts[place % partitions].push(RecordBatch::try_new(Arc::clone(&schema), columns).unwrap());
    }
    MemTable::try_new(schema, parts).unwrap()
}

/// Rows by their start in a file with row groups of a few rows.
fn file(rows: &[Row], folder: &Path, name: &str) -> String {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| row.2);
    let batch = batch(&rows);
    let path = folder.join(format!("{name}.parquet"));
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(8))
        .build();
    let file = File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path.to_string_lossy().into_owned()
}

/// `add_ns(time, ns)`: bounds may be any expressions, functions included.
fn add_ns() -> ScalarUDF {
    let time = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    let add = |arguments: &[ColumnarValue]| {
        let [time, ns] = <[_; 2]>::try_from(ColumnarValue::values_to_arrays(arguments)?).unwrap();
        let moved: TimestampNanosecondArray = binary(
            time.as_primitive::<TimestampNanosecondType>(),
            ns.as_primitive::<Int64Type>(),
            i64::saturating_add,
        )?;
        Ok(ColumnarValue::Array(Arc::new(moved.with_timezone("UTC"))))
    };
    let types = vec![time.clone(), DataType::Int64];
    create_udf("add_ns", types, time, Volatility::Immutable, Arc::new(add))
}

async fn context(case: &Case, is_ours: bool, folder: &Path) -> SessionContext {
    let mut config = SessionConfig::new()
        .with_target_partitions(case.partitions)
        .with_batch_size(case.batch_rows.1);
    config.options_mut().execution.parquet.pushdown_filters = true;
    let mut state = SessionStateBuilder::new()
        .with_config(config)
        .with_default_features();
    if is_ours {
        let rule = IntervalJoinRule {
            most_shared_rows: case.most_shared_rows,
        };
        state = state.with_physical_optimizer_rules(rule.with_default_rules());
        if let Some(memory) = case.memory {
            let pool = Arc::new(UnspilledRepartitionPool::new(memory));
            let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool);
            state = state.with_runtime_env(runtime.build_arc().unwrap());
        }
    }
    let context = SessionContext::new_with_state(state.build());
    context.register_udf(add_ns());
    for (name, rows) in [("a", &case.left), ("b", &case.right)] {
        if case.inputs == Inputs::Files {
            let path = file(rows, folder, name);
            let options = ParquetReadOptions::default();
            context.register_parquet(name, path, options).await.unwrap();
            continue;
        }
        let table = table(rows, case.batch_rows.0, case.partitions);
        context.register_table(name, Arc::new(table)).unwrap();
    }
    context
}

async fn plan(
    case: &Case,
    is_ours: bool,
    folder: &Path,
) -> (Arc<dyn ExecutionPlan>, SessionContext) {
    let context = context(case, is_ours, folder).await;
    let frame = context.sql(&case.sql).await.unwrap();
    (frame.create_physical_plan().await.unwrap(), context)
}

/// The rows of a plan as text, sorted.
async fn rows(plan: Arc<dyn ExecutionPlan>, context: &SessionContext) -> Vec<String> {
    let mut rows = Vec::new();
    for batch in collect(plan, context.task_ctx()).await.unwrap() {
        for row in 0..batch.num_rows() {
            let mut line = String::new();
            for column in batch.columns() {
                write!(line, "{} ", array_value_to_string(column, row).unwrap()).unwrap();
            }
            rows.push(line);
        }
    }
    rows.sort_unstable();
    rows
}

fn shown(plan: &Arc<dyn ExecutionPlan>) -> String {
    displayable(plan.as_ref()).indent(false).to_string()
}

async fn check(case: &Case) {
    let folder = tempfile::tempdir().unwrap();
    let (theirs, their_context) = plan(case, false, folder.path()).await;
    let (ours, our_context) = plan(case, true, folder.path()).await;
    let text = shown(&ours);
    assert!(text.contains("IntervalJoinExec"), "{}\n{text}", case.sql);
    let expected = rows(theirs, &their_context).await;
    let found = rows(ours, &our_context).await;
    assert_eq!(expected, found, "{}\n{text}", case.sql);
}

fn check_in_time(case: Case) {
    let shown = format!("{case:?}");
    within(PATIENCE, &shown, move || runtime().block_on(check(&case)));
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn an_interval_join_gives_the_rows_of_a_nested_loop(case in case()) {
        check_in_time(case);
    }

    #[test]
    fn what_a_scan_skips_has_no_match(mut case in case()) {
        case.inputs = Inputs::Files;
        case.memory = None;
        case.most_shared_rows = usize::MAX;
        check_in_time(case);
    }
}

#[test]
fn a_scan_skips_the_row_groups_far_from_the_build_sides_times() {
    let mut case = Case {
        left: vec![
            (Some(1), None, Some(100), 5, 0),
            (Some(1), None, Some(900), 5, 0),
        ],
        right: rows_in_a_line(1000, 1),
        sql: "SELECT b.n FROM a JOIN b ON a.s < b.e AND b.s < a.e".to_owned(),
        batch_rows: (8192, 8192),
        partitions: 1,
        memory: None,
        most_shared_rows: usize::MAX,
        inputs: Inputs::Files,
    };
    case.right.sort_by_key(|row| row.2);
    let folder = tempfile::tempdir().unwrap();
    let runtime = runtime();
    let (plan, context) = runtime.block_on(plan(&case, true, folder.path()));
    assert_eq!(
        runtime.block_on(rows(Arc::clone(&plan), &context)).len(),
        10
    );
    let metrics = plan.metrics().unwrap_or_default();
    let input_rows = metrics
        .sum_by_name("input_rows")
        .map(|count| count.as_usize());
    assert_eq!(input_rows, Some(10), "{}", shown(&plan));
}

#[test]
fn the_nearest_row_before_is_an_interval_join_after_lead() {
    let case = Case {
        left: vec![
            (Some(1), None, Some(10), 0, 1),
            (Some(1), None, Some(3), 0, 2),
        ],
        right: rows_in_a_line(7, 0),
        sql: "WITH spans AS (
                SELECT n, k, s, LEAD(s) OVER (PARTITION BY k ORDER BY s) AS next_s FROM b
            )
            SELECT a.n AS an, p.n FROM a LEFT JOIN spans AS p
                ON p.k = a.k AND p.s <= a.s
                AND a.s < COALESCE(p.next_s, CAST('2200-01-01T00:00:00Z' AS TIMESTAMP))"
            .to_owned(),
        batch_rows: (3, 3),
        partitions: 2,
        memory: None,
        most_shared_rows: usize::MAX,
        inputs: Inputs::Memory,
    };
    let runtime = runtime();
    runtime.block_on(check(&case));
    let (plan, context) = runtime.block_on(plan(&case, true, Path::new("")));
    assert_eq!(runtime.block_on(rows(plan, &context)), ["1 6 ", "2 3 "]);
}

fn rows_in_a_line(count: i64, length: i64) -> Vec<Row> {
    (0..count)
        .map(|n| (Some(1), Some(1), Some(n), length, n))
        .collect()
}

#[test]
fn every_join_type_gives_the_same_rows_when_the_build_side_is_read_in_chunks() {
    let runtime = runtime();
    for join in [
        "INNER",
        "LEFT",
        "RIGHT",
        "FULL",
        "LEFT SEMI",
        "LEFT ANTI",
        "RIGHT SEMI",
        "RIGHT ANTI",
    ] {
        let columns = match join {
            "RIGHT SEMI" | "RIGHT ANTI" => "b.n",
            "LEFT SEMI" | "LEFT ANTI" => "a.n",
            _ => "a.n, b.n AS bn",
        };
        let mut case = Case {
            left: rows_in_a_line(3000, 2),
            right: rows_in_a_line(2500, 3),
            sql: format!(
                "SELECT {columns} FROM a {join} JOIN b
                ON a.k = b.k AND a.s < b.e AND b.s < a.e AND (a.n + b.n) % 7 < 5"
            ),
            batch_rows: (256, 1000),
            partitions: 2,
            memory: Some(100_000),
            most_shared_rows: usize::MAX,
            inputs: Inputs::Memory,
        };
        case.right[7].0 = None;
        case.left[9].0 = None;
        runtime.block_on(check(&case));
        let (plan, context) = runtime.block_on(plan(&case, true, Path::new("")));
        runtime.block_on(rows(Arc::clone(&plan), &context));
        let spilled = spilled_files(&plan);
        assert!(spilled > 0, "{join}: nothing was spilled\n{}", shown(&plan));
    }
}

/// How many files interval joins wrote.
fn spilled_files(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let own = match plan.name() {
        "IntervalJoinExec" => plan
            .metrics()
            .and_then(|metrics| metrics.spill_count())
            .unwrap_or(0),
        _ => 0,
    };
    own + plan
        .children()
        .into_iter()
        .map(spilled_files)
        .sum::<usize>()
}

#[test]
fn one_long_row_and_a_million_short_ones_take_no_quadratic_time() {
    // 3 · 10⁵ short rows a side, each inside one row that lasts throughout: 4 · 10¹⁰ pairs a key.
    let mut case = Case {
        left: rows_in_a_line(300_000, 1),
        right: rows_in_a_line(300_000, 1),
        sql: "SELECT count(*) AS pairs FROM a JOIN b ON a.k = b.k AND a.s < b.e AND b.s < a.e"
            .to_owned(),
        batch_rows: (8192, 8192),
        partitions: 2,
        memory: None,
        most_shared_rows: usize::MAX,
        inputs: Inputs::Memory,
    };
    case.left[0].3 = 400_000;
    case.right[0].3 = 400_000;
    let runtime = runtime();
    let (plan, context) = runtime.block_on(plan(&case, true, Path::new("")));
    let found = runtime.block_on(rows(plan, &context));
    // Each short row meets its like and the other side's long one.
    assert_eq!(found, ["899998 "]);
}
