//! `kcorr compare --over`: what `kcorr live` has written, by the value of a setting.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use kcorr_analysis::{OverComparison, OverOptions, OverSeries, OverTime, OverWindow};
use kcorr_live::{History, Outcome, Rollup};
use kcorr_report::over_time::{OverTimeTitle, column_doc, sentences};
use kcorr_report::{Answer, Answers, Column, QueryText, Report, html};

use crate::commands::comparison_form::{Form, Written};
use crate::exit::Status;
use crate::output::OutputFile;
use crate::output::sections::{Section, SectionFormat, Sections};
use crate::screen::Screen;

/// One broker over weeks, of the options of a comparison.
#[derive(Debug, Args)]
pub(super) struct Over {
    /// Compare what kcorr live has written there, by the value of a setting (--by)
    #[arg(
        long,
        value_name = "FOLDER",
        conflicts_with = "stores",
        requires = "by",
        id = "over"
    )]
    over: Option<PathBuf>,

    /// The setting: data_mode, commit_s, file_system, mount_options, kernel, broker, jvm, vm.dirty_ratio, num.io.threads, …
    #[arg(long, value_name = "SETTING")]
    by: Option<String>,

    /// The value that others are compared with; by default the first in time
    #[arg(long, value_name = "VALUE")]
    base: Option<String>,

    /// Whose requests: an API, or all; Produce by default
    #[arg(long, value_name = "API")]
    api: Option<String>,
}

/// The tables of a comparison: name, heading, what it answers.
const TABLES: [(&str, &str, &str); 5] = [
    (
        "latency",
        "Latency and misses",
        "Percentiles and misses of the objective with each value of the setting, with their intervals.",
    ),
    (
        "causes",
        "Slow requests among 1,000 by what they waited for",
        "Slow requests by what they waited for, with their intervals.",
    ),
    (
        "periods",
        "When it was what",
        "Stretches of time with one value of the setting.",
    ),
    (
        "also_changed",
        "What else changed",
        "Other settings that were not the same with each value.",
    ),
    ("days", "Day by day", "Misses and percentiles of each day."),
];

impl Over {
    /// The folder, if one is asked for.
    ///
    /// # Errors
    /// When what is of use with one only is asked for without.
    pub(super) fn folder(&self) -> anyhow::Result<Option<&Path>> {
        let is_asked = self.by.is_some() || self.base.is_some() || self.api.is_some();
        if self.over.is_none() && is_asked {
            bail!("--by, --base and --api are of windows over time: give their folder with --over");
        }
        Ok(self.over.as_deref())
    }

    pub(super) fn run(
        &self,
        folder: &Path,
        slo_ms: Option<f64>,
        (replicates, seed, block_ns): (usize, u64, Option<i64>),
        written: &Written<'_>,
        screen: &Screen,
    ) -> anyhow::Result<Status> {
        let by = self.by.clone().context("--over wants --by")?;
        let mut options = OverOptions::default();
        options.by.clone_from(&by);
        options.base.clone_from(&self.base);
        if let Some(api) = &self.api {
            options.api = Some(api.clone()).filter(|it| it != "all");
        }
        let requests = match &options.api {
            None => "Requests of all APIs".to_owned(),
            Some(api) => format!("{api} requests"),
        };
        (options.slo_ms, options.block_ns) = (slo_ms, block_ns);
        (options.replicates, options.seed) = (replicates, seed);
        let history = History::open(folder)?;
        let mut over = OverTime::new(options);
        let mut added = Ok(());
        let (mut accounted, mut missing) = (0_u64, 0_u64);
        history.each(|rollup| match rollup.outcome {
            Outcome::Accounted => {
                accounted += 1;
                if added.is_ok() {
                    added = over.add(&window(rollup, &history));
                }
            }
            Outcome::Skipped | Outcome::Failed => missing += 1,
            Outcome::Gap => {}
        })?;
        added?;
        let comparison = over.compare()?;
        if missing > 0 {
            screen.note(&format!(
                "{missing} of {} windows were skipped or failed: what was slow in them is not in these numbers",
                missing + accounted
            ));
        }
        let title = OverTimeTitle {
            by,
            blocks: comparison.blocks.clone(),
            requests,
            objective_ms: comparison.objective_ms,
        };
        write(&comparison, &title, written, screen)?;
        Ok(Status::Done)
    }
}

