//! `kcorr export`

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use datafusion::parquet::arrow::ArrowWriter;
use futures::StreamExt;
use kcorr_engine::{GivenParameters, Session, canned_query};
use kcorr_export::duckdb::View;
use kcorr_export::{duckdb, openmetrics, otlp, perfetto};
use kcorr_model::Table;
use kcorr_store::{FileEntry, Store};

use crate::commands::asking::among;
use crate::commands::memory::Memory;
use crate::commands::parameters::{Parameters, name_and_value};
use crate::commands::{Global, runtime};
use crate::exit::Status;
use crate::objective::Objective;
use crate::output::OutputFile;
use crate::screen::Screen;

/// Write the account for another tool
///
/// Tables and query results as CSV, JSON, Parquet or Arrow are written by `kcorr query --format`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kcorr export perfetto --output incident.pftrace        open it at https://ui.perfetto.dev
  kcorr export otlp --output slow.json                   for an OpenTelemetry collector's file receiver
  kcorr export otlp --format protobuf --output slow.pb
  kcorr export openmetrics --output kcorr.om             promtool tsdb create-blocks-from openmetrics kcorr.om DATA
  kcorr export openmetrics --latest --label broker=3 --output kcorr.prom    for a node exporter's text files
  kcorr export duckdb --output incident.sql              duckdb incident.duckdb < incident.sql
  kcorr export perfetto --param from_time=2026-11-20T16:23:00Z --param to_time=2026-11-20T16:23:05Z -o few.pftrace

The numbers are those of canned queries: trace_slices and trace_flows, trace_spans, latency_histograms; for DuckDB blame,
causes, episodes and others.")]
pub(crate) struct Export {
    #[command(subcommand)]
    target: Target,
}

/// The other tools.
#[derive(Debug, Subcommand)]
enum Target {
    /// A timeline for Perfetto: requests, threads, waits, writes, journal commits, pauses, and who waited for whom
    Perfetto(Common),
    /// Slow requests as OpenTelemetry traces: a span each, a child a segment, links to what it waited for
    Otlp {
        #[command(flatten)]
        common: Common,

        /// Encoding
        #[arg(short, long, value_enum, default_value_t = OtlpFormat::Json)]
        format: OtlpFormat,
    },
    /// Latency histograms by topic and cause for Prometheus, over time; the dashboard is examples/grafana/kcorr.json
    Openmetrics {
        #[command(flatten)]
        common: Common,

        /// A label of all samples; without any: incident, which is the store's name
        #[arg(long, value_name = "NAME=VALUE", value_parser = label)]
        label: Vec<(String, String)>,

        /// Only the counts at the end, without times, as a node exporter's text file collector takes them
        #[arg(long)]
        latest: bool,
    },
    /// A script that makes views in DuckDB: of every table and of the answers, whose rows it writes beside it
    #[command(name = "duckdb")]
    DuckDb(Common),
}

/// The answers that DuckDB is given.
const ANSWERS: [&str; 8] = [
    "blame",
    "blame_partitions",
    "causes",
    "episodes",
    "request_segments",
    "blockers",
    "why_not",
    "summary",
];

#[derive(Debug, Args)]
struct Common {
    /// Write to this file; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    #[command(flatten)]
    parameters: Parameters,

