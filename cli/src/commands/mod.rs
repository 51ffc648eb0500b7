//! The commands: one file and one struct each, one line in [`Command`].

mod account_window;
mod asking;
mod broker_process;
mod by_content;
mod captures;
mod check;
mod clocks;
mod compact;
mod compare;
mod compare_over;
mod comparison_form;
mod completions;
mod doctor;
mod export;
mod figures_access;
mod flight;
mod held;
mod info;
mod ingest;
mod live;
mod live_ledger;
mod live_lines;
mod live_notices;
mod live_page;
mod live_process;
mod live_run;
mod live_settings;
mod live_shown;
mod log_directory;
mod man;
mod memory;
mod named_brokers;
mod open;
mod parameters;
mod probes;
mod queries;
mod query;
mod record;
mod report;
mod said;
#[cfg(feature = "sli")]
mod sli;
mod sources;
mod sql;
mod tables;
mod tls_keys;
mod token_file;
mod unread_input;
mod verdict_tests;
mod verify;
mod whatif;
mod why;
mod worker;
mod workers;

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Parser, Subcommand};
use kcorr_engine::{QUERY_STACK_BYTES, SessionOptions};
use kcorr_store::{Store, plain_path};

use crate::configuration::Configuration;
use crate::exit::Status;
use crate::objective::{AskedObjective, Objectives};
use crate::screen::{Color, Screen};
use crate::time_zone::TimeZone;

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
  kcorr record --for 60s       records the broker that runs here
  kcorr blame                  slow requests and what each waited for; the same as kcorr query blame
  kcorr why                    the slowest request: what it waited for, in sentences
  kcorr report
  kcorr query -c 'SELECT cause, count(*) FROM blame GROUP BY cause'

Every canned query (`kcorr queries`) is a command: kcorr causes, kcorr episodes, kcorr chain, kcorr why_not.

Exit status: 0 done, 1 done but data was lost (see the losses table), 2 failed.";

/// Where the tables are kept when nothing else is said.
const DEFAULT_STORE: &str = "incident.kcorr";

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Where the tables are kept: a folder, or a URL of an object store, such as s3://bucket/incident.kcorr
    #[arg(
        long,
        global = true,
        env = "KCORR_STORE",
        default_value = DEFAULT_STORE,
        value_name = "FOLDER|URL"
    )]
    pub(crate) store: PathBuf,

    /// Whether the command line says so.
    #[arg(skip)]
    pub(crate) is_store_asked: bool,

    /// Latency objective: a request at least this slow is slow [default: 65ms, where a query says no other]; for
    /// one API: fetch=200ms
    #[arg(long, global = true, value_name = "[API=]TIME", value_delimiter = ',')]
    slo: Vec<AskedObjective>,

    /// Objectives of the configuration, which hold where the command line has none.
    #[arg(skip)]
    configured_slo: Vec<AskedObjective>,

    /// One broker of a cluster, by its number (node.id): that the recordings are of (ingest; without it what
    /// lies beside them tells, such as meta.properties), or whose recordings alone are looked at (all else)
    #[arg(long, global = true, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(0..))]
    pub(crate) broker: Option<i32>,

    /// Time zone that times are shown in, and read in: UTC, local, or a name such as Europe/Berlin
    #[arg(long, global = true, value_name = "ZONE", default_value_t = TimeZone::UTC)]
    pub(crate) tz: TimeZone,

    /// Say only what went wrong
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// Say more
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub(crate) verbose: bool,

    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(crate) color: Color,

    #[command(flatten)]
    workers: workers::Workers,
}

impl Global {
    /// Takes from a configuration what the command line does not say.
    pub(crate) fn complete(
        &mut self,
        configuration: Configuration,
        is_said: impl Fn(&str) -> bool,
    ) {
        if let Some(store) = configuration.store.filter(|_| !is_said("store")) {
            self.store = store;
        }
        self.store = plain_path(std::mem::take(&mut self.store));
        if !is_said("slo") {
            self.configured_slo = configuration.slo;
        }
        if let Some(color) = configuration.color.filter(|_| !is_said("color")) {
            self.color = color;
        }
        if let Some(zone) = configuration.tz.filter(|_| !is_said("tz")) {
            self.tz = zone;
        }
    }

    /// The objectives that were asked for, or else those of the configuration.
    pub(crate) fn objectives(&self) -> anyhow::Result<Objectives> {
        match self.has_objective() {
            true => Objectives::of(&self.slo),
            false => Objectives::of(&self.configured_slo),
        }
    }

    /// The objective of produce requests that was asked for, in ms; an error when others were, for a command
    /// that looks at produce requests alone.
    pub(crate) fn produce_objective(&self) -> anyhow::Result<Option<f64>> {
        let objectives = self.objectives()?;
        if let Some(api) = objectives.others().next()
            && self.has_objective()
        {
            bail!("--slo {api}=… has no effect here: this command compares produce requests");
        }
        Ok(objectives.of_produce_ms())
    }

    /// Whether an objective was asked for on the command line.
    pub(crate) fn has_objective(&self) -> bool {
        !self.slo.is_empty()
    }

    /// What a session takes: memory, and workers if there are any.
    fn session(&self, memory: &memory::Memory) -> anyhow::Result<SessionOptions> {
        let mut options = memory.options();
        self.workers.take_part(&mut options)?;
        Ok(options)
    }

    fn open_store(&self) -> anyhow::Result<Store> {
        self.of_broker(Store::open(&self.store)?)
    }

