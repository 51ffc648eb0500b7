//! `kcorr man`

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, CommandFactory};

use crate::commands::Cli;
use crate::exit::Status;
use crate::screen::Screen;

/// Write the manual pages, one a command
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kcorr man /usr/local/share/man/man1
  kcorr man . && man ./kcorr-ingest.1")]
pub(crate) struct Man {
    /// Folder to write kcorr.1, kcorr-ingest.1, … to; it is made if it is not there
    folder: PathBuf,
}

impl Man {
    pub(crate) fn run(&self, screen: &Screen) -> anyhow::Result<Status> {
        let cannot_write = || format!("cannot write to {}", self.folder.display());
        std::fs::create_dir_all(&self.folder).with_context(cannot_write)?;
        clap_mangen::generate_to(Cli::command(), &self.folder).with_context(cannot_write)?;
        screen.note(&format!(
            "wrote kcorr.1 and those of its commands to {}",
            self.folder.display()
        ));
        Ok(Status::Done)
    }
}
