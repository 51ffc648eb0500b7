//! After each ingest the clocks of all sources are checked together, and a source that another one shows
//! to be off is moved: its files are written again with new times, under new names. Ids stay. The old
//! manifest and its files stay valid until the new manifest is in place.

use std::path::Path;

use kcorr_model::{ClockConversion, ClockKind, realtime_from_source};

use super::manifest::{ClockFitEntry, FileEntry, Manifest, SourceEntry};
use super::writer::merged_names;
use super::{Store, compact, table_file};
use crate::clock::{ClockState, Move, check};
use crate::error::Result;

/// A source whose stored times were moved.
#[derive(Debug, Clone)]
pub(super) struct Realigned {
    pub(super) source_id: i64,
    pub(super) detail: String,
}

/// Checks the clocks of a manifest that is about to be committed, and moves the sources that are off.
/// `begun` numbers the new files' names.
pub(super) fn realign(
    folder: &Path,
    manifest: &mut Manifest,
    begun: &mut u32,
) -> Result<Vec<Realigned>> {
    let states: Vec<ClockState> = manifest.sources.iter().map(state).collect();
    let moves = match check(&Store::of_manifest(folder, manifest), &states) {
        Ok(moves) => moves,
        Err(error) => {
            // Recordings whose clocks cannot be checked are stored all the same.
            for source in &mut manifest.sources {
                let detail = format!("not checked: {error}");
                source.clock_fit = Some(unchecked(source, detail));
                source.clock_checks.clear();
            }
            return Ok(Vec::new());
        }
    };
    let generation = manifest.generation;
    for (source_id, to) in &moves {
        if !to.conversion.is_identity() {
            let mut names = merged_names(folder, generation, begun);
            compact::own_files(folder, manifest, *source_id, &mut names)?;
        }
    }
    let mut realigned = Vec::new();
    for source in &mut manifest.sources {
        let Some(to) = moves.get(&source.source_id) else {
            continue;
        };
        if !to.conversion.is_identity() {
            *begun += 1;
            let prefix = format!("{}-{generation}-{begun}", source.source_id);
            move_files(folder, source, &to.conversion, &prefix)?;
            realigned.push(Realigned {
                source_id: source.source_id,
                detail: to.fit.detail.clone(),
            });
        }
        note(source, to);
    }
    Ok(realigned)
}

/// What is said of a source whose clock was not checked.
fn unchecked(source: &SourceEntry, detail: String) -> ClockFitEntry {
    let (declared_offset_ns, declared_uncertainty_ns, basis) = source.declared();
    let refined_ns = source.clock_fit.as_ref().and_then(|fit| fit.refined_ns);
    ClockFitEntry {
        declared_offset_ns,
        declared_uncertainty_ns,
        declared_basis: basis.to_owned(),
        refined_ns: refined_ns.or(declared_offset_ns.map(|_| 0)),
        drift_ppb: source.clock_drift_ppb,
        uncertainty_ns: source.clock_uncertainty_ns,
        reference_source_id: None,
        verdict: "untied".to_owned(),
        detail,
    }
}

fn state(source: &SourceEntry) -> ClockState {
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

fn move_files(
    folder: &Path,
    source: &mut SourceEntry,
    conversion: &ClockConversion,
    prefix: &str,
) -> Result<()> {
    let moved = |time: i64| realtime_from_source(time, conversion);
    let mut files = Vec::new();
    for (number, file) in source.files.iter().enumerate() {
        let path = format!("data/{}/{prefix}-{}.parquet", file.table, number + 1);
        let (from, to) = (folder.join(&file.path), folder.join(&path));
        let size_bytes = table_file::write_moved(&from, &to, conversion)?;
        files.push(FileEntry {
            path,
            size_bytes,
            ..file.clone()
        });
    }
    source.files = files;
    source.first_time_ns = source.first_time_ns.map(moved);
    source.last_time_ns = source.last_time_ns.map(moved);
    for loss in &mut source.losses {
        loss.time_range_ns = loss.time_range_ns.map(|(a, b)| (moved(a), moved(b)));
    }
    Ok(())
}

/// Puts what the check says into the source's entry.
fn note(source: &mut SourceEntry, to: &Move) {
    let clock = to.clock.unwrap_or_default();
    source.clock_offset_ns = to.clock.map(|clock| clock.offset_ns);
    source.clock_drift_ppb = clock.drift_ppb;
    source.clock_drift_from_ns = clock.drift_from_ns;
    source.clock_uncertainty_ns = to.uncertainty_ns;
    source.clock_basis = match to.fit.verdict.as_str() {
        "refined" | "contradicts" | "stepped" => to.fit.detail.clone(),
        _ => to.fit.declared_basis.clone(),
    };
    source.clock_fit = Some(to.fit.clone());
    source.clock_checks.clone_from(&to.checks);
}
