//! A commit: what is staged becomes part of the store, in one step.
//!
//! Whoever commits decides about clocks: adds each staged source with the [`Alignment`] it is to have, may
//! look at what the store would then hold, and has sources moved in time. Before it is published nobody sees
//! any of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kcorr_model::{ClockConversion, Loss, SourceId, Summary, realtime_from_source};

use crate::alignment::Alignment;
use crate::clock_move::ClockMove;
use crate::error::{Error, Result};
use crate::file_entry::FileEntry;
use crate::files::Files;
use crate::input::Likeness;
use crate::manifest::Manifest;
use crate::source_entry::SourceEntry;
use crate::source_report::SourceReport;
use crate::store::Store;
use crate::writer::{Finished, InputIdentity, SourceWriter, StoreWriter, is_same_path};
use crate::{compact, folder, table_file};

/// A commit that is not published yet.
#[derive(Debug)]
pub struct Commit<'a> {
    writer: &'a mut StoreWriter,
    /// What the store is to hold.
    manifest: Manifest,
    staged: Vec<StagedSource>,
    reports: Vec<SourceReport>,
}

/// A source whose rows wait to be put into the store; its times are readings of its own clock.
#[derive(Debug)]
pub struct StagedSource(Finished);

/// A source whose stored times were moved.
#[derive(Debug, Clone)]
pub struct Moved {
    /// The source.
    pub source_id: i64,
    /// Why, in words.
    pub detail: String,
}

impl StagedSource {
    /// Its number.
    pub fn id(&self) -> SourceId {
        self.0.source.id
    }

    /// What its decoder said at the end.
    pub fn summary(&self) -> &Summary {
        &self.0.summary
    }

    /// The broker that it is a recording of.
    pub fn broker(&self) -> Option<i32> {
        self.0.source.broker
    }

    /// From the first to the last time of its rows, on its clock.
    pub fn time_range(&self) -> Option<(i64, i64)> {
        self.0.source.staging.time_range()
    }
}

impl StoreWriter {
    /// Begins to put all finished sources into the store, in one step. What fails, or is dropped before
    /// [`publish`](Commit::publish), changes nothing.
    pub fn begin_commit(&mut self) -> Commit<'_> {
        Commit::new(self)
    }
}

impl<'a> Commit<'a> {
    fn new(writer: &'a mut StoreWriter) -> Self {
        let mut manifest = writer.manifest.clone();
        manifest.generation += 1;
        let staged = std::mem::take(&mut writer.finished);
        Self {
            writer,
            manifest,
            staged: staged.into_iter().map(StagedSource).collect(),
            reports: Vec::new(),
        }
    }

    /// Takes the staged sources, each of which is to be [added](Self::add) or dropped.
    pub fn take_staged(&mut self) -> Vec<StagedSource> {
        std::mem::take(&mut self.staged)
    }

    /// The sources that the store is to hold so far.
    pub fn sources(&self) -> &[SourceEntry] {
        &self.manifest.sources
    }

    /// What the store is to hold so far, to be read.
    pub fn store(&self) -> Store {
        Store::of_manifest(&self.writer.files, &self.manifest)
    }

    /// Adds a source, its rows moved to wall time, in the place of earlier ingests of the same input.
    pub fn add(&mut self, staged: StagedSource, alignment: Alignment) -> Result<()> {
        let Finished {
            source,
            summary,
            size_bytes,
            content_hash,
        } = staged.0;
        let SourceWriter {
            id,
            identity,
            likeness,
            broker,
            head_hash,
            staging,
            ..
        } = source;
        let (holds, begins_like) = self.told(&likeness);
        let offset = alignment.offset_ns.unwrap_or(0);
        let staged = staging.finish(offset)?;
        let mut entry = SourceEntry {
            source_id: id.0,
            kind: identity.kind,
            paths: identity.paths,
            broker,
            format: summary.format,
            size_bytes,
            content_hash,
            head_hash,
            clock: summary.clock.to_string(),
            clock_offset_ns: alignment.offset_ns,
            clock_uncertainty_ns: alignment.uncertainty_ns,
            clock_basis: alignment.basis,
            clock_drift_ppb: 0,
            clock_drift_from_ns: 0,
            clock_fit: None,
            clock_checks: Vec::new(),
            first_time_ns: staged.time_range.map(|range| range.0),
            last_time_ns: staged.time_range.map(|range| range.1),
            anchors: summary.anchors.iter().map(Into::into).collect(),
            losses: summary.losses.iter().map(Into::into).collect(),
            limits: summary.limits.iter().map(Into::into).collect(),
            files: staged.files,
        };
        for loss in &mut entry.losses {
            loss.time_range_ns = loss
                .time_range_ns
                .map(|(a, b)| (a.saturating_add(offset), b.saturating_add(offset)));
        }
        let report = SourceReport {
            id,
            kind: entry.kind.clone(),
            paths: entry.paths.clone(),
            format: entry.format.clone(),
            rows: rows_by_table(&entry),
            losses: summary.losses,
            clock_basis: entry.clock_basis.clone(),
            clock_verdict: String::new(),
            clock_detail: String::new(),
            realigned: Vec::new(),
            is_aligned: entry.clock_offset_ns.is_some(),
            replaced_row_count: self.remove_same(&entry, &likeness)?,
            holds,
            begins_like,
        };
        self.reports.push(report);
        self.manifest.sources.push(entry);
        self.manifest.sources.sort_by_key(|source| source.source_id);
        Ok(())
    }

