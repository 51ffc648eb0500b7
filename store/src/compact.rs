//! Compaction: many small files of a table become few that follow each other in time.
//!
//! A merged file may hold rows of several sources. Whoever replaces or moves a source has its rows taken
//! out first, by writing the merged files that hold some of them again; so all else can go on as if each
//! source had files of its own. Recordings of different brokers are never merged: the files of one broker's
//! recordings are a store by themselves. Files that are replaced stay until nobody reads the store.

use std::collections::{BTreeMap, HashSet};

use crate::error::Result;
use crate::file_entry::FileEntry;
use crate::manifest::Manifest;
use crate::merge::{self, FILE_ROWS, NewNames, Part};

/// Below this many rows, files of a table count as small.
const SMALL_ROWS: u64 = FILE_ROWS / 8;

/// This many small files of a table are merged without being asked for. Each makes the account of slow
/// requests, and the check of clocks after an ingest, about 4 ms longer; merged this rarely, a row is
/// written again only a few times.
const MOST_SMALL_FILES: usize = 64;

/// How much a compaction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Merges the small files of tables that have many; cheap, after each ingest.
    PiledUp,
    /// Brings all rows of every table in order of time, in files of a size.
    All,
}

/// What a compaction did to a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compacted {
    /// The table.
    pub table: String,
    /// Files that were merged.
    pub files_before: usize,
    /// Files that took their place.
    pub files_after: usize,
    /// Rows in them.
    pub row_count: u64,
}

/// Merges files of a manifest that is then to be committed.
pub(super) fn compact(
    manifest: &mut Manifest,
    extent: Extent,
    names: &mut NewNames,
) -> Result<Vec<Compacted>> {
    let mut by_table: BTreeMap<(String, Option<i32>), Vec<FileEntry>> = BTreeMap::new();
    for (file, broker) in files_and_brokers(manifest) {
        let files = by_table.entry((file.table.clone(), broker)).or_default();
        files.push(file.clone());
    }
    let mut done = Vec::new();
    for ((table, _), mut files) in by_table {
        if extent == Extent::PiledUp {
            files.retain(|file| file.row_count < SMALL_ROWS);
            if files.len() < MOST_SMALL_FILES {
                continue;
            }
        }
        for group in groups(names, files)? {
            if group.is_in_order() {
                continue;
            }
            let row_count = group.parts.iter().map(|part| part.row_count).sum();
            let merged = merge::merge(&table, group.parts, names)?;
            done.push(Compacted {
                table: table.clone(),
                files_before: group.paths.len(),
                files_after: merged.len(),
                row_count,
            });
            for source in &mut manifest.sources {
                source
                    .files
                    .retain(|file| !group.paths.contains(&file.path));
            }
            let is_left = |path: &String| !group.paths.contains(path);
            manifest.merged.retain(|merged| is_left(&merged.file.path));
            manifest.merged.extend(merged);
        }
    }
    Ok(done)
}

/// All files, each with the broker that its rows are of.
fn files_and_brokers(manifest: &Manifest) -> impl Iterator<Item = (&FileEntry, Option<i32>)> {
    let own = manifest.sources.iter().flat_map(|source| {
        let files = source.files.iter();
        files.map(|file| (file, source.broker))
    });
    let merged = manifest.merged.iter().map(|merged| {
        let first = merged.sources.first();
        let broker = first.and_then(|rows| manifest.broker_of(rows.source_id));
        (&merged.file, broker)
    });
    own.chain(merged)
}

/// Files of a table that have the same columns. Another version of kcorr, or of what made a recording,
/// may have written others.
struct Group {
    paths: HashSet<String>,
    parts: Vec<Part>,
}

fn groups(names: &NewNames, files: Vec<FileEntry>) -> Result<Vec<Group>> {
    let mut groups: Vec<Group> = Vec::new();
    for file in files {
        let part = Part::of_store(&file, names)?;
        if !part.tells_sources() {
            continue;
        }
        let mut like = groups.iter_mut();
        let like = like.find(|group| {
            group
                .parts
                .first()
                .is_some_and(|first| first.is_like(&part))
        });
        match like {
            Some(group) => {
                group.paths.insert(file.path);
                group.parts.push(part);
            }
            None => groups.push(Group {
                paths: HashSet::from([file.path]),
                parts: vec![part],
            }),
        }
    }
    Ok(groups)
}

impl Group {
    /// Whether there are no more files than there must be, and none overlap in time.
    fn is_in_order(&self) -> bool {
        let rows: u64 = self.parts.iter().map(|part| part.row_count).sum();
        let needed = usize::try_from(rows.div_ceil(FILE_ROWS)).unwrap_or(usize::MAX);
        let mut times: Vec<_> = self.parts.iter().map(|part| part.times).collect();
        times.sort_unstable();
        let follow = |pair: &[Option<(i64, i64)>]| match pair {
            [Some(one), Some(other)] => one.1 <= other.0,
            _ => true,
        };
        self.parts.len() <= needed.max(1) && times.windows(2).all(follow)
    }
}

/// Takes the rows of sources out of the merged files, for good.
pub(super) fn drop_rows(
    manifest: &mut Manifest,
    sources: &[i64],
    names: &mut NewNames,
) -> Result<()> {
    take_out(manifest, sources, false, names).map(|_| ())
}

/// Takes the rows of a source out of the merged files, into files of its own.
pub(super) fn own_files(manifest: &mut Manifest, source: i64, names: &mut NewNames) -> Result<()> {
    let own = take_out(manifest, &[source], true, names)?;
    let mut sources = manifest.sources.iter_mut();
    if let Some(entry) = sources.find(|entry| entry.source_id == source) {
        entry.files.extend(own);
    }
    Ok(())
}

fn take_out(
    manifest: &mut Manifest,
    sources: &[i64],
    keeps_theirs: bool,
    names: &mut NewNames,
) -> Result<Vec<FileEntry>> {
    let is_theirs = |id: i64| sources.contains(&id);
    let mut own = Vec::new();
    let mut left = Vec::new();
    for merged in std::mem::take(&mut manifest.merged) {
        if !merged.sources.iter().any(|rows| is_theirs(rows.source_id)) {
            left.push(merged);
            continue;
        }
        if merged.sources.iter().all(|rows| is_theirs(rows.source_id)) {
            own.push(merged.file);
            continue;
        }
        let part = Part::of_store(&merged.file, names)?;
        let table = &merged.file.table;
        left.extend(merge::part_by_source(&part, table, sources, false, names)?);
        if keeps_theirs {
            let theirs = merge::part_by_source(&part, table, sources, true, names)?;
            own.extend(theirs.into_iter().map(|merged| merged.file));
        }
    }
    manifest.merged = left;
    Ok(own)
}

#[cfg(test)]
mod tests;
