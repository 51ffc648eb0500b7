//! What the manifest says of a file.

use kcorr_model::ClockConversion;
use serde::{Deserialize, Serialize};

use crate::block_hashes::BlockHashes;

/// A Parquet file of one table, with rows of one or more sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergedFile {
    /// The file.
    #[serde(flatten)]
    pub file: FileEntry,
    /// Whose rows it has, by number.
    pub sources: Vec<SourceRows>,
}

/// How many rows of a merged file are of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRows {
    /// The source.
    pub source_id: i64,
    /// Rows in it.
    pub row_count: u64,
}

/// A Parquet file of one table and source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// The table.
    pub table: String,
    /// Path below the store's folder.
    pub path: String,
    /// Rows in it.
    pub row_count: u64,
    /// Its length.
    pub size_bytes: u64,
    /// Hashes of its bytes; `None` for files that were written before there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hashes: Option<BlockHashes>,
    /// What makes wall time of its times. Only while a commit is going on, of what was written before the
    /// clock was known: files that a manifest names have wall time.
    #[serde(skip)]
    pub to_wall_time: ClockConversion,
}
