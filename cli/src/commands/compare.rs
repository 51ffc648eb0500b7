//! `kcorr compare`

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use kcorr_analysis::{COMPARE_QUERIES, CompareOptions, Comparison, Condition, compare};
use kcorr_engine::{Session, canned_query};
use kcorr_report::comparison::column_doc;
use kcorr_report::{Answer, Answers, Column, QueryText, Report};
use kcorr_store::Store;

use crate::commands::compare_over::Over;
use crate::commands::comparison_form::{Form, Written};
use crate::commands::memory::Memory;
use crate::commands::parameters::Parameters;
use crate::commands::{Global, runtime};
use crate::duration::{duration_ns, milliseconds};
use crate::exit::Status;
use crate::objective::Objective;
use crate::output::OutputFile;
use crate::output::sections::{Section, SectionFormat, Sections};
use crate::output::text_heatmap;
use crate::screen::Screen;

/// Compare stores, or one broker over weeks: the same work under different settings
///
/// The first store is what the others are compared with. Intervals are 95 % confidence intervals of a
/// block bootstrap over time: one stall that made a hundred requests slow counts as one event. A ratio
/// whose interval holds 1 may be chance.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kcorr compare base.kcorr fast-commit.kcorr --slo 65ms
  kcorr compare base.kcorr change.kcorr --fail-if 'p999 > 1.1x' --fail-if 'slow_ratio > 0.5%'
  kcorr compare ext4.kcorr xfs.kcorr --output comparison.html     for a browser, with heatmaps side by side
  kcorr compare ext4.kcorr xfs.kcorr --format markdown
  kcorr compare --over live.kcorr --by data_mode                  what kcorr live has seen, before a change and after it

Conditions of --fail-if: p50, p99, p999, max, slow_count or slow_ratio; >, >=, < or <=; and a bound: 1.1x
(times the first store's), 80ms, 0.5%.

Exit status: 0 done, 2 failed, 3 a condition of --fail-if holds for a store after the first.")]
pub(crate) struct Compare {
    /// The stores, the one to compare with first
    #[arg(required_unless_present = "over", num_args = 2.., value_name = "STORE")]
    stores: Vec<PathBuf>,

    #[command(flatten)]
    over: Over,

    /// End with status 3 when this holds for a store after the first, for example 'p999 > 1.1x'
    #[arg(long, value_name = "CONDITION", conflicts_with = "over")]
    fail_if: Vec<Condition>,

    /// How the comparison is written; by default what the file's name ends in says, else a table
    #[arg(short, long, value_enum)]
    format: Option<Form>,

    /// Write it to this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Rows of what differs most
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 20,
        conflicts_with = "over"
    )]
    top: usize,

    /// Resamples for the confidence intervals
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    replicates: usize,

    /// Latencies this close together are resampled together; longer than the stalls. 2s by default; with --over days, hours
    /// or ten minutes, as there are enough of them
    #[arg(long, value_name = "TIME", value_parser = duration_ns)]
    block: Option<i64>,

    /// Seed of the resampling
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,

    #[command(flatten)]
    parameters: Parameters,

    #[command(flatten)]
    memory: Memory,
}

impl Compare {
    pub(crate) fn run(&self, global: &Global, screen: &Screen) -> anyhow::Result<Status> {
        let asked_for = global.produce_objective()?;
        if let Some(folder) = self.over.folder()? {
            if !self.parameters.without_objective().is_empty()
                || self.memory.options().memory_limit_bytes.is_some()
            {
                anyhow::bail!(
                    "--param and --memory-limit are of queries over stores: --over runs none"
                );
            }
            let written = Written {
                form: self.form(),
                output: self.output.as_deref(),
            };
            let resampling = (self.replicates, self.seed, self.block);
            return self
                .over
                .run(folder, asked_for, resampling, &written, screen);
        }
        let options = self.options(asked_for);
        let objective = Objective::asked_for(asked_for, options.slo_ms);
        let given = self.parameters.without_objective();
        let comparison = runtime()?.block_on(async {
            let mut stores = Vec::new();
            for (path, name) in self.stores.iter().zip(names(&self.stores)) {
                let store = global.of_broker(Store::open(path)?)?;
                let session = Session::open_with(&store, &self.memory.options()).await?;
                session.check_given(COMPARE_QUERIES, &given, &[("slo_ms", "--slo")])?;
                stores.push((name, session));
            }
            anyhow::Ok(compare(&stores, &given, &options).await?)
        })?;
        self.write(&comparison, &options, &objective, screen)?;
        let mut status = Status::Done;
        for condition in &self.fail_if {
            for found in comparison.matching(condition) {
                screen.warning(&format!("--fail-if: {found}"));
                status = Status::ConditionHolds;
            }
        }
        Ok(status)
    }

    fn options(&self, asked_for: Option<f64>) -> CompareOptions {
        let mut options = CompareOptions::default();
        options.slo_ms = asked_for.unwrap_or(options.slo_ms);
        options.replicates = self.replicates;
        options.block_ns = self.block_ns();
        options.seed = self.seed;
        options.top_count = self.top;
        options
    }

    fn block_ns(&self) -> i64 {
        let default = CompareOptions::default().block_ns;
        self.block.unwrap_or(default)
    }

