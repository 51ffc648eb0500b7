//! What a writer has prepared in its folder becomes the store's state: whole, or not at all.
//!
//! New files are put first, under names that nobody else gives (see `StoreWriter`), the manifest last. It is put
//! on the condition that the object it replaces is still the one that the writer has read, or that there is still
//! none. Whatever dies before that leaves files that no manifest names, which a later writer removes.
//!
//! Readers hold no lock. They may read the files of a manifest that was replaced meanwhile, so that these stay for
//! [`KEPT_S`]; the manifest says since when each is no longer needed. So may another writer have put files that
//! its manifest will name: those that no manifest has named go when they are as old.

use std::collections::HashSet;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::Read;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{
    ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, PutResult, UpdateVersion,
};
use tokio::io::AsyncWriteExt;

use super::{Objects, wait};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{self, Manifest, RetiredFile};

/// How long files stay that are not needed any more, seconds: no reader of them, and no writer, takes a day.
const KEPT_S: i64 = 24 * 3600;

/// Files that are put at the same time, and parts of each.
const FILES_AT_ONCE: usize = 4;
const PARTS_AT_ONCE: usize = 2;

/// What is read of a file to be put at once.
const PIECE_BYTES: usize = 4 << 20;

/// By an object whose name begins so a server shows that it heeds conditions.
const PROBE: &str = "conditional-put";

/// What a writer knows of a store of objects.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The manifest that the next one takes the place of; `None` where there is no store yet.
    version: Option<UpdateVersion>,
    /// Whether the server has shown that it heeds conditions.
    is_probed: bool,
}

impl Seen {
    /// What one knows who has read a manifest, or found none.
    pub(crate) fn new(version: Option<UpdateVersion>) -> Self {
        Self {
            version,
            is_probed: false,
        }
    }
}

impl Objects {
    /// Puts the files that a manifest has beyond those of the one before it, which are in the writer's folder, and
    /// then the manifest itself in the place of the one that was seen.
    pub(crate) fn publish(
        &self,
        before: &Manifest,
        manifest: &mut Manifest,
        folder: &FilePath,
        seen: &mut Seen,
    ) -> Result<()> {
        // It may have been replaced long ago: then nothing need be put.
        let found = self.manifest()?.map(|found| found.manifest.generation);
        if found != seen.version.as_ref().map(|_| before.generation) {
            return Err(self.is_another());
        }
        if !seen.is_probed {
            self.check_conditions()?;
            seen.is_probed = true;
        }
        retire(before, manifest, now_s());
        let new = self.new_files(before, manifest, folder);
        let text = Bytes::from(manifest.encoded()?);
        if let Err(error) = self.put_files(new.clone()) {
            self.remove(new);
            return Err(error);
        }
        seen.version = Some(self.put_manifest(manifest, text, new, seen.version.clone())?);
        Ok(())
    }

    /// Puts a manifest, whose text is this and whose files `new` have been put, in the place of another. Returns which
    /// version it is.
    fn put_manifest(
        &self,
        manifest: &Manifest,
        text: Bytes,
        new: Vec<(PathBuf, String)>,
        replaced: Option<UpdateVersion>,
    ) -> Result<UpdateVersion> {
        let mode = replaced.map_or(PutMode::Create, PutMode::Update);
        let put = match self.put(manifest::FILE, text.clone(), mode)? {
            Ok(put) => return Ok(put.into()),
            Err(error) => error,
        };
        // What came back may be of a put that was tried again after it had succeeded.
        let found = self.manifest_text();
        if let Ok(Some((found, version))) = &found
            && *found == text
        {
            return Ok(version.clone());
        }
        let shown = self.shown(manifest::FILE);
        let found = match found {
            Ok(Some((found, version))) => Manifest::parsed(&found, &shown).ok().zip(Some(version)),
            _ => None,
        };
        if let Some((found, version)) = found {
            // Nobody else gives these names: it was stored, and another has gone on from it.
            if names_any(&found, &new) {
                return Ok(version);
            }
            // One that came after it, and took no files of it along, tells nothing of one that has none.
            let is_told = !new.is_empty() || found.generation <= manifest.generation;
            if is_condition(&put) && is_told {
                self.remove(new);
                return Err(self.is_another());
            }
        }
        // It may still arrive, or have arrived, and name the files.
        let message = format!(
            "cannot tell whether {} was replaced: `kcorr sources` says what is stored, and to ingest again does no \
             harm",
            shown.display()
        );
        Err(Error::because(ErrorKind::Io, message, put))
    }

