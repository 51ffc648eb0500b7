//! `kcorr report`

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use kcorr_analysis::{AblationTest, WhatIfOptions, gains};
use kcorr_engine::{GivenParameters, SLO_PARAMETER, Session, canned_query};
use kcorr_report::{Answer, Answers, Report as Document, Text, sections};
use kcorr_store::Store;

use crate::commands::asking::{among, ask, text};
use crate::commands::memory::Memory;
use crate::commands::parameters::Parameters;
use crate::commands::verdict_tests::{self, SHIFTS_S};
use crate::commands::{Global, query::took, runtime};
use crate::exit::Status;
use crate::output::OutputFile;
use crate::screen::Screen;

/// Shifts of the null test unless another number is asked for.
const SHIFTS: u32 = 10;

/// With more slow requests the null test is left out unless asked for: each shift blames all of them anew.
const MOST_SLOW: i64 = 2_000;

/// With more things that can be taken away, the ablation test is left out: each costs a run of `blame`.
const MOST_ABLATIONS: usize = 40;

/// With more requests, changes are not replayed.
const MOST_REPLAYED: i64 = 200_000;

/// Write a report of the incident: what happened, why, and what to try next
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kcorr report                           writes report.html
  kcorr report --output incident.md      Markdown, for a wiki or a ticket
  kcorr report --brief                   prints what fits a ticket
  kcorr report --slo 200ms               with another objective
  kcorr report --format json --output -  for programs
  kcorr report --shifts 0 --no-ablation  sooner: without the tests of the verdicts

Every number in it is a cell of a canned query; the queries are in the report.")]
pub(crate) struct Report {
    /// File to write; - for standard output (default: report.html, or - with --brief)
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Only what fits a ticket, as Markdown: the story, what to do, the costliest episodes, causes
    #[arg(long, conflicts_with = "format")]
    brief: bool,

    /// Form of the report; by default what the file's name ends in says
    #[arg(short, long, value_enum)]
    format: Option<Form>,

    #[command(flatten)]
    parameters: Parameters,

    /// Shifts of the null test, as in `kcorr verify`; 0 for none (default: 10, or 0 with more than 2000 slow requests)
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(0..=10_000))]
    shifts: Option<u32>,

    #[command(flatten)]
    memory: Memory,

    /// Leave out what changes would gain, which replays the recording once for each
    #[arg(long)]
    no_replay: bool,

    /// Leave out the ablation test of `kcorr verify`, which takes away each recording and kind of rows (so it is with more than 2000 slow requests)
    #[arg(long)]
    no_ablation: bool,
}

/// What was asked for besides: tests of the verdicts, and replays.
#[derive(Debug, Clone, Copy)]
struct VerdictTests {
    /// Shifts of the null test.
    shifts: Option<u32>,
    /// Whether recordings are taken away.
    ablates: bool,
    /// Whether what changes would gain is replayed.
    replays: bool,
}

/// The forms of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// One file for a browser, which needs no network
    Html,
    /// Text for a wiki or a ticket
    Markdown,
    /// For programs: every number with its query, row and column
    Json,
}

impl Report {
    pub(crate) fn run(&self, global: &Global, screen: &Screen) -> anyhow::Result<Status> {
        self.write(self.output(), global, screen)
    }

    /// The page that is to be written, if a file was named; an error for what no browser shows.
    pub(crate) fn page(&self) -> anyhow::Result<Option<&Path>> {
        if self.form()? != Form::Html || self.output.as_deref() == Some(Path::new("-")) {
            bail!(
                "only a report in HTML is shown in a browser: name a file that ends in .html, or none"
            );
        }
        Ok(self.output.as_deref())
    }

