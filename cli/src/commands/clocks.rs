//! `kcorr clocks`

use clap::Args;

use crate::commands::Global;
use crate::commands::memory::Memory;
use crate::commands::query::run_query;
use crate::exit::Status;
use crate::output::ResultOutput;
use crate::screen::Screen;

/// Show how the recordings' clocks were aligned, and what the data say of them
///
/// This is the canned query `clocks`; the ties it rests on are those of `clock_ties`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kcorr clocks
  kcorr clocks --format json
  kcorr query -c 'SELECT source_id, detail FROM clocks'   the verdicts in words")]
pub(crate) struct Clocks {
    #[command(flatten)]
    results: ResultOutput,

    #[command(flatten)]
    memory: Memory,
}

impl Clocks {
    pub(crate) fn run(&self, global: &Global, screen: &Screen) -> anyhow::Result<Status> {
        run_query("clocks", &self.results, &self.memory, global, screen)
    }
}
