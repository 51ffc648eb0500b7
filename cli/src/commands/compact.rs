//! `kcorr compact`

use clap::Args;
use kcorr_store::{Compacted, Extent, Store, StoreWriter};

use crate::commands::Global;
use crate::exit::Status;
use crate::screen::Screen;

/// Merge the store's files into fewer that follow each other in time
///
/// For stores with many recordings, or very large ones: queries then open fewer files, and leave out those of
/// other times. No row changes, and recordings can be ingested again as before. The store can be read
/// meanwhile; until it is done it takes up to three times the space.
///
/// Small files of many ingests are merged without this command.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kcorr compact
  kcorr --store monday.kcorr compact")]
pub(crate) struct Compact {}

impl Compact {
    pub(crate) fn run(&self, global: &Global, screen: &Screen) -> anyhow::Result<Status> {
        Store::open(&global.store)?; // not made by this
        let writer = StoreWriter::open(&global.store, || {
            screen.note("another kcorr is writing to this store: waiting for it to end");
        })?;
        let done = writer.compact(Extent::All)?;
        if done.is_empty() {
            screen.note("nothing to merge");
        }
        show(&done, screen);
        Ok(Status::Done)
    }
}

/// Says which files were merged.
pub(super) fn show(done: &[Compacted], screen: &Screen) {
    for table in done {
        screen.note(&format!(
            "{}: {} files with {} rows merged into {}",
            table.table, table.files_before, table.row_count, table.files_after
        ));
    }
}
