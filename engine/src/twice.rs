//! Events that a recording shares with another of its kind, so that the store has them twice.
//!
//! Which they are says the canned query `stored_twice`. It is asked only when it can find something: when
//! two recordings of one kind, one of them new, have rows of one table at the same time.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::arrow::array::RecordBatch;
use kcorr_model::{Loss, LossKind, Position, Severity};
use kcorr_store::{SourceEntry, Store};

use crate::error::Result;
use crate::query::{Columns, GivenParameters, SessionOptions, rows_of_canned};

/// An event that is in the store twice.
const EVENT_STORED_TWICE: LossKind = LossKind {
    name: "event_stored_twice",
    severity: Severity::Warning,
    doc: "Another recording of the store has the same event: both rows are in the table, so that counts and sums are too large. `kcorr query stored_twice` lists the recordings; ingest each event once.",
};

/// Rows of a table that two recordings share.
struct Shared {
    table: String,
    source_id: i64,
    other_id: i64,
    count: i64,
    times: (i64, i64),
}

/// What is to be said of the new sources: how many of their events other sources have too.
pub(crate) fn stored_twice(
    store: &Store,
    sources: &[SourceEntry],
    new: &BTreeSet<i64>,
    options: &SessionOptions,
) -> Result<Vec<(i64, Loss)>> {
    if !may_share(sources, new) {
        return Ok(Vec::new());
    }
    let mut told: BTreeMap<i64, Vec<Shared>> = BTreeMap::new();
    let given = GivenParameters::new();
    rows_of_canned(store, "stored_twice", &given, options, |batch| {
        for shared in shared(batch)? {
            // Of two new ones the later is said to repeat the earlier.
            let is_new = |id: &i64| new.contains(id);
            let ids = [shared.other_id, shared.source_id];
            if let Some(id) = ids.into_iter().find(is_new) {
                told.entry(id).or_default().push(shared);
            }
        }
        Ok(())
    })?;
    let losses = told.into_iter().map(|(id, shared)| (id, loss(id, &shared)));
    Ok(losses.collect())
}

/// Whether a new source and another of its kind and broker have rows of one table at the same time.
fn may_share(sources: &[SourceEntry], new: &BTreeSet<i64>) -> bool {
    let tables: Vec<BTreeSet<&str>> = sources
        .iter()
        .map(|source| {
            source
                .files
                .iter()
                .map(|file| file.table.as_str())
                .collect()
        })
        .collect();
    let range = |source: &SourceEntry| source.first_time_ns.zip(source.last_time_ns);
    let is_pair = |a: usize, b: usize| {
        let (one, other) = (&sources[a], &sources[b]);
        let overlap = match (range(one), range(other)) {
            (Some(a), Some(b)) => a.0 <= b.1 && b.0 <= a.1,
            _ => false,
        };
        // Of sources without files of their own, the rows are in merged ones, of any table.
        let is_merged = tables[a].is_empty() || tables[b].is_empty();
        a != b
            && one.may_be_of(other.broker)
            && one.kind == other.kind
            && overlap
            && (is_merged || !tables[a].is_disjoint(&tables[b]))
    };
    let places = 0..sources.len();
    let mut new = places
        .clone()
        .filter(|place| new.contains(&sources[*place].source_id));
    new.any(|a| places.clone().any(|b| is_pair(a, b)))
}

fn shared(batch: &RecordBatch) -> Result<Vec<Shared>> {
    let columns = Columns(batch);
    let tables = columns.text("table_name")?;
    let (sources, others) = (
        columns.number("source_id")?,
        columns.number("other_source_id")?,
    );
    let counts = columns.number("event_count")?;
    let (firsts, lasts) = (columns.number("first_time")?, columns.number("last_time")?);
    let row = |row: usize| {
        Some(Shared {
            table: tables.get(row)?.to_owned(),
            source_id: sources.get(row)?,
            other_id: others.get(row)?,
            count: counts.get(row)?,
            times: (firsts.get(row)?, lasts.get(row)?),
        })
    };
    Ok((0..batch.num_rows()).filter_map(row).collect())
}

fn loss(id: i64, shared: &[Shared]) -> Loss {
    let words = shared.iter().map(|shared| {
        let other = if shared.source_id == id {
            shared.other_id
        } else {
            shared.source_id
        };
        format!(
            "{} of its {} are also in source {other}",
            shared.count, shared.table
        )
    });
    let ranges = shared.iter().map(|shared| shared.times);
    let count: i64 = shared.iter().map(|shared| shared.count).sum();
    Loss {
        kind: &EVENT_STORED_TWICE,
        count: u64::try_from(count).unwrap_or(0),
        first_position: Position::Whole,
        time_range: ranges.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))),
        detail: words.collect::<Vec<_>>().join(", "),
    }
}
