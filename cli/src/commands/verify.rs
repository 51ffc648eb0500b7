//! `kcorr verify`

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use kcorr_engine::{GivenParameters, Session, canned_query};

use crate::commands::null_test::{self, SHIFTS_S};
use crate::commands::{Global, runtime};
use crate::exit::Status;
use crate::output::{Destination, Format};
use crate::screen::Screen;

/// Measure how often a slow request is blamed by chance
///
/// Shifts recordings in time, by many amounts, and blames anew each time: whatever is still blamed is a
/// coincidence. All recordings are shifted together but the packet capture, in a circle inside the time
/// that they have in common; nothing in the store changes. What rests on the capture alone, such as the
/// order of a connection's requests, stays. Rates are those of the canned query `false_attribution`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kcorr verify
  kcorr verify --param slo_ms=100 --shifts 200 --format json
  kcorr verify --source 2                      shift only source 2
  kcorr verify --verdicts --output shifted.csv --format csv
                                               every verdict of every shift")]
pub(crate) struct Verify {
    /// Shift this source, instead of all that are no capture (numbers as in the sources table)
    #[arg(long = "source", value_name = "NUMBER")]
    sources: Vec<i64>,

    /// How many shifts
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    shifts: u32,

    /// Smallest shift, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = SHIFTS_S.0, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    least: u32,

    /// Largest shift, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = SHIFTS_S.1, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    most: u32,

    /// A value for $NAME in the query blame
    #[arg(short, long = "param", value_name = "NAME=VALUE", value_parser = super::query::parameter)]
    parameters: Vec<(String, String)>,

    /// Give the verdicts of every shift instead of their rates
    #[arg(long)]
    verdicts: bool,

    /// How results are written
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// Write results to this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Verify {
    pub(crate) fn run(&self, global: &Global, screen: &Screen) -> anyhow::Result<Status> {
        if self.most < self.least {
            bail!("--most {} is less than --least {}", self.most, self.least);
        }
        let store = global.open_store()?;
        let between_s = (self.least, self.most);
        let test = null_test::plan(&store, &self.sources, self.shifts, between_s)?;
        let given: GivenParameters = self.parameters.iter().cloned().collect();
        runtime()?.block_on(async {
            let session = Session::open_with(&store, &global.session_options()).await?;
            null_test::run(&test, &store, &session, &given, screen).await?;
            screen.note(&format!(
                "shifted {} in a circle of {:.1} s",
                test.source_ids
                    .iter()
                    .map(|id| format!("source {id}"))
                    .collect::<Vec<_>>()
                    .join(", "),
                (test.last_ns - test.first_ns) as f64 / 1e9,
            ));
            let sql = if self.verdicts {
                "SELECT shift_ns / 1e6 AS shift_ms, request_id, cause, latency_ns / 1e6 AS latency_ms,
                 waited_ns / 1e6 AS waited_ms FROM shifted_verdicts ORDER BY shift_ms, request_id"
            } else {
                canned_query("false_attribution")
                    .context("there is no query false_attribution")??
                    .sql
            };
            let planned = session.plan(sql, &GivenParameters::new()).await?;
            let mut destination = Destination::new(self.format, self.output.as_deref(), screen)?;
            for query in planned {
                destination.write(query).await?;
            }
            destination.finish()
        })?;
        Ok(Status::Done)
    }
}
