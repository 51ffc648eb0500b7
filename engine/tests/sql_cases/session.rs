//! What a session keeps between queries.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use kcorr_engine::{GivenParameters, Session};
use kcorr_store::Store;

use crate::case::Case;

const REQUESTS: &str = "\
table requests
request_id | connection_id | api     | arrival_time | read_time    | end_time
1          | 1             | Produce | 10:00:00.000 | 10:00:00.000 | 10:00:00.080
2          | 2             | Produce | 10:00:00.000 | 10:00:00.000 | 10:00:00.120
";

/// A materialized query is computed once for the same values, and anew for others.
#[tokio::test]
async fn rows_that_a_session_keeps_follow_the_parameters() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("case.kcorr");
    Case::parse(REQUESTS).expect("a case").store(&path);
    let store = Store::open(&path).expect("the store");
    let session = Session::open(&store).await.expect("a session");
    for (slo_ms, slow_count) in [("65", 2), ("100", 1), ("100", 1), ("65", 2), ("200", 0)] {
        let given = GivenParameters::from([("slo_ms".to_owned(), slo_ms.to_owned())]);
        let sql = "SELECT COUNT(*) AS n FROM accounted_requests WHERE is_slow";
        let planned = session.plan(sql, &given).await.expect("a plan").remove(0);
        let stream = planned.run().await.expect("a stream");
        let batches = datafusion::physical_plan::common::collect(stream)
            .await
            .expect("rows");
        let found = batches[0].column(0).as_primitive::<Int64Type>().value(0);
        assert_eq!(found, slow_count, "at {slo_ms} ms");
    }
}

/// A session plans as-of joins, of tables and of canned queries.
#[tokio::test]
async fn the_nearest_row_before_is_found_by_an_as_of_join() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("case.kcorr");
    Case::parse(REQUESTS).expect("a case").store(&path);
    let store = Store::open(&path).expect("the store");
    let session = Session::open(&store).await.expect("a session");
    let sql = "SELECT a.request_id, r.request_id AS earlier
        FROM accounted_requests AS a
        ASOF JOIN requests AS r MATCH_CONDITION (a.end_time > r.end_time) ON r.api = a.api
        ORDER BY a.request_id";
    let planned = session.plan(sql, &GivenParameters::new()).await;
    let stream = planned.expect("a plan").remove(0).run().await;
    let batches = datafusion::physical_plan::common::collect(stream.expect("a stream"));
    let batches = batches.await.expect("rows");
    let column = |place| {
        let batches = batches.iter();
        let rows = batches.flat_map(move |batch| batch.column(place).as_primitive::<Int64Type>());
        rows.collect::<Vec<_>>()
    };
    assert_eq!(
        (column(0), column(1)),
        (vec![Some(1), Some(2)], vec![None, Some(1)])
    );
}

/// A request of 20 ms and its write, which only a query that asks for all requests matches.
const FAST: &str = "\
table requests
request_id | connection_id | api     | arrival_time | read_time    | end_time
1          | 1             | Produce | 10:00:00.000 | 10:00:00.000 | 10:00:00.020
2          | 2             | Produce | 10:00:01.000 | 10:00:01.000 | 10:00:01.080

table request_partitions
request_id | arrival_time | topic  | partition | records_bytes
1          | 10:00:00.000 | topicA | 0         | 2009

table writes
write_id | operation | start_time   | end_time     | tid  | bytes | topic  | partition | file_kind
11       | write     | 10:00:00.001 | 10:00:00.019 | 4478 | 2009  | topicA | 0         | log
";

/// The first row of a statement's numbers.
async fn numbers(sql: &str, given: &GivenParameters) -> Vec<i64> {
    let (_folder, store) = Case::parse(FAST).expect("a case").open();
    let session = Session::open(&store).await.expect("a session");
    let planned = session.plan(sql, given).await.expect("a plan").remove(0);
    let stream = planned.run().await.expect("a stream");
    let batches = datafusion::physical_plan::common::collect(stream).await;
    let batches = batches.expect("rows");
    let columns = batches[0].columns().iter();
    columns
        .map(|column| column.as_primitive::<Int64Type>().value(0))
        .collect()
}

/// `replay_appends` asks for all requests, `accounted_requests` for those of 65 ms and more.
#[tokio::test]
async fn the_default_of_a_query_holds_for_what_is_below_it_and_for_nothing_else() {
    let owned = "(SELECT COUNT(request_id) FROM replay_appends)";
    let slow = "(SELECT COUNT(*) FROM accounted_requests WHERE is_slow)";
    let none = GivenParameters::new();
    for (sql, expected) in [
        (format!("SELECT {owned} AS n"), vec![1]),
        (format!("SELECT {slow} AS n"), vec![1]),
        (format!("SELECT {owned} AS n, {slow} AS m"), vec![1, 1]),
        (format!("SELECT {slow} AS n, {owned} AS m"), vec![1, 1]),
        // A statement's own default holds for all that it uses.
        (
            format!("-- @param slo_ms DOUBLE = 70 -- slow\nSELECT {owned} AS n, {slow} AS m"),
            vec![0, 1],
        ),
    ] {
        assert_eq!(numbers(&sql, &none).await, expected, "{sql}");
    }
    let given = GivenParameters::from([("slo_ms".to_owned(), "10".to_owned())]);
    let sql = format!("SELECT {owned} AS n, {slow} AS m");
    assert_eq!(numbers(&sql, &given).await, [1, 2]);
}

/// A statement need not declare the objective to use it.
#[tokio::test]
async fn the_objective_is_known_to_every_statement() {
    let sql = "SELECT COUNT(*) AS n FROM requests WHERE latency_ns >= $slo_ms * 1e6";
    assert_eq!(numbers(sql, &GivenParameters::new()).await, [1]);
    let given = GivenParameters::from([("slo_ms".to_owned(), "10".to_owned())]);
    assert_eq!(numbers(sql, &given).await, [2]);
    let known = kcorr_engine::parameters_in(sql).expect("parameters");
    let defaults: Vec<_> = known.iter().map(|p| p.default.as_deref()).collect();
    assert_eq!(defaults, [Some("65")]);
    let known = kcorr_engine::parameters_in("SELECT 1").expect("parameters");
    assert_eq!(known, []);
}

/// Parts of a canned query are tables of the session while it is planned; another plan that begins meanwhile
/// must neither see nor forget them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn statements_can_be_planned_at_the_same_time() {
    let (_folder, store) = Case::parse(FAST).expect("a case").open();
    let session = std::sync::Arc::new(Session::open(&store).await.expect("a session"));
    let plan = |slo_ms: usize| {
        let session = std::sync::Arc::clone(&session);
        async move {
            let given = GivenParameters::from([("slo_ms".to_owned(), slo_ms.to_string())]);
            let planned = session.plan("SELECT * FROM slow_causes", &given).await;
            planned.map(|planned| planned.len())
        }
    };
    let plans: Vec<_> = (1..9).map(|slo_ms| tokio::spawn(plan(slo_ms))).collect();
    for planned in plans {
        assert_eq!(planned.await.expect("a task").expect("a plan"), 1);
    }
}
