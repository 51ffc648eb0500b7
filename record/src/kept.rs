//! What is kept of a source: one file that has all of it, or a ring that has its last minutes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::ring::Ring;
use crate::stretch::Stretch;

/// Where what a source has recorded lies; nowhere before it is started.
#[derive(Debug, Default)]
pub(crate) enum Kept {
    #[default]
    Nothing,
    Whole(PathBuf),
    LastMinutes(Arc<Ring>),
}

impl Kept {
    /// Whether all of it is kept.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self, Self::Whole(_))
    }

    /// The files that hold it when the recording has ended; what is left in a ring then is of no use.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        match self {
            Self::Whole(file) => vec![file.clone()],
            Self::Nothing | Self::LastMinutes(_) => Vec::new(),
        }
    }

    /// What is said when a full disk took what a ring held.
    pub(crate) fn emptied(&self) -> Option<String> {
        let Self::LastMinutes(ring) = self else {
            return None;
        };
        let times = ring.emptied();
        (times > 0).then(|| format!("the disk was full {times} times, and all that was kept went"))
    }

    /// The same while it goes on, if it is new.
    pub(crate) fn warning(&self) -> Option<String> {
        match self {
            Self::LastMinutes(ring) => ring.warning(),
            Self::Nothing | Self::Whole(_) => None,
        }
    }

    /// What it has of a stretch of time, as files.
    ///
    /// # Errors
    /// When it keeps no ring, or what is in that cannot be written, in one sentence.
    pub(crate) fn dump(&self, stretch: Stretch, folder: &Path) -> Result<Vec<PathBuf>, String> {
        let Self::LastMinutes(ring) = self else {
            return Err("it keeps no ring".to_owned());
        };
        let dumped = ring.dump(stretch, folder);
        let dumped = dumped.map_err(|error| format!("cannot write what it has: {error}"))?;
        Ok(dumped.into_iter().collect())
    }
}
