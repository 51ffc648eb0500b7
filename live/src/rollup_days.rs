//! Roll-ups as they are kept: a file a day, compressed when the day is over.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::limits::files;
use crate::rollup::Rollup;

/// The files of roll-ups in a folder of accounts, in the order of their days.
pub(crate) fn days(folder: &Path) -> Vec<PathBuf> {
    let mut days = files(&folder.join("rollups"));
    days.retain(|path| {
        path.extension()
            .is_some_and(|it| it == "jsonl" || it == "zst")
    });
    days
}

/// The lines of a day that this version knows.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn rollups_of_day(path: &Path) -> Result<Vec<Rollup>> {
    let text = match path.extension().is_some_and(|it| it == "zst") {
        true => fs::read(path).and_then(|it| zstd::decode_all(&it[..])),
        false => fs::read(path),
    };
    let text = text.map_err(|e| Error::file("cannot read", path, e))?;
    let lines = text.split(|&byte| byte == b'\n');
    Ok(lines
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect())
}
