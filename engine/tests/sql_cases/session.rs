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
