//! A store's objects: its manifest and files as an object store has them, by one prefix.
//!
//! The store is synchronous, and an object store is not: what is asked of one is done on a runtime of its own
//! ([`waiting`]), for which the asking thread waits. So it does not matter on which runtime, or on none, a store
//! is opened, read or written.
//!
//! A writer prepares a commit in a folder of its own. [`publication`] puts the new files, then the manifest in
//! the place of the very one that the writer has read, in one conditional put. Nothing locks an object store:
//! of two writers the second finds another manifest than it has read, and has failed.

mod blocks;
mod place;
mod publication;
mod waiting;

use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, UpdateVersion};

use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{self, Manifest};
pub(crate) use blocks::Blocks;
pub(crate) use place::Place;
pub use place::{check_place, is_remote, plain_path};
pub(crate) use publication::Seen;
use waiting::wait;

/// Ranges of one file that are asked for at the same time.
const REQUESTS_AT_ONCE: usize = 8;

/// Where a store lies as objects.
#[derive(Debug, Clone)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    /// How it is named to people.
    url: String,
    /// What the names of its objects begin with.
    prefix: Path,
    is_writable: bool,
    /// What was read of its files, which never change.
    blocks: Arc<Blocks>,
}

/// A manifest, and which version of the object it is: what the next one takes the place of.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) manifest: Manifest,
    pub(crate) version: UpdateVersion,
}

impl Objects {
    /// A store below a prefix of an object store, which people know by a URL.
    pub fn new(store: Arc<dyn ObjectStore>, url: impl Into<String>, prefix: Path) -> Self {
        Self {
            store,
            url: url.into(),
            prefix,
            is_writable: true,
            blocks: Arc::default(),
        }
    }

    /// The same, of which nothing can be changed.
    fn read_only(self) -> Self {
        Self {
            is_writable: false,
            ..self
        }
    }

    /// What was read and is kept.
    pub(crate) fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    /// The store's URL.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Fails where nothing can be put.
    pub(crate) fn check_writable(&self) -> Result<()> {
        if self.is_writable {
            return Ok(());
        }
        let message = format!(
            "{} can only be read: a store is written to a folder, or to a URL of s3, gs, az or abfss",
            self.url
        );
        Err(Error::new(ErrorKind::Store, message))
    }

    /// How an object is named to people.
    pub(crate) fn shown(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("{}/{path}", self.url))
    }

    /// The manifest as it is now, or `None` where there is no store.
    pub(crate) fn manifest(&self) -> Result<Option<Version>> {
        let Some((text, version)) = self.manifest_text()? else {
            return Ok(None);
        };
        let manifest = Manifest::parsed(&text, &self.shown(manifest::FILE))?;
        Ok(Some(Version { manifest, version }))
    }

    /// The bytes of the manifest and their version.
    fn manifest_text(&self) -> Result<Option<(Bytes, UpdateVersion)>> {
        let (store, location) = (Arc::clone(&self.store), self.location(manifest::FILE));
        let read = wait(async move {
            let found = store.get(&location).await?;
            let version = UpdateVersion {
                e_tag: found.meta.e_tag.clone(),
                version: found.meta.version.clone(),
            };
            Ok((found.bytes().await?, version))
        })?;
        match read {
            Ok(read) => Ok(Some(read)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(self.failed("cannot read", manifest::FILE, e)),
        }
    }

    /// Reads ranges of a file; `None` when there is none. One that goes beyond the file's end is shorter.
    pub(crate) fn read(&self, path: &str, ranges: Vec<Range<u64>>) -> Result<Option<Vec<Bytes>>> {
        let (store, location) = (Arc::clone(&self.store), self.location(path));
        let read = wait(async move {
            let reading = stream::iter(ranges).map(|range| store.get_range(&location, range));
            let reading = reading.buffered(REQUESTS_AT_ONCE);
            reading.try_collect::<Vec<Bytes>>().await
        })?;
        match read {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(self.failed("cannot read", path, e)),
        }
    }

    /// The length of a file; `None` when there is none.
    pub(crate) fn size(&self, path: &str) -> Result<Option<u64>> {
        let (store, location) = (Arc::clone(&self.store), self.location(path));
        match wait(async move { store.head(&location).await })? {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(e) => Err(self.failed("cannot look at", path, e)),
        }
    }

    /// Fails where there are objects that are no store's: what is below a prefix is removed by its writers. What a
    /// writer has left that died before its first manifest is a store's.
    pub(crate) fn check_ours(&self) -> Result<()> {
        let (store, prefix) = (Arc::clone(&self.store), self.prefix.clone());
        let objects = self.clone();
        let other = wait(async move {
            let mut found = store.list(Some(&prefix));
            while let Some(object) = found.try_next().await? {
                // Another writer may have put its first since this one found none.
                let is_ours = object.location == objects.location(manifest::FILE)
                    || objects.is_probe(&object.location)
                    || objects.data_path(&object.location).is_some();
                if !is_ours {
                    return Ok(Some(object.location));
                }
            }
            Ok(None)
        })?;
        match other {
            Ok(None) => Ok(()),
            Ok(Some(other)) => {
                let message = format!(
                    "{} is not empty and not a kcorr store (it has {other}): name another place with --store",
                    self.url
                );
                Err(Error::new(ErrorKind::Store, message))
            }
            Err(e) => Err(self.failed("cannot list", "", e)),
        }
    }

    /// The object of a path below the store.
    fn location(&self, path: &str) -> Path {
        let names = path.split('/').filter(|name| !name.is_empty());
        names.fold(self.prefix.clone(), |location, name| location.join(name))
    }

    /// The path below the store of an object that is named as data files are; of no other.
    fn data_path(&self, location: &Path) -> Option<String> {
        let names = location.prefix_match(&self.prefix)?;
        let names: Vec<String> = names.map(|name| name.as_ref().to_owned()).collect();
        let path = names.join("/");
        crate::folder::is_data_path(FilePath::new(&path)).then_some(path)
    }

    fn failed(&self, doing: &str, path: &str, source: object_store::Error) -> Error {
        let place = self.shown(path);
        let what = match &source {
            object_store::Error::PermissionDenied { .. }
            | object_store::Error::Unauthenticated { .. } => {
                ": the credentials of the environment do not allow it"
            }
            _ => "",
        };
        // In one, since what comes through a query has lost its causes.
        let message = format!("{doing} {}{what}: {source}", place.display());
        Error::new(ErrorKind::Io, message)
    }
}
