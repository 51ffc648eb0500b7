//! What a session keeps between queries.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use kcorr_engine::{GivenParameters, Session, Store};

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
