//! The keeper of the programs that record, which nobody calls by hand.

use std::ffi::OsString;

use anyhow::Context;
use clap::Args;
use kcorr_record::Launcher;

use crate::exit::Status;

/// Its name on the command line.
pub(super) const NAME: &str = "held-by-recorder";

/// How programs that record are started: through this program, which ends them with itself.
pub(super) fn launcher() -> anyhow::Result<Launcher> {
    let program = std::env::current_exe().context("cannot find this program")?;
    Ok(Launcher::through(program, &[NAME]))
}

/// Become a program that ends when its recorder does
#[derive(Debug, Args)]
pub(crate) struct Held {
    /// The recorder's process, the program, and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

impl Held {
    pub(crate) fn run(&self) -> anyhow::Result<Status> {
        let program = self
            .words
            .get(1)
            .map(|program| program.to_string_lossy().into_owned());
        let error = kcorr_record::become_child(&self.words);
        Err(error).with_context(|| format!("cannot run {}", program.unwrap_or_default()))
    }
}
