//! Where what windows rest on is, by the names of windows.

use std::collections::HashSet;
use std::ffi::OsString;
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

    /// The windows whose stores are kept now.
    pub fn kept(&self) -> KeptWindows {
        let entries = std::fs::read_dir(&self.stores).into_iter().flatten();
        let folders = entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|it| it.is_dir()));
        KeptWindows(folders.map(|entry| entry.file_name()).collect())
    }

    /// Where a report of it is, when one was made.
    pub fn report(&self, window: &str) -> PathBuf {
        self.reports.join(format!("{window}.html"))
    }
}

/// The names of the stores that were kept at a moment.
#[derive(Debug, Clone, Default)]
pub struct KeptWindows(HashSet<OsString>);

impl KeptWindows {
    /// Whether a window's store was, by the window's name.
    pub fn has(&self, window: &str) -> bool {
        self.0.contains(&OsString::from(format!("{window}.kcorr")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_kept_whose_stores_are_folders() {
        let folder = tempfile::tempdir().unwrap();
        let evidence = Evidence::of(folder.path());
        assert!(!evidence.kept().has("a"));
        std::fs::create_dir_all(evidence.store("a")).unwrap();
        std::fs::write(evidence.store("b"), "").unwrap();
        let kept = evidence.kept();
        assert!(kept.has("a") && !kept.has("b") && !kept.has("c"));
    }
}
