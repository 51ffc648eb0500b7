//! Ingesting into a store: all of a source or none of it, one writer at a time.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use datafusion::arrow::array::RecordBatch;
use kcorr_model::{ClockKind, Output, SourceId, Summary, Table};

use super::compact::{self, Compacted, Extent};
use super::folder;
use super::manifest::{Manifest, SourceEntry};
use super::merge::NewNames;
use super::realign::{Realigned, realign};
use super::source_report::SourceReport;
use super::staging::{Staging, union};
use crate::clock::{Alignment, Others, align};
use crate::error::{Error, ErrorKind, Result};
use crate::input::Likeness;

/// What makes an input the same as one that was ingested before: its kind, and its paths or its
/// content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputIdentity {
    /// The flag it was given with: `pcap`, `bpf`, `jfr`, …
    pub kind: String,
    /// Absolute paths of its files, in order; `-` for standard input.
    pub paths: Vec<String>,
}

/// The one writer of a store. Others wait until it is dropped.
#[derive(Debug)]
pub struct StoreWriter {
    folder: PathBuf,
    manifest: Manifest,
    /// Sources begun so far; in file names, so that no two write the same file.
    begun: u32,
    /// Numbers of these sources.
    begun_ids: Vec<i64>,
    /// Sources whose rows are staged, ready to be committed together.
    finished: Vec<Finished>,
    _lock: File,
}

/// A source being written. Sent to the thread that decodes it.
#[derive(Debug)]
pub struct SourceWriter {
    id: SourceId,
    identity: InputIdentity,
    likeness: Likeness,
    head_hash: Option<String>,
    staging: Staging,
}

#[derive(Debug)]
struct Finished {
    source: SourceWriter,
    summary: Summary,
    size_bytes: u64,
    content_hash: String,
}

impl StoreWriter {
    /// Opens a store for writing, creating it if needed. When another process is writing, calls
    /// `on_wait` once and waits for it to end.
    pub fn open(folder: impl Into<PathBuf>, on_wait: impl FnOnce()) -> Result<Self> {
        let folder = folder.into();
        folder::refuse_file(&folder)?;
        // The manifest last: another process may be making the store, and puts it there before data.
        if folder.exists() && !folder::is_ours(&folder)? && Manifest::read(&folder)?.is_none() {
            let message = format!(
                "{} is not empty and not a kcorr store: name another folder with --store",
                folder.display()
            );
            return Err(Error::new(ErrorKind::Store, message));
        }
        fs::create_dir_all(&folder).map_err(|e| Error::io("cannot create", &folder, e))?;
        let lock = folder::writer_lock(&folder, on_wait)?;
        // Read (again) only now: whoever held the lock may have committed.
        let manifest = match Manifest::read(&folder)? {
            Some(manifest) => manifest,
            None => {
                // From now on the folder is a store, and what is in it is the store's.
                let manifest = Manifest::empty();
                manifest.replace(&folder)?;
                manifest
            }
        };
        folder::remove_unnamed_files(&folder, &manifest)?;
        Ok(Self {
            folder,
            manifest,
            begun: 0,
            begun_ids: Vec::new(),
            finished: Vec::new(),
            _lock: lock,
        })
    }

    /// Starts a source. The same input (by paths) keeps its number, so its row ids stay the same.
    pub fn begin(&mut self, identity: InputIdentity) -> SourceWriter {
        self.begin_like(identity, Likeness::New)
    }

    /// Starts a source that may be like others: one that holds all of another takes its number.
    pub(crate) fn begin_like(
        &mut self,
        identity: InputIdentity,
        mut likeness: Likeness,
    ) -> SourceWriter {
        let same = self
            .manifest
            .sources
            .iter()
            .find(|source| is_same_path(source, &identity));
        let held = match &likeness {
            Likeness::Holds(ids) => ids.first().copied(),
            _ => None,
        };
        let id = match same.map(|source| source.source_id).or(held) {
            // Two inputs at once that claim one number: only the first can have it.
            Some(id) if self.begun_ids.contains(&id) => {
                likeness = Likeness::BeginsLike(id);
                self.new_id()
            }
            Some(id) => SourceId(id),
            None => self.new_id(),
        };
        self.begun += 1;
        self.begun_ids.push(id.0);
        let prefix = format!("{}-{}-{}", id.0, self.manifest.generation + 1, self.begun);
        SourceWriter {
            id,
            identity,
            likeness,
            head_hash: None,
            staging: Staging::new(&self.folder, prefix),
        }
    }

    fn new_id(&mut self) -> SourceId {
        let id = self.manifest.next_source_id;
        self.manifest.next_source_id += 1;
        SourceId(id)
    }

