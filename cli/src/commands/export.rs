//! `kcorr export`

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::{Args, Subcommand, ValueEnum};
use kcorr_engine::{Session, canned_query};
use kcorr_export::{openmetrics, otlp, perfetto};

use crate::commands::memory::Memory;
use crate::commands::parameters::Parameters;
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
  kcorr export openmetrics --output kcorr.prom           with examples/grafana/kcorr.json
  kcorr export perfetto --param from_time=2026-11-20T16:23:00Z --param to_time=2026-11-20T16:23:05Z -o few.pftrace

The numbers are those of canned queries: trace_slices and trace_flows, trace_spans, latency_histograms.")]
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
    /// Latency histograms by topic and cause for Prometheus
    Openmetrics(Common),
}

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
            Target::Openmetrics(common) => (common, &["latency_histograms"][..]),
        };
        let given = common.parameters.given(global)?;
        let store = global.open_store()?;
        let is_binary = match &self.target {
            Target::Perfetto(_) => true,
            Target::Otlp { format, .. } => *format == OtlpFormat::Protobuf,
            Target::Openmetrics(_) => false,
        };
        let mut out = common.open(is_binary)?;
        let wrote = runtime()?.block_on(async {
            let session = Session::open_with(&store, &common.memory.options()).await?;
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
                Target::Openmetrics(_) => {
                    let histograms = openmetrics::write(&session, &given, &mut out).await?;
                    format!("{histograms} histograms")
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

impl Common {
    fn open(&self, is_binary: bool) -> anyhow::Result<OutputFile> {
        if self.output == Path::new("-") && is_binary && io::stdout().is_terminal() {
            bail!("this format is not for a terminal: name a file with --output");
        }
        OutputFile::create(&self.output)
    }
}
