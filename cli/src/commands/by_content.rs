//! `kcorr ingest FILE…`: what each file is, by its first bytes, and what a folder holds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use kcorr_store::Store;

use super::{log_directory, named_brokers};
use crate::recordings;

/// Folders within one that was given that are looked into.
const MOST_DEPTH: usize = 3;

/// Recordings among the files that were given.
#[derive(Debug, Default)]
pub(super) struct ByContent {
    /// Each with the option that reads it; the files of one capture are one recording.
    pub(super) recordings: Vec<(&'static str, Vec<PathBuf>)>,
    /// What could not be read, and files that were named and are of no known kind; why.
    pub(super) refused: Vec<(PathBuf, String)>,
    /// Files in folders that are of no known kind, and what they look like.
    pub(super) left_out: Vec<(PathBuf, String)>,
    /// Key logs of TLS sessions in the captures.
    pub(super) tls_keys: Vec<PathBuf>,
    captures: BTreeMap<(PathBuf, String), Vec<PathBuf>>,
}

impl ByContent {
    /// Looks at files, and at those in folders.
    pub(super) fn of(given: &[PathBuf]) -> Self {
        let mut found = Self::default();
        for path in given {
            let looked = if path == Path::new("-") {
                Err(anyhow::anyhow!(
                    "say what comes through the pipe, for example with --pcap -"
                ))
            } else if path.is_dir() {
                found.folder(path, 0)
            } else {
                found.file(path).and_then(|words| match words {
                    None => Ok(()),
                    Some(words) => Err(anyhow::anyhow!(
                        "looks like {words}: give it with the option of what it is"
                    )),
                })
            };
            if let Err(error) = looked {
                found.refused.push((path.clone(), format!("{error:#}")));
            }
        }
        let captures = std::mem::take(&mut found.captures);
        found
            .recordings
            .extend(captures.into_values().map(|files| ("pcap", files)));
        found
    }

    fn folder(&mut self, folder: &Path, depth: usize) -> anyhow::Result<()> {
        let mut entries = std::fs::read_dir(folder)
            .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
            .with_context(|| format!("cannot read {}", folder.display()))?;
        entries.sort_by_key(std::fs::DirEntry::path);
        let is_log_directory = log_directory::is_one(folder);
        if is_log_directory {
            self.recordings
                .push(("segments", log_directory::files(folder)?));
        }
        for entry in entries {
            let path = entry.path();
            let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
            // Links may lead back, and a store is what becomes of recordings.
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_hidden {
                continue;
            }
            if is_folder && Store::is_in(&path) {
                self.left_out.push((path, "a store of kcorr".to_owned()));
            } else if is_folder {
                if !is_log_directory
                    && depth < MOST_DEPTH
                    && let Err(error) = self.folder(&path, depth + 1)
                {
                    self.refused.push((path, format!("{error:#}")));
                }
            } else if path.is_file() && !(is_log_directory && log_directory::is_wanted(&path)) {
                match self.file(&path) {
                    Ok(Some(words)) if !is_log_directory => self.left_out.push((path, words)),
                    Ok(_) => {}
                    Err(error) => self.refused.push((path, format!("{error:#}"))),
                }
            }
        }
        Ok(())
    }

