//! `kcorr sources`

use anyhow::bail;
use clap::{Args, Subcommand};
use kcorr_store::{Store, StoreWriter};

use crate::commands::memory::Memory;
use crate::commands::{Global, query};
use crate::exit::Status;
use crate::output::ResultOutput;
use crate::screen::Screen;

/// List the recordings in the store, or take some out
///
/// Without a command it lists them: what each is, when it was recorded, how many rows it gave and how many things
/// were lost. Rows of a recording that is taken out are gone; the file that it was read from is not touched. What
/// the clocks of the others were found to be stays until they are ingested again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kcorr sources
  kcorr sources --format json
  kcorr sources rm 3")]
pub(crate) struct Sources {
    #[command(subcommand)]
    command: Option<Change>,

    #[command(flatten)]
    results: ResultOutput,

    #[command(flatten)]
    memory: Memory,
}

#[derive(Debug, Subcommand)]
enum Change {
    /// Take recordings out of the store
    Rm {
        /// Their numbers, as `kcorr sources` lists them
        #[arg(required = true, value_name = "NUMBER")]
        numbers: Vec<i64>,
    },
}

impl Sources {
    pub(crate) fn run(&self, global: &Global, screen: &Screen) -> anyhow::Result<Status> {
        match &self.command {
            None => query::run_query("recordings", &self.results, &self.memory, global, screen),
            Some(Change::Rm { numbers }) => remove(numbers, global, screen),
        }
    }
}

fn remove(numbers: &[i64], global: &Global, screen: &Screen) -> anyhow::Result<Status> {
    if global.broker.is_some() {
        bail!("--broker has no effect here: recordings are taken out by their numbers");
    }
    Store::open(&global.store)?; // not made by this
    let writer = StoreWriter::open(&global.store, || {
        screen.note("another kcorr is writing to this store: waiting for it to end");
    })?;
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable();
    numbers.dedup();
    for removed in writer.remove(&numbers)? {
        screen.note(&format!(
            "{}: taken out, with {} rows",
            removed.name, removed.row_count
        ));
    }
    Ok(Status::Done)
}
