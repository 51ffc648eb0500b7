//! Ingesting into a store: all of a source or none of it, one writer at a time.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;

use arrow::array::RecordBatch;
use kcorr_model::{Output, SourceId, Summary, Table};
use tempfile::TempDir;

use crate::compact::{self, Compacted, Extent};
use crate::error::{Error, ErrorKind, Result};
use crate::files::Files;
use crate::folder;
use crate::held_bytes::HeldBytes;
use crate::input::Likeness;
use crate::manifest::Manifest;
use crate::merge::NewNames;
use crate::objects::{Objects, Place, Seen};
use crate::source_entry::SourceEntry;
use crate::staging::Staging;

/// What makes an input the same as one that was ingested before: its kind, and its paths or its
/// content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputIdentity {
    /// The flag it was given with: `pcap`, `bpf`, `jfr`, …
    pub kind: String,
    /// Absolute paths of its files, in order; `-` for standard input.
    pub paths: Vec<String>,
}

/// The one writer of a store. Others wait until it is dropped.
#[derive(Debug)]
pub struct StoreWriter {
    /// Where new files are written: the store's folder, or one of the writer's own until they are objects.
    pub(crate) folder: PathBuf,
    pub(crate) files: Files,
    pub(crate) manifest: Manifest,
    /// What the names of new files have besides numbers of the store: nothing in a folder, which has one writer at a
    /// time; of objects a number that no other writer has.
    mark: String,
    /// Sources begun so far; in file names, so that no two write the same file.
    begun: u32,
    /// Numbers of these sources.
    begun_ids: Vec<i64>,
    /// What all sources hold in memory.
    held: HeldBytes,
    /// Sources whose rows are staged, ready to be committed together.
    pub(crate) finished: Vec<Finished>,
    target: Target,
}

/// What makes new files the store's.
#[derive(Debug)]
enum Target {
    /// The folder that they are in, and its lock.
    Folder(#[expect(dead_code, reason = "held until the writer is dropped")] File),
    /// An object store.
    Objects {
        objects: Objects,
        seen: Seen,
        /// The writer's folder, which goes with it.
        _folder: TempDir,
    },
}

/// A source being written. Sent to the thread that decodes it.
#[derive(Debug)]
pub struct SourceWriter {
    pub(crate) id: SourceId,
    pub(crate) identity: InputIdentity,
    pub(crate) likeness: Likeness,
    pub(crate) broker: Option<i32>,
    held: Vec<(u64, String)>,
    pub(crate) head_hash: Option<String>,
    pub(crate) staging: Staging,
}

/// A source whose input was read to its end.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) source: SourceWriter,
    pub(crate) summary: Summary,
    pub(crate) size_bytes: u64,
    pub(crate) content_hash: String,
}

impl StoreWriter {
    /// Opens a store for writing, a folder or a URL of objects, creating it if needed. When another process is
    /// writing to a folder, calls `on_wait` once and waits for it to end. With objects nobody waits: of two that
    /// write at once, the second fails when it commits.
    pub fn open(place: impl Into<PathBuf>, on_wait: impl FnOnce()) -> Result<Self> {
        match Place::of(place.into())? {
            Place::Folder(folder) => Self::open_folder(folder, on_wait),
            Place::Objects(objects) => Self::open_objects(objects),
        }
    }

    /// Opens a store of objects for writing.
    pub fn open_objects(objects: Objects) -> Result<Self> {
        objects.check_writable()?;
        let (manifest, version) = match objects.manifest()? {
            Some(found) => (found.manifest, Some(found.version)),
            None => {
                objects.check_ours()?;
                (Manifest::empty(), None)
            }
        };
        let folder = tempfile::Builder::new().prefix("kcorr-store-").tempdir();
        let folder = folder.map_err(|e| {
            let place = std::env::temp_dir();
            Error::io("cannot make a folder in", &place, e)
        })?;
        let path = folder.path().to_owned();
        Ok(Self {
            files: Files::Objects {
                objects: objects.clone(),
                here: Some(path.clone()),
            },
            folder: path,
            manifest,
            mark: format!("{}-", RandomState::new().hash_one(std::process::id())),
            begun: 0,
            begun_ids: Vec::new(),
            held: HeldBytes::default(),
            finished: Vec::new(),
            target: Target::Objects {
                objects,
                seen: Seen::new(version),
                _folder: folder,
            },
        })
    }

