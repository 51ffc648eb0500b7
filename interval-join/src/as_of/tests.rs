use std::sync::Arc;

use datafusion::arrow::array::{
    AsArray, Int32Array, Int64Array, RecordBatch, TimestampNanosecondArray,
};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::common::Result;
use datafusion::datasource::MemTable;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::DFParserBuilder;
use proptest::prelude::*;

use super::{AsOfPlanner, nest};
use crate::IntervalJoinRule;

/// A row: key, time; its number is its place.
type Row = (Option<i32>, Option<i64>);

fn table(rows: &[Row], partitions: usize) -> MemTable {
    let numbers = 0..i64::try_from(rows.len()).unwrap();
    let times = TimestampNanosecondArray::from_iter(rows.iter().map(|row| row.1));
    let batch = RecordBatch::try_from_iter_with_nullable([
        (
            "k",
            Arc::new(Int32Array::from_iter(rows.iter().map(|row| row.0))) as _,
            true,
        ),
        ("t", Arc::new(times) as _, true),
        (
            "n",
            Arc::new(Int64Array::from_iter_values(numbers)) as _,
            true,
        ),
    ])
    .unwrap();
    let share = rows.len().div_ceil(partitions).max(1);
    let parts = (0..partitions).map(|part| {
        let start = (part * share).min(rows.len());
        vec![batch.slice(start, share.min(rows.len() - start))]
    });
    MemTable::try_new(batch.schema(), parts.collect()).unwrap()
}

fn context(left: &[Row], right: &[Row], partitions: usize) -> SessionContext {
    let state = SessionStateBuilder::new()
        .with_config(SessionConfig::new().with_target_partitions(partitions))
        .with_default_features()
        .with_physical_optimizer_rules(IntervalJoinRule::default().with_default_rules())
        .build();
    let context = SessionContext::new_with_state(state);
    context
        .register_relation_planner(Arc::new(AsOfPlanner))
        .unwrap();
    for (name, rows) in [("a", left), ("b", right)] {
        let table = table(rows, partitions);
        context.register_table(name, Arc::new(table)).unwrap();
    }
    context
}

async fn run(context: &SessionContext, sql: &str) -> Result<Vec<RecordBatch>> {
    let parser = DFParserBuilder::new(sql).build();
    let mut statement = parser.unwrap().parse_statement().unwrap();
    nest(&mut statement);
    let plan = context.state().statement_to_plan(statement).await?;
    context.execute_logical_plan(plan).await?.collect().await
}

/// The first two columns.
async fn pairs(context: &SessionContext, sql: &str) -> Vec<(Option<i64>, Option<i64>)> {
    let mut pairs = Vec::new();
    for batch in run(context, sql).await.unwrap() {
        let column = |place| batch.column(place).as_primitive::<Int64Type>();
        pairs.extend(column(0).iter().zip(column(1)));
    }
    pairs.sort_unstable();
    pairs
}

fn runtime() -> tokio::runtime::Runtime {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).build().unwrap()
}

fn row() -> impl Strategy<Value = Row> {
    let time = prop_oneof![
        9 => 0..20_i64,
        1 => prop::sample::select(vec![i64::MIN, i64::MAX])
    ];
    (
        prop::option::weighted(0.9, 0..3_i32),
        prop::option::weighted(0.9, time),
    )
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    prop_oneof![1 => Just(Vec::new()), 9 => prop::collection::vec(row(), 1..40)]
}

const OPERATORS: &[&str] = &[">=", ">", "<=", "<"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn each_left_row_has_a_nearest_right_row_or_nulls(
        left in rows(),
        right in rows(),
        operator in prop::sample::select(OPERATORS),
        is_keyed in any::<bool>(),
        partitions in 1..4_usize,
    ) {
        let matches = |one: &Row, other: &Row| {
            let (Some(time), Some(other_time)) = (one.1, other.1) else {
                return false;
            };
            let is_in_order = match operator {
                ">=" => time >= other_time,
                ">" => time > other_time,
                "<=" => time <= other_time,
                _ => time < other_time,
            };
            is_in_order && (!is_keyed || (one.0.is_some() && one.0 == other.0))
        };
        let on = if is_keyed { "ON a.k = b.k" } else { "" };
        let sql = format!(
            "SELECT a.n, b.n AS bn FROM a ASOF JOIN b MATCH_CONDITION (a.t {operator} b.t) {on}"
        );
        let found = runtime().block_on(pairs(&context(&left, &right, partitions), &sql));
        prop_assert_eq!(found.len(), left.len());
        for ((number, match_number), (place, row)) in found.into_iter().zip(left.iter().enumerate()) {
            prop_assert_eq!(number, i64::try_from(place).ok());
            let times = right.iter().filter(|other| matches(row, other)).filter_map(|other| other.1);
            let nearest = if operator.starts_with('>') { times.max() } else { times.min() };
            let found = match_number.and_then(|number| right.get(usize::try_from(number).ok()?));
            prop_assert_eq!(found.and_then(|found| found.1), nearest);
            prop_assert!(found.is_none_or(|found| matches(row, found)));
        }
    }
}

