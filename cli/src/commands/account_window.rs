//! The account of one window, which `kcorr live` has done by a process of its own, and nobody calls by hand.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use kcorr_engine::GivenParameters;
use kcorr_live::Period;
use kcorr_store::Store;

use crate::commands::ingest::Ingest;
use crate::commands::memory::Memory;
use crate::commands::parameters::name_and_value;
use crate::commands::{Global, runtime};
use crate::exit::Status;
use crate::output::OutputFile;
use crate::screen::Screen;

/// Its name on the command line.
pub(super) const NAME: &str = "account-window";

/// Make a store of a window's recording, and its account
#[derive(Debug, Args)]
pub(crate) struct AccountWindow {
    /// The recording; without it the store is there
    #[arg(long, value_name = "FOLDER")]
    raw: Option<PathBuf>,

    /// Begin of the window, in ns since 1970
    #[arg(long)]
    from_ns: i64,

    /// Its end
    #[arg(long)]
    to_ns: i64,

    /// Values of parameters that say the objectives
    #[arg(long, value_name = "NAME=VALUE", value_parser = given)]
    given: Vec<(String, String)>,

    /// File that the account is written to
    #[arg(long, value_name = "FILE")]
    result: PathBuf,

    #[command(flatten)]
    memory: Memory,
}

fn given(text: &str) -> Result<(String, String), String> {
    name_and_value(text, "slo_ms=65")
}

impl AccountWindow {
    pub(crate) fn run(&self, global: &Global, screen: &Screen) -> anyhow::Result<Status> {
        let begun = Instant::now();
        let mut status = Status::Done;
        if let Some(raw) = &self.raw {
            let ingest = Ingest::of(vec![raw.clone()], self.memory.clone());
            status = ingest.run(global, screen)?;
        }
        let ingest_seconds = begun.elapsed().as_secs_f64();
        let period = Period {
            from_ns: self.from_ns,
            to_ns: self.to_ns,
        };
        let store = Store::open(&global.store)?;
        let given: GivenParameters = self.given.iter().cloned().collect();
        let options = self.memory.options();
        let account = kcorr_live::account(&store, &options, &given, period);
        let mut account = runtime()?.block_on(account)?;
        account.ingest_seconds = ingest_seconds;
        let mut out = OutputFile::create(&self.result)?;
        serde_json::to_writer(&mut out, &account)
            .with_context(|| format!("cannot write {}", self.result.display()))?;
        out.finish()?;
        Ok(match status {
            // A file of several that is no recording leaves the others.
            Status::Failed => Status::DoneWithLoss,
            other => other,
        })
    }
}
