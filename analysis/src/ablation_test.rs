//! The ablation test of the verdicts: recordings, and kinds of their rows, are taken away one at a time. A
//! verdict that loses its evidence may become `unexplained`, or name what else is known to have held the
//! request; one that becomes another was inferred from what was not there.
//!
//! The rows that come of it are of the table `ablated_verdicts`; the canned query `ablation` counts them.
//! Clocks are not aligned anew: times stay as the whole store has them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringBuilder};
use futures::{FutureExt, TryStreamExt};
use kcorr_model::{BatchBuilder, tables};

use kcorr_engine::{Ablation, Altered, Taken, kind_expression};
use kcorr_engine::{Columns, GivenParameters, Session, canned_query};
use kcorr_engine::{Error, ErrorKind, Result};
use kcorr_store::Store;

use crate::blamed::blamed;
use crate::request_table;
use crate::side_by_side::side_by_side;

/// A table of more kinds than this is taken away as a whole only: names of traced functions are the
/// recording's, and each kind costs a run of `blame`.
const MOST_KINDS: usize = 12;

/// An ablation test, planned: what is taken away, one at a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AblationTest {
    /// What is taken away: recordings, then kinds of rows, then tables.
    pub ablations: Vec<Ablation>,
}

/// Rows of one recording that are of one kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    source_id: i64,
    table: &'static str,
    kind: String,
    row_count: u64,
}

impl AblationTest {
    /// Plans a test of all that `blame` reads and the store has; with recordings named, of these alone.
    /// A recording without which there are no requests is not taken away.
    pub async fn plan(store: &Store, session: &Session, source_ids: &[i64]) -> Result<Self> {
        let sources = &store.manifest().sources;
        let is_known = |id: &i64| sources.iter().any(|source| source.source_id == *id);
        if let Some(unknown) = source_ids.iter().find(|id| !is_known(id)) {
            let message = format!("there is no source {unknown}");
            return Err(Error::new(ErrorKind::Query, message));
        }
        let blame = canned_query("blame").transpose()?;
        let blame = blame.map_or("SELECT 1", |query| query.sql);
        let mut groups = Vec::new();
        for table in session.tables_below(blame)? {
            if let Some(expression) = kind_expression(table)
                && store.manifest().files_of(table.name).next().is_some()
            {
                groups.extend(groups_of(session, table.name, expression).await?);
            }
        }
        let requests = request_table(store);
        let telling = sources.iter().map(|source| source.source_id).filter(|id| {
            let mut rows = store.manifest().rows_of(*id);
            rows.any(|(table, _)| table == requests)
        });
        let mut telling: BTreeSet<i64> = telling.collect();
        if telling.len() > 1 {
            telling.clear();
        }
        let mut ablations = ablations(&groups, requests, &telling);
        if !source_ids.is_empty() {
            ablations.retain(|ablation| match ablation.taken {
                Taken::Recording(source_id) => source_ids.contains(&source_id),
                Taken::Kind(..) | Taken::Table(_) => false,
            });
        }
        Ok(Self { ablations })
    }

    /// Blames anew without each of them; `done` is told how many are done. The session is of the whole
    /// store. The rows of `ablated_verdicts`.
    pub async fn run(
        &self,
        store: &Store,
        whole: &Session,
        given: &GivenParameters,
        done: &(dyn Fn(usize) + Sync),
    ) -> Result<RecordBatch> {
        let mut rows = Rows::default();
        rows.add(None, &blamed(whole, given).await?)?;
        if rows.request_id.is_empty() {
            return rows.finish();
        }
        let without = side_by_side(
            &self.ablations,
            whole.at_once(),
            |ablation: &Ablation| {
                async move {
                    let altered = Altered::Without(ablation);
                    let session = Session::open_altered(store, altered, whole).await?;
                    blamed(&session, given).await
                }
                .boxed()
            },
            done,
        )
        .await?;
        for (ablation, batches) in self.ablations.iter().zip(without) {
            rows.add(Some(ablation), &batches)?;
        }
        rows.finish()
    }
}

/// How many rows of a table each recording has, by kind.
async fn groups_of(session: &Session, table: &'static str, expression: &str) -> Result<Vec<Group>> {
    let sql = format!(
        "SELECT source_id, {expression} AS kind, COUNT(*) AS row_count FROM {table}
         GROUP BY source_id, {expression} ORDER BY source_id, kind"
    );
    let mut groups = Vec::new();
    for planned in session.plan(&sql, &GivenParameters::new()).await? {
        let mut batches = planned.run().await?;
        while let Some(batch) = batches.try_next().await? {
            let columns = Columns(&batch);
            let source_ids = columns.number("source_id")?;
            let kinds = columns.text("kind")?;
            let counts = columns.number("row_count")?;
            for row in 0..batch.num_rows() {
                let (Some(source_id), Some(kind)) = (source_ids.get(row), kinds.get(row)) else {
                    continue;
                };
                let row_count = counts.get(row).unwrap_or(0);
                groups.push(Group {
                    source_id,
                    table,
                    kind: kind.to_owned(),
                    row_count: row_count.unsigned_abs(),
                });
            }
        }
    }
    Ok(groups)
}

