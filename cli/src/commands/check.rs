//! `kcorr check`

use anyhow::anyhow;
use clap::Args;

use crate::causes::with_causes;
use crate::commands::Global;
use crate::exit::Status;
use crate::screen::Screen;

/// Check that the store's files are as they were written
///
/// Reads every file and compares it with the hashes that the store keeps. Queries compare what they read, so
/// that no damaged row is ever shown; this finds damage before a query does.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kcorr check
  kcorr --store monday.kcorr check

Exit status: 0 all is as it was written, 1 as far as there are hashes, 2 something is damaged.")]
pub(crate) struct Check {}

impl Check {
    pub(crate) fn run(&self, global: &Global, screen: &Screen) -> anyhow::Result<Status> {
        let checked = kcorr_store::check(&global.store)?;
        for error in &checked.damaged {
            screen.error(&anyhow!(with_causes(error)));
        }
        if checked.unhashed > 0 {
            screen.warning(&format!(
                "{} files were written by an earlier version without hashes: only their lengths were compared; \
                 recordings that are ingested again, and files that `kcorr compact` merges, get some",
                checked.unhashed
            ));
        }
        screen.note(&format!(
            "{} files, {:.1} MB: {}",
            checked.file_count,
            checked.bytes as f64 / 1e6,
            match checked.damaged.len() {
                0 => "none is damaged".to_owned(),
                damaged => format!("{damaged} damaged"),
            }
        ));
        Ok(match (checked.damaged.len(), checked.unhashed) {
            (0, 0) => Status::Done,
            (0, _) => Status::DoneWithLoss,
            _ => Status::Failed,
        })
    }
}