    /// Removes files that no manifest has named for [`KEPT_S`], and what writers have left that died while they looked
    /// whether conditions are heeded.
    pub(crate) fn remove_unnamed(&self, manifest: &Manifest) -> Result<()> {
        let named = manifest.files().map(|file| file.path.as_str());
        let retired = manifest.retired.iter().map(|file| file.path.as_str());
        let kept: HashSet<Path> = named
            .chain(retired)
            .map(|path| self.location(path))
            .collect();
        let (store, prefix) = (Arc::clone(&self.store), self.prefix.clone());
        let objects = self.clone();
        let oldest = now_s() - KEPT_S;
        let removed = wait(async move {
            let found: Vec<Path> = store
                .list(Some(&prefix))
                .try_filter_map(|object| {
                    let is_left = object.last_modified.timestamp() < oldest
                        && !kept.contains(&object.location)
                        && (objects.data_path(&object.location).is_some()
                            || objects.is_probe(&object.location));
                    std::future::ready(Ok(is_left.then_some(object.location)))
                })
                .try_collect()
                .await?;
            let found = stream::iter(found.into_iter().map(Ok)).boxed();
            let removed = store.delete_stream(found);
            removed.try_for_each(|_| std::future::ready(Ok(()))).await
        })?;
        removed.map_err(|e| self.failed("cannot clean", "data", e))
    }

    fn is_another(&self) -> Error {
        let message = format!(
            "another process has written to {} since this one began, and nothing of this one was stored: run it \
             again",
            self.url
        );
        Error::new(ErrorKind::Store, message)
    }

    /// The files that a manifest names and the one before it does not: where they are, and where to.
    fn new_files(
        &self,
        before: &Manifest,
        manifest: &Manifest,
        folder: &FilePath,
    ) -> Vec<(PathBuf, String)> {
        let known: HashSet<&str> = before.files().map(|file| file.path.as_str()).collect();
        let files = manifest.files().map(|file| &file.path);
        let new = files.filter(|path| !known.contains(path.as_str()));
        new.map(|path| (folder.join(path), path.clone())).collect()
    }

    fn put_files(&self, files: Vec<(PathBuf, String)>) -> Result<()> {
        let objects = self.clone();
        wait(async move {
            let putting = stream::iter(files).map(|(from, to)| {
                let objects = objects.clone();
                async move { objects.put_file(&from, &to).await }
            });
            let putting = putting.buffer_unordered(FILES_AT_ONCE);
            putting.try_collect::<()>().await
        })?
    }

    /// Puts a file, in parts if it is large.
    async fn put_file(&self, from: &FilePath, to: &str) -> Result<()> {
        let mut file = File::open(from).map_err(|e| Error::io("cannot open", from, e))?;
        let mut writer = BufWriter::new(Arc::clone(&self.store), self.location(to))
            .with_max_concurrency(PARTS_AT_ONCE);
        loop {
            let mut piece = Vec::new();
            let read = (&mut file)
                .take(PIECE_BYTES as u64)
                .read_to_end(&mut piece)
                .map_err(|e| Error::io("cannot read", from, e))?;
            if read == 0 {
                break;
            }
            if let Err(e) = writer.put(piece.into()).await {
                // Parts that were put stay, and cost, until somebody says that no others come.
                let _ = writer.abort().await;
                return Err(self.failed("cannot write", to, e));
            }
        }
        let shown = self.shown(to);
        let ended = writer.shutdown().await;
        ended.map_err(|e| Error::io("cannot write", &shown, e))
    }

    /// Removes files that were put in vain. Those that cannot be removed now go with a later commit.
    fn remove(&self, files: Vec<(PathBuf, String)>) {
        let store = Arc::clone(&self.store);
        let put: Vec<Path> = files.iter().map(|(_, path)| self.location(path)).collect();
        let _ = wait(async move {
            let put = stream::iter(put.into_iter().map(Ok)).boxed();
            // One that was not put yet is no reason to leave the others.
            store
                .delete_stream(put)
                .for_each(|_| std::future::ready(()))
                .await;
        });
    }

    /// Fails where the server does not heed the conditions of a put: two writers would not notice each other.
    fn check_conditions(&self) -> Result<()> {
        // Nobody else's, who may be looking at the same time.
        let number = RandomState::new().hash_one(std::process::id());
        let name = format!("{PROBE}-{number}");
        let ignored = self.ignored_condition(&name);
        let (store, probe) = (Arc::clone(&self.store), self.location(&name));
        let _ = wait(async move { store.delete(&probe).await })?;
        let Some(condition) = ignored? else {
            return Ok(());
        };
        let message = format!(
            "the server of {} ignores the conditions of a put ({condition}), so that two writers would undo each \
             other's work: write the store to a folder, and copy it",
            self.url
        );
        Err(Error::new(ErrorKind::Store, message))
    }

