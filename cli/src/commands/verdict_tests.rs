//! Running the tests of the verdicts, for `kcorr verify` and `kcorr report`: recordings shifted in time,
//! and recordings taken away.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kcorr_analysis::{AblationTest, NullTest};
use kcorr_engine::{GivenParameters, Session};
use kcorr_store::Store;

use crate::screen::Screen;

/// Smallest and largest shift unless others are asked for, in seconds.
pub(super) const SHIFTS_S: (u32, u32) = (2, 60);

/// Plans shifts between two numbers of seconds.
pub(super) fn plan_shifts(
    store: &Store,
    sources: &[i64],
    shifts: u32,
    (least_s, most_s): (u32, u32),
) -> kcorr_engine::Result<NullTest> {
    let ns = |seconds: u32| i64::from(seconds) * 1_000_000_000;
    NullTest::plan(store, sources, shifts as usize, (ns(least_s), ns(most_s)))
}

/// Runs a null test and puts its verdicts where the session's queries find them.
pub(super) async fn shift(
    test: &NullTest,
    store: &Store,
    session: &Session,
    given: &GivenParameters,
    screen: &Screen,
) -> anyhow::Result<()> {
    let bar = bar("shifts", test.shifts_ns.len(), screen);
    let done = |done: usize| bar.set_position(done as u64);
    let rows = test.run(store, session, given, &done).await?;
    bar.finish_and_clear();
    session.replace_rows(&kcorr_model::tables::SHIFTED_VERDICTS, rows)?;
    Ok(())
}

/// Runs an ablation test and puts its verdicts where the session's queries find them.
pub(super) async fn ablate(
    test: &AblationTest,
    store: &Store,
    session: &Session,
    given: &GivenParameters,
    screen: &Screen,
) -> anyhow::Result<()> {
    let bar = bar("taken away", test.ablations.len(), screen);
    let done = |done: usize| bar.set_position(done as u64);
    let rows = test.run(store, session, given, &done).await?;
    bar.finish_and_clear();
    session.replace_rows(&kcorr_model::tables::ABLATED_VERDICTS, rows)?;
    Ok(())
}

fn bar(what: &str, steps: usize, screen: &Screen) -> ProgressBar {
    let target = if screen.shows_progress() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(steps as u64), target);
    let template = format!("{what} {{bar:24}} {{pos}}/{{len}} {{eta:>4}} left");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar
}
