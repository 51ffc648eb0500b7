//! `kcorr`: what every slow Kafka request waited for, from a packet capture, eBPF traces and a JFR
//! recording taken at the same time on one broker.
//!
//! This crate knows arguments, progress, output formats and exit statuses; what is done is in the
//! engine and the ingest crates.

mod allocator;
mod arguments;
mod causes;
mod commands;
mod configuration;
mod duration;
mod exit;
mod objective;
mod output;
mod progress;
mod recordings;
mod rows;
mod screen;
mod stop;
mod time_zone;

use std::io::Write;
use std::process::ExitCode;
use std::thread;

use kcorr_engine::QUERY_STACK_BYTES;

use crate::commands::Cli;

/// Everything is done on a thread whose stack holds the longest statement that is planned.
fn main() -> ExitCode {
    let cli = arguments::read();
    if cli.command.becomes_another_program() {
        // On another thread this one would end a moment before, and the process look as if it had ended.
        return run(&cli);
    }
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
    let global = &cli.global;
    let screen = screen::Screen::new(global.color, global.quiet, global.verbose, global.tz);
    match cli.command.run(&cli.global, &screen) {
        Ok(status) => status.into(),
        Err(error) if exit::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            screen.error(&error);
            exit::Status::Failed.into()
        }
    }
}
