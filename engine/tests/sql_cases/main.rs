//! The canned queries against the cases of `sql/cases`, and against their own headers.
//!
//! A case is a text file: tables drawn as they are read, a query, and the rows it must give.
//!
//! ```text
//! # What the case shows.
//!
//! table writes
//! write_id | start_time   | end_time     | tid
//! 1        | 17:58:00.643 | 17:58:00.769 | 4462
//!
//! query slow_writes min_ms=100
//! duration_ms | tid
//! 126.000     | 4462
//! ```
//!
//! Columns that a table leaves out are null, or filled (ids with the row's number, durations from the
//! times). A query's rows are compared in the columns that are drawn; `-` is null.
//!
//! `KCORR_CASES=starved_times,pause` runs those of some names only.

mod account;
mod altered;
mod case;
mod kept_steps;
mod objects;
mod order;
mod rows;
mod rules;
mod session;

use std::path::{Path, PathBuf};

use case::Case;
use kcorr_engine::{GivenParameters, Session, canned_queries};
use kcorr_store::{Store, StoreWriter};

/// The files of all cases, or of those that are asked for.
fn case_files() -> Vec<PathBuf> {
    let asked = std::env::var("KCORR_CASES").unwrap_or_default();
    let asked: Vec<&str> = asked.split(',').filter(|name| !name.is_empty()).collect();
    let is_asked = |path: &PathBuf| {
        let name = path.file_stem().and_then(|name| name.to_str());
        asked.is_empty() || name.is_some_and(|name| asked.contains(&name))
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sql/cases");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .expect("sql/cases")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "case")
        })
        .filter(is_asked)
        .collect();
    files.sort();
    assert!(
        !files.is_empty(),
        "there are no cases in {}",
        folder.display()
    );
    files
}

#[tokio::test]
async fn every_case_gives_its_rows() {
    let files = case_files();
    let mut failures = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a case");
        let case = Case::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        for (expected, found) in case.run().await {
            if expected != found {
                failures.push(format!(
                    "{}\nexpected:\n{expected}\nfound:\n{found}",
                    file.display()
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[tokio::test]
async fn every_canned_query_has_a_case() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sql/cases");
    let mut cased = Vec::new();
    for entry in std::fs::read_dir(folder).expect("sql/cases") {
        let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("a case");
        let case = Case::parse(&text).expect("a case");
        cased.extend(case.query_names().map(str::to_owned));
    }
    for query in canned_queries().expect("canned queries") {
        assert!(
            cased.iter().any(|name| name == query.name),
            "{} has no case",
            query.name
        );
    }
}

#[tokio::test]
async fn headers_tell_the_columns_that_queries_give() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("empty.kcorr");
    StoreWriter::open(&path, || {}).expect("a store");
    let store = Store::open(&path).expect("the store");
    let mut failures = Vec::new();
    for query in canned_queries().expect("canned queries") {
        let session = Session::open(&store).await.expect("a session");
        let required = query.header.parameters.iter();
        let given: GivenParameters = required
            .filter(|parameter| parameter.default.is_none())
            .map(|parameter| (parameter.name.clone(), "1".to_owned()))
            .collect();
        let mut planned = session
            .plan(query.sql, &given)
            .await
            .unwrap_or_else(|e| panic!("{}: {e}", query.name));
        let planned = planned.remove(0);
        let declared: Vec<_> = query
            .header
            .columns
            .iter()
            .map(|column| (column.name.clone(), column.sql_type.clone()))
            .collect();
        let schema = planned.schema();
        let given: Vec<_> = schema
            .fields()
            .iter()
            .map(|field| (field.name().clone(), rows::sql_type(field.data_type())))
            .collect();
        if declared != given {
            failures.push(format!(
                "{}: {declared:?}\nis given as {given:?}",
                query.name
            ));
        }
        assert!(
            !query.header.purpose.is_empty(),
            "{} says nothing",
            query.name
        );
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