    fn open_folder(folder: PathBuf, on_wait: impl FnOnce()) -> Result<Self> {
        folder::refuse_file(&folder)?;
        // The manifest last: another process may be making the store, and puts it there before data.
        if folder.exists() && !folder::is_ours(&folder)? && Manifest::read(&folder)?.is_none() {
            let message = format!(
                "{} is not empty and not a kcorr store: name another folder with --store",
                folder.display()
            );
            return Err(Error::new(ErrorKind::Store, message));
        }
        fs::create_dir_all(&folder).map_err(|e| Error::io("cannot create", &folder, e))?;
        let folder = folder::canonical(folder);
        let lock = folder::writer_lock(&folder, on_wait)?;
        // Read (again) only now: whoever held the lock may have committed.
        let manifest = match Manifest::read(&folder)? {
            Some(manifest) => manifest,
            None => {
                // From now on the folder is a store, and what is in it is the store's.
                let manifest = Manifest::empty();
                manifest.replace(&folder)?;
                manifest
            }
        };
        folder::remove_unnamed_files(&folder, &manifest)?;
        let begun = folder::last_number(&folder, manifest.generation)?;
        Ok(Self {
            files: Files::Folder(folder.clone()),
            folder,
            manifest,
            mark: String::new(),
            begun,
            begun_ids: Vec::new(),
            held: HeldBytes::default(),
            finished: Vec::new(),
            target: Target::Folder(lock),
        })
    }

    /// Makes a manifest the store's, in one step: before it readers see the old store, after it the new one.
    pub(crate) fn publish(&mut self, mut manifest: Manifest) -> Result<()> {
        match &mut self.target {
            Target::Folder(_) => {
                // It may have been copied out of an object store.
                manifest.retired.clear();
                folder::sync_folders(&self.folder)?;
                manifest.replace(&self.folder)?;
            }
            Target::Objects { objects, seen, .. } => {
                objects.publish(&self.manifest, &mut manifest, &self.folder, seen)?;
            }
        }
        self.manifest = manifest;
        Ok(())
    }

    /// Removes files that are no part of the store, as far as nobody can be reading them.
    pub(crate) fn remove_unnamed(&self) -> Result<()> {
        match &self.target {
            Target::Folder(_) => folder::remove_unnamed_files(&self.folder, &self.manifest),
            Target::Objects { objects, .. } => objects.remove_unnamed(&self.manifest),
        }
    }

    /// Starts a source. The same input (by paths) keeps its number, so its row ids stay the same.
    pub fn begin(&mut self, identity: InputIdentity) -> SourceWriter {
        self.begin_like(identity, Likeness::New)
    }

    /// Starts a source that may be like others: one that holds all of another takes its number.
    pub fn begin_like(&mut self, identity: InputIdentity, mut likeness: Likeness) -> SourceWriter {
        let same = self
            .manifest
            .sources
            .iter()
            .find(|source| is_same_path(source, &identity));
        let held = match &likeness {
            Likeness::Holds(ids) => ids.first().copied(),
            _ => None,
        };
        let id = match same.map(|source| source.source_id).or(held) {
            // Two inputs at once that claim one number: only the first can have it.
            Some(id) if self.begun_ids.contains(&id) => {
                // One that has the number by its path alone says nothing of the other's bytes.
                if held == Some(id) {
                    likeness = Likeness::BeginsLike(id);
                }
                self.new_id()
            }
            Some(id) => SourceId(id),
            None => self.new_id(),
        };
        self.begun_ids.push(id.0);
        let prefix = self.new_prefix(id.0, self.manifest.generation + 1);
        SourceWriter {
            id,
            identity,
            held: self.held_by(&likeness),
            likeness,
            broker: None,
            head_hash: None,
            staging: Staging::new(&self.folder, prefix, self.held.of_another()),
        }
    }

    /// What the names of new files of a source begin with.
    pub(crate) fn new_prefix(&mut self, source_id: i64, generation: u64) -> String {
        self.begun += 1;
        format!("{source_id}-{generation}-{}{}", self.mark, self.begun)
    }