    /// The condition that a server does not heed in putting an object of this name, if there is one.
    fn ignored_condition(&self, name: &str) -> Result<Option<&'static str>> {
        let put =
            |text: &'static str, mode| self.put(name, Bytes::from_static(text.as_bytes()), mode);
        let cannot_write = |e| self.failed("cannot write", name, e);
        let is_ignored = |put| match put {
            Err(e) if is_condition(&e) => Ok(false),
            Err(e) => Err(cannot_write(e)),
            Ok::<PutResult, _>(_) => Ok(true),
        };
        // Other bytes each time: the version of an object may be a hash of them.
        let first = put("1", PutMode::Overwrite)?.map_err(cannot_write)?;
        if is_ignored(put("2", PutMode::Create)?)? {
            return Ok(Some("If-None-Match"));
        }
        put("3", PutMode::Overwrite)?.map_err(cannot_write)?;
        let is_ignored = is_ignored(put("4", PutMode::Update(first.into()))?)?;
        Ok(is_ignored.then_some("If-Match"))
    }

    /// Whether an object was put to see whether its server heeds conditions.
    pub(super) fn is_probe(&self, location: &Path) -> bool {
        let mut names = location.prefix_match(&self.prefix).into_iter().flatten();
        let name = names.next();
        name.is_some_and(|name| name.as_ref().starts_with(PROBE)) && names.next().is_none()
    }

    fn put(
        &self,
        path: &str,
        bytes: Bytes,
        mode: PutMode,
    ) -> Result<object_store::Result<PutResult>> {
        let (store, location) = (Arc::clone(&self.store), self.location(path));
        let options = PutOptions::from(mode);
        wait(async move {
            store
                .put_opts(&location, PutPayload::from(bytes), options)
                .await
        })
    }
}

/// Whether a put failed because its condition did not hold.
fn is_condition(error: &object_store::Error) -> bool {
    matches!(
        error,
        object_store::Error::AlreadyExists { .. }
            | object_store::Error::Precondition { .. }
            | object_store::Error::NotModified { .. }
    )
}

/// Whether a manifest names any of these files, as the store's or as one that was.
fn names_any(manifest: &Manifest, files: &[(PathBuf, String)]) -> bool {
    let retired = manifest.retired.iter().map(|file| file.path.as_str());
    let named = manifest.files().map(|file| file.path.as_str());
    let named: HashSet<&str> = named.chain(retired).collect();
    files.iter().any(|(_, path)| named.contains(path.as_str()))
}

/// Notes which files a manifest does not name any more, and forgets those that no reader can have by now.
fn retire(before: &Manifest, manifest: &mut Manifest, now_s: i64) {
    let named: HashSet<&str> = manifest.files().map(|file| file.path.as_str()).collect();
    let is_left = |path: &str| !named.contains(path);
    let earlier = before.retired.iter();
    let earlier = earlier.filter(|file| file.since_s >= now_s - KEPT_S);
    let left = before.files().filter(|file| is_left(&file.path));
    let left = left.map(|file| RetiredFile {
        path: file.path.clone(),
        since_s: now_s,
    });
    manifest.retired = earlier.cloned().chain(left).collect();
}

/// The time, in seconds since 1970. Object stores refuse requests of a clock that is more than minutes off.
fn now_s() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file_entry::FileEntry;
    use crate::source_entry::test_source;

    /// A manifest with files of these names.
    fn naming(paths: &[&str]) -> Manifest {
        let mut source = test_source(1);
        source.files = paths
            .iter()
            .map(|path| FileEntry {
                table: "pauses".to_owned(),
                path: (*path).to_owned(),
                row_count: 1,
                size_bytes: 1,
                hashes: None,
                to_wall_time: Default::default(),
            })
            .collect();
        let mut manifest = Manifest::empty();
        manifest.sources.push(source);
        manifest
    }

    fn retired(manifest: &Manifest) -> Vec<(&str, i64)> {
        let files = manifest.retired.iter();
        files
            .map(|file| (file.path.as_str(), file.since_s))
            .collect()
    }

    #[test]
    fn a_file_stays_for_a_day_after_the_store_had_it() {
        let first = naming(&["a", "b"]);
        let mut second = naming(&["b"]);
        retire(&first, &mut second, 1_000);
        assert_eq!(retired(&second), [("a", 1_000)]);
        let mut third = naming(&["c"]);
        retire(&second, &mut third, 1_000 + KEPT_S);
        assert_eq!(retired(&third), [("a", 1_000), ("b", 1_000 + KEPT_S)]);
        let mut fourth = naming(&["c"]);
        retire(&third, &mut fourth, 1_001 + KEPT_S);
        assert_eq!(retired(&fourth), [("b", 1_000 + KEPT_S)]);
    }
}