    /// The part of a store that is of the broker that was asked for.
    fn of_broker(&self, store: Store) -> anyhow::Result<Store> {
        let Some(broker) = self.broker else {
            return Ok(store);
        };
        let brokers = store.manifest().brokers();
        let named: Vec<String> = brokers.iter().flatten().map(i32::to_string).collect();
        match &brokers[..] {
            [Some(only)] if *only == broker => Ok(store),
            several if several.contains(&Some(broker)) => Ok(store.of_broker(Some(broker))),
            _ if named.is_empty() => bail!(
                "no recording in {} says of which broker it is: ingest them with --broker",
                store.name()
            ),
            _ => bail!(
                "{} has no recordings of broker {broker}: it has those of {}",
                store.name(),
                named.join(", ")
            ),
        }
    }
}

/// Every command, in the order of the help.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Ingest(ingest::Ingest),
    Record(record::Record),
    Live(live::Live),
    #[cfg(feature = "sli")]
    Sli(sli::Sli),
    Doctor(doctor::Doctor),
    Query(query::Query),
    Queries(queries::Queries),
    Why(why::Why),
    Report(report::Report),
    Open(open::Open),
    Info(info::Info),
    Sources(sources::Sources),
    Tables(tables::Tables),
    Clocks(clocks::Clocks),
    Worker(worker::Worker),
    Verify(verify::Verify),
    Sql(sql::Sql),
    Compare(compare::Compare),
    Whatif(whatif::WhatIf),
    Export(export::Export),
    Compact(compact::Compact),
    Check(check::Check),
    Probes(probes::Probes),
    Completions(completions::Completions),
    Man(man::Man),
    #[command(name = account_window::NAME, hide = true)]
    AccountWindow(account_window::AccountWindow),
    #[command(name = held::NAME, hide = true)]
    Held(held::Held),
}

impl Command {
    pub(crate) fn run(&self, global: &Global, screen: &Screen) -> anyhow::Result<Status> {
        if global.has_objective() && !self.asks() {
            bail!(
                "--slo has no effect here: it is for query, live, why, report, verify, sql, compare, whatif and export"
            );
        }
        if global.broker.is_some() && !self.knows_brokers() {
            bail!(
                "--broker has no effect here: it is for ingest and for what asks for rows of a store (kcorr record \
                 and kcorr live know their broker)"
            );
        }
        if global.is_store_asked && matches!(self, Self::Live(_)) {
            bail!("--store has no effect here: kcorr live keeps a store a window in its --dir");
        }
        #[cfg(feature = "sli")]
        if global.is_store_asked && matches!(self, Self::Sli(_)) {
            bail!(
                "--store has no effect here: kcorr sli keeps its messages and figures in its --dir"
            );
        }
        if global.workers.are_named() && !self.asks_workers() {
            bail!(
                "--workers has no effect here: it is for query, sql, why, report, open and export"
            );
        }
        global.workers.check()?;
        let done = self.run_alone(global, screen);
        let ended = global.workers.end(screen);
        let status = done?;
        ended?;
        Ok(status)
    }

    fn run_alone(&self, global: &Global, screen: &Screen) -> anyhow::Result<Status> {
        match self {
            Self::Ingest(command) => command.run(global, screen),
            Self::Record(command) => command.run(global, screen),
            Self::Live(command) => command.run(global, screen),
            #[cfg(feature = "sli")]
            Self::Sli(command) => command.run(screen),
            Self::Doctor(command) => command.run(global, screen),
            Self::Query(command) => command.run(global, screen),
            Self::Queries(command) => command.run(screen),
            Self::Why(command) => command.run(global, screen),
            Self::Report(command) => command.run(global, screen),
            Self::Open(command) => command.run(global, screen),
            Self::Info(command) => command.run(global, screen),
            Self::Sources(command) => command.run(global, screen),
            Self::Tables(command) => command.run(global, screen),
            Self::Clocks(command) => command.run(global, screen),
            Self::Worker(command) => command.run(global, screen),
            Self::Verify(command) => command.run(global, screen),
            Self::Sql(command) => command.run(global, screen),
            Self::Compare(command) => command.run(global, screen),
            Self::Whatif(command) => command.run(global, screen),
            Self::Export(command) => command.run(global, screen),
            Self::Compact(command) => command.run(global, screen),
            Self::Check(command) => command.run(global, screen),
            Self::Probes(command) => command.run(screen),
            Self::Completions(command) => command.run(),
            Self::Man(command) => command.run(screen),
            Self::AccountWindow(command) => command.run(global, screen),
            Self::Held(command) => command.run(),
        }
    }

    /// Whether another program takes the place of this one.
    pub(crate) fn becomes_another_program(&self) -> bool {
        matches!(self, Self::Held(_))
    }

    /// Whether it stores recordings of a broker, or looks at those of one.
    fn knows_brokers(&self) -> bool {
        let is_of_stores = self.asks() && !matches!(self, Self::Live(_));
        is_of_stores || matches!(self, Self::Ingest(_) | Self::Sources(_) | Self::Clocks(_))
    }

    /// Whether workers may run parts of what it asks.
    fn asks_workers(&self) -> bool {
        matches!(
            self,
            Self::Query(_)
                | Self::Sql(_)
                | Self::Why(_)
                | Self::Report(_)
                | Self::Open(_)
                | Self::Export(_)
        )
    }

    /// Whether it asks queries that tell slow requests from others.
    fn asks(&self) -> bool {
        matches!(
            self,
            Self::Query(_)
                | Self::Live(_)
                | Self::Why(_)
                | Self::Report(_)
                | Self::Open(_)
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
