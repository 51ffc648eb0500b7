//! `kcorr sli`

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use kcorr_exposition::Endpoint;
use kcorr_sli::{Figures, Notes, Plan, Run, RunOptions, Summary};

use crate::commands::figures_access::FiguresAccess;
use crate::commands::memory::size;
use crate::duration::duration;
use crate::exit::Status;
use crate::screen::Screen;
use crate::stop::Signals;

/// Measure what clients see: produce and consume by a schedule, with several settings side by side
///
/// It sends messages to one partition led by each broker at times that were set before, and consumes them again. Latency
/// counts from the intended time, so that what a slow answer holds up is counted too. Each message has a line in --dir, which
/// kcorr ingest --sli reads; the figures go on when it is started again.
#[derive(Debug, Args)]
#[command(after_help = "\
A plan of one setting:
  bootstrap = \"127.0.0.1:9092\"
  [[setting]]
  name = \"all\"

Examples:
  kcorr sli sli.toml                               until Ctrl-C; figures at http://127.0.0.1:9465/metrics
  kcorr sli sli.toml --for 60s --dir probe         for a minute
  kcorr ingest --sli probe/*.jsonl --pcap dump.pcap
                                                   then kcorr client_blame

Exit status: 0 ended as asked or by a signal, 1 lines could not be written, 2 failed.")]
pub(crate) struct Sli {
    /// The plan: brokers, settings, and properties of librdkafka by their names (TOML)
    #[arg(value_name = "PLAN")]
    plan: PathBuf,

    /// Folder of messages and figures; a client that goes on has the one that it had
    #[arg(long, value_name = "FOLDER", default_value = "sli.kcorr")]
    dir: PathBuf,

    /// Measure for so long; else until a signal
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    duration: Option<Duration>,

    /// Where figures are read: GET /metrics
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9465")]
    listen: SocketAddr,

    #[command(flatten)]
    access: FiguresAccess,

    /// The name of this client, of several: a label of all figures
    #[arg(long, value_name = "NAME", default_value = "1")]
    client: String,

    /// Disk space for messages; the oldest go, the figures stay
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "1GiB")]
    max_size: usize,
}

impl Sli {
    pub(crate) fn run(&self, screen: &Screen) -> anyhow::Result<Status> {
        let plan = Plan::read(&self.plan)?;
        let access = self.access.access()?;
        let signals = Signals::watch_measuring(screen)?;
        let options = RunOptions {
            folder: self.dir.clone(),
            most_bytes: self.max_size as u64,
            client: self.client.clone(),
        };
        let of_notes = *screen;
        let notes: Notes = Arc::new(move |words: &str| of_notes.warning(words));
        let objective_ms = plan.objective_ms;
        let run = Run::begin(plan, options, notes)?;
        let endpoint = match Endpoint::listen(self.listen, access, run.page()) {
            Ok(endpoint) => endpoint,
            Err(error) => {
                // It sends already: what was sent has its lines, and is counted.
                run.end()?;
                return Err(error.into());
            }
        };
        screen.note(&format!("figures: {}/metrics", endpoint.url()));
        let begun = Instant::now();
        let is_over = || self.duration.is_some_and(|it| begun.elapsed() >= it);
        while !signals.stop().is_asked() && !is_over() && !run.has_failed() {
            std::thread::sleep(Duration::from_millis(50));
        }
        let (figures, standing) = run.end()?;
        let unwritten = standing.unwritten;
        drop(endpoint);
        say(&figures, objective_ms)?;
        if unwritten > 0 {
            screen.warning(&format!(
                "{unwritten} messages have no line in {}",
                self.dir.display()
            ));
            return Ok(Status::DoneWithLoss);
        }
        Ok(Status::Done)
    }
}

/// The figures of each setting, since ever.
fn say(figures: &Figures, objective_ms: f64) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    for summary in figures.summaries() {
        let (all, failed, slow) = (summary.messages, summary.failed, summary.slow);
        writeln!(output, "{}", summary.setting)?;
        writeln!(
            output,
            "  messages      {all}, {failed} given up, {slow} slow"
        )?;
        writeln!(
            output,
            "  available     {}   within {objective_ms} ms: {}",
            percent(all - failed, all),
            percent(all - failed - slow, all)
        )?;
        for (name, [half, most]) in [
            ("acknowledged", summary.acknowledged_ms),
            ("consumed", summary.consumed_ms),
        ] {
            writeln!(
                output,
                "  {name:<13} half {}, 99 % {}",
                within(half),
                within(most)
            )?;
        }
        writeln!(output, "  disturbed by  {}", disturbed(&summary))?;
    }
    Ok(())
}

fn disturbed(summary: &Summary) -> String {
    let mut words: Vec<String> = summary
        .disturbed
        .iter()
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    if words.is_empty() {
        words.push("nothing".to_owned());
    }
    words.push(format!("{} requests more than messages", summary.retries));
    words.push(format!("{} consumed again", summary.again));
    words.join(", ")
}

fn within(ms: f64) -> String {
    match ms {
        ms if ms.is_nan() => "unknown".to_owned(),
        ms if ms.is_infinite() => "above 10 s".to_owned(),
        ms => format!("within {ms} ms"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share")]
fn percent(part: u64, of: u64) -> String {
    match of {
        0 => "unknown".to_owned(),
        of => format!("{:.3} %", part as f64 * 100.0 / of as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_is_no_share() {
        assert_eq!(percent(0, 0), "unknown");
        assert_eq!(percent(999, 1000), "99.900 %");
    }
}
