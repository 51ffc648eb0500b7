//! `kcorr queries`

use std::io::Write;

use anyhow::Context;
use clap::Args;
use kcorr_engine::{canned_queries, canned_query};

use crate::exit::Status;
use crate::screen::Screen;

/// List the canned queries, or show one
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kcorr queries                      one line for each
  kcorr queries blame                what it answers, its parameters and columns, and its SQL
  kcorr queries blame > mine.sql     a start for your own")]
pub(crate) struct Queries {
    /// Show this query
    name: Option<String>,
}

impl Queries {
    pub(crate) fn run(&self, screen: &Screen) -> anyhow::Result<Status> {
        let mut out = std::io::stdout().lock();
        if let Some(name) = &self.name {
            let query = canned_query(name).with_context(|| {
                format!("there is no canned query {name}: see `kcorr queries`")
            })??;
            write!(out, "{}", query.sql)?;
            return Ok(Status::Done);
        }
        let queries = canned_queries()?;
        let width = queries
            .iter()
            .map(|query| query.name.len())
            .max()
            .unwrap_or(0);
        for query in &queries {
            let name = screen.heading(&format!("{:width$}", query.name));
            writeln!(out, "{name}  {}", query.header.purpose)?;
        }
        Ok(Status::Done)
    }
}
