//! `kcorr-scenario`: generates scenarios and scores answers.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Parser, Subcommand};
use kcorr_scenario::{Options, PRESETS, recordings};

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
    /// The same seed gives the same scenario
    #[arg(long)]
    seed: Option<u64>,
    /// How long clients send, in seconds
    #[arg(long)]
    duration: Option<f64>,
    /// Any option, as NAME=JSON; see `presets NAME`
    #[arg(long = "set", value_name = "NAME=VALUE")]
    set: Vec<String>,
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Generate(arguments) => generate(&arguments),
        Command::Presets { name } => presets(name.as_deref()),
    }
}

fn generate(arguments: &Generate) -> anyhow::Result<()> {
    let mut options = Options::preset(&arguments.preset)?;
    if let Some(seed) = arguments.seed {
        options.seed = seed;
    }
    if let Some(seconds) = arguments.duration {
        options.duration_ms = (seconds * 1e3) as i64;
    }
    for assignment in &arguments.set {
        options.set(assignment)?;
    }
    let folder = &arguments.folder;
    let written = recordings::generate(&options, folder)
        .with_context(|| format!("cannot generate into {}", folder.display()))?;
    println!(
        "{}: {} produce requests, {} of them slow, {} file operations, {} monitor waits",
        folder.display(),
        written.requests,
        written.slow,
        written.writes,
        written.waits
    );
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
                println!("{name:12}{meaning}");
            }
        }
    }
    Ok(())
}
