//! `kcorr tables`

use std::io::Write;

use anyhow::bail;
use clap::Args;
use kcorr_model::tables;
use kcorr_store::{ErrorKind, Store, is_remote};

use crate::commands::Global;
use crate::exit::Status;
use crate::screen::Screen;

/// List the tables with their rows, or the columns of one
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kcorr tables
  kcorr tables writes")]
pub(crate) struct Tables {
    /// Show the columns of this table
    name: Option<String>,
}

impl Tables {
    pub(crate) fn run(&self, global: &Global, screen: &Screen) -> anyhow::Result<Status> {
        match &self.name {
            Some(name) => show_columns(name, screen)?,
            None => list(global, screen)?,
        }
        Ok(Status::Done)
    }
}

fn list(global: &Global, screen: &Screen) -> anyhow::Result<()> {
    // The tables are the same in every store, so they can be looked up before there is one.
    let store = match Store::open(&global.store) {
        Ok(store) => Some(store),
        Err(e)
            if e.kind() == ErrorKind::Store
                && !global.store.exists()
                && !is_remote(&global.store) =>
        {
            screen.note(&format!(
                "(no store at {}: no rows)",
                global.store.display()
            ));
            None
        }
        Err(e) => return Err(e.into()),
    };
    let rows = |name: &str| store.as_ref().map_or(0, |store| store.row_count(name));
    let mut out = std::io::stdout().lock();
    for table in tables::ALL {
        let name = screen.heading(&format!("{:20}", table.name));
        writeln!(out, "{name} {:>12}  {}", rows(table.name), table.doc)?;
    }
    for name in store.iter().flat_map(Store::extra_tables) {
        let heading = screen.heading(&format!("{name:20}"));
        writeln!(
            out,
            "{heading} {:>12}  An event type that was asked for by name.",
            rows(&name)
        )?;
    }
    Ok(())
}

fn show_columns(name: &str, screen: &Screen) -> anyhow::Result<()> {
    let Some(table) = tables::by_name(name) else {
        bail!("there is no table {name}: see `kcorr tables`");
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}: {}", screen.heading(table.name), table.doc)?;
    let width = table
        .columns
        .iter()
        .map(|column| column.name.len())
        .max()
        .unwrap_or(0);
    for column in table.columns {
        writeln!(
            out,
            "  {} {:9} {:5} {:8} {}",
            screen.heading(&format!("{:width$}", column.name)),
            column.kind.sql(),
            column.unit(),
            if column.nullable { "" } else { "not null" },
            column.doc,
        )?;
    }
    Ok(())
}
