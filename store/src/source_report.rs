//! What is told of a source once it is in the store.

use kcorr_model::{Loss, SourceId};

/// What became of an ingested source.
#[derive(Debug, Clone)]
pub struct SourceReport {
    /// Its number in the store.
    pub id: SourceId,
    /// The flag it was given with.
    pub kind: String,
    /// Its files.
    pub paths: Vec<String>,
    /// The recognised format.
    pub format: String,
    /// Rows by table, in alphabetical order.
    pub rows: Vec<(String, u64)>,
    /// What was lost.
    pub losses: Vec<Loss>,
    /// What its clock alignment rests on.
    pub clock_basis: String,
    /// What the data say of its clock: `agrees`, `contradicts`, … as in `clock_fits`.
    pub clock_verdict: String,
    /// The same in words.
    pub clock_detail: String,
    /// Sources that were in the store before and were moved because of this one, in words.
    pub realigned: Vec<String>,
    /// Whether its times could be tied to wall time.
    pub is_aligned: bool,
    /// Rows of the earlier ingest of the same input that it replaced; of several, of the largest.
    pub replaced_row_count: Option<u64>,
    /// Sources under other names that it is like, in words: those it replaced because it holds all of them, …
    pub holds: Option<String>,
    /// … or one that begins as it does, so that its rows may be stored twice.
    pub begins_like: Option<String>,
}
