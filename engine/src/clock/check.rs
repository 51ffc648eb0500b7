//! The declared clocks against the data, for all sources of a store at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use kcorr_model::{ClockConversion, realtime_from_source};
use kcorr_store::{ClockCheckEntry, ClockFitEntry, ClockMove, Store};

use super::estimate::{Estimate, Outcome, estimate};
use super::graph::{Node, Relation, Resolved};
use super::hosts::Hosts;
use super::state::ClockState;
use super::tie::Tie;
use super::verdict::{self, Verdict};
use crate::error::Result;
use crate::query::{Columns, GivenParameters, SessionOptions, rows_of_canned};

/// Pairs of rows further apart than this, once aligned, are pairs by chance.
const NEAR_NS: i64 = 10_000_000;

/// Rows of a table that are looked at: pairs are fewer than that anyway, and what is looked at is held in memory.
const MAX_ROWS: u64 = 500_000;

/// Checks the clocks of a store's sources; what is to be done, by source. Sources that keep their
/// times have a move that changes nothing.
pub(crate) fn check(
    store: &Store,
    sources: &[ClockState],
    options: &SessionOptions,
) -> Result<BTreeMap<i64, ClockMove>> {
    let pairs = if sources.len() < 2 {
        BTreeMap::new()
    } else {
        read(store, options)?
    };
    let outcomes: BTreeMap<(i64, i64), Outcome> = pairs
        .iter()
        .map(|(&ids, ties)| (ids, estimate(&plain(ties))))
        .collect();
    let nodes: Vec<Node> = sources.iter().map(node).collect();
    let relations: Vec<Relation> = outcomes.iter().filter_map(relation).collect();
    let broker_of = |id: i64| sources.iter().find(|s| s.source_id == id)?.broker;
    let Hosts { resolved, untied } = Hosts::resolve(&nodes, &relations, broker_of);
    let moves = sources.iter().filter_map(|source| {
        let to = resolved.get(&source.source_id)?;
        let mut moved = moved(source, to, sources, &outcomes, &pairs, &resolved);
        if untied.contains(&source.broker) {
            let detail = &mut moved.fit.detail;
            detail
                .push_str("; nothing in the data ties its host's clock to that of another broker");
        }
        Some((source.source_id, moved))
    });
    Ok(moves.collect())
}

fn node(source: &ClockState) -> Node {
    Node {
        source_id: source.source_id,
        declared: source
            .declared
            .map(|declared| source.stored.inverse().then(&declared)),
        is_guess: source.is_guess,
        rank: source.rank,
        times: source.times.unwrap_or_default(),
    }
}

fn relation((&(source_id, other_id), outcome): (&(i64, i64), &Outcome)) -> Option<Relation> {
    let Outcome::Found(estimate) = outcome else {
        return None;
    };
    Some(Relation {
        source_id,
        other_id,
        conversion: conversion(estimate),
        uncertainty_ns: estimate.uncertainty_ns,
    })
}

fn conversion(estimate: &Estimate) -> ClockConversion {
    ClockConversion {
        offset_ns: estimate.offset_ns,
        drift_ppb: estimate.drift_ppb,
        drift_from_ns: estimate.at_ns,
    }
}

