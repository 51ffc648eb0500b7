//! The commands: one file and one struct each, one line in [`Command`].

mod by_content;
mod captures;
mod check;
mod clocks;
mod compact;
mod compare;
mod completions;
mod export;
mod ingest;
mod log_directory;
mod memory;
mod parameters;
mod probes;
mod queries;
mod query;
mod report;
mod sql;
mod tables;
mod unread_input;
mod verdict_tests;
mod verify;
mod whatif;

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Parser, Subcommand};
use kcorr_engine::QUERY_STACK_BYTES;
use kcorr_store::Store;

use crate::exit::Status;
use crate::objective::{AskedObjective, Objectives};
use crate::screen::{Color, Screen};

/// Finds what every slow Kafka request waited for.
///
/// Takes recordings made at the same time on one broker (a packet capture, eBPF traces of file
/// writes, a JFR recording), puts them into tables, and attributes every slow request to its own slow
/// write or to a wait behind somebody else's.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  kcorr ingest --jfr profile.jfr --bpf writes.jsonl --pcap dump.pcap
  kcorr ingest monday/         every recording in a folder
  kcorr blame                  slow requests and what each waited for; the same as kcorr query blame
  kcorr report
  kcorr query -c 'SELECT cause, count(*) FROM blame GROUP BY cause'

Every canned query (`kcorr queries`) is a command: kcorr causes, kcorr episodes, kcorr chain, kcorr why_not.

Exit status: 0 done, 1 done but data was lost (see the losses table), 2 failed.";

/// Where the tables are kept when nothing else is said.
const DEFAULT_STORE: &str = "incident.kcorr";

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Folder that the tables are kept in
    #[arg(
        long,
        global = true,
        env = "KCORR_STORE",
        default_value = DEFAULT_STORE,
        value_name = "FOLDER"
    )]
    pub(crate) store: PathBuf,

    /// Latency objective: a request at least this slow is slow [default: 65ms, where a query says no other]; for
    /// one API: fetch=200ms
    #[arg(long, global = true, value_name = "[API=]TIME", value_delimiter = ',')]
    slo: Vec<AskedObjective>,

    /// Say only what went wrong
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// Say more
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub(crate) verbose: bool,

    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(crate) color: Color,
}

impl Global {
    /// The objectives that were asked for.
    pub(crate) fn objectives(&self) -> anyhow::Result<Objectives> {
        Objectives::of(&self.slo)
    }

    /// The objective of produce requests that was asked for, in ms; an error when others were, for a command
    /// that looks at produce requests alone.
    pub(crate) fn produce_objective(&self) -> anyhow::Result<Option<f64>> {
        let objectives = self.objectives()?;
        if let Some(api) = objectives.others().next() {
            bail!("--slo {api}=… has no effect here: this command compares produce requests");
        }
        Ok(objectives.of_produce_ms())
    }

    /// Whether an objective was asked for.
    pub(crate) fn has_objective(&self) -> bool {
        !self.slo.is_empty()
    }

    fn open_store(&self) -> anyhow::Result<Store> {
        Ok(Store::open(&self.store)?)
    }
}

/// Every command, in the order of the help.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Ingest(ingest::Ingest),
    Query(query::Query),
    Queries(queries::Queries),
    Report(report::Report),
    Tables(tables::Tables),
    Clocks(clocks::Clocks),
    Verify(verify::Verify),
    Sql(sql::Sql),
    Compare(compare::Compare),
    Whatif(whatif::WhatIf),
    Export(export::Export),
    Compact(compact::Compact),
    Check(check::Check),
    Probes(probes::Probes),
    Completions(completions::Completions),
}

impl Command {
    pub(crate) fn run(&self, global: &Global, screen: &Screen) -> anyhow::Result<Status> {
        if global.has_objective() && !self.asks() {
            bail!(
                "--slo has no effect here: it is for query, report, verify, sql, compare, whatif and export"
            );
        }
        match self {
            Self::Ingest(command) => command.run(global, screen),
            Self::Query(command) => command.run(global, screen),
            Self::Queries(command) => command.run(screen),
            Self::Report(command) => command.run(global, screen),
            Self::Tables(command) => command.run(global, screen),
            Self::Clocks(command) => command.run(global, screen),
            Self::Verify(command) => command.run(global, screen),
            Self::Sql(command) => command.run(global, screen),
            Self::Compare(command) => command.run(global, screen),
            Self::Whatif(command) => command.run(global, screen),
            Self::Export(command) => command.run(global, screen),
            Self::Compact(command) => command.run(global, screen),
            Self::Check(command) => command.run(global, screen),
            Self::Probes(command) => command.run(screen),
            Self::Completions(command) => command.run(),
        }
    }

    /// Whether it asks queries that tell slow requests from others.
    fn asks(&self) -> bool {
        matches!(
            self,
            Self::Query(_)
                | Self::Report(_)
                | Self::Verify(_)
                | Self::Sql(_)
                | Self::Compare(_)
                | Self::Whatif(_)
                | Self::Export(_)
        )
    }
}

/// The runtime that queries run on.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(QUERY_STACK_BYTES)
        .enable_all()
        .build()?)
}