/// What can be taken away of groups of rows: each different set of them once. Of the table that tells the
/// requests, only some are.
fn ablations(groups: &[Group], requests: &str, kept_sources: &BTreeSet<i64>) -> Vec<Ablation> {
    let mut by_taken: BTreeMap<Taken, Vec<&Group>> = BTreeMap::new();
    for group in groups {
        let kind = Taken::Kind(group.table, group.kind.clone());
        by_taken.entry(kind).or_default().push(group);
        // The follower's fetches are no more than a kind: without all requests there are no verdicts.
        if group.table != requests {
            let table = Taken::Table(group.table);
            by_taken.entry(table).or_default().push(group);
        }
        if !kept_sources.contains(&group.source_id) {
            let recording = Taken::Recording(group.source_id);
            by_taken.entry(recording).or_default().push(group);
        }
    }
    let kind_count = |table: &str| {
        let keys = by_taken.keys();
        keys.filter(|taken| matches!(taken, Taken::Kind(name, _) if *name == table))
            .count()
    };
    // A recording of one kind of rows stands for the kind: that is how it goes missing.
    let mut seen: Vec<&Vec<&Group>> = Vec::new();
    let mut ablations = Vec::new();
    for (taken, groups) in &by_taken {
        let is_whole_table = match taken {
            Taken::Kind(table, kind) => kind.is_empty() || kind_count(table) > MOST_KINDS,
            Taken::Table(_) | Taken::Recording(_) => false,
        };
        if is_whole_table || seen.contains(&groups) {
            continue;
        }
        seen.push(groups);
        ablations.push(Ablation {
            taken: taken.clone(),
            source_id: groups
                .iter()
                .map(|group| group.source_id)
                .min()
                .unwrap_or(0),
            row_count: groups.iter().map(|group| group.row_count).sum(),
        });
    }
    ablations
}

#[derive(Default)]
struct Rows {
    source_id: Vec<i64>,
    taken: StringBuilder,
    taken_count: Vec<i64>,
    request_id: Vec<i64>,
    cause: StringBuilder,
    waited_ms: Vec<f64>,
}

impl Rows {
    /// Adds what is blamed without something, or without nothing.
    fn add(&mut self, ablation: Option<&Ablation>, blamed: &[RecordBatch]) -> Result<()> {
        let name = ablation.map(|ablation| ablation.taken.to_string());
        let source_id = ablation.map_or(0, |ablation| ablation.source_id);
        let taken_count = ablation.map_or(0, |ablation| ablation.row_count);
        let taken_count = i64::try_from(taken_count).unwrap_or(i64::MAX);
        for batch in blamed {
            let columns = Columns(batch);
            let request_ids = columns.number("request_id")?;
            let causes = columns.text("cause")?;
            let waited = columns.number("waited_ns")?;
            for row in 0..batch.num_rows() {
                let (Some(request_id), Some(cause)) = (request_ids.get(row), causes.get(row))
                else {
                    continue;
                };
                self.source_id.push(source_id);
                self.taken.append_option(name.as_deref());
                self.taken_count.push(taken_count);
                self.request_id.push(request_id);
                self.cause.append_value(cause);
                #[allow(clippy::cast_precision_loss)] // Of a nanosecond in months.
                self.waited_ms
                    .push(waited.get(row).unwrap_or(0) as f64 / 1e6);
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<RecordBatch> {
        let rows = self.request_id.len();
        let numbers = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
        BatchBuilder::new(&tables::ABLATED_VERDICTS, rows)
            .set("source_id", numbers(self.source_id))
            .set("taken", Arc::new(self.taken.finish()))
            .set("taken_count", numbers(self.taken_count))
            .set("request_id", numbers(self.request_id))
            .set("cause", Arc::new(self.cause.finish()))
            .set("waited_ms", Arc::new(Float64Array::from(self.waited_ms)))
            .finish()
            .map_err(|e| Error::because(ErrorKind::Query, "verdicts do not fit their table", e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(source_id: i64, table: &'static str, kind: &str) -> Group {
        Group {
            source_id,
            table,
            kind: kind.to_owned(),
            row_count: 10,
        }
    }

    fn names(groups: &[Group], kept: &[i64]) -> Vec<String> {
        let kept = kept.iter().copied().collect();
        let ablations = ablations(groups, tables::REQUESTS.name, &kept);
        let names = ablations.iter().map(|ablation| ablation.taken.to_string());
        names.collect()
    }

    #[test]
    fn each_kind_each_table_and_each_recording_is_taken_away() {
        let groups = [
            group(1, "requests", "follower fetch"),
            group(2, "writes", "sync"),
            group(2, "writes", "write"),
            group(2, "block_io", ""),
            group(3, "writes", "write"),
        ];
        assert_eq!(
            names(&groups, &[1]),
            [
                "recording 2",
                "recording 3",
                "requests: follower fetch",
                "writes: sync",
                "writes: write",
                "block_io",
                "writes",
            ]
        );
    }

    #[test]
    fn what_takes_the_same_rows_away_is_done_once() {
        let groups = [
            group(2, "pauses", "gc"),
            group(3, "block_io", ""),
            group(3, "threads", ""),
        ];
        assert_eq!(
            names(&groups, &[]),
            ["recording 2", "recording 3", "block_io", "threads"]
        );
    }

    #[test]
    fn a_table_of_many_kinds_is_taken_away_as_a_whole() {
        let kinds: Vec<String> = (0..=MOST_KINDS).map(|n| format!("f{n}")).collect();
        let groups: Vec<Group> = kinds
            .iter()
            .map(|kind| group(2, "function_calls", kind))
            .collect();
        assert_eq!(names(&groups, &[2]), ["function_calls"]);
    }
}
