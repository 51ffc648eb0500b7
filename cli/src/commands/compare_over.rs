//! `kcorr compare --over`: what `kcorr live` has written, by the value of a setting.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use kcorr_analysis::{
    Counted, OverComparison, OverObjective, OverOptions, OverSeries, OverTime, OverWindow,
};
use kcorr_live::{History, Outcome, Rollup};
use kcorr_report::over_time::{OverTimeTitle, column_doc, sentences};
use kcorr_report::{Answer, Answers, Column, QueryText, Report, html};

use crate::commands::comparison_form::{Form, Written};
use crate::commands::live_lines::ROLLUPS;
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
        let (api, asked_ms) = (options.api.clone(), options.slo_ms);
        let history = History::open(folder)?;
        let mut over = OverTime::new(options);
        let mut added = Ok(());
        let (mut accounted, mut missing) = (0_u64, 0_u64);
        let mut accounted_in = (i64::MAX, i64::MIN);
        history.each(|rollup| match rollup.outcome {
            Outcome::Accounted => {
                accounted += 1;
                accounted_in.0 = accounted_in.0.min(rollup.period.from_ns);
                accounted_in.1 = accounted_in.1.max(rollup.period.to_ns);
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
            objective: comparison.objective.to_string(),
        };
        let is_slow = is_slow(&comparison.counted, asked_ms);
        let sql = lines_of(&title.by, api.as_deref(), &is_slow, accounted_in);
        write(&comparison, (&title, &sql), written, screen)?;
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
        objective: rollup.objective_ms.map(|ms| OverObjective {
            ms,
            apis_ms: rollup.api_objectives_ms.clone(),
        }),
        series: series.collect(),
    }
}

/// What of a line's series (`s`), or of its buckets (`b`), was counted as slow.
fn is_slow(counted: &Counted, asked_ms: Option<f64>) -> String {
    let of_account = "s.cause <> 'none'";
    let Some(ms) = asked_ms.filter(|_| !counted.by_bucket.is_empty()) else {
        return of_account.to_owned();
    };
    let of_buckets = format!("coalesce(b[1] > {ms}, true)");
    if counted.by_account.is_empty() {
        return of_buckets;
    }
    let within = counted.by_account.iter();
    let within: Vec<String> = within
        .map(|(from_ns, to_ns)| format!("w.from_ns >= {from_ns} AND w.to_ns <= {to_ns}"))
        .collect();
    let within = within.join(" OR ");
    format!("CASE WHEN {within} THEN {of_account} ELSE {of_buckets} END")
}

/// How DuckDB gives what is resampled from the lines of the folder: windows, with the value of the setting.
fn lines_of(by: &str, api: Option<&str>, is_slow: &str, (from_ns, to_ns): (i64, i64)) -> String {
    let of_api = api.map_or(String::new(), |api| {
        format!(" AND s.api ILIKE '{}'", api.replace('\'', "''"))
    });
    format!(
        "SELECT m.\"{}\" AS setting, w.\"from\", sum(b[2]) AS request_count, sum(b[2]) FILTER ({is_slow}) AS slow_count
FROM {ROLLUPS} AS w
LEFT JOIN read_json('settings/*.json', filename = true, union_by_name = true) AS m
    ON parse_filename(m.filename, true) = w.settings,
    unnest(w.series) AS t(s), unnest(s.buckets) AS u(b)
WHERE w.outcome = 'accounted' AND w.from_ns >= {from_ns} AND w.to_ns <= {to_ns}{of_api}
GROUP BY ALL ORDER BY ALL",
        by.replace('"', "\"\"")
    )
}

fn write(
    comparison: &OverComparison,
    (title, sql): (&OverTimeTitle, &str),
    written: &Written<'_>,
    screen: &Screen,
) -> anyhow::Result<()> {
    let answers = answers(comparison, title, sql)?;
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
            "{} by {}, slow above {}; intervals by resampling {}",
            title.requests, title.by, title.objective, title.blocks
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
fn answers(
    comparison: &OverComparison,
    title: &OverTimeTitle,
    sql: &str,
) -> anyhow::Result<Answers> {
    let mut answers = Answers::default();
    for (name, _, purpose) in TABLES {
        let batch = table(comparison, name);
        let text = QueryText {
            name: name.to_owned(),
            purpose: purpose.to_owned(),
            sql: sql.to_owned(),
            parameters: vec![
                ("by".to_owned(), title.by.clone()),
                ("slo".to_owned(), title.objective.clone()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_as_the_windows_were() {
        let mut counted = Counted::default();
        counted.by_account.push((10, 20));
        assert_eq!(is_slow(&counted, None), "s.cause <> 'none'");
        // An API's own objective is asked for, and is the bound of no bucket.
        assert_eq!(is_slow(&counted, Some(200.0)), "s.cause <> 'none'");
        counted.by_bucket.push((20, 30));
        assert_eq!(
            is_slow(&counted, Some(200.0)),
            "CASE WHEN w.from_ns >= 10 AND w.to_ns <= 20 THEN s.cause <> 'none' ELSE coalesce(b[1] > 200, true) END"
        );
        counted.by_account.clear();
        assert_eq!(is_slow(&counted, Some(200.0)), "coalesce(b[1] > 200, true)");
    }
}