fn moved(
    source: &ClockState,
    to: &Resolved,
    sources: &[ClockState],
    outcomes: &BTreeMap<(i64, i64), Outcome>,
    pairs: &Pairs,
    resolved: &BTreeMap<i64, Resolved>,
) -> ClockMove {
    let verdict = Verdict::of(source, to, outcomes);
    let is_known = source.declared.is_some()
        || !source.stored.is_identity()
        || to.reference_id.is_some_and(|reference| {
            let reference = sources.iter().find(|other| other.source_id == reference);
            reference.is_some_and(|reference| reference.declared.is_some())
        });
    let clock = source.stored.then(&to.conversion);
    let clock = is_known.then_some(clock);
    let uncertainty_ns = match (to.is_declared, source.declared_uncertainty_ns) {
        (true, Some(declared)) => Some(to.uncertainty_ns.map_or(declared, |ns| ns.min(declared))),
        _ => to.uncertainty_ns,
    };
    let refined_ns = clock.and(refined_ns(source, to));
    let fit = ClockFitEntry {
        declared_offset_ns: source.declared.map(|declared| declared.offset_ns),
        declared_uncertainty_ns: source.declared_uncertainty_ns,
        declared_basis: source.declared_basis.clone(),
        refined_ns,
        drift_ppb: clock.map_or(0, |clock| clock.drift_ppb),
        uncertainty_ns,
        reference_source_id: to.reference_id,
        verdict: verdict.name().to_owned(),
        detail: verdict::detail(verdict, source, to, refined_ns, sources, outcomes),
    };
    let of_source = pairs.iter().filter(|(ids, _)| ids.0 == source.source_id);
    let checks = of_source.flat_map(|(&(source_id, other_id), ties)| {
        let to = |id: i64| resolved.get(&id).map(|to| to.conversion);
        let (own, other) = (
            to(source_id).unwrap_or_default(),
            to(other_id).unwrap_or_default(),
        );
        let ties = ties.iter().map(|tie| tie.after(&own, &other));
        checks(other_id, &ties.collect::<Vec<_>>())
    });
    let basis = match verdict {
        Verdict::Refined | Verdict::Contradicts | Verdict::Stepped => &fit.detail,
        _ => &fit.declared_basis,
    };
    ClockMove {
        conversion: to.conversion,
        clock,
        uncertainty_ns,
        basis: basis.clone(),
        fit,
        checks: checks.collect(),
    }
}

/// What the data add to the declared clock in the middle of the recording; where that has no times, where its drift
/// adds nothing.
fn refined_ns(source: &ClockState, to: &Resolved) -> Option<i64> {
    let middle = match source.times {
        Some((first, last)) => first.midpoint(last),
        None => to.conversion.drift_from_ns,
    };
    let reading = source.stored.source_from_realtime(middle);
    let stored = realtime_from_source(reading, &source.stored);
    let now = realtime_from_source(stored, &to.conversion);
    let declared = source.declared.unwrap_or_default();
    if to.is_declared {
        return Some(0);
    }
    Some(now.saturating_sub(realtime_from_source(reading, &declared)))
}

/// A tie and what kind it is of.
#[derive(Debug, Clone)]
struct KindTie {
    /// Shared by all of the kind: there are hundreds of thousands.
    kind: Arc<str>,
    tie: Tie,
}

impl KindTie {
    /// The tie once both sources are moved.
    fn after(&self, own: &ClockConversion, other: &ClockConversion) -> Self {
        let added = |time: i64, conversion: &ClockConversion| {
            realtime_from_source(time, conversion).saturating_sub(time)
        };
        let tie = self.tie;
        let by = added(tie.time_ns, own);
        let other_by = added(tie.time_ns.saturating_add(tie.lower_ns), other);
        let moved = |bound: i64| bound.saturating_add(other_by).saturating_sub(by);
        Self {
            kind: Arc::clone(&self.kind),
            tie: Tie {
                time_ns: tie.time_ns.saturating_add(by),
                lower_ns: moved(tie.lower_ns),
                upper_ns: moved(tie.upper_ns),
            },
        }
    }
}

fn plain(ties: &[KindTie]) -> Vec<Tie> {
    ties.iter().map(|tie| tie.tie).collect()
}

