//! The files of a log directory that are given to the decoder of segments.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use kcorr_model::LogFile;

/// Folders within the one that was given that are looked into: those of topic-partitions, and those
/// of several log directories (`log.dirs`) above them.
const MOST_DEPTH: usize = 2;

/// The files of a log directory that say what the broker wrote: log segments under every name that Kafka
/// gives them, compressed copies too, and the names of topic ids. What is given is a folder, or one file: a
/// segment, or a tar archive of a folder, which the decoder reads.
pub(crate) fn files(given: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if given == Path::new("-") || given.is_file() {
        return Ok(vec![given.to_owned()]);
    }
    let mut files = Vec::new();
    let mut folders = vec![(given.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let cannot_read = || format!("cannot read the log directory {}", folder.display());
        for entry in std::fs::read_dir(&folder).with_context(cannot_read)? {
            let entry = entry.with_context(cannot_read)?;
            let path = entry.path();
            if path.is_dir() {
                // Links may lead back.
                let is_link = entry.file_type().with_context(cannot_read)?.is_symlink();
                if depth < MOST_DEPTH && (depth == 0 || !is_link) {
                    folders.push((path, depth + 1));
                }
            } else if is_wanted(&path) {
                files.push(path);
            }
        }
    }
    files.sort();
    if files.is_empty() {
        bail!(
            "{} has no log segments (<topic>-<partition>/<base offset>.log, also .log.deleted, .log.swap, \
             .log.cleaned, and compressed as .gz or .zst), nor do its folders; give --segments a broker's log \
             directory, a topic-partition's folder, or a tar archive of one",
            given.display()
        );
    }
    Ok(files)
}

/// Whether a folder is a log directory, or one of its topic-partitions': there are segments in it, or in
/// the folders in it.
pub(super) fn is_one(folder: &Path) -> bool {
    let holds = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths = entries.map(|entry| entry.path());
        paths.any(|path| is_wanted(&path) && path.is_file())
    };
    let folders = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders = folders
        .map(|entry| entry.path())
        .filter(|path| path.is_dir());
    holds(folder) || folders.any(|folder| holds(&folder))
}

/// Whether a file that begins so is a tar archive, which the decoder of segments reads.
pub(super) fn is_archive(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar")
}

/// Whether a file is a segment, or names a topic's id.
pub(super) fn is_wanted(path: &Path) -> bool {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else {
        return false;
    };
    let compressed = [".gz", ".zst"];
    let name = compressed
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(&name);
    LogFile::from_name(name).is_some_and(|file| matches!(file.kind, "log" | "partition_metadata"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_found_under_every_name_and_in_folders_of_folders() {
        let root = tempfile::tempdir().unwrap();
        let base = "00000000000000000000";
        let wanted = [
            format!("a-0/{base}.log"),
            format!("a-0/{base}.log.deleted"),
            format!("a-0/{base}.log.cleaned"),
            format!("a-0/{base}.log.swap"),
            "a-0/partition.metadata".to_owned(),
            format!("a-1.0f4c9e0dbd7b4d4c9a9d3a0b5c1d2e3f-delete/{base}.log"),
            format!("disk2/b-0/{base}.log.zst"),
        ];
        let others = [
            format!("a-0/{base}.index"),
            format!("a-0/{base}.timeindex.deleted"),
            "server.log".to_owned(),
            "meta.properties".to_owned(),
        ];
        for name in wanted.iter().chain(&others) {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"x").unwrap();
        }
        let mut expected: Vec<_> = wanted.iter().map(|name| root.path().join(name)).collect();
        expected.sort();
        assert_eq!(files(root.path()).unwrap(), expected);
        let archive = root.path().join("server.log");
        assert_eq!(files(&archive).unwrap(), [archive]);
        let empty = tempfile::tempdir().unwrap();
        let error = files(empty.path()).unwrap_err().to_string();
        assert!(error.contains("tar archive"), "{error}");
    }
}