    /// Whether an input is stored, by its paths.
    pub(crate) fn has(&self, identity: &InputIdentity) -> bool {
        let mut sources = self.manifest.sources.iter();
        sources.any(|source| is_same_path(source, identity))
    }

    /// What is stored.
    pub(crate) fn sources(&self) -> &[SourceEntry] {
        &self.manifest.sources
    }

    /// A source's paths and number.
    pub(crate) fn name(&self, source_id: i64) -> String {
        let mut sources = self.manifest.sources.iter();
        let source = sources.find(|source| source.source_id == source_id);
        match source.map(|source| &source.paths[..]) {
            Some([path]) => format!("{path} (source {source_id})"),
            Some([first, rest @ ..]) => {
                format!("{first} and {} more (source {source_id})", rest.len())
            }
            _ => format!("source {source_id}"),
        }
    }

    /// Takes a source whose input was read to its end. It becomes visible with
    /// [`commit`](Self::commit).
    pub fn finish(
        &mut self,
        source: SourceWriter,
        summary: Summary,
        size_bytes: u64,
        content_hash: String,
    ) {
        self.finished.push(Finished {
            source,
            summary,
            size_bytes,
            content_hash,
        });
    }

    /// Aligns the clocks of all finished sources and makes them visible in one step. What fails changes
    /// nothing.
    pub fn commit(&mut self) -> Result<Vec<SourceReport>> {
        let before = self.manifest.clone();
        let reports = self.commit_finished();
        if reports.is_err() {
            self.manifest = before;
        }
        reports
    }

    /// Merges files, in one step, and removes those that were merged unless somebody reads the store.
    pub fn compact(mut self, extent: Extent) -> Result<Vec<Compacted>> {
        let mut manifest = self.manifest.clone();
        manifest.generation += 1;
        let mut names = merged_names(&self.folder, manifest.generation, &mut self.begun);
        let done = compact::compact(&self.folder, &mut manifest, extent, &mut names)?;
        if !done.is_empty() {
            folder::sync_folders(&self.folder)?;
            manifest.replace(&self.folder)?;
            folder::remove_unnamed_files(&self.folder, &manifest)?;
        }
        Ok(done)
    }

    fn commit_finished(&mut self) -> Result<Vec<SourceReport>> {
        let mut finished = std::mem::take(&mut self.finished);
        let mut others = self.others(&finished);
        // Local times last: they are put where the other recordings are.
        finished.sort_by_key(|finished| {
            (
                finished.summary.clock == ClockKind::LocalTime,
                finished.source.id,
            )
        });
        let mut reports = Vec::new();
        for finished in finished {
            let own_times = finished.source.staging.time_range();
            let alignment = align(&finished.summary, own_times, &others);
            let report = self.add(finished, alignment, &reports)?;
            others.time_range = self.time_range();
            reports.push(report);
        }
        reports.sort_by_key(|report| report.id);
        if !reports.is_empty() {
            self.manifest.generation += 1;
            let moved = realign(&self.folder, &mut self.manifest, &mut self.begun)?;
            self.tell(&mut reports, &moved);
            folder::sync_folders(&self.folder)?;
            self.manifest.replace(&self.folder)?;
        }
        Ok(reports)
    }

    /// Puts what the check of the clocks found into the reports: of each source its own, and of sources
    /// that were in the store before into the first.
    fn tell(&self, reports: &mut [SourceReport], moved: &[Realigned]) {
        for report in reports.iter_mut() {
            let source = self.manifest.sources.iter().find(|s| s.id() == report.id);
            let Some(source) = source else { continue };
            report.clock_basis.clone_from(&source.clock_basis);
            report.is_aligned = source.clock_offset_ns.is_some();
            if let Some(fit) = &source.clock_fit {
                report.clock_verdict.clone_from(&fit.verdict);
                report.clock_detail.clone_from(&fit.detail);
            }
        }
        let is_new = |id: i64| reports.iter().any(|report| report.id.0 == id);
        let older: Vec<String> = moved
            .iter()
            .filter(|moved| !is_new(moved.source_id))
            .map(|moved| format!("source {} was moved: {}", moved.source_id, moved.detail))
            .collect();
        if let Some(first) = reports.first_mut() {
            first.realigned = older;
        }
    }

    /// What the sources that are in the store or come into it know of each other's clocks.
    fn others(&self, finished: &[Finished]) -> Others {
        let stored = self
            .manifest
            .sources
            .iter()
            .flat_map(|source| source.anchors.clone());
        let new = finished
            .iter()
            .flat_map(|finished| &finished.summary.anchors);
        Others {
            anchors: stored.chain(new.map(Into::into)).collect(),
            time_range: self.time_range(),
        }
    }

