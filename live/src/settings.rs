//! What a broker ran on and with, as windows are marked by it.
//!
//! A window's line has an id; what that is stands once, in `settings/ID.json`: names and values as `window_settings` gives
//! them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use crate::error::{Error, Result};

/// Settings and their values, by name.
pub type Settings = BTreeMap<String, String>;

/// What windows with these settings are marked by; none where nothing is known of them.
pub(crate) fn id_of(settings: &Settings) -> Result<Option<String>> {
    if settings.is_empty() {
        return Ok(None);
    }
    let text = serde_json::to_vec(settings)?;
    Ok(Some(format!("{:016x}", xxh3_64(&text))))
}

/// Writes settings down, unless they are known.
pub(crate) fn write(folder: &Path, settings: &Settings) -> Result<()> {
    let Some(id) = id_of(settings)? else {
        return Ok(());
    };
    let path = folder.join(format!("{id}.json"));
    if path.exists() {
        return Ok(());
    }
    let partial = folder.join(format!("{id}.partial"));
    let text = serde_json::to_vec_pretty(settings)?;
    let written = fs::write(&partial, text).and_then(|()| fs::rename(&partial, &path));
    written.map_err(|e| Error::file("cannot write", &path, e))
}

/// All settings of a folder, by id.
pub(crate) fn read_all(folder: &Path) -> Result<BTreeMap<String, Settings>> {
    let mut all = BTreeMap::new();
    for path in crate::limits::files(folder) {
        if path.extension().is_none_or(|it| it != "json") {
            continue;
        }
        let text = fs::read(&path).map_err(|e| Error::file("cannot read", &path, e))?;
        let settings = serde_json::from_slice(&text)?;
        let id = path.file_stem().unwrap_or_default().to_string_lossy();
        all.insert(id.into_owned(), settings);
    }
    Ok(all)
}