    #[command(flatten)]
    memory: Memory,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OtlpFormat {
    /// OTLP/JSON, one line
    Json,
    /// OTLP protobuf (`TracesData`)
    Protobuf,
}

impl Export {
    pub(crate) fn run(&self, global: &Global, screen: &Screen) -> anyhow::Result<Status> {
        let (common, queries) = match &self.target {
            Target::Perfetto(common) => (common, &["trace_slices", "trace_flows"][..]),
            Target::Otlp { common, .. } => (common, &["trace_spans"][..]),
            Target::Openmetrics { common, .. } => (common, &["latency_histograms"][..]),
            Target::DuckDb(common) => (common, &ANSWERS[..]),
        };
        let given = common.parameters.given(global)?;
        let store = global.open_store()?;
        let is_binary = match &self.target {
            Target::Perfetto(_) => true,
            Target::Otlp { format, .. } => *format == OtlpFormat::Protobuf,
            Target::Openmetrics { .. } | Target::DuckDb(_) => false,
        };
        let mut out = common.open(is_binary)?;
        let wrote = runtime()?.block_on(async {
            let session = Session::open_with(&store, &global.session(&common.memory)?).await?;
            session.check_given(queries, &given, &[])?;
            anyhow::Ok(match &self.target {
                Target::Perfetto(_) => {
                    let contents = perfetto::write(&session, &given, &mut out).await?;
                    format!("{} slices, {} arrows", contents.slices, contents.flows)
                }
                Target::Otlp { format, .. } => {
                    let encoding = match format {
                        OtlpFormat::Json => otlp::Encoding::Json,
                        OtlpFormat::Protobuf => otlp::Encoding::Protobuf,
                    };
                    let spans = otlp::write(&session, &given, encoding, &mut out).await?;
                    format!("{spans} spans")
                }
                Target::Openmetrics { label, latest, .. } => {
                    let options = openmetrics::Options {
                        labels: labels(label, &global.store),
                        is_latest: *latest,
                    };
                    let wrote = openmetrics::write(&session, &given, &options, &mut out).await?;
                    format!("{} histograms, {} samples", wrote.histograms, wrote.samples)
                }
                Target::DuckDb(_) => {
                    let mut views = tables(&store)?;
                    let folder = common.output.with_extension("parquet");
                    views.extend(answers(&session, &given, &folder).await?);
                    out.write_all(duckdb::script(&views).as_bytes())?;
                    let made = views.iter().filter(|view| !view.files.is_empty());
                    format!(
                        "{} views; answers are in {}",
                        made.count(),
                        folder.display()
                    )
                }
            })
        })?;
        out.finish()?;
        screen.note(&format!("{}: {wrote}", common.output.display()));
        let mut parameters = Vec::new();
        for query in queries.iter().filter_map(|name| canned_query(name)) {
            parameters.extend(query?.parameters()?);
        }
        if let Some(objective) = Objective::of(&parameters, &given) {
            screen.note(&objective.to_string());
        }
        Ok(Status::Done)
    }
}

/// The tables of a store that have rows.
fn tables(store: &Store) -> anyhow::Result<Vec<View>> {
    // The script may be run elsewhere; a URL is the same everywhere.
    let path = |file: &FileEntry| match store.folder() {
        Some(_) => std::path::absolute(store.path_of(file)),
        None => Ok(store.path_of(file)),
    };
    let view = |table: &'static Table| {
        let files = store.manifest().files_of(table.name).map(path);
        let files = files.collect::<io::Result<Vec<PathBuf>>>();
        anyhow::Ok(View {
            name: table.name.to_owned(),
            doc: table.doc.to_owned(),
            files: files.with_context(|| format!("cannot find {}", store.name()))?,
        })
    };
    kcorr_model::tables::ALL.iter().copied().map(view).collect()
}

/// Asks the queries and writes their rows to a folder, a Parquet file each. An answer that has the name of a table
/// takes its place, as in kcorr's own SQL.
async fn answers(
    session: &Session,
    given: &GivenParameters,
    folder: &Path,
) -> anyhow::Result<Vec<View>> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    let folder = std::path::absolute(folder)?;
    let mut views = Vec::new();
    for name in ANSWERS {
        let query = canned_query(name).with_context(|| format!("there is no query {name}"))??;
        let own = among(given, &query.parameters()?);
        let path = folder.join(format!("{name}.parquet"));
        for planned in session.plan(query.sql, &own).await? {
            let mut rows = planned.run().await?;
            let out = OutputFile::create(&path)?;
            let mut writer = ArrowWriter::try_new(out, rows.schema(), None)?;
            while let Some(batch) = rows.next().await {
                writer.write(&batch?)?;
            }
            writer.into_inner()?.finish()?;
        }
        views.push(View {
            name: name.to_owned(),
            doc: query.header.purpose.clone(),
            files: vec![path],
        });
    }
    Ok(views)
}

fn label(text: &str) -> Result<(String, String), String> {
    name_and_value(text, "broker=3")
}

/// The labels that were given, and the incident's name unless one of them is.
fn labels(given: &[(String, String)], store: &Path) -> BTreeMap<String, String> {
    let mut labels: BTreeMap<String, String> = given.iter().cloned().collect();
    let stem = store.file_stem().unwrap_or_default().to_string_lossy();
    let incident = labels.entry("incident".to_owned());
    incident.or_insert_with(|| stem.into_owned());
    labels
}

impl Common {
    fn open(&self, is_binary: bool) -> anyhow::Result<OutputFile> {
        if self.output == Path::new("-") && is_binary && io::stdout().is_terminal() {
            bail!("this format is not for a terminal: name a file with --output");
        }
        OutputFile::create(&self.output)
    }
}
