//! `kcorr open`

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use clap::Args;
use kcorr_store::is_remote;

use crate::commands::Global;
use crate::commands::report::Report;
use crate::exit::Status;
use crate::screen::Screen;

/// Write the report and show it in a browser
///
/// The report is report.html beside the store, or here if that is in an object store. The browser is the one that BROWSER names, or that the desktop
/// opens files with.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kcorr open
  kcorr open --slo 200ms --shifts 0
  BROWSER=firefox kcorr --store monday.kcorr open")]
pub(crate) struct Open {
    #[command(flatten)]
    report: Report,
}

impl Open {
    pub(crate) fn run(&self, global: &Global, screen: &Screen) -> anyhow::Result<Status> {
        let page = match self.report.page()? {
            Some(page) => page.to_owned(),
            None => beside(&global.store),
        };
        let status = self.report.write(&page, global, screen)?;
        show(&page)?;
        Ok(status)
    }
}

/// The report's place beside a store.
fn beside(store: &Path) -> PathBuf {
    // Beside a store of objects no browser finds a page.
    let folder = store.parent().filter(|_| !is_remote(store));
    let folder = folder.unwrap_or(Path::new(""));
    folder.join("report.html")
}

/// Starts a browser, which goes on by itself.
fn show(page: &Path) -> anyhow::Result<()> {
    let named = std::env::var_os("BROWSER").filter(|name| !name.is_empty());
    let programs = match named {
        Some(name) => vec![name],
        None if cfg!(target_os = "macos") => vec!["open".into()],
        None => vec!["xdg-open".into(), "sensible-browser".into()],
    };
    let page =
        std::fs::canonicalize(page).with_context(|| format!("cannot find {}", page.display()))?;
    for program in &programs {
        let mut command = Command::new(program);
        command.arg(&page).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        if command.spawn().is_ok() {
            return Ok(());
        }
    }
    bail!(
        "no browser could be started: set BROWSER to one, or open {}",
        page.display()
    )
}