    /// Writes the report to a file, or to standard output as `-`.
    pub(crate) fn write(
        &self,
        output: &Path,
        global: &Global,
        screen: &Screen,
    ) -> anyhow::Result<Status> {
        let form = self.form()?;
        let given = self.parameters.given(global)?;
        let store = global.open_store()?;
        let answers = runtime()?.block_on(async {
            let session = Session::open_to_alter(&store, &global.session(&self.memory)?).await?;
            let tests = VerdictTests {
                shifts: self.shifts,
                ablates: !self.no_ablation,
                replays: !self.no_replay,
            };
            let queries = match self.brief {
                true => sections::BRIEF_QUERIES,
                false => sections::QUERIES,
            };
            session.check_given(sections::QUERIES, &given, &[])?;
            answers(&store, &session, queries, &given, tests, screen).await
        })?;
        let report = match self.brief {
            true => Document::brief(&answers),
            false => Document::incident(&answers),
        };
        let text = match form {
            Form::Html => kcorr_report::html::render(&report),
            Form::Markdown => kcorr_report::markdown::render(&report),
            Form::Json => kcorr_report::json::render(&report, &answers),
        };
        let mut out = OutputFile::create(output)?;
        out.write_all(text.as_bytes())
            .with_context(|| format!("cannot write {}", output.display()))?;
        out.finish()?;
        if output != Path::new("-") {
            screen.note(&format!("wrote {}", output.display()));
        }
        Ok(Status::Done)
    }

    /// Where it is written to.
    fn output(&self) -> &Path {
        match &self.output {
            Some(output) => output,
            None if self.brief => Path::new("-"),
            None => Path::new("report.html"),
        }
    }

    fn form(&self) -> anyhow::Result<Form> {
        if let Some(form) = self.format {
            return Ok(form);
        }
        if self.brief {
            return Ok(Form::Markdown);
        }
        let output = self.output();
        let ending = output
            .extension()
            .map(|e| e.to_string_lossy().to_lowercase());
        match ending.as_deref() {
            Some("html" | "htm") => Ok(Form::Html),
            Some("md" | "markdown") => Ok(Form::Markdown),
            Some("json") => Ok(Form::Json),
            _ if output == Path::new("-") => Ok(Form::Html),
            _ => bail!(
                "{} does not end in .html, .md or .json: say the form with --format",
                output.display()
            ),
        }
    }
}

/// Asks those queries that kcorr has.
async fn answers(
    store: &Store,
    session: &Session,
    queries: &[&str],
    given: &GivenParameters,
    tests: VerdictTests,
    screen: &Screen,
) -> anyhow::Result<Answers> {
    let mut answers = Answers::default();
    answers.objective_is_default = !given.contains_key(SLO_PARAMETER);
    answers.tool = concat!("kcorr ", env!("CARGO_PKG_VERSION")).to_owned();
    let now_ns = chrono::Utc::now().timestamp_nanos_opt();
    answers.made_at = now_ns.map(|ns| {
        let wall_time = screen.zone().wall_time(ns);
        format!("{} {}", wall_time.format("%Y-%m-%d %H:%M"), screen.zone())
    });
    let mut asked = Vec::new();
    for name in queries {
        let Some(query) = canned_query(name) else {
            continue;
        };
        let query = query?;
        let parameters = query.parameters()?;
        for step in query.below()? {
            let own = step.parameters()?;
            answers.insert_step(text(&step, &own, given));
        }
        asked.push((query, parameters));
    }
    for (query, parameters) in asked {
        let start = std::time::Instant::now();
        // Its rows are made by the test; the queries before it keep theirs until then.
        if matches!(query.name, "false_attribution" | "ablation") {
            let slow = answers.rows("headline");
            let slow = slow.and_then(|a| a.value(0, "slow_count").int());
            let slow = slow.unwrap_or(0);
            let not_measured = if query.name == "ablation" {
                take_away(store, session, given, tests.ablates, slow, screen).await?
            } else {
                measure_chance(store, session, given, tests.shifts, slow, screen).await?
            };
            if let Some(why) = not_measured {
                answers.leave_out(query.name, why);
            }
        }
        // So are these: by a replay.
        if query.name == "expected_gains" {
            let not_replayed = match tests.replays {
                true => replay(session, given, answers.rows("headline")).await?,
                false => Some(Text::from(
                    "What changes would gain was not replayed: it was asked to be left out.",
                )),
            };
            if let Some(why) = not_replayed {
                answers.leave_out(query.name, why);
            }
        }
        let own = among(given, &parameters);
        let asked = text(&query, &parameters, given);
        let answer = ask(session, &query, asked, &own, screen.zone())
            .await
            .with_context(|| format!("query {}", query.name))?;
        for step in session.take_steps() {
            screen.detail(&took(&step));
        }
        screen.detail(&format!(
            "{}: {} rows in {:.1?}",
            query.name,
            answer.len(),
            start.elapsed()
        ));
        answers.insert(answer);
    }
    Ok(answers)
}

