//! `segments/`: the broker's log directory, with the segment files as they were left, and beside them what tells the
//! topic's id.

use std::fs;
use std::path::Path;

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::history::History;

/// Writes the files, below a folder that is made.
pub(super) fn write(history: &History, folder: &Path) -> anyhow::Result<()> {
    for log in &history.logs {
        let directory = folder.join(&log.directory);
        fs::create_dir_all(&directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
        for segment in &log.segments {
            let path = directory.join(segment.file());
            fs::write(&path, &segment.bytes)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        let id = URL_SAFE_NO_PAD.encode(history.topics[log.topic].id);
        let path = directory.join("partition.metadata");
        fs::write(&path, format!("version: 0\ntopic_id: {id}\n"))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
