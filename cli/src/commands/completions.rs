//! `kcorr completions`

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::commands::Cli;
use crate::exit::Status;

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kcorr completions bash > /etc/bash_completion.d/kcorr
  kcorr completions zsh > ~/.zfunc/_kcorr
  kcorr completions fish > ~/.config/fish/completions/kcorr.fish")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self) -> anyhow::Result<Status> {
        let mut command = Cli::command();
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "kcorr", &mut script);
        std::io::stdout().write_all(&script)?;
        Ok(Status::Done)
    }
}
