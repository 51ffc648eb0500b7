//! `kcorr queries`

use std::io::Write;

use anyhow::Context;
use clap::Args;
use kcorr_engine::{CannedQuery, Parameter, canned_queries, canned_query};

use crate::exit::Status;
use crate::screen::Screen;

/// List the canned queries, or show one
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kcorr queries                      one line for each that people ask first
  kcorr queries --all                also the steps below them, and what reports and exports read
  kcorr queries blame                what it answers, its parameters and columns, and its SQL
  kcorr queries blame > mine.sql     a start for your own")]
pub(crate) struct Queries {
    /// Show this query
    name: Option<String>,
    /// List all, by what they serve
    #[arg(long, conflicts_with = "name")]
    all: bool,
}

impl Queries {
    pub(crate) fn run(&self, screen: &Screen) -> anyhow::Result<Status> {
        let mut out = std::io::stdout().lock();
        if let Some(name) = &self.name {
            let query = canned_query(name).with_context(|| {
                format!("there is no canned query {name}: see `kcorr queries`")
            })??;
            write!(out, "{}", with_parameters(&query)?)?;
            return Ok(Status::Done);
        }
        let mut queries = canned_queries()?;
        queries.retain(|query| self.all || query.folder.is_empty());
        // Names stay in order within what they serve.
        queries.sort_by_key(|query| query.folder);
        let names = queries.iter().map(|query| query.name.len());
        let width = names.max().unwrap_or(0);
        let mut folder = "";
        for query in &queries {
            if query.folder != folder {
                folder = query.folder;
                writeln!(out, "\n{folder}:")?;
            }
            let name = screen.heading(&format!("{:width$}", query.name));
            writeln!(out, "{name}  {}", query.header.purpose)?;
        }
        if !self.all {
            writeln!(out, "\nThe steps below them: kcorr queries --all")?;
        }
        Ok(Status::Done)
    }
}

/// The text of a query; in its header also the parameters of the queries that it uses.
fn with_parameters(query: &CannedQuery) -> anyhow::Result<String> {
    let mut lines = Vec::new();
    for parameter in query.parameters()? {
        let is_own = |own: &Parameter| own.name == parameter.name;
        if !query.header.parameters.iter().any(is_own) {
            let default = parameter.default.map(|default| format!(" = {default}"));
            lines.push(format!(
                "-- @param  {} {}{} -- {}\n",
                parameter.name,
                parameter.sql_type,
                default.unwrap_or_default(),
                parameter.doc
            ));
        }
    }
    let columns = query.sql.find("-- @column").unwrap_or(0);
    let (above, below) = query.sql.split_at(columns);
    Ok(format!("{above}{}{below}", lines.concat()))
}