fn window<'a>(rollup: &'a Rollup, history: &'a History) -> OverWindow<'a> {
    let series = rollup.series.iter().map(|it| OverSeries {
        api: &it.api,
        cause: &it.cause,
        seconds: it.seconds,
        buckets: &it.buckets,
    });
    OverWindow {
        from_ns: rollup.period.from_ns,
        to_ns: rollup.period.to_ns,
        settings: history.settings(rollup),
        objective_ms: rollup.objective_ms,
        series: series.collect(),
    }
}

fn write(
    comparison: &OverComparison,
    title: &OverTimeTitle,
    written: &Written<'_>,
    screen: &Screen,
) -> anyhow::Result<()> {
    let answers = answers(comparison, title)?;
    let format = match written.form {
        Form::Table => SectionFormat::Table,
        Form::Markdown => SectionFormat::Markdown,
        Form::Json => SectionFormat::Json,
        Form::Html => {
            let page = html::render(&Report::over_time(&answers, title));
            let path = written.output.unwrap_or(Path::new("-"));
            let mut out = OutputFile::create(path)?;
            out.write_all(page.as_bytes())
                .with_context(|| format!("cannot write {}", path.display()))?;
            return out.finish();
        }
    };
    let latency = answers.rows("latency").context("there is no latency")?;
    let words: Vec<String> = sentences(latency, &title.by)
        .iter()
        .map(kcorr_report::Text::plain)
        .collect();
    let mut out = Sections::new(format, written.output, screen)?;
    if format == SectionFormat::Json {
        for words in &words {
            screen.note(words);
        }
    } else {
        let heading = format!(
            "{} by {}, slow above {} ms; intervals by resampling {}",
            title.requests, title.by, title.objective_ms, title.blocks
        );
        out.text(&heading, &format!("{}\n", words.join("\n")))?;
    }
    for (name, heading, _) in TABLES {
        let batch = table(comparison, name);
        if batch.num_rows() > 0 || format == SectionFormat::Json {
            let title = heading.to_owned();
            out.add(&Section { name, title, batch })?;
        }
    }
    out.finish()
}

fn table<'a>(
    comparison: &'a OverComparison,
    name: &str,
) -> &'a datafusion::arrow::array::RecordBatch {
    match name {
        "latency" => &comparison.latency,
        "causes" => &comparison.causes,
        "periods" => &comparison.periods,
        "also_changed" => &comparison.also_changed,
        _ => &comparison.days,
    }
}

/// The tables, each with where its numbers come from.
fn answers(comparison: &OverComparison, title: &OverTimeTitle) -> anyhow::Result<Answers> {
    let mut answers = Answers::default();
    for (name, _, purpose) in TABLES {
        let batch = table(comparison, name);
        let text = QueryText {
            name: name.to_owned(),
            purpose: purpose.to_owned(),
            sql: "-- Of the lines that kcorr live has written: each window's series, and the settings that it is marked by.
SELECT * FROM 'rollups/*.jsonl'"
                .to_owned(),
            parameters: vec![
                ("by".to_owned(), title.by.clone()),
                ("slo_ms".to_owned(), title.objective_ms.to_string()),
                ("blocks".to_owned(), title.blocks.clone()),
            ],
        };
        let columns = batch.schema_ref().fields().iter().map(|field| Column {
            name: field.name().as_str().into(),
            doc: column_doc(field.name()).to_owned(),
        });
        let columns = columns.collect();
        answers.insert(Answer::new(text, columns, std::slice::from_ref(batch))?);
    }
    Ok(answers)
}
