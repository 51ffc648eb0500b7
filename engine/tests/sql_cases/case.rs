//! One case file: its tables, and queries with the rows they must give.

use kcorr_engine::{GivenParameters, Session, canned_query};
use kcorr_model::{ClockKind, Output, Summary, tables};
use kcorr_store::{InputIdentity, Store, StoreWriter};

use crate::rows::{self, Drawing};

/// Rows of a table that are of one broker's recordings, or of no known broker's.
#[derive(Debug)]
struct Drawn {
    table: String,
    broker: Option<i32>,
    rows: Drawing,
}

#[derive(Debug)]
pub(crate) struct Case {
    tables: Vec<Drawn>,
    queries: Vec<(String, GivenParameters, Drawing)>,
}

impl Case {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut case = Self {
            tables: Vec::new(),
            queries: Vec::new(),
        };
        let blocks = text.split("\n\n").map(str::trim);
        for block in blocks {
            let lines: Vec<&str> = block
                .lines()
                .filter(|line| !line.trim_start().starts_with('#'))
                .collect();
            let Some((title, drawn)) = lines.split_first() else {
                continue;
            };
            let drawing = Drawing::parse(drawn)?;
            let mut words = title.split_whitespace();
            match (words.next(), words.next()) {
                (Some("table"), Some(name)) => {
                    let broker = match words.collect::<Vec<_>>()[..] {
                        [] => None,
                        ["of", "broker", number] => {
                            let number = number.parse();
                            Some(number.map_err(|_| format!("`{title}`: no broker's number"))?)
                        }
                        _ => {
                            return Err(format!(
                                "expected `table NAME of broker N`, found `{title}`"
                            ));
                        }
                    };
                    case.tables.push(Drawn {
                        table: name.to_owned(),
                        broker,
                        rows: drawing,
                    });
                }
                (Some("query"), Some(name)) => {
                    let parameters = words
                        .map(|word| {
                            word.split_once('=')
                                .ok_or(format!("{word} is no parameter"))
                        })
                        .map(|pair| pair.map(|(k, v)| (k.to_owned(), v.to_owned())))
                        .collect::<Result<_, _>>()?;
                    case.queries.push((name.to_owned(), parameters, drawing));
                }
                _ => return Err(format!("expected `table …` or `query …`, found `{title}`")),
            }
        }
        Ok(case)
    }

    pub(crate) fn query_names(&self) -> impl Iterator<Item = &str> {
        self.queries.iter().map(|(name, ..)| name.as_str())
    }

    /// Whether anything is ingested: a query of what the program says itself needs nothing.
    pub(crate) fn has_tables(&self) -> bool {
        !self.tables.is_empty()
    }

    /// A store of the tables, and the folder that it lives in.
    pub(crate) fn open(&self) -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("case.kcorr");
        self.store(&path);
        let store = Store::open(&path).expect("the store");
        (folder, store)
    }

    /// Runs the queries; gives expected and found rows, drawn.
    pub(crate) async fn run(&self) -> Vec<(String, String)> {
        let (_folder, store) = self.open();
        self.run_on(&store).await
    }

    /// Runs the queries over a store that has the tables.
    pub(crate) async fn run_on(&self, store: &Store) -> Vec<(String, String)> {
        let mut results = Vec::new();
        for (name, given, expected) in &self.queries {
            let session = Session::open(store).await.expect("a session");
            let sql = canned_query(name)
                .unwrap_or_else(|| panic!("no query {name}"))
                .expect("a header")
                .sql;
            let mut planned = session
                .plan(sql, given)
                .await
                .unwrap_or_else(|e| panic!("{name}: {e}"));
            let stream = planned.remove(0).run().await.expect("a stream");
            let batches = datafusion::physical_plan::common::collect(stream)
                .await
                .unwrap_or_else(|e| panic!("{name}: {e}"));
            results.push((
                expected.draw(),
                rows::drawing(&batches, &expected.columns).draw(),
            ));
        }
        results
    }

    /// Makes a store of the tables.
    pub(crate) fn store(&self, path: &std::path::Path) {
        self.store_as(path, "case");
    }

    /// Adds the tables to a store, as an input of this name.
    pub(crate) fn store_as(&self, path: &std::path::Path, name: &str) {
        self.commit(StoreWriter::open(path, || {}).expect("a store"), name);
    }

    /// Adds the tables to a store that is written, as an input of this name.
    pub(crate) fn commit(&self, mut writer: StoreWriter, name: &str) {
        let mut brokers: Vec<Option<i32>> = self.tables.iter().map(|drawn| drawn.broker).collect();
        brokers.sort_unstable();
        brokers.dedup();
        for broker in brokers {
            let name = match broker {
                Some(broker) => format!("{name} of broker {broker}"),
                None => name.to_owned(),
            };
            let identity = InputIdentity {
                kind: "case".to_owned(),
                paths: vec![name.clone()],
            };
            let mut source = writer.begin(identity);
            source.is_of_broker(broker);
            for drawn in self.tables.iter().filter(|drawn| drawn.broker == broker) {
                let table = tables::by_name(&drawn.table)
                    .unwrap_or_else(|| panic!("no table {}", drawn.table));
                source
                    .batch(table, rows::batch(table, &drawn.rows))
                    .expect("a batch");
            }
            let summary = Summary {
                format: "case".to_owned(),
                clock: ClockKind::Realtime,
                anchors: Vec::new(),
                losses: Vec::new(),
                limits: Vec::new(),
            };
            writer.finish(source, summary, 0, name);
        }
        kcorr_engine::commit(&mut writer).expect("a commit");
    }
}