    /// Takes a file in, or says what it looks like.
    fn file(&mut self, path: &Path) -> anyhow::Result<Option<String>> {
        if log_directory::is_wanted(path) {
            self.recordings.push(("segments", vec![path.to_owned()]));
            return Ok(None);
        }
        if named_brokers::is_looked_for(path) {
            return Ok(None);
        }
        let head = kcorr_store::input::head(path)?;
        if log_directory::is_archive(&head) {
            self.recordings.push(("segments", vec![path.to_owned()]));
            return Ok(None);
        }
        match recordings::recognised(&head) {
            Some(("pcap", _)) => self
                .captures
                .entry(capture_of(path))
                .or_default()
                .push(path.to_owned()),
            Some((recordings::TLS_KEYS, _)) => self.tls_keys.push(path.to_owned()),
            Some((option, _)) => self.recordings.push((option, vec![path.to_owned()])),
            None => return Ok(Some(recordings::looks_like(&head).to_owned())),
        }
        Ok(None)
    }
}

/// What the files of one rotated capture have in common: their folder, and their name without what
/// `tcpdump -C` and `-G` and `dumpcap -b` count and date: digits at its end (`dump.pcap12`), or within it
/// a number of four digits or more and what may follow it in a time (`dump_00001_20261129102345.pcap`).
fn capture_of(path: &Path) -> (PathBuf, String) {
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy())
        .unwrap_or_default();
    let name = [".gz", ".zst"]
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(&name);
    let counted = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let name = if counted.ends_with("cap") || counted.ends_with("capng") {
        counted
    } else {
        name
    };
    let is_of_time = |c: char| c.is_ascii_digit() || "-_:T+".contains(c);
    let mut common = String::new();
    let mut rest = name;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, behind) = rest.split_at(start);
        let end_of = |is_within: &dyn Fn(char) -> bool| {
            behind.find(|c| !is_within(c)).unwrap_or(behind.len())
        };
        let number = end_of(&|c| c.is_ascii_digit());
        let run = end_of(&is_of_time);
        let digits = behind[..run].chars().filter(char::is_ascii_digit).count();
        common.push_str(before);
        // A year, or a counter, is first; a short number is a broker's.
        if number >= 4 && digits >= 5 {
            common.push('#');
            rest = &behind[run..];
        } else {
            common.push_str(&behind[..number]);
            rest = &behind[number..];
        }
    }
    common.push_str(rest);
    (folder, common)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_one_capture(a: &str, b: &str) -> bool {
        capture_of(Path::new(a)) == capture_of(Path::new(b))
    }

    #[test]
    fn rotated_files_are_one_capture_and_those_of_two_brokers_are_not() {
        assert!(is_one_capture("d/dump.pcap", "d/dump.pcap12"));
        assert!(is_one_capture("dump.pcap1.zst", "dump.pcap2"));
        assert!(is_one_capture(
            "ring_00001_20261129102345.pcapng",
            "ring_00002_20261129102445.pcapng"
        ));
        assert!(is_one_capture(
            "b1-2026-11-29_10:23:45.pcap",
            "b1-2026-11-29_10:24:45.pcap"
        ));
        assert!(!is_one_capture("broker1.pcap", "broker2.pcap"));
        assert!(!is_one_capture("b1/dump.pcap", "b2/dump.pcap"));
        assert!(!is_one_capture(
            "b1-2026-11-29_10:23:45.pcap",
            "b2-2026-11-29_10:23:45.pcap"
        ));
    }

    #[test]
    fn a_folder_s_files_are_known_by_what_is_in_them() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let mut pcap = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0];
        pcap.extend([0; 16]);
        let first = write("a/net.pcap1", &pcap);
        let second = write("a/net.pcap2", &pcap);
        let segment = write("disk/orders-0/00000000000000000000.log", b"x");
        write("disk/meta.properties", b"version=1\n");
        let letter = write("letter.txt", b"Dear diary");
        write(".hidden", b"Dear diary");
        write("earlier.kcorr/manifest.json", b"{}");
        let found = ByContent::of(&[root.path().to_owned()]);
        assert_eq!(
            found.recordings,
            [
                ("segments", vec![segment]),
                ("pcap", vec![first.clone(), second])
            ]
        );
        let words = "text of an unknown kind".to_owned();
        let store = root.path().join("earlier.kcorr");
        assert_eq!(
            found.left_out,
            [
                (store, "a store of kcorr".to_owned()),
                (letter.clone(), words.clone())
            ]
        );
        let found = ByContent::of(&[letter.clone(), first.clone()]);
        assert_eq!(found.refused.len(), 1);
        assert!(found.refused[0].1.contains(&words), "{found:?}");
        assert_eq!(found.recordings, [("pcap", vec![first])]);
    }

    #[test]
    fn a_pipe_and_a_missing_file_are_refused() {
        let given = [PathBuf::from("-"), PathBuf::from("/no/such/file")];
        let found = ByContent::of(&given);
        assert!(found.recordings.is_empty());
        let refused: Vec<_> = found.refused.into_iter().map(|(path, _)| path).collect();
        assert_eq!(refused, given);
    }
}