    /// The sources that were added so far.
    pub fn added(&self) -> impl Iterator<Item = SourceId> {
        self.reports.iter().map(|report| report.id)
    }

    /// Adds a loss of a source that was added, found when its rows were compared with those of others; its
    /// times are wall time.
    pub fn add_loss(&mut self, source_id: i64, loss: Loss) {
        let sources = &mut self.manifest.sources;
        if let Some(source) = sources.iter_mut().find(|s| s.source_id == source_id) {
            source.losses.push((&loss).into());
        }
        if let Some(report) = self.reports.iter_mut().find(|r| r.id.0 == source_id) {
            report.losses.push(loss);
        }
    }

    /// What a source is to those under other names, in words: those it holds, and one it begins like.
    fn told(&self, likeness: &Likeness) -> (Option<String>, Option<String>) {
        match likeness {
            Likeness::Holds(ids) => {
                let names: Vec<String> = ids
                    .iter()
                    .map(|id| self.manifest.source_name(*id))
                    .collect();
                (Some(names.join(", ")), None)
            }
            Likeness::BeginsLike(id) => (None, Some(self.manifest.source_name(*id))),
            Likeness::New | Likeness::BeginningOf(_) => (None, None),
        }
    }

    /// Takes earlier ingests of the same input out of the manifest, and says how many rows the largest
    /// had. Their files stay until nobody reads the store.
    fn remove_same(&mut self, entry: &SourceEntry, likeness: &Likeness) -> Result<Option<u64>> {
        let identity = InputIdentity {
            kind: entry.kind.clone(),
            paths: entry.paths.clone(),
        };
        let is_replaced = |source: &SourceEntry| {
            // The segments of two brokers may be the same to the byte.
            let is_same_content = source.kind == entry.kind
                && source.content_hash == entry.content_hash
                && source.may_be_of(entry.broker);
            // What this commit has added under the number of one that is held is something else.
            let is_added = self.reports.iter().any(|report| report.id == source.id());
            let is_held = match likeness {
                Likeness::Holds(ids) => !is_added && ids.contains(&source.source_id),
                _ => false,
            };
            is_same_path(source, &identity) || is_same_content || is_held
        };
        let sources = self.manifest.sources.iter();
        let replaced: Vec<i64> = sources
            .filter(|source| is_replaced(source))
            .map(|source| source.source_id)
            .collect();
        let row_counts = replaced.iter().map(|id| self.manifest.row_count_of(*id));
        let Some(most) = row_counts.max() else {
            return Ok(None);
        };
        let mut names = self.writer.merged_names(self.manifest.generation);
        compact::drop_rows(&mut self.manifest, &replaced, &mut names)?;
        self.manifest
            .sources
            .retain(|source| !replaced.contains(&source.source_id));
        Ok(Some(most))
    }