#[test]
fn an_as_of_join_is_an_interval_join_and_gives_the_columns_of_both_sides_only() {
    let rows = [(Some(1), Some(1)), (Some(1), Some(5))];
    let context = context(&rows, &rows, 2);
    let sql = "SELECT * FROM a ASOF JOIN b MATCH_CONDITION (a.t >= b.t) ON a.k = b.k";
    let runtime = runtime();
    let shown = runtime.block_on(run(&context, &format!("EXPLAIN {sql}")));
    let shown = format!("{:?}", shown.unwrap());
    assert!(shown.contains("IntervalJoinExec"), "{shown}");
    let found = runtime.block_on(run(&context, sql)).unwrap();
    let schema = found[0].schema();
    let names = schema.fields().iter().map(|field| field.name().as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["k", "t", "n", "k", "t", "n"]);
}

#[test]
fn as_of_joins_stand_among_other_joins_and_in_subqueries() {
    let left = [(Some(1), Some(10)), (Some(1), Some(20))];
    let right = [(Some(1), Some(5)), (Some(1), Some(15))];
    let context = context(&left, &right, 2);
    let runtime = runtime();
    for sql in [
        "SELECT a.n, c.n AS cn FROM a
        JOIN b ON a.n = b.n
        ASOF JOIN b AS c MATCH_CONDITION (a.t > c.t) ON a.k = c.k
        JOIN a AS d ON d.n = a.n",
        "WITH nearest AS (
            SELECT a.n, b.n AS bn FROM (a ASOF JOIN b MATCH_CONDITION (a.t > b.t))
        )
        SELECT n, bn FROM nearest",
        "SELECT a.n, c.n AS cn FROM a
        ASOF JOIN b MATCH_CONDITION (a.t > b.t)
        ASOF JOIN (SELECT * FROM b) AS c MATCH_CONDITION (b.t <= c.t)",
        "SELECT n, bn FROM a CROSS JOIN (
            SELECT b.n AS bn, a.n AS an FROM a ASOF JOIN b MATCH_CONDITION (a.t > b.t) ON b.k = a.k
        ) WHERE an = n",
    ] {
        let found = runtime.block_on(pairs(&context, sql));
        assert_eq!(found, [(Some(0), Some(0)), (Some(1), Some(1))], "{sql}");
    }
}

#[test]
fn what_an_as_of_join_cannot_be_is_said_with_its_place() {
    let context = context(&[], &[], 1);
    let runtime = runtime();
    for (condition, place, rule) in [
        (
            "MATCH_CONDITION (a.t = b.t)",
            "line 2, column 18",
            "one comparison",
        ),
        (
            "MATCH_CONDITION (b.t <= a.t)",
            "line 2, column 18",
            "in this order",
        ),
        (
            "MATCH_CONDITION (a.t >= a.t)",
            "line 2, column 18",
            "in this order",
        ),
        (
            "MATCH_CONDITION (a.t >= b.t AND a.k = 1)",
            "line 2, column 18",
            "one comparison",
        ),
        (
            "MATCH_CONDITION (a.n / 2.0 >= b.n)",
            "line 2, column 18",
            "times, dates or integers",
        ),
        (
            "MATCH_CONDITION (a.t >= b.t) ON a.k > b.k",
            "line 2, column 33",
            "by =, joined by AND",
        ),
        (
            "MATCH_CONDITION (a.t >= b.t) ON a.k = 1",
            "line 2, column 33",
            "by =, joined by AND",
        ),
        (
            "MATCH_CONDITION (a.t >= b.t) USING (k)",
            "line 2, column 18",
            "USING is not supported",
        ),
    ] {
        let sql = format!("SELECT a.n FROM a ASOF JOIN b\n{condition}");
        let error = runtime
            .block_on(run(&context, &sql))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(place) && error.contains(rule),
            "{condition}: {error}"
        );
    }
}
