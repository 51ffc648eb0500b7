//! `kcorr query`

use std::path::Path;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use kcorr_engine::{
    GivenParameters, Header, Session, Step, canned_queries, canned_query, parameters_in,
};

use crate::commands::memory::Memory;
use crate::commands::parameters::Parameters;
use crate::commands::{Global, runtime};
use crate::exit::Status;
use crate::objective::Objective;
use crate::output::{Format, ResultOutput};
use crate::rows::Rows;
use crate::screen::Screen;

/// Run a canned query, a file of SQL, or SQL from the command line
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kcorr query blame.sql
  kcorr query slow_requests --slo 200ms
  kcorr query slow_writes --param min_ms=100
  kcorr query blame --since 16:23 --until 16:24 --topic orders --limit 50
  kcorr query blame --format csv --output blame.csv
  kcorr query writes --format arrow --output writes.arrow      a whole table
  kcorr query blame --format xlsx --output blame.xlsx
  kcorr query my/own.sql
  kcorr query - < my/own.sql
  kcorr query -c \"SELECT topic, max(duration_ns) / 1e6 AS ms FROM writes GROUP BY topic ORDER BY ms DESC\"
  kcorr query --explain blame          how it is run
  kcorr query --explain=analyze blame  and what each step took
  kcorr query --memory-limit 256MB blame

Canned queries: see `kcorr queries`. They can be used like tables, too: SELECT … FROM blame.")]
pub(crate) struct Query {
    /// A canned query (with or without .sql), a table, or a file of SQL; `-` reads SQL from standard input
    #[arg(required_unless_present = "command", conflicts_with = "command")]
    query: Option<String>,

    /// SQL to run
    #[arg(short, long, value_name = "SQL")]
    command: Option<String>,

    #[command(flatten)]
    parameters: Parameters,

    #[command(flatten)]
    rows: Rows,

    #[command(flatten)]
    results: ResultOutput,

    /// Show the plan instead of the result: `plan` without running the query (the steps below it are
    /// run), `analyze` with what running it and each step took, by operator
    #[arg(long, value_enum, value_name = "WHAT", num_args = 0..=1, require_equals = true, default_missing_value = "plan")]
    explain: Option<Explain>,

    #[command(flatten)]
    memory: Memory,

    /// Let SQL read and write files: FROM 'a.parquet', COPY, external tables. Without it a query reads
    /// the store's tables and nothing else
    #[arg(long)]
    allow_files: bool,

    /// Compute all steps anew, and keep none for the next query
    #[arg(long)]
    fresh: bool,
}

/// What `--explain` shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Explain {
    /// The plan
    Plan,
    /// The plan with rows, times and bytes by operator, after running it
    Analyze,
}

/// Runs a canned query as it is.
pub(super) fn run_query(
    name: &str,
    results: &ResultOutput,
    memory: &Memory,
    global: &Global,
    screen: &Screen,
) -> anyhow::Result<Status> {
    let query = canned_query(name).with_context(|| format!("there is no query {name}"))??;
    let store = global.open_store()?;
    runtime()?.block_on(async {
        let session = Session::open_with(&store, &memory.options()).await?;
        let planned = session.plan(query.sql, &GivenParameters::new()).await?;
        let mut destination = results.destination(screen)?;
        destination.chooses(query.header.terminal);
        destination.titles(name);
        for query in planned {
            destination.write(query).await?;
        }
        destination.finish()
    })?;
    Ok(Status::Done)
}