/// Replays the recording without each kind of wait, so that `expected_gains` has rows; else says why it
/// has none.
async fn replay(
    session: &Session,
    given: &GivenParameters,
    headline: Option<&Answer>,
) -> anyhow::Result<Option<Text>> {
    let number = |column| headline.and_then(|headline| headline.number(0, column));
    let count = |column| headline.and_then(|headline| headline.value(0, column).int());
    let (slow, all) = (count("slow_count"), count("request_count"));
    let not_replayed = Text::from("What changes would gain was not replayed: ");
    if slow.unwrap_or(0) == 0 {
        return Ok(Some(not_replayed.and("no request was slow.")));
    }
    if session.broker_count() > 1 {
        let text = not_replayed.and("a replay is of one broker. ");
        return Ok(Some(text.code("kcorr report --broker").and(" does it.")));
    }
    if slow > Some(MOST_SLOW) || all > Some(MOST_REPLAYED) {
        let text = not_replayed.and("with so many requests it takes long. ");
        return Ok(Some(text.code("kcorr whatif").and(" does it.")));
    }
    let mut options = WhatIfOptions::default();
    options.slo_ms = number("slo_ms").unwrap_or(options.slo_ms);
    // The account that the session has already.
    options.account_ms = options.slo_ms;
    let rows = gains(session, given, &options).await?;
    session.replace_rows(&kcorr_model::tables::WHAT_IFS, rows)?;
    Ok(None)
}

/// Runs the null test, so that `false_attribution` has rows; else says why it has none.
async fn measure_chance(
    store: &Store,
    session: &Session,
    given: &GivenParameters,
    shifts: Option<u32>,
    slow_count: i64,
    screen: &Screen,
) -> anyhow::Result<Option<Text>> {
    let not_measured =
        Text::from("How often requests would be blamed by chance was not measured: ");
    if slow_count == 0 {
        return Ok(Some(not_measured.and("none was slow.")));
    }
    if shifts.is_none() && slow_count > MOST_SLOW {
        let text = not_measured
            .and("with so many slow requests it takes long. ")
            .code("kcorr verify")
            .and(" and ")
            .code("kcorr report --shifts 10")
            .and(" do it.");
        return Ok(Some(text));
    }
    let shifts = shifts.unwrap_or(SHIFTS);
    if shifts == 0 {
        let text = not_measured
            .and("no shifts were asked for. See ")
            .code("kcorr verify");
        return Ok(Some(text.and(".")));
    }
    let test = match verdict_tests::plan_shifts(store, &[], shifts, SHIFTS_S) {
        Ok(test) => test,
        Err(why) => return Ok(Some(not_measured.and(format!("{why}.").as_str()))),
    };
    let given = of_blame(given)?;
    verdict_tests::shift(&test, store, session, &given, screen).await?;
    Ok(None)
}

/// Runs the ablation test, so that `ablation` has rows; else says why it has none.
async fn take_away(
    store: &Store,
    session: &Session,
    given: &GivenParameters,
    is_asked_for: bool,
    slow_count: i64,
    screen: &Screen,
) -> anyhow::Result<Option<Text>> {
    let not_measured = Text::from("What verdicts become without a recording was not measured: ");
    let verify = |text: Text| Some(text.code("kcorr verify --shifts 0").and(" does it."));
    if slow_count == 0 {
        return Ok(Some(not_measured.and("none was slow.")));
    }
    if !is_asked_for {
        let text = not_measured.and("it was asked to be left out. ");
        return Ok(verify(text));
    }
    if slow_count > MOST_SLOW {
        let text = not_measured.and("with so many slow requests it takes long. ");
        return Ok(verify(text));
    }
    let test = AblationTest::plan(store, session, &[]).await?;
    if test.ablations.is_empty() {
        let text = not_measured.and("there is nothing beside the capture.");
        return Ok(Some(text));
    }
    if test.ablations.len() > MOST_ABLATIONS {
        let text = not_measured.and("with so many recordings it takes long. ");
        return Ok(verify(text));
    }
    let given = of_blame(given)?;
    verdict_tests::ablate(&test, store, session, &given, screen).await?;
    Ok(None)
}

/// Those of the given values that `blame` has a parameter for.
fn of_blame(given: &GivenParameters) -> anyhow::Result<GivenParameters> {
    let blame = canned_query("blame").context("there is no query blame")??;
    Ok(among(given, &blame.parameters()?))
}
