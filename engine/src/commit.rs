//! What a commit is: clocks are declared, sources staged, all clocks checked against the data, sources that
//! are off moved, and then all of it becomes visible in one step.

use std::collections::{BTreeMap, BTreeSet};

use kcorr_model::{ClockConversion, ClockKind, Limit, Summary};
use kcorr_store::{
    AnchorEntry, ClockFitEntry, ClockMove, Commit, SourceEntry, SourceReport, StagedSource,
    StoreWriter, only_broker,
};

use crate::clock::{ClockState, Others, align, check};
use crate::error::{Error, Result};
use crate::query::SessionOptions;
use crate::twice::stored_twice;

/// What became of a commit.
#[derive(Debug)]
pub struct Committed {
    /// What became of each source.
    pub sources: Vec<SourceReport>,
    /// Why the clocks could not be checked against the data; the sources are stored with the clocks that they
    /// declare.
    pub unchecked: Option<Error>,
    /// Why events were not compared with those of other recordings: some may be stored twice.
    pub uncompared: Option<Error>,
}

/// Aligns the clocks of all finished sources and makes them visible in one step. What fails changes
/// nothing.
pub fn commit(writer: &mut StoreWriter) -> Result<Committed> {
    commit_with(writer, &SessionOptions::default())
}

/// Commits, with limits of the session that checks the clocks.
pub fn commit_with(writer: &mut StoreWriter, options: &SessionOptions) -> Result<Committed> {
    let mut commit = writer.begin_commit();
    stage(&mut commit)?;
    let only = only_broker(commit.sources().iter().map(|source| source.broker));
    let states = commit.sources().iter().map(|source| state(source, only));
    let states: Vec<ClockState> = states.collect();
    // Recordings whose clocks cannot be checked are stored all the same.
    let (moves, failed) = match check(&commit.store(), &states, options) {
        Ok(moves) => (moves, None),
        Err(error) => {
            let detail = format!("not checked: {error}");
            (unchecked(commit.sources(), &detail), Some(error))
        }
    };
    let moved = commit.move_sources(&moves)?;
    let new: BTreeSet<i64> = commit.added().map(|id| id.0).collect();
    let uncompared = match stored_twice(&commit.store(), commit.sources(), &new, options) {
        Ok(losses) => {
            for (source_id, loss) in losses {
                commit.add_loss(source_id, loss);
            }
            None
        }
        Err(error) => Some(error),
    };
    Ok(Committed {
        sources: commit.publish(&moved)?,
        unchecked: failed,
        uncompared,
    })
}

/// Adds the staged sources, each as its clock is declared.
fn stage(commit: &mut Commit<'_>) -> Result<()> {
    let mut staged = commit.take_staged();
    let stored = commit.sources().iter();
    let stored = stored.flat_map(|source| {
        let anchors = source.anchors.iter().cloned();
        anchors.map(|anchor| (source.broker, anchor))
    });
    let new = staged.iter().flat_map(|source| {
        let anchors = source.summary().anchors.iter();
        anchors.map(|anchor| (source.broker(), anchor.into()))
    });
    let anchors: Vec<(Option<i32>, AnchorEntry)> = stored.chain(new).collect();
    // What is put where the other recordings are comes last, whatever its number.
    staged.sort_by_key(|source| (is_placed(source.summary()), source.id()));
    let only = only_broker(
        anchors
            .iter()
            .map(|(broker, _)| *broker)
            .chain(staged.iter().map(StagedSource::broker)),
    );
    for source in staged {
        // Another broker's host may have been started at another time.
        let own = source.broker().or(only);
        let of_host = anchors.iter().filter(|(broker, _)| broker.or(only) == own);
        let others = Others {
            anchors: of_host.map(|(_, anchor)| anchor.clone()).collect(),
            time_range: time_range(commit.sources()),
        };
        let alignment = align(source.summary(), source.time_range(), &others);
        commit.add(source, alignment)?;
    }
    Ok(())
}

/// Whether a source is put where the other recordings are: its zone, the order of its dates, or their year
/// is not told.
fn is_placed(summary: &Summary) -> bool {
    let limits = &mut summary.limits.iter();
    summary.clock == ClockKind::LocalTime || limits.any(|limit| leaves_open(&limit.name))
}

fn leaves_open(limit: &str) -> bool {
    [Limit::OTHER_DATE, Limit::NO_YEAR].contains(&limit)
}

/// From the first to the last time of the sources that are surely in wall time.
fn time_range(sources: &[SourceEntry]) -> Option<(i64, i64)> {
    let aligned = sources.iter().filter(|source| {
        source.clock_offset_ns.is_some()
            && source.clock != ClockKind::LocalTime.name()
            && !source.limits.iter().any(|limit| leaves_open(&limit.name))
    });
    let ranges = aligned.filter_map(|source| source.first_time_ns.zip(source.last_time_ns));
    ranges.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// What the check of the clocks needs to know of a source.
fn state(source: &SourceEntry, only_broker: Option<i32>) -> ClockState {
    let (offset_ns, uncertainty_ns, basis) = source.declared();
    let is_guess = source.clock == ClockKind::LocalTime.name();
    let is_realtime = source.clock == ClockKind::Realtime.name();
    let rank = match (source.kind.as_str(), is_realtime, is_guess) {
        ("pcap", true, _) => 0,
        (_, true, _) => 1,
        (_, _, false) => 2,
        _ => 3,
    };
    ClockState {
        source_id: source.source_id,
        broker: source.broker.or(only_broker),
        name: format!("{} {}", source.kind, source.source_id),
        declared: offset_ns.map(ClockConversion::fixed),
        declared_uncertainty_ns: uncertainty_ns,
        declared_basis: basis.to_owned(),
        is_guess,
        rank,
        stored: source.conversion(),
        times: source.first_time_ns.zip(source.last_time_ns),
    }
}

/// Leaves all sources where they are, and says why.
fn unchecked(sources: &[SourceEntry], detail: &str) -> BTreeMap<i64, ClockMove> {
    let moves = sources.iter().map(|source| {
        let (declared_offset_ns, declared_uncertainty_ns, basis) = source.declared();
        let refined_ns = source.clock_fit.as_ref().and_then(|fit| fit.refined_ns);
        let to = ClockMove {
            conversion: ClockConversion::default(),
            clock: source.clock_offset_ns.map(|_| source.conversion()),
            uncertainty_ns: source.clock_uncertainty_ns,
            basis: source.clock_basis.clone(),
            fit: ClockFitEntry {
                declared_offset_ns,
                declared_uncertainty_ns,
                declared_basis: basis.to_owned(),
                refined_ns: refined_ns.or(declared_offset_ns.map(|_| 0)),
                drift_ppb: source.clock_drift_ppb,
                uncertainty_ns: source.clock_uncertainty_ns,
                reference_source_id: None,
                verdict: "unchecked".to_owned(),
                detail: detail.to_owned(),
            },
            checks: Vec::new(),
        };
        (source.source_id, to)
    });
    moves.collect()
}
