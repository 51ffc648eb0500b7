//! The order of rows that nobody asked to be in one.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use kcorr_engine::{GivenParameters, Session};
use kcorr_store::Store;

use crate::case::Case;

/// Files are read at the same time, and given one after another.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_tables_rows_come_in_the_same_order_each_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("case.kcorr");
    for file in 0..9 {
        let mut drawn = "table requests\nrequest_id | api | arrival_time\n".to_owned();
        for row in 0..200 {
            let id = file * 1000 + row;
            drawn.push_str(&format!("{id} | Produce | 10:00:0{file}.{row:03}\n"));
        }
        let case = Case::parse(&drawn).expect("a case");
        case.store_as(&path, &format!("file {file}"));
    }
    let store = Store::open(&path).expect("the store");
    for (sql, count) in [
        ("SELECT request_id FROM requests LIMIT 700", 700),
        ("SELECT request_id FROM requests", 1800),
        (
            "SELECT request_id FROM requests WHERE request_id % 2 = 0",
            900,
        ),
    ] {
        let mut first = None;
        for _ in 0..20 {
            let session = Session::open(&store).await.expect("a session");
            let planned = session.plan(sql, &GivenParameters::new()).await;
            let stream = planned.expect("a plan").remove(0).run().await;
            let batches = datafusion::physical_plan::common::collect(stream.expect("a stream"));
            let batches = batches.await.expect("rows");
            let ids = batches.iter().flat_map(|batch| {
                batch
                    .column(0)
                    .as_primitive::<Int64Type>()
                    .values()
                    .to_vec()
            });
            let ids: Vec<i64> = ids.collect();
            assert_eq!(ids.len(), count, "{sql}");
            assert!(ids.is_sorted(), "{sql}: {ids:?}");
            assert_eq!(*first.get_or_insert_with(|| ids.clone()), ids, "{sql}");
        }
    }
}
