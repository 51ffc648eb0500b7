//! `kcorr report`

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use futures::TryStreamExt;
use kcorr_engine::{CannedQuery, GivenParameters, Session, canned_query};
use kcorr_report::{Answer, Answers, Column, QueryText, Report as Document, sections};

use crate::commands::{Global, query::parameter, runtime};
use crate::exit::Status;
use crate::screen::Screen;

/// Write a report of the incident: what happened, why, and what to try next
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kcorr report                           writes report.html
  kcorr report --output incident.md      Markdown, for a wiki or a ticket
  kcorr report --param slo_ms=200        with another objective
  kcorr report --format json --output -  for programs

Every number in it is a cell of a canned query; the queries are in the report.")]
pub(crate) struct Report {
    /// File to write; - for standard output
    #[arg(short, long, default_value = "report.html", value_name = "FILE")]
    output: PathBuf,

    /// Form of the report; by default what the file's name ends in says
    #[arg(short, long, value_enum)]
    format: Option<Form>,

    /// A value for a parameter of the queries, for example slo_ms=65
    #[arg(short, long = "param", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
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
        let form = self.form()?;
        let given: GivenParameters = self.parameters.iter().cloned().collect();
        let store = global.open_store()?;
        let answers = runtime()?.block_on(async {
            let session = Session::open(&store).await?;
            answers(&session, &given, screen).await
        })?;
        let report = Document::incident(&answers);
        let text = match form {
            Form::Html => kcorr_report::html::render(&report),
            Form::Markdown => kcorr_report::markdown::render(&report),
            Form::Json => kcorr_report::json::render(&report, &answers),
        };
        if self.output == Path::new("-") {
            std::io::stdout().lock().write_all(text.as_bytes())?;
            return Ok(Status::Done);
        }
        std::fs::write(&self.output, &text)
            .with_context(|| format!("cannot write {}", self.output.display()))?;
        screen.note(&format!("wrote {}", self.output.display()));
        Ok(Status::Done)
    }

    fn form(&self) -> anyhow::Result<Form> {
        if let Some(form) = self.format {
            return Ok(form);
        }
        let ending = self
            .output
            .extension()
            .map(|e| e.to_string_lossy().to_lowercase());
        match ending.as_deref() {
            Some("html" | "htm") => Ok(Form::Html),
            Some("md" | "markdown") => Ok(Form::Markdown),
            Some("json") => Ok(Form::Json),
            _ if self.output == Path::new("-") => Ok(Form::Html),
            _ => bail!(
                "{} does not end in .html, .md or .json: say the form with --format",
                self.output.display()
            ),
        }
    }
}

/// Asks every query of the report that kcorr has.
async fn answers(
    session: &Session,
    given: &GivenParameters,
    screen: &Screen,
) -> anyhow::Result<Answers> {
    let mut answers = Answers::default();
    let mut known = BTreeSet::new();
    let mut asked = Vec::new();
    for name in sections::QUERIES {
        let Some(query) = canned_query(name) else {
            continue;
        };
        let query = query?;
        let below = session.canned_below(query.sql)?;
        let parameters = parameters(&query, &below);
        known.extend(parameters.keys().cloned());
        for step in below {
            let own = self::parameters(&step, &session.canned_below(step.sql)?);
            answers.insert_step(text(&step, &own, given));
        }
        asked.push((query, parameters));
    }
    if let Some(name) = given.keys().find(|name| !known.contains(*name)) {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        bail!(
            "the report has no parameter {name}; it has {}",
            known.join(", ")
        );
    }
    for (query, parameters) in asked {
        let start = std::time::Instant::now();
        let own: GivenParameters = given
            .iter()
            .filter(|(name, _)| parameters.contains_key(*name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let answer = ask(session, &query, text(&query, &parameters, given), &own)
            .await
            .with_context(|| format!("query {}", query.name))?;
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

async fn ask(
    session: &Session,
    query: &CannedQuery,
    text: QueryText,
    given: &GivenParameters,
) -> anyhow::Result<Answer> {
    let planned = session.plan(query.sql, given).await?;
    let mut batches = Vec::new();
    for statement in planned {
        batches = statement.run().await?.try_collect().await?;
    }
    let columns = query.header.columns.iter().map(|column| Column {
        name: column.name.as_str().into(),
        doc: column.doc.clone(),
    });
    Ok(Answer::new(text, columns.collect(), &batches)?)
}

/// The parameters of a query and of those it builds on, with their defaults.
fn parameters(query: &CannedQuery, below: &[CannedQuery]) -> BTreeMap<String, Option<String>> {
    let mut parameters = BTreeMap::new();
    for header in below
        .iter()
        .rev()
        .map(|query| &query.header)
        .chain([&query.header])
    {
        for parameter in &header.parameters {
            parameters.insert(parameter.name.clone(), parameter.default.clone());
        }
    }
    parameters
}

fn text(
    query: &CannedQuery,
    parameters: &BTreeMap<String, Option<String>>,
    given: &GivenParameters,
) -> QueryText {
    let value = |(name, default): (&String, &Option<String>)| {
        let value = given.get(name).or(default.as_ref());
        (name.clone(), value.cloned().unwrap_or_default())
    };
    QueryText {
        name: query.name.to_owned(),
        purpose: query.header.purpose.clone(),
        sql: query.sql.trim_end().to_owned(),
        parameters: parameters.iter().map(value).collect(),
    }
}