    /// From the first to the last time of the stored sources that are surely in wall time.
    fn time_range(&self) -> Option<(i64, i64)> {
        let aligned = self.manifest.sources.iter().filter(|source| {
            source.clock_offset_ns.is_some() && source.clock != ClockKind::LocalTime.name()
        });
        let ranges = aligned.map(|source| source.first_time_ns.zip(source.last_time_ns));
        ranges.fold(None, union)
    }

    /// Adds a source to the manifest; `added` are those that the same commit has added.
    fn add(
        &mut self,
        finished: Finished,
        alignment: Alignment,
        added: &[SourceReport],
    ) -> Result<SourceReport> {
        let Finished {
            source,
            summary,
            size_bytes,
            content_hash,
        } = finished;
        let SourceWriter {
            id,
            identity,
            likeness,
            head_hash,
            staging,
        } = source;
        let (holds, begins_like) = self.told(&likeness);
        let offset = alignment.offset_ns.unwrap_or(0);
        let staged = staging.finish(offset)?;
        let mut entry = SourceEntry {
            source_id: id.0,
            kind: identity.kind.clone(),
            paths: identity.paths.clone(),
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
            replaced_row_count: self.remove_same(&entry, &likeness, added)?,
            holds,
            begins_like,
        };
        self.manifest.sources.push(entry);
        self.manifest.sources.sort_by_key(|source| source.source_id);
        Ok(report)
    }

    /// What a source is to those under other names, in words: those it holds, and one it begins like.
    fn told(&self, likeness: &Likeness) -> (Option<String>, Option<String>) {
        match likeness {
            Likeness::Holds(ids) => {
                let names: Vec<String> = ids.iter().map(|id| self.name(*id)).collect();
                (Some(names.join(", ")), None)
            }
            Likeness::BeginsLike(id) => (None, Some(self.name(*id))),
            Likeness::New | Likeness::BeginningOf(_) => (None, None),
        }
    }

    /// Takes earlier ingests of the same input out of the manifest, and says how many rows they had. Their
    /// files stay until nobody reads the store.
    fn remove_same(
        &mut self,
        entry: &SourceEntry,
        likeness: &Likeness,
        added: &[SourceReport],
    ) -> Result<Option<u64>> {
        let identity = InputIdentity {
            kind: entry.kind.clone(),
            paths: entry.paths.clone(),
        };
        let is_replaced = |source: &SourceEntry| {
            let is_same_content =
                source.kind == entry.kind && source.content_hash == entry.content_hash;
            // What this commit has added under the number of one that is held is something else.
            let is_added = added.iter().any(|report| report.id == source.id());
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
        if replaced.is_empty() {
            return Ok(None);
        }
        let row_count = replaced.iter().map(|id| self.manifest.row_count_of(*id));
        let row_count = row_count.sum();
        let generation = self.manifest.generation + 1;
        let mut names = merged_names(&self.folder, generation, &mut self.begun);
        compact::drop_rows(&self.folder, &mut self.manifest, &replaced, &mut names)?;
        self.manifest
            .sources
            .retain(|source| !replaced.contains(&source.source_id));
        Ok(Some(row_count))
    }
}

impl SourceWriter {
    /// The source's number, from which a decoder makes its row ids.
    pub fn id(&self) -> SourceId {
        self.id
    }

    /// Tells the hash of the input's first bytes.
    pub(crate) fn begins_with(&mut self, head_hash: String) {
        self.head_hash = Some(head_hash);
    }
}

impl Output for SourceWriter {
    fn batch(
        &mut self,
        table: &'static Table,
        batch: RecordBatch,
    ) -> Result<(), kcorr_model::Error> {
        self.staging.batch(table, batch)
    }
}

/// Two inputs are the same when they were read from the same files; standard input is never known
/// by its name.
fn is_same_path(source: &SourceEntry, identity: &InputIdentity) -> bool {
    source.kind == identity.kind
        && source.paths == identity.paths
        && !identity.paths.iter().any(|path| path == "-")
}

/// Names of files with rows of one or more sources: those begin with the number that no source has.
pub(super) fn merged_names<'a>(folder: &'a Path, generation: u64, begun: &mut u32) -> NewNames<'a> {
    *begun += 1;
    NewNames::new(folder, format!("0-{generation}-{begun}"))
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

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::StoreWriter;

    #[test]
    fn writers_that_find_the_store_half_made_wait_for_it() {
        let folder = tempfile::tempdir().expect("a folder");
        for round in 0..100 {
            let store = folder.path().join(round.to_string());
            let barrier = Barrier::new(4);
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        barrier.wait();
                        let writer = StoreWriter::open(&store, || ());
                        assert!(writer.is_ok(), "{:?}", writer.err());
                    });
                }
            });
        }
    }
}
