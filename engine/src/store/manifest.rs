//! The manifest: which files make up a store. Replacing it is what commits an ingest.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use kcorr_model::{ClockAnchor, ClockConversion, Limit, Loss, SourceId};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

const FILE: &str = "manifest.json";

/// Written into every manifest; a reader refuses a store with a later layout. The second added files
/// with rows of several sources, which a reader of the first would leave out.
const LAYOUT_VERSION: u32 = 2;

/// Everything a store knows besides its Parquet files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// Version of the store's layout.
    pub(crate) layout_version: u32,
    /// Number of commits so far; names of data files carry it, so they are never used twice.
    pub(crate) generation: u64,
    /// The number that the next new source gets; numbers are not used again.
    pub(crate) next_source_id: i64,
    /// The sources, by number.
    pub(crate) sources: Vec<SourceEntry>,
    /// Files that a compaction made, with rows of one or more sources.
    #[serde(default)]
    pub(crate) merged: Vec<MergedFile>,
}

/// A Parquet file of one table, with rows of one or more sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MergedFile {
    #[serde(flatten)]
    pub(crate) file: FileEntry,
    /// Whose rows it has, by number.
    pub(crate) sources: Vec<SourceRows>,
}

/// How many rows of a merged file are of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SourceRows {
    pub(crate) source_id: i64,
    pub(crate) row_count: u64,
}

/// A source and its files.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SourceEntry {
    pub(crate) source_id: i64,
    pub(crate) kind: String,
    pub(crate) paths: Vec<String>,
    pub(crate) format: String,
    pub(crate) size_bytes: u64,
    pub(crate) content_hash: String,
    /// Hash of the first bytes, by which a cut or grown copy is suspected.
    #[serde(default)]
    pub(crate) head_hash: Option<String>,
    pub(crate) clock: String,
    pub(crate) clock_offset_ns: Option<i64>,
    pub(crate) clock_uncertainty_ns: Option<i64>,
    pub(crate) clock_basis: String,
    #[serde(default)]
    pub(crate) clock_drift_ppb: i64,
    /// Reading of the source's clock at which the drift adds nothing.
    #[serde(default)]
    pub(crate) clock_drift_from_ns: i64,
    /// What the data say of the clock; `None` before the first check.
    #[serde(default)]
    pub(crate) clock_fit: Option<ClockFitEntry>,
    #[serde(default)]
    pub(crate) clock_checks: Vec<ClockCheckEntry>,
    pub(crate) first_time_ns: Option<i64>,
    pub(crate) last_time_ns: Option<i64>,
    pub(crate) anchors: Vec<AnchorEntry>,
    pub(crate) losses: Vec<LossEntry>,
    pub(crate) limits: Vec<LimitEntry>,
    pub(crate) files: Vec<FileEntry>,
}

/// A Parquet file of one table and source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileEntry {
    pub(crate) table: String,
    /// Path below the store's folder.
    pub(crate) path: String,
    pub(crate) row_count: u64,
    pub(crate) size_bytes: u64,
}

/// A clock anchor, as in the `clock_anchors` table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AnchorEntry {
    pub(crate) clock: String,
    pub(crate) clock_ns: i64,
    pub(crate) reference_clock: String,
    pub(crate) reference_ns: i64,
    pub(crate) uncertainty_ns: i64,
}

/// What became of a source's clock, as in the `clock_fits` table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClockFitEntry {
    pub(crate) declared_offset_ns: Option<i64>,
    pub(crate) declared_uncertainty_ns: Option<i64>,
    pub(crate) declared_basis: String,
    pub(crate) refined_ns: Option<i64>,
    pub(crate) drift_ppb: i64,
    pub(crate) uncertainty_ns: Option<i64>,
    pub(crate) reference_source_id: Option<i64>,
    pub(crate) verdict: String,
    pub(crate) detail: String,
}

/// How well one kind of tie to another source fits, as in the `clock_checks` table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClockCheckEntry {
    pub(crate) other_source_id: i64,
    pub(crate) kind: String,
    pub(crate) candidate_count: u64,
    pub(crate) observation_count: u64,
    pub(crate) agreeing_count: u64,
    pub(crate) difference_ns: Option<i64>,
    pub(crate) uncertainty_ns: Option<i64>,
    pub(crate) residual_p50_ns: Option<i64>,
    pub(crate) residual_p99_ns: Option<i64>,
}

/// A loss, as in the `losses` table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LossEntry {
    pub(crate) kind: String,
    pub(crate) severity: String,
    pub(crate) count: u64,
    pub(crate) first_position: String,
    /// Wall time once the source is aligned.
    pub(crate) time_range_ns: Option<(i64, i64)>,
    pub(crate) detail: String,
    pub(crate) meaning: String,
}

/// A limit, as in the `limits` table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LimitEntry {
    pub(crate) name: String,
    pub(crate) value: i64,
    pub(crate) detail: String,
}

impl From<&ClockAnchor> for AnchorEntry {
    fn from(anchor: &ClockAnchor) -> Self {
        Self {
            clock: anchor.clock.to_string(),
            clock_ns: anchor.time_ns,
            reference_clock: anchor.reference.to_string(),
            reference_ns: anchor.reference_time_ns,
            uncertainty_ns: anchor.uncertainty_ns,
        }
    }
}

