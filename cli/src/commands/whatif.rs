//! `kcorr whatif`

use anyhow::bail;
use clap::Args;
use kcorr_analysis::{Change, WHAT_IF_QUERIES, WaitKind, WhatIfOptions, what_if};
use kcorr_engine::Session;

use crate::commands::memory::Memory;
use crate::commands::parameters::Parameters;
use crate::commands::{Global, runtime};
use crate::duration::{duration_ns, milliseconds};
use crate::exit::Status;
use crate::objective::Objective;
use crate::output::ResultOutput;
use crate::screen::Screen;

/// Predict latencies if some waits had been shorter
///
/// The range is between two predictions: `subtract` takes away what the account blames on those waits;
/// `replay` runs the recording again with them shorter (connections, handlers and logs serve one at a
/// time). `unchanged` is the replay with nothing cut: how well it describes the broker; where it differs
/// from `before`, the range allows for the difference. Another run without those waits is expected between
/// `run_low` and `run_high` (95 %), because other stalls come by chance. Both assume that clients send the
/// same requests at the same times.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kcorr whatif --cap journal_commit=5ms
  kcorr whatif --without journal_commit --without gc
  kcorr whatif --without lock_wait --format csv

Kinds of waits: journal_commit (writes that wait for the file system's journal), block_io, run_queue (the
same for the disk and for a CPU), write (writes, whatever they do), gc (stops of the JVM), lock_wait (waits for
a log's monitor), request_queue (waits for a free request handler).")]
pub(crate) struct WhatIf {
    /// Cut every wait of a kind to at most this, for example journal_commit=5ms
    #[arg(long, value_name = "KIND=TIME", value_parser = cap)]
    cap: Vec<Change>,

    /// Take every wait of a kind away
    #[arg(long, value_name = "KIND")]
    without: Vec<WaitKind>,

    /// Requests at least this slow are accounted for; faster ones stay as they are when subtracting
    #[arg(long, value_name = "TIME", default_value = "5ms", value_parser = duration_ns)]
    account_from: i64,

    #[command(flatten)]
    parameters: Parameters,

    #[command(flatten)]
    results: ResultOutput,

    #[command(flatten)]
    memory: Memory,
}

impl WhatIf {
    pub(crate) fn run(&self, global: &Global, screen: &Screen) -> anyhow::Result<Status> {
        let mut changes = self.cap.clone();
        changes.extend(self.without.iter().map(|&kind| Change { kind, cap_ns: 0 }));
        if changes.is_empty() {
            bail!("say what to change, for example --cap journal_commit=5ms or --without gc");
        }
        let mut options = WhatIfOptions::default();
        let asked_for = global.produce_objective()?;
        options.slo_ms = asked_for.unwrap_or(options.slo_ms);
        options.account_ms = milliseconds(self.account_from);
        let given = self.parameters.without_objective();
        let store = global.open_store()?;
        let prediction = runtime()?.block_on(async {
            let session = Session::open_with(&store, &self.memory.options()).await?;
            session.check_given(
                WHAT_IF_QUERIES,
                &given,
                &[("slo_ms", "--slo and --account-from")],
            )?;
            anyhow::Ok(what_if(&session, &given, &changes, &options).await?)
        })?;
        let mut destination = self.results.destination(screen)?;
        destination.write_batch(&prediction.statistics)?;
        destination.say_objective(Some(&Objective::asked_for(asked_for, options.slo_ms)))?;
        destination.finish()?;
        screen.note(&format!(
            "{} produce requests; the replay knows the writes of {}; {} were accounted for; \
             with nothing cut the replay gives the latencies of {} to within 1 ms",
            prediction.request_count,
            prediction.followed_count,
            prediction.accounted_count,
            prediction.reproduced_count
        ));
        Ok(Status::Done)
    }
}

fn cap(text: &str) -> Result<Change, String> {
    let (kind, time) = text
        .split_once('=')
        .ok_or("expected KIND=TIME, for example journal_commit=5ms")?;
    Ok(Change {
        kind: kind.parse()?,
        cap_ns: duration_ns(time)?,
    })
}