    /// Names of files with rows of one or more sources: those begin with the number that no source has.
    pub(crate) fn merged_names(&mut self, generation: u64) -> NewNames {
        let prefix = self.new_prefix(0, generation);
        NewNames::new(self.files.clone(), &self.folder, prefix)
    }

    fn held_by(&self, likeness: &Likeness) -> Vec<(u64, String)> {
        let Likeness::Holds(ids) = likeness else {
            return Vec::new();
        };
        let sources = self.manifest.sources.iter();
        let held = sources.filter(|source| ids.contains(&source.source_id));
        held.map(|source| (source.size_bytes, source.content_hash.clone()))
            .collect()
    }

    fn new_id(&mut self) -> SourceId {
        let id = self.manifest.next_source_id;
        self.manifest.next_source_id += 1;
        SourceId(id)
    }

    /// Whether an input is stored, by its paths.
    pub fn has(&self, identity: &InputIdentity) -> bool {
        let mut sources = self.manifest.sources.iter();
        sources.any(|source| is_same_path(source, identity))
    }

    /// What is stored.
    pub fn sources(&self) -> &[SourceEntry] {
        &self.manifest.sources
    }

    /// A source's paths and number, in words.
    pub fn name(&self, source_id: i64) -> String {
        self.manifest.source_name(source_id)
    }

    /// Takes a source whose input was read to its end. It becomes visible with
    /// [`begin_commit`](Self::begin_commit).
    pub fn finish(
        &mut self,
        source: SourceWriter,
        summary: Summary,
        size_bytes: u64,
        content_hash: String,
    ) {
        self.finished.push(Finished {
            source,
            summary,
            size_bytes,
            content_hash,
        });
    }

    /// Merges files, in one step, and removes those that were merged unless somebody reads the store.
    pub fn compact(mut self, extent: Extent) -> Result<Vec<Compacted>> {
        let mut manifest = self.manifest.clone();
        manifest.generation += 1;
        let mut names = self.merged_names(manifest.generation);
        let done = compact::compact(&mut manifest, extent, &mut names)?;
        if !done.is_empty() {
            self.publish(manifest)?;
            self.remove_unnamed()?;
        }
        Ok(done)
    }
}

impl SourceWriter {
    /// The source's number, from which a decoder makes its row ids.
    pub fn id(&self) -> SourceId {
        self.id
    }

    /// Lengths and hashes of the stored inputs that this one was found to hold, and whose place it is to
    /// take.
    pub fn held(&self) -> &[(u64, String)] {
        &self.held
    }

    /// Tells of which broker it is a recording.
    pub fn is_of_broker(&mut self, broker: Option<i32>) {
        self.broker = broker;
    }

    /// Tells that the input was read to its end. Its rows may have to go to files, as others are read meanwhile.
    pub fn end_input(&mut self) -> Result<()> {
        self.staging.end_input()
    }

    /// Tells the hash of the input's first bytes.
    pub fn begins_with(&mut self, head_hash: String) {
        self.head_hash = Some(head_hash);
    }
}

impl Output for SourceWriter {
    fn batch(
        &mut self,
        table: &'static Table,
        batch: RecordBatch,
    ) -> Result<(), kcorr_model::Error> {
        self.staging.batch(table, batch)
    }
}

/// Two inputs are the same when they were read from the same files; standard input is never known
/// by its name.
pub(crate) fn is_same_path(source: &SourceEntry, identity: &InputIdentity) -> bool {
    source.kind == identity.kind
        && source.paths == identity.paths
        && !identity.paths.iter().any(|path| path == "-")
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::StoreWriter;

    #[test]
    fn writers_that_find_the_store_half_made_wait_for_it() {
        let folder = tempfile::tempdir().expect("a folder");
        for round in 0..100 {
            let store = folder.path().join(round.to_string());
            let barrier = Barrier::new(4);
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        barrier.wait();
                        let writer = StoreWriter::open(&store, || ());
                        assert!(writer.is_ok(), "{:?}", writer.err());
                    });
                }
            });
        }
    }
}
