//! How and where a command writes its results: the same options in every command.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;

use super::{Destination, Format};
use crate::screen::Screen;

/// Options of a command that gives rows.
#[derive(Debug, Args)]
pub(crate) struct ResultOutput {
    /// How results are written
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,

    /// Write results to this file; it is replaced once they are whole
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// CSV for spreadsheets: cells that one would take for a formula begin with '
    #[arg(long)]
    pub(crate) safe_csv: bool,

    /// All columns of a table, also those that do not fit the terminal
    #[arg(long)]
    pub(crate) wide: bool,
}

impl ResultOutput {
    /// Begins the output.
    pub(crate) fn destination<'a>(&self, screen: &'a Screen) -> anyhow::Result<Destination<'a>> {
        if self.safe_csv && self.format != Format::Csv {
            bail!("--safe-csv is for --format csv");
        }
        let mut destination = Destination::new(self.format, self.path(), self.wide, screen)?;
        destination.guards_formulas(self.safe_csv);
        Ok(destination)
    }

    fn path(&self) -> Option<&Path> {
        self.output.as_deref()
    }
}
