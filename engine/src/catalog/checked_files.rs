//! The store's data files as DataFusion reads them, wherever they are: only those that the manifest names, each with
//! the length it was written with, and every byte compared with its hash as it is read.
//!
//! A listing table takes a file that is not there for a folder without files, and so for no rows. Here it is
//! an error.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::DateTime;
use datafusion::object_store::path::Path;
use datafusion::object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetRange, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result,
};
use futures::stream::{self, BoxStream, StreamExt};
use kcorr_store::{FileEntry, Store};

/// Where a session finds the files of its store.
pub(super) const URL: &str = "kcorr://store";

/// The files of a store.
#[derive(Debug)]
pub(super) struct CheckedFiles {
    /// Held, so that no writer removes files while they can be read.
    store: Store,
    files: HashMap<Path, FileEntry>,
}

impl CheckedFiles {
    pub(super) fn new(store: &Store) -> Self {
        let files = store.manifest().files();
        Self {
            store: store.clone(),
            files: files
                .map(|file| (Path::from(file.path.as_str()), file.clone()))
                .collect(),
        }
    }

    fn file(&self, location: &Path) -> Result<&FileEntry> {
        self.files.get(location).ok_or_else(|| {
            let message = format!("the store has no file {location}");
            failed(message)
        })
    }

    async fn read(&self, location: &Path, ranges: Vec<Range<u64>>) -> Result<Vec<Bytes>> {
        let file = self.file(location)?.clone();
        let store = self.store.clone();
        let reading = move || store.read_ranges(&file, &ranges);
        let read = tokio::task::spawn_blocking(reading).await;
        read.map_err(failed)?.map_err(failed)
    }
}

impl fmt::Display for CheckedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store {}", self.store.name())
    }
}

fn failed(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Generic {
        store: "store",
        source: source.into(),
    }
}

/// A query changes nothing, and asks for files by name.
fn not_done(what: &str) -> Error {
    Error::NotSupported {
        source: format!("the store's files cannot be {what} by a query").into(),
    }
}

#[async_trait]
impl ObjectStore for CheckedFiles {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let size = self.file(location)?.size_bytes;
        let meta = ObjectMeta {
            location: location.clone(),
            // A file never changes.
            last_modified: DateTime::UNIX_EPOCH,
            size,
            e_tag: None,
            version: None,
        };
        let range = match options.range {
            None => 0..size,
            Some(GetRange::Bounded(range)) => range.start..range.end.min(size),
            Some(GetRange::Offset(offset)) => offset..size,
            Some(GetRange::Suffix(length)) => size.saturating_sub(length)..size,
        };
        let bytes = if options.head {
            Vec::new()
        } else {
            self.read(location, vec![range.clone()]).await?
        };
        Ok(GetResult {
            payload: GetResultPayload::Stream(stream::iter(bytes.into_iter().map(Ok)).boxed()),
            meta,
            range,
            attributes: Attributes::default(),
        })
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.read(location, ranges.to_vec()).await
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(not_done("written"))
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Err(not_done("written"))
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        stream::once(async { Err(not_done("deleted")) }).boxed()
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        stream::once(async { Err(not_done("listed")) }).boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        Err(not_done("listed"))
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(not_done("copied"))
    }
}
