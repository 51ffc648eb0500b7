//! `kcorr export`

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use kcorr_engine::{GivenParameters, Session};
use kcorr_export::{openmetrics, otlp, perfetto};

use crate::commands::query::parameter;
use crate::commands::{Global, runtime};
use crate::exit::Status;
use crate::output::visible::standard_output;
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

    /// A value for a parameter of the queries, for example slo_ms=100
    #[arg(short, long = "param", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
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
        let given = common.given(queries)?;
        let store = global.open_store()?;
        let is_binary = match &self.target {
            Target::Perfetto(_) => true,
            Target::Otlp { format, .. } => *format == OtlpFormat::Protobuf,
            Target::Openmetrics(_) => false,
        };
        let mut out = common.open(is_binary)?;
        let wrote = runtime()?.block_on(async {
            let session = Session::open_with(&store, &global.session_options()).await?;
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
        screen.note(&format!("{}: {wrote}", common.output.display()));
        Ok(Status::Done)
    }
}

impl Common {
    /// The parameters; one that none of the queries has is a slip of the pen.
    fn given(&self, queries: &[&str]) -> anyhow::Result<GivenParameters> {
        let mut names = Vec::new();
        for name in queries {
            let query = kcorr_engine::canned_query(name)
                .with_context(|| format!("there is no canned query {name}"))??;
            names.extend(query.header.parameters.into_iter().map(|p| p.name));
        }
        names.sort_unstable();
        names.dedup();
        for (name, _) in &self.parameters {
            if !names.contains(name) {
                bail!(
                    "the export has no parameter {name}; it has {}",
                    names.join(", ")
                );
            }
        }
        Ok(self.parameters.iter().cloned().collect())
    }

    fn open(&self, is_binary: bool) -> anyhow::Result<Box<dyn Write + Send>> {
        if self.output == Path::new("-") {
            if is_binary && io::stdout().is_terminal() {
                bail!("this format is not for a terminal: name a file with --output");
            }
            return Ok(match is_binary {
                true => Box::new(BufWriter::new(io::stdout())),
                false => standard_output(),
            });
        }
        let file = File::create(&self.output)
            .with_context(|| format!("cannot create {}", self.output.display()))?;
        Ok(Box::new(BufWriter::new(file)))
    }
}
