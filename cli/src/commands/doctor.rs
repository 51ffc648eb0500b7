//! `kcorr doctor`

use std::io::Write;
use std::path::Path;

use clap::{Args, ValueEnum};
use kcorr_record::{Check, Host, Programs, Verdict, examine};

use crate::commands::Global;
use crate::commands::broker_process::BrokerProcess;
use crate::commands::record::Sources;
use crate::exit::Status;
use crate::output::visible::visible;
use crate::screen::Screen;

/// Say what is missing here to record a broker, and what to do about it
///
/// One line a check. It is asked of the same sources as kcorr record, with the same options.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kcorr doctor                              of the broker that runs here
  kcorr doctor --pid 4242 --format json
  kcorr doctor --probe monitors             what a recording with this probe would miss

Exit status: 0 all can be recorded, 1 something that was asked for cannot, 2 failed.")]
pub(crate) struct Doctor {
    /// The broker's process; auto is the one that runs here
    #[arg(long, value_name = "PID|auto", default_value = "auto")]
    pid: BrokerProcess,

    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    format: Format,

    #[command(flatten)]
    sources: Sources,
}

/// How checks are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line each
    Text,
    /// An array of objects: check, verdict (ok, note, missing), found, advice
    Json,
}

impl Doctor {
    pub(crate) fn run(&self, global: &Global, screen: &Screen) -> anyhow::Result<Status> {
        let host = Host::here();
        let broker = self.pid.broker(&host)?;
        let plan = self.sources.plan()?;
        let target = global
            .store
            .parent()
            .filter(|it| !it.as_os_str().is_empty());
        let target = target.unwrap_or(Path::new("."));
        let checks = examine(&host, &Programs::here(), &broker, &plan, target);
        let mut out = std::io::stdout().lock();
        match self.format {
            Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&checks)?)?,
            Format::Text => print(&checks, &mut out, screen)?,
        }
        let is_missing = checks.iter().any(|check| check.verdict == Verdict::Missing);
        Ok(if is_missing {
            Status::DoneWithLoss
        } else {
            Status::Done
        })
    }
}

fn print(checks: &[Check], out: &mut impl Write, screen: &Screen) -> std::io::Result<()> {
    let width = checks
        .iter()
        .map(|check| check.check.chars().count())
        .max()
        .unwrap_or(0);
    for check in checks {
        let verdict = match check.verdict {
            Verdict::Ok => "ok     ",
            Verdict::Note => "note   ",
            Verdict::Missing => "missing",
        };
        let name = format!("{:width$}", check.check);
        let advice = check
            .advice
            .as_ref()
            .map_or(String::new(), |advice| format!(": {advice}"));
        writeln!(
            out,
            "{}  {}  {}{}",
            screen.heading(verdict),
            visible(&name),
            visible(&check.found),
            visible(&advice)
        )?;
    }
    Ok(())
}
