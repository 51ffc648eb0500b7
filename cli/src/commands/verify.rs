//! `kcorr verify`

use anyhow::{Context, bail};
use clap::Args;
use kcorr_analysis::{AblationTest, NullTest, WakerAgreement};
use kcorr_engine::{GivenParameters, Session, canned_query};
use kcorr_store::Store;

use crate::commands::memory::Memory;
use crate::commands::parameters::Parameters;
use crate::commands::verdict_tests::{self, SHIFTS_S};
use crate::commands::{Global, runtime};
use crate::exit::Status;
use crate::objective::Objective;
use crate::output::{Destination, ResultOutput};
use crate::screen::Screen;

/// Test the verdicts: how much is blamed by chance, how much from absence
///
/// Shifts recordings in time, by many amounts, and blames anew each time: whatever is still blamed is a
/// coincidence. All recordings are shifted together but the packet capture, in a circle inside the time
/// that they have in common. What rests on the capture alone, such as the order of a connection's
/// requests, stays. Rates are those of the canned query `false_attribution`.
///
/// Then takes away each recording and each kind of rows, one at a time, and blames anew: a verdict may
/// become `unexplained` without its evidence, never another cause. Counts are those of the canned query
/// `ablation`. Nothing in the store changes.
///
/// Where a recording of locks names owners and the standing probe tells who ended the same waits, a note
/// says how often both name the same thread (canned query `waker_agreement`).
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kcorr verify
  kcorr verify --slo 100ms --shifts 200 --format ndjson
  kcorr verify --source 2                      shift, and take away, only source 2
  kcorr verify --shifts 0 --format json        only what taking away does
  kcorr verify --no-ablation                   only what shifting does
  kcorr verify --verdicts --output shifted.csv --format csv --no-ablation
                                               every verdict of every shift

json, parquet and arrow hold one result: that of the shifts, unless there are none.")]
pub(crate) struct Verify {
    /// Shift this source, instead of all that are no capture, and take away nothing else (numbers as in the sources table)
    #[arg(long = "source", value_name = "NUMBER")]
    sources: Vec<i64>,

    /// How many shifts; 0 for none
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    shifts: u32,

    /// Smallest shift, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = SHIFTS_S.0, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    least: u32,

    /// Largest shift, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = SHIFTS_S.1, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    most: u32,

    /// Take nothing away
    #[arg(long)]
    no_ablation: bool,

    #[command(flatten)]
    parameters: Parameters,

    /// Give every verdict instead of rates and counts
    #[arg(long)]
    verdicts: bool,

    #[command(flatten)]
    results: ResultOutput,

    #[command(flatten)]
    memory: Memory,
}

impl Verify {
    pub(crate) fn run(&self, global: &Global, screen: &Screen) -> anyhow::Result<Status> {
        if self.most < self.least {
            bail!("--most {} is less than --least {}", self.most, self.least);
        }
        let holds_both = self.results.format.check_count(2).is_ok();
        let shifts = self.shifts > 0;
        let takes_away = !self.no_ablation && (!shifts || holds_both);
        if !shifts && !takes_away {
            bail!("--shifts 0 with --no-ablation leaves nothing to do");
        }
        let store = global.open_store()?;
        let between_s = (self.least, self.most);
        let null_test = shifts
            .then(|| verdict_tests::plan_shifts(&store, &self.sources, self.shifts, between_s))
            .transpose()?;
        let given = self.parameters.given(global)?;
        let blame = canned_query("blame").context("there is no query blame")??;
        let objective = Objective::of(&blame.parameters()?, &given);
        runtime()?.block_on(async {
            let session = Session::open_to_alter(&store, &self.memory.options()).await?;
            let mut destination = self.results.destination(screen)?;
            if let Some(test) = &null_test {
                verdict_tests::shift(test, &store, &session, &given, screen).await?;
                note_shifts(test, screen);
                self.write("false_attribution", SHIFTED, &session, &mut destination)
                    .await?;
            }
            if takes_away {
                let test = AblationTest::plan(&store, &session, &self.sources).await?;
                self.take_away(&test, &store, &session, &given, screen)
                    .await?;
                self.write("ablation", ABLATED, &session, &mut destination)
                    .await?;
            } else if !self.no_ablation {
                screen.note(
                    "this format holds one result: with --shifts 0 it is that of taking recordings away",
                );
            }
            if let Some(agreement) = WakerAgreement::measure(&session, &given).await? {
                note_agreement(agreement, screen);
            }
            destination.say_objective(objective.as_ref())?;
            destination.finish()
        })?;
        Ok(Status::Done)
    }

    async fn take_away(
        &self,
        test: &AblationTest,
        store: &Store,
        session: &Session,
        given: &GivenParameters,
        screen: &Screen,
    ) -> anyhow::Result<()> {
        if test.ablations.is_empty() {
            let what = if self.sources.is_empty() {
                "the store holds nothing beside one capture"
            } else {
                "without these sources there are no requests"
            };
            screen.warning(&format!("nothing can be taken away: {what}"));
        }
        verdict_tests::ablate(test, store, session, given, screen).await
    }

    async fn write(
        &self,
        rates: &str,
        verdicts: &str,
        session: &Session,
        destination: &mut Destination<'_>,
    ) -> anyhow::Result<()> {
        let sql = if self.verdicts {
            verdicts
        } else {
            let query = canned_query(rates);
            query
                .with_context(|| format!("there is no query {rates}"))??
                .sql
        };
        destination.titles(rates);
        for query in session.plan(sql, &GivenParameters::new()).await? {
            destination.write(query).await?;
        }
        Ok(())
    }
}

const SHIFTED: &str = "SELECT shift_ns / 1e6 AS shift_ms, request_id, cause,
    latency_ns / 1e6 AS latency_ms, waited_ns / 1e6 AS waited_ms
    FROM shifted_verdicts ORDER BY shift_ms, request_id";

const ABLATED: &str = "SELECT a.taken, a.request_id, w.cause, a.cause AS ablated_cause
    FROM ablated_verdicts AS a
    INNER JOIN ablated_verdicts AS w ON w.request_id = a.request_id
    WHERE a.taken IS NOT NULL AND w.taken IS NULL ORDER BY a.taken, a.request_id";

fn note_agreement(agreement: WakerAgreement, screen: &Screen) {
    screen.note(&format!(
        "who ended a wait for a lock is who had it in {} of {} waits that two recordings tell of ({:.1} %)",
        agreement.agreed,
        agreement.compared,
        100.0 * agreement.ratio(),
    ));
}

fn note_shifts(test: &NullTest, screen: &Screen) {
    let sources = test.source_ids.iter().map(|id| format!("source {id}"));
    screen.note(&format!(
        "shifted {} in a circle of {:.1} s",
        sources.collect::<Vec<_>>().join(", "),
        (test.last_ns - test.first_ns) as f64 / 1e9,
    ));
}
