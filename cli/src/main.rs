//! `kcorr`: what every slow Kafka request waited for, from a packet capture, eBPF traces and a JFR
//! recording taken at the same time on one broker.
//!
//! This crate knows arguments, progress, output formats and exit statuses; what is done is in the
//! engine and the ingest crates.

mod commands;
mod exit;
mod output;
mod progress;
mod recordings;
mod screen;

use std::process::ExitCode;

use clap::Parser;

use crate::commands::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let screen = screen::Screen::new(cli.global.color, cli.global.quiet, cli.global.verbose);
    match cli.command.run(&cli.global, &screen) {
        Ok(status) => status.into(),
        Err(error) if exit::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            screen.error(&error);
            exit::Status::Failed.into()
        }
    }
}