impl Query {
    pub(crate) fn run(&self, global: &Global, screen: &Screen) -> anyhow::Result<Status> {
        let sql = self.sql(screen)?;
        let sql = match self.explain {
            None => sql,
            Some(Explain::Plan) => explained(&sql, "EXPLAIN"),
            Some(Explain::Analyze) => explained(&sql, "EXPLAIN ANALYZE"),
        };
        let mut options = global.session(&self.memory)?;
        options.allows_files = self.allow_files;
        // Rows of a plan are for other programs; people get it line by line.
        let draws_plan = self.explain.is_some() && self.results.format == Format::Table;
        options.shows_plans = draws_plan && self.explain == Some(Explain::Analyze);
        options.is_fresh = self.fresh;
        let known = parameters_in(&sql)?;
        let given = self.parameters.given_to(&known, global)?;
        let objective = Objective::of(&known, &given);
        if global.has_objective() && objective.is_none() {
            bail!("--slo would have no effect: this query knows no slow requests");
        }
        if self.explain.is_some() {
            self.rows.refuse("with --explain")?;
        }
        let store = global.open_store()?;
        runtime()?.block_on(async {
            let session = Session::open_with(&store, &options).await?;
            let planned = session.plan(&sql, &given).await?;
            let planned = planned
                .into_iter()
                .map(|query| self.rows.of(query, &store, global.tz));
            let planned = planned.collect::<anyhow::Result<Vec<_>>>()?;
            self.results.format.check_count(planned.len())?;
            let mut destination = self.results.destination(screen)?;
            destination.shows_on_terminal(self.rows.on_terminal());
            destination.chooses(Header::parse(&sql)?.terminal);
            destination.titles(self.query.as_deref().map_or("query", title));
            for step in session.take_steps() {
                screen.detail(&took(&step));
                if let Some(plan) = &step.plan {
                    destination.write_text(&format!("{}\n{plan}\n", took(&step)))?;
                }
            }
            for query in planned {
                if draws_plan {
                    destination.write_plan(query).await?;
                } else {
                    destination.write(query).await?;
                }
            }
            if self.explain.is_none() {
                destination.say_objective(objective.as_ref())?;
            }
            destination.finish()
        })?;
        Ok(Status::Done)
    }

    fn sql(&self, screen: &Screen) -> anyhow::Result<String> {
        if let Some(sql) = &self.command {
            return Ok(sql.clone());
        }
        let name = self.query.as_deref().unwrap_or_default();
        if name == "-" {
            return std::io::read_to_string(std::io::stdin())
                .context("cannot read SQL from standard input");
        }
        let canned = canned_query(name);
        if Path::new(name).is_file() {
            if canned.is_some() {
                screen.note(&format!(
                    "(running the file {name}, not the canned query of that name)"
                ));
            }
            return std::fs::read_to_string(name).with_context(|| format!("cannot read {name}"));
        }
        if let Some(canned) = canned {
            return Ok(canned?.sql.to_owned());
        }
        if let Some(table) = kcorr_model::tables::by_name(name) {
            return Ok(format!("SELECT * FROM {}", table.name));
        }
        let queries = canned_queries()?.into_iter();
        let asked_first = queries.filter(|query| query.folder.is_empty());
        let names: Vec<_> = asked_first.map(|query| query.name).collect();
        bail!(
            "{name} is neither a file, a canned query nor a table. Queries that are asked first are {}; `kcorr queries --all` lists the steps below them. To run SQL from the command line, use -c",
            names.join(", ")
        )
    }
}

/// What a query is called: the last part of its path, without its ending.
fn title(query: &str) -> &str {
    let stem = Path::new(query).file_stem();
    stem.and_then(|stem| stem.to_str()).unwrap_or(query)
}

/// What a step took, in a line.
pub(super) fn took(step: &Step) -> String {
    let mut how = Vec::new();
    if let Some(worker) = &step.worker {
        how.push(format!(", at {worker}"));
    }
    if step.is_kept {
        how.push(", computed earlier".to_owned());
    }
    if step.is_spilled {
        how.push(", in a file".to_owned());
    }
    if let Some(path) = &step.damaged {
        how.push(format!(", anew: {} is damaged", path.display()));
    }
    format!(
        "step {}: {} rows in {:.1?}{}",
        step.name,
        step.row_count,
        step.elapsed,
        how.join("")
    )
}

/// The query with a word before its first statement, behind its header.
fn explained(sql: &str, word: &str) -> String {
    let is_header = |line: &str| line.trim().is_empty() || line.trim().starts_with("--");
    let header: usize = sql
        .split_inclusive('\n')
        .take_while(|line| is_header(line))
        .map(str::len)
        .sum();
    let (header, statement) = sql.split_at(header);
    format!("{header}{word} {statement}")
}
