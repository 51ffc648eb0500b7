//! Sessions in which tables are altered: what they take from the session of the store as it is.

use std::collections::BTreeSet;
use std::path::Path;

use kcorr_engine::{Ablation, Altered, GivenParameters, Session, Shift, Taken};
use kcorr_store::Store;

use crate::case::Case;

/// A slow write, a pause long before it, and a thread's standing that explains nothing.
const RECORDED: &str = "\
table requests
request_id | connection_id | api     | arrival_time | read_time    | end_time
1          | 1             | Produce | 10:00:01.000 | 10:00:01.000 | 10:00:01.100

table request_partitions
request_id | arrival_time | topic  | partition | records_bytes
1          | 10:00:01.000 | orders | 0         | 100

table writes
write_id | operation | start_time   | end_time     | tid | bytes | topic  | partition | file_kind
1        | write     | 10:00:01.001 | 10:00:01.099 | 7   | 100   | orders | 0         | log

table pauses
pause_id | kind      | start_time   | end_time
1        | safepoint | 10:00:00.000 | 10:00:00.001
";

/// The causes in an altered session, and the steps that it ran itself.
async fn causes(
    altered: Altered<'_>,
    store: &Store,
    whole: &Session,
) -> (Vec<String>, Vec<String>) {
    let session = Session::open_altered(store, altered, whole).await;
    let session = session.expect("a session");
    let causes = causes_of(&session).await;
    let steps = session.take_steps().into_iter().map(|step| step.name);
    (causes, steps.filter(|name| !name.contains('.')).collect())
}

async fn causes_of(session: &Session) -> Vec<String> {
    let given = GivenParameters::new();
    let stream = session.run_canned("slow_causes", &given).await;
    let batches = datafusion::physical_plan::common::collect(stream.expect("a stream"));
    let batches = batches.await.expect("rows");
    let mut causes = Vec::new();
    for batch in &batches {
        let column = kcorr_engine::Columns(batch).text("cause").expect("causes");
        causes.extend((0..batch.num_rows()).filter_map(|row| column.get(row).map(str::to_owned)));
    }
    causes
}

#[tokio::test]
async fn steps_are_run_again_only_where_something_below_them_came_out_otherwise() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("case.kcorr");
    Case::parse(RECORDED).expect("a case").store(&path);
    let store = Store::open(&path).expect("the store");
    let whole = Session::open(&store).await.expect("a session");
    assert_eq!(causes_of(&whole).await, ["slow_write"]);

    // A pause that explains nothing: what looks at pauses comes out the same, and what is made of that stays.
    let taken = |table| Ablation {
        taken: Taken::Table(table),
        source_id: 1,
        row_count: 1,
    };
    let (found, steps) = causes(Altered::Without(&taken("pauses")), &store, &whole).await;
    assert_eq!(found, ["slow_write"]);
    assert!(steps.contains(&"explained_times".to_owned()), "{steps:?}");
    assert!(!steps.contains(&"own_segments".to_owned()), "{steps:?}");

    let (found, steps) = causes(Altered::Without(&taken("writes")), &store, &whole).await;
    assert_eq!(found, ["unexplained"]);
    assert!(steps.contains(&"own_segments".to_owned()), "{steps:?}");

    let second = 1_000_000_000;
    let ten = 36_000 * second;
    let source_ids = store
        .manifest()
        .sources
        .iter()
        .map(|source| source.source_id);
    let shift = Shift {
        source_ids: source_ids.collect(),
        by_ns: 0,
        first_ns: ten,
        last_ns: ten + 10 * second,
    };
    let (found, _) = causes(Altered::Shifted(&shift), &store, &whole).await;
    assert_eq!(found, ["slow_write"]);
}

/// The verdicts in an altered session, drawn.
async fn drawn(altered: Altered<'_>, store: &Store, whole: &Session) -> String {
    let session = Session::open_altered(store, altered, whole).await;
    let session = session.expect("a session");
    let given = GivenParameters::from([("slo_ms".to_owned(), "20".to_owned())]);
    let sql = "SELECT * FROM request_verdicts ORDER BY request_id";
    let mut planned = session.plan(sql, &given).await.expect("a plan");
    let stream = planned.remove(0).run().await.expect("a stream");
    let batches = datafusion::physical_plan::common::collect(stream);
    let batches = batches.await.expect("rows");
    let drawn = datafusion::arrow::util::pretty::pretty_format_batches(&batches);
    drawn.expect("rows to draw").to_string()
}

#[tokio::test]
async fn sessions_that_share_plans_have_the_rows_that_plans_of_their_own_give() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sql/cases");
    let mut different = BTreeSet::new();
    for name in ["convoy", "woken_by"] {
        let text = std::fs::read_to_string(cases.join(name).with_extension("case"));
        let text = text.expect("a case");
        let is_wire = |block: &&str| {
            ["requests", "request_partitions"]
                .iter()
                .any(|table| block.contains(&format!("table {table}\n")))
        };
        let wire: Vec<&str> = text.split("\n\n").filter(is_wire).collect();
        let others: Vec<&str> = text.split("\n\n").filter(|block| !is_wire(block)).collect();
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("case.kcorr");
        for (source, blocks) in [("wire", wire), ("others", others)] {
            let case = Case::parse(&blocks.join("\n\n")).expect("a case");
            case.store_as(&path, source);
        }
        let store = Store::open(&path).expect("the store");
        let ms = 1_000_000;
        let first_ns = store
            .manifest()
            .sources
            .iter()
            .filter_map(|source| source.first_time_ns);
        let first_ns = first_ns.min().expect("a time");
        let shifts: Vec<Shift> = [3 * ms, 10 * ms, -7 * ms]
            .into_iter()
            .map(|by_ns| Shift {
                source_ids: vec![2],
                by_ns,
                first_ns,
                last_ns: first_ns + 100 * ms,
            })
            .collect();
        let taken = [Taken::Table("lock_waits"), Taken::Table("writes")];
        let ablations = taken.map(|taken| Ablation {
            taken,
            source_id: 2,
            row_count: 0,
        });
        let altered = shifts.iter().map(Altered::Shifted);
        let altered: Vec<Altered<'_>> = altered
            .chain(ablations.iter().map(Altered::Without))
            .collect();
        let sharing = Session::open(&store).await.expect("a session");
        for altered in altered {
            let alone = Session::open(&store).await.expect("a session");
            let expected = drawn(altered, &store, &alone).await;
            let found = drawn(altered, &store, &sharing).await;
            assert_eq!(found, expected, "{name}: {altered:?}");
            different.insert(found);
        }
    }
    // What is altered does tell.
    assert!(different.len() > 4, "{}", different.len());
}
