//! `kcorr-scenario`: generates scenarios and scores answers.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use kcorr_scenario::{Options, PRESETS, check::Files, recordings, tables};

#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Simulate a broker; write its recordings and the truth into a folder
    Generate(Generate),
    /// Score kcorr's answers against the truth, or against a broker's request log
    Check(Check),
    /// Write model tables of any size as Parquet, for benchmarks
    Tables(Tables),
    /// List the presets, or show the options of one
    Presets {
        /// The preset whose options are shown, as JSON
        name: Option<String>,
    },
}

#[derive(Debug, clap::Args)]
struct Generate {
    /// Folder to write into
    folder: PathBuf,
    /// Preset to start from
    #[arg(long, default_value = "clean")]
    preset: String,
    /// Lose records and put clocks off as the preset `degraded` does
    #[arg(long)]
    degraded: bool,
    /// The same seed gives the same scenario
    #[arg(long)]
    seed: Option<u64>,
    /// How long clients send, in seconds
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..=86_400))]
    duration: Option<i64>,
    /// Any option, as NAME=JSON; see `presets NAME`
    #[arg(long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct Tables {
    /// Folder to write TABLE.parquet into
    folder: PathBuf,
    #[command(flatten)]
    options: tables::TableOptions,
}

#[derive(Debug, clap::Args)]
struct Check {
    /// The scenario's truth.jsonl
    #[arg(long)]
    truth: Option<PathBuf>,
    /// A real broker's request log (JSON, plain or zstd), instead of a truth
    #[arg(long, conflicts_with = "truth")]
    request_log: Option<PathBuf>,
    /// Output of `kcorr query blame --format json`
    #[arg(long)]
    blame: PathBuf,
    /// Output of `kcorr query request_segments --format json`
    #[arg(long)]
    segments: PathBuf,
    /// Output of `kcorr query root_writes --format json`; without it writes are not compared
    #[arg(long)]
    writes: Option<PathBuf>,
    /// The latency that both were made with
    #[arg(long, default_value_t = 65.0)]
    slo_ms: f64,
    /// A verdict whose time is so close to that of the true cause is right, too
    #[arg(long, default_value_t = 2.0)]
    tolerance_ms: f64,
    /// Least share of requests with the true cause
    #[arg(long, default_value_t = 0.0)]
    min_cause: f64,
    /// Greatest share of requests for which another cause is named; `unexplained` names none
    #[arg(long, default_value_t = 1.0)]
    max_wrong: f64,
    /// Least share of time with the true cause
    #[arg(long, default_value_t = 0.0)]
    min_time: f64,
    /// Least share of the time with a known reason that is told with it
    #[arg(long, default_value_t = 0.0)]
    min_reason: f64,
}

/// 0 done, 1 done and the score is too low, 2 failed.
fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Generate(arguments) => generate(&arguments).map(|()| true),
        Command::Check(arguments) => check(&arguments),
        Command::Tables(arguments) => write_tables(&arguments).map(|()| true),
        Command::Presets { name } => presets(name.as_deref()).map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether the score is high enough.
fn check(arguments: &Check) -> anyhow::Result<bool> {
    let files = Files {
        blame: &arguments.blame,
        segments: &arguments.segments,
        writes: arguments.writes.as_deref(),
    };
    match (&arguments.truth, &arguments.request_log) {
        (Some(truth), _) => {
            let score = files.score(truth, arguments.tolerance_ms, arguments.slo_ms)?;
            print!("{score}");
            Ok(score.verdict.ratio() >= arguments.min_cause
                && score.wrong.share() <= arguments.max_wrong
                && score.disagreeing == 0
                && score.time.ratio() >= arguments.min_time
                && score.time_reason.ratio() >= arguments.min_reason)
        }
        (None, Some(log)) => {
            let agreement = files.agreement(log)?;
            print!("{agreement}");
            Ok(agreement.requests.ratio() >= arguments.min_cause)
        }
        (None, None) => bail!("give --truth or --request-log"),
    }
}

fn generate(arguments: &Generate) -> anyhow::Result<()> {
    let mut options = Options::preset(&arguments.preset)?;
    if arguments.degraded {
        options = options.degraded();
    }
    if let Some(seed) = arguments.seed {
        options.seed = seed;
    }
    if let Some(seconds) = arguments.duration {
        options.duration_ms = seconds * 1_000;
    }
    for assignment in &arguments.set {
        options.set(assignment)?;
    }
    let folder = &arguments.folder;
    let written = recordings::generate(&options, folder)
        .with_context(|| format!("cannot generate into {}", folder.display()))?;
    println!(
        "{}: {} requests, {} of them slow, {} file operations, {} monitor waits",
        folder.display(),
        written.requests,
        written.slow,
        written.writes,
        written.waits
    );
    Ok(())
}

fn write_tables(arguments: &Tables) -> anyhow::Result<()> {
    let folder = &arguments.folder;
    let counts = tables::write(&arguments.options, folder)
        .with_context(|| format!("cannot write tables into {}", folder.display()))?;
    for (table, rows) in counts {
        println!("{table}: {rows} rows");
    }
    Ok(())
}

fn presets(name: Option<&str>) -> anyhow::Result<()> {
    match name {
        Some(name) => {
            let options = Options::preset(name)?;
            println!("{}", serde_json::to_string_pretty(&options)?);
        }
        None => {
            for (name, meaning) in PRESETS {
                println!("{name:14}{meaning}");
            }
        }
    }
    Ok(())
}
