//! Where what windows rest on is, by the names of windows.

use std::path::{Path, PathBuf};

/// The stores of windows with slow requests, and the reports that were made of them.
#[derive(Debug, Clone)]
pub struct Evidence {
    stores: PathBuf,
    reports: PathBuf,
}

impl Evidence {
    pub(crate) fn of(folder: &Path) -> Self {
        Self {
            stores: folder.join("evidence"),
            reports: folder.join("reports"),
        }
    }

    /// Where the store of a window is, by the window's name.
    pub fn store(&self, window: &str) -> PathBuf {
        self.stores.join(format!("{window}.kcorr"))
    }

    /// Where a report of it is, when one was made.
    pub fn report(&self, window: &str) -> PathBuf {
        self.reports.join(format!("{window}.html"))
    }
}