    /// Moves sources in time: their files are written again under new names. Ids stay. Of those that are
    /// not moved, what is said of their clocks is noted. All files have wall time then.
    pub fn move_sources(&mut self, moves: &BTreeMap<i64, ClockMove>) -> Result<Vec<Moved>> {
        let is_moved = |to: &ClockMove| !to.conversion.is_identity();
        for (source_id, to) in moves {
            if is_moved(to) {
                let mut names = self.writer.merged_names(self.manifest.generation);
                compact::own_files(&mut self.manifest, *source_id, &mut names)?;
            }
        }
        let mut moved = Vec::new();
        for source in &mut self.manifest.sources {
            let to = moves.get(&source.source_id);
            let conversion = to.map_or_else(ClockConversion::default, |to| to.conversion);
            let is_due =
                |file: &FileEntry| !file.to_wall_time.is_identity() || !conversion.is_identity();
            if source.files.iter().any(is_due) {
                let prefix = self
                    .writer
                    .new_prefix(source.source_id, self.manifest.generation);
                let (files, folder) = (&self.writer.files, &self.writer.folder);
                write_files(files, folder, source, &conversion, &prefix)?;
            }
            let Some(to) = to else {
                continue;
            };
            if is_moved(to) {
                move_times(source, &conversion);
                moved.push(Moved {
                    source_id: source.source_id,
                    detail: to.fit.detail.clone(),
                });
            }
            to.note(source);
        }
        Ok(moved)
    }

    /// Makes all of it visible, and says what became of each source that was added. `moved` are those that
    /// were [moved](Self::move_sources).
    pub fn publish(mut self, moved: &[Moved]) -> Result<Vec<SourceReport>> {
        if self.reports.is_empty() {
            return Ok(Vec::new());
        }
        self.move_sources(&BTreeMap::new())?;
        self.reports.sort_by_key(|report| report.id);
        self.tell(moved);
        self.writer.publish(self.manifest)?;
        // Nobody may be reading the store any more; what cannot be removed now goes with the next ingest.
        let _ = self.writer.remove_unnamed();
        Ok(self.reports)
    }

    /// Puts what was found of the clocks into the reports: of each source its own, and of sources that were
    /// in the store before into the first.
    fn tell(&mut self, moved: &[Moved]) {
        for report in &mut self.reports {
            let source = self.manifest.sources.iter().find(|s| s.id() == report.id);
            let Some(source) = source else { continue };
            report.clock_basis.clone_from(&source.clock_basis);
            report.is_aligned = source.clock_offset_ns.is_some();
            if let Some(fit) = &source.clock_fit {
                report.clock_verdict.clone_from(&fit.verdict);
                report.clock_detail.clone_from(&fit.detail);
            }
        }
        let is_new = |id: i64| self.reports.iter().any(|report| report.id.0 == id);
        let older: Vec<String> = moved
            .iter()
            .filter(|moved| !is_new(moved.source_id))
            .map(|moved| format!("source {} was moved: {}", moved.source_id, moved.detail))
            .collect();
        if let Some(first) = self.reports.first_mut() {
            first.realigned = older;
        }
    }
}

/// Writes a source's files again, with their times in wall time and then converted once more, unless they are
/// as they are to be.
fn write_files(
    files: &Files,
    folder: &Path,
    source: &mut SourceEntry,
    conversion: &ClockConversion,
    prefix: &str,
) -> Result<()> {
    for (number, file) in source.files.iter_mut().enumerate() {
        let is_seen = file.to_wall_time.is_identity();
        let conversion = file.to_wall_time.then(conversion);
        if conversion.is_identity() {
            file.to_wall_time = conversion;
            continue;
        }
        let path = format!("data/{}/{prefix}-{}.parquet", file.table, number + 1);
        // What is damaged must not be written again with new hashes.
        let (from, to) = (files.fetched(file)?, folder.join(&path));
        folder::table_folder(folder, &file.table)?;
        let (size_bytes, hashes) = table_file::write_moved(&from, &to, &conversion)?;
        if !is_seen {
            fs::remove_file(&from).map_err(|e| Error::io("cannot remove", &from, e))?;
        }
        *file = FileEntry {
            path,
            size_bytes,
            hashes: Some(hashes),
            to_wall_time: ClockConversion::default(),
            ..file.clone()
        };
    }
    Ok(())
}

/// Moves what is known of a source's times.
fn move_times(source: &mut SourceEntry, conversion: &ClockConversion) {
    let moved = |time: i64| realtime_from_source(time, conversion);
    source.first_time_ns = source.first_time_ns.map(moved);
    source.last_time_ns = source.last_time_ns.map(moved);
    for loss in &mut source.losses {
        loss.time_range_ns = loss.time_range_ns.map(|(a, b)| (moved(a), moved(b)));
    }
}

fn rows_by_table(entry: &SourceEntry) -> Vec<(String, u64)> {
    let mut rows: Vec<(String, u64)> = Vec::new();
    for file in &entry.files {
        match rows.iter_mut().find(|(table, _)| *table == file.table) {
            Some((_, count)) => *count += file.row_count,
            None => rows.push((file.table.clone(), file.row_count)),
        }
    }
    rows
}
