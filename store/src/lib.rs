//! The store: Parquet files and the manifest that names them, in a folder or an object store, and the inputs that
//! go into it.
//!
//! It takes batches of model tables, decisions about clocks as values ([`Alignment`], [`ClockMove`]), and hands
//! out files; it runs no SQL, and building it compiles no DataFusion.
//!
//! ```text
//! incident.kcorr/
//!   manifest.json                 what the store holds; replaced in one step
//!   writer.lock                   held by the one process that ingests
//!   readers.lock                  shared by those that read; nothing is removed meanwhile
//!   data/<table>/<source>-….parquet   rows of one source
//!   data/<table>/0-….parquet          rows of one or more, merged
//!   steps/                        rows that queries have computed, if they keep some; no part of the store
//! ```
//!
//! A file that the manifest does not name is no part of the store: an ingest that dies leaves such
//! files behind, and the next one removes them. Files are never changed once written.
//!
//! In an object store (`s3://bucket/incident.kcorr`) are `manifest.json` and `data/` alone, and nothing is locked:
//! a manifest is put in the place of the very one that its writer has read, or not at all ([`Objects`]).

mod alignment;
mod block_hashes;
mod check;
mod clock_move;
mod commit;
mod compact;
mod encoding;
mod error;
mod file_entry;
mod files;
mod folder;
mod held_bytes;
pub mod input;
mod manifest;
mod merge;
mod objects;
mod picked;
mod read_checked;
mod removal;
mod source_entry;
mod source_report;
mod staging;
mod store;
mod table_file;
mod table_writer;
mod writer;

pub use alignment::Alignment;
pub use block_hashes::BlockHashes;
pub use check::{Checked, check};
pub use clock_move::ClockMove;
pub use commit::{Commit, Moved, StagedSource};
pub use compact::{Compacted, Extent};
pub use error::{Error, ErrorKind, Result};
pub use file_entry::{FileEntry, MergedFile, SourceRows};
pub use manifest::{Manifest, only_broker};
pub use objects::{Objects, check_place, is_remote, plain_path};
pub use removal::Removed;
pub use source_entry::{
    AnchorEntry, ClockCheckEntry, ClockFitEntry, LimitEntry, LossEntry, SourceEntry,
};
pub use source_report::SourceReport;
pub use store::Store;
pub use writer::{InputIdentity, SourceWriter, StoreWriter};