    fn form(&self) -> Form {
        let ending = self.output.as_deref().and_then(Path::extension);
        let ending = ending.map(|e| e.to_string_lossy().to_lowercase());
        self.format.unwrap_or(match ending.as_deref() {
            Some("html" | "htm") => Form::Html,
            Some("md" | "markdown") => Form::Markdown,
            Some("json") => Form::Json,
            _ => Form::Table,
        })
    }

    fn write(
        &self,
        comparison: &Comparison,
        options: &CompareOptions,
        objective: &Objective,
        screen: &Screen,
    ) -> anyhow::Result<()> {
        let format = match self.form() {
            Form::Table => SectionFormat::Table,
            Form::Markdown => SectionFormat::Markdown,
            Form::Json => SectionFormat::Json,
            Form::Html => return self.write_page(comparison, options, objective),
        };
        let section = |name, title: String, batch| Section { name, title, batch };
        let sections = [
            section(
                "latency",
                format!("Latency of produce requests; {objective}"),
                &comparison.latency,
            ),
            section(
                "causes",
                "Slow requests by what they waited for".to_owned(),
                &comparison.causes,
            ),
            section(
                "differences",
                "What differs most: slow requests among 1,000".to_owned(),
                &comparison.differences,
            ),
        ];
        let mut out = Sections::new(format, self.output.as_deref(), screen)?;
        for section in sections {
            out.add(&section)?;
        }
        let heatmap = Section {
            name: "heatmap",
            title: "Requests by arrival and latency, on one scale".to_owned(),
            batch: &comparison.heatmap,
        };
        if format == SectionFormat::Json {
            out.add(&heatmap)?;
            screen.note(&objective.to_string());
        } else {
            out.text(&heatmap.title, &text_heatmap::draw(heatmap.batch)?)?;
        }
        out.finish()
    }

    fn write_page(
        &self,
        comparison: &Comparison,
        options: &CompareOptions,
        objective: &Objective,
    ) -> anyhow::Result<()> {
        let mut answers = self.answers(comparison, options)?;
        answers.objective_is_default = objective.is_default();
        let page = kcorr_report::html::render(&Report::comparison(&answers));
        let path = self.output.as_deref().unwrap_or(Path::new("-"));
        let mut out = OutputFile::create(path)?;
        out.write_all(page.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
        out.finish()
    }

    /// The tables, each with the canned query that it is computed from.
    fn answers(
        &self,
        comparison: &Comparison,
        options: &CompareOptions,
    ) -> anyhow::Result<Answers> {
        let mut parameters = vec![
            ("slo_ms".to_owned(), options.slo_ms.to_string()),
            (
                "block_ms".to_owned(),
                milliseconds(self.block_ns()).to_string(),
            ),
            ("replicates".to_owned(), self.replicates.to_string()),
            ("seed".to_owned(), self.seed.to_string()),
        ];
        parameters.extend(self.parameters.pairs());
        let tables = [
            (
                "latency",
                "Percentiles and misses of the objective of each store, with their intervals.",
                "latency_samples",
                &comparison.latency,
            ),
            (
                "causes",
                "Slow requests of each store by what they waited for, with their intervals.",
                "latency_samples",
                &comparison.causes,
            ),
            (
                "differences",
                "Topics, partitions, clients and file systems that differ most from the first store.",
                "latency_groups",
                &comparison.differences,
            ),
            (
                "heatmap",
                "How many produce requests of each store arrived when and took how long.",
                "compare_heatmap",
                &comparison.heatmap,
            ),
        ];
        let mut answers = Answers::default();
        for (name, purpose, source, batch) in tables {
            let source =
                canned_query(source).with_context(|| format!("there is no query {source}"))??;
            let text = QueryText {
                name: name.to_owned(),
                purpose: purpose.to_owned(),
                sql: source.sql.trim_end().to_owned(),
                parameters: parameters.clone(),
            };
            let columns = batch.schema_ref().fields().iter().map(|field| Column {
                name: field.name().as_str().into(),
                doc: column_doc(field.name()).to_owned(),
            });
            let batch = std::slice::from_ref(batch);
            answers.insert(Answer::new(text, columns.collect(), batch)?);
        }
        Ok(answers)
    }
}

/// What the stores are called: the file names, or the whole paths where these are not different.
fn names(paths: &[PathBuf]) -> Vec<String> {
    let short = |path: &Path| {
        let name = path
            .file_name()
            .unwrap_or(path.as_os_str())
            .to_string_lossy();
        name.strip_suffix(".kcorr").unwrap_or(&name).to_owned()
    };
    let mut names: Vec<String> = paths.iter().map(|path| short(path)).collect();
    let mut distinct = names.clone();
    distinct.sort();
    distinct.dedup();
    if distinct.len() < names.len() {
        names = paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_of_one_name_are_called_by_their_paths() {
        let paths = |texts: &[&str]| texts.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(names(&paths(&["a/x.kcorr", "b/y"])), ["x", "y"]);
        assert_eq!(
            names(&paths(&["a/x.kcorr", "b/x.kcorr"])),
            ["a/x.kcorr", "b/x.kcorr"]
        );
    }
}
