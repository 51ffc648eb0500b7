//! `kcorr`: what every slow Kafka request waited for, from a packet capture, eBPF traces and a JFR
//! recording taken at the same time on one broker.
//!
//! This crate knows arguments, progress, output formats and exit statuses; what is done is in the
//! engine and the ingest crates.

mod arguments;
mod causes;
mod commands;
mod duration;
mod exit;
mod objective;
mod output;
mod progress;
mod recordings;
mod screen;
mod stop;

use std::io::Write;
use std::process::ExitCode;
use std::thread;

use kcorr_engine::QUERY_STACK_BYTES;

use crate::commands::Cli;

/// Everything is done on a thread whose stack holds the longest statement that is planned.
fn main() -> ExitCode {
    let cli = arguments::read();
    let thread = thread::Builder::new().stack_size(QUERY_STACK_BYTES);
    let ended = thread
        .spawn(move || run(&cli))
        .map(thread::JoinHandle::join);
    match ended {
        Ok(Ok(status)) => status,
        // A bug, whose message was printed.
        Ok(Err(_)) => exit::Status::Failed.into(),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: cannot start a thread: {error}");
            exit::Status::Failed.into()
        }
    }
}

fn run(cli: &Cli) -> ExitCode {
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