impl From<&Loss> for LossEntry {
    fn from(loss: &Loss) -> Self {
        Self {
            kind: loss.kind.name.to_owned(),
            severity: loss.kind.severity.name().to_owned(),
            count: loss.count,
            first_position: loss.first_position.to_string(),
            time_range_ns: loss.time_range,
            detail: loss.detail.clone(),
            meaning: loss.kind.doc.to_owned(),
        }
    }
}

impl From<&Limit> for LimitEntry {
    fn from(limit: &Limit) -> Self {
        Self {
            name: limit.name.clone(),
            value: limit.value,
            detail: limit.detail.clone(),
        }
    }
}

impl SourceEntry {
    /// The source's number.
    pub(crate) fn id(&self) -> SourceId {
        SourceId(self.source_id)
    }

    /// From the source's clock to the times that are stored.
    pub(crate) fn conversion(&self) -> ClockConversion {
        ClockConversion {
            offset_ns: self.clock_offset_ns.unwrap_or(0),
            drift_ppb: self.clock_drift_ppb,
            drift_from_ns: self.clock_drift_from_ns,
        }
    }

    /// What the clock was declared to be, before the data were asked: offset, uncertainty, basis.
    pub(crate) fn declared(&self) -> (Option<i64>, Option<i64>, &str) {
        match &self.clock_fit {
            Some(fit) => (
                fit.declared_offset_ns,
                fit.declared_uncertainty_ns,
                &fit.declared_basis,
            ),
            None => (
                self.clock_offset_ns,
                self.clock_uncertainty_ns,
                &self.clock_basis,
            ),
        }
    }

    /// Losses that the user should know of.
    pub(crate) fn loss_count(&self) -> u64 {
        let serious = self.losses.iter().filter(|loss| loss.severity != "info");
        serious.map(|loss| loss.count).sum()
    }
}

impl Manifest {
    /// The manifest of an empty store.
    pub(crate) fn empty() -> Self {
        Self {
            layout_version: LAYOUT_VERSION,
            generation: 0,
            next_source_id: 1,
            sources: Vec::new(),
            merged: Vec::new(),
        }
    }

    /// Reads the manifest of a store, or `None` when the folder has none.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io("cannot read", &path, e)),
        };
        let mut manifest: Self = serde_json::from_slice(&text).map_err(|e| {
            let message = format!("{} is not a kcorr manifest", path.display());
            Error::because(ErrorKind::Store, message, e)
        })?;
        if !(1..=LAYOUT_VERSION).contains(&manifest.layout_version) {
            let message = format!(
                "{} has store layout {}, this kcorr reads layouts up to {LAYOUT_VERSION}: ingest the recordings again into a new store",
                folder.display(),
                manifest.layout_version,
            );
            return Err(Error::new(ErrorKind::Store, message));
        }
        manifest.layout_version = LAYOUT_VERSION;
        Ok(Some(manifest))
    }

    /// Replaces the manifest of a store in one step: before it, readers see the old store, after it
    /// the new one, whenever the process dies.
    pub(crate) fn replace(&self, folder: &Path) -> Result<()> {
        let path = folder.join(FILE);
        let staged = folder.join("manifest.json.new");
        let text = serde_json::to_vec_pretty(self)
            .map_err(|e| Error::because(ErrorKind::Store, "cannot encode the manifest", e))?;
        let write = || -> std::io::Result<()> {
            let mut file = File::create(&staged)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&staged, &path)?;
            File::open(folder)?.sync_all()
        };
        write().map_err(|e| Error::io("cannot write", &path, e))
    }

    /// All files, over all tables.
    pub(crate) fn files(&self) -> impl Iterator<Item = &FileEntry> {
        let own = self.sources.iter().flat_map(|source| &source.files);
        own.chain(self.merged.iter().map(|merged| &merged.file))
    }

    /// The files of a table, over all sources.
    pub(crate) fn files_of(&self, table: &str) -> impl Iterator<Item = &FileEntry> {
        self.files().filter(move |file| file.table == table)
    }

    /// Paths of all files, below the store's folder.
    pub(crate) fn file_paths(&self) -> impl Iterator<Item = PathBuf> {
        self.files().map(|file| PathBuf::from(&file.path))
    }

    /// The rows of a source, by table and file.
    pub(crate) fn rows_of(&self, source_id: i64) -> impl Iterator<Item = (&str, u64)> {
        let is_it = move |source: &&SourceEntry| source.source_id == source_id;
        let own = self.sources.iter().filter(is_it).flat_map(|source| {
            let files = source.files.iter();
            files.map(|file| (file.table.as_str(), file.row_count))
        });
        let merged = self.merged.iter().flat_map(move |merged| {
            let rows = merged.sources.iter();
            rows.filter(move |rows| rows.source_id == source_id)
                .map(|rows| (merged.file.table.as_str(), rows.row_count))
        });
        own.chain(merged)
    }

    /// Rows of a source over all tables.
    pub(crate) fn row_count_of(&self, source_id: i64) -> u64 {
        self.rows_of(source_id).map(|(_, count)| count).sum()
    }
}