/// How well each kind fits once the clocks are aligned.
fn checks(other_id: i64, ties: &[KindTie]) -> Vec<ClockCheckEntry> {
    let mut kinds: BTreeMap<&str, Vec<Tie>> = BTreeMap::new();
    for tie in ties {
        kinds.entry(&tie.kind).or_default().push(tie.tie);
    }
    let entries = kinds.into_iter().map(|(kind, ties)| {
        let near = ties
            .iter()
            .filter(|tie| tie.lower_ns <= NEAR_NS && tie.upper_ns >= -NEAR_NS);
        let near: Vec<&Tie> = near.collect();
        let bounds = near.iter().map(|tie| (tie.lower_ns, tie.upper_ns));
        let most = super::sweep::densest(bounds, 1);
        let agreeing: Vec<&&Tie> = near
            .iter()
            .filter(|tie| tie.lower_ns <= 0 && tie.upper_ns >= 0)
            .collect();
        let middle = |tie: &Tie| tie.lower_ns.midpoint(tie.upper_ns);
        let mut residuals: Vec<i64> = agreeing
            .iter()
            .map(|tie| middle(tie).saturating_sub(most.map_or(0, |most| most.middle_ns())))
            .map(i64::saturating_abs)
            .collect();
        residuals.sort_unstable();
        let percentile = |percent: usize| {
            let last = residuals.len().checked_sub(1)?;
            residuals.get(last * percent / 100).copied()
        };
        ClockCheckEntry {
            other_source_id: other_id,
            kind: kind.to_owned(),
            candidate_count: ties.len() as u64,
            observation_count: near.len() as u64,
            agreeing_count: agreeing.len() as u64,
            difference_ns: most.map(|most| most.middle_ns()),
            uncertainty_ns: most.map(|most| most.half_width_ns()),
            residual_p50_ns: percentile(50),
            residual_p99_ns: percentile(99),
        }
    });
    entries.collect()
}

/// Ties by pair of sources; of each pair, always the later source against the earlier one.
type Pairs = BTreeMap<(i64, i64), Vec<KindTie>>;

fn put(pairs: &mut Pairs, source_id: i64, other_id: i64, KindTie { kind, tie }: KindTie) {
    if source_id > other_id {
        let ties = pairs.entry((source_id, other_id)).or_default();
        ties.push(KindTie { kind, tie });
        return;
    }
    let Tie {
        time_ns,
        lower_ns,
        upper_ns,
    } = tie;
    let turned = Tie {
        time_ns: time_ns.saturating_add(lower_ns.midpoint(upper_ns)),
        lower_ns: upper_ns.saturating_neg(),
        upper_ns: lower_ns.saturating_neg(),
    };
    let ties = pairs.entry((other_id, source_id)).or_default();
    ties.push(KindTie { kind, tie: turned });
}

/// The rows of `clock_ties`.
fn read(store: &Store, options: &SessionOptions) -> Result<Pairs> {
    // Of very many rows a part tells as much.
    let rows = ["writes", "request_partitions"].map(|table| store.row_count(table));
    let stride = rows.into_iter().max().unwrap_or(0) / MAX_ROWS + 1;
    let given = GivenParameters::from([("size_stride".to_owned(), stride.to_string())]);
    let mut pairs = Pairs::new();
    let mut kind: Arc<str> = Arc::from("");
    rows_of_canned(store, "clock_ties", &given, options, |batch| {
        append(&mut pairs, &mut kind, batch)
    })?;
    Ok(pairs)
}

/// Takes rows; `kind` is that of the last one, which most often is that of the next.
fn append(pairs: &mut Pairs, kind: &mut Arc<str>, batch: &RecordBatch) -> Result<()> {
    let columns = Columns(batch);
    let (sources, others) = (
        columns.number("source_id")?,
        columns.number("other_source_id")?,
    );
    let (lowers, uppers) = (columns.number("lower_ns")?, columns.number("upper_ns")?);
    let (kinds, times) = (columns.text("kind")?, columns.number("time")?);
    for row in 0..batch.num_rows() {
        let tie = || {
            Some(Tie {
                time_ns: times.get(row)?,
                lower_ns: lowers.get(row)?,
                upper_ns: uppers.get(row)?,
            })
        };
        let ids = sources.get(row).zip(others.get(row));
        let (Some((source_id, other_id)), Some(name), Some(tie)) = (ids, kinds.get(row), tie())
        else {
            continue;
        };
        if **kind != *name {
            *kind = Arc::from(name);
        }
        let kind = Arc::clone(kind);
        put(pairs, source_id, other_id, KindTie { kind, tie });
    }
    Ok(())
}
