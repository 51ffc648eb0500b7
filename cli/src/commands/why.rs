//! `kcorr why`

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use futures::TryStreamExt;
use kcorr_engine::{GivenParameters, Session, canned_query};
use kcorr_report::{Answers, Block, ONE_REQUEST_QUERIES, Report, Section};

use crate::commands::asking::{among, ask, text};
use crate::commands::memory::Memory;
use crate::commands::parameters::Parameters;
use crate::commands::{Global, runtime};
use crate::exit::Status;
use crate::objective::Objective;
use crate::output::{Destination, Format, OutputFile};
use crate::screen::Screen;
use crate::time_zone::TimeZone;

/// Say why one request was slow
///
/// Its verdict in sentences, what waited for what, the rows that show it, and what else its time was in.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kcorr why                    the slowest request
  kcorr why 3                  the third slowest, as kcorr blame lists them
  kcorr why 30000002045        that with this request_id
  kcorr why 3 --format markdown")]
pub(crate) struct Why {
    /// Its request_id, or its place among the slow requests: 1 is the slowest
    #[arg(default_value_t = 1)]
    request: u64,

    /// How it is written
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    format: Form,

    /// Write it to this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    parameters: Parameters,

    #[command(flatten)]
    memory: Memory,
}

/// The forms of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people
    Text,
    /// For a ticket or a wiki
    Markdown,
    /// For programs: every number with its query, row and column
    Json,
}

impl Why {
    pub(crate) fn run(&self, global: &Global, screen: &Screen) -> anyhow::Result<Status> {
        let given = self.parameters.given(global)?;
        for name in ["request", "request_id"] {
            if given.contains_key(name) {
                bail!("the request is named without --param: kcorr why REQUEST");
            }
        }
        let store = global.open_store()?;
        runtime()?.block_on(async {
            let session = Session::open_with(&store, &global.session(&self.memory)?).await?;
            session.check_given(&ONE_REQUEST_QUERIES, &given, &[])?;
            let answers = self.answers(&session, &given, global.tz).await?;
            let Some(report) = Report::one_request(&answers) else {
                bail!("{}", self.not_found(&session, &given).await?);
            };
            match self.format {
                Form::Text => {
                    self.write_text(&report, &session, &answers, &given, screen)
                        .await
                }
                Form::Markdown => self.write(&kcorr_report::markdown::render(&report)),
                Form::Json => self.write(&kcorr_report::json::render(&report, &answers)),
            }
        })?;
        Ok(Status::Done)
    }

    /// Asks for the request; then, with its id, for what its time was in.
    async fn answers(
        &self,
        session: &Session,
        given: &GivenParameters,
        zone: TimeZone,
    ) -> anyhow::Result<Answers> {
        let mut answers = Answers::default();
        let mut given = given.clone();
        given.insert("request".to_owned(), self.request.to_string());
        for name in ONE_REQUEST_QUERIES {
            let query =
                canned_query(name).with_context(|| format!("there is no query {name}"))??;
            let parameters = query.parameters()?;
            let own = among(&given, &parameters);
            let answer = ask(session, &query, text(&query, &parameters, &own), &own, zone).await?;
            let found = answer.value(0, "request_id").int();
            answers.insert(answer);
            if name == ONE_REQUEST_QUERIES[0] {
                let Some(id) = found else { break };
                given.insert("request_id".to_owned(), id.to_string());
            }
        }
        Ok(answers)
    }

    /// Why there is no answer.
    async fn not_found(
        &self,
        session: &Session,
        given: &GivenParameters,
    ) -> anyhow::Result<String> {
        let sql = "SELECT COUNT(*) AS slow_count FROM request_verdicts";
        let query =
            canned_query("request_verdicts").context("there is no query request_verdicts")??;
        let own = among(given, &query.parameters()?);
        let mut slow_count = 0;
        for planned in session.plan(sql, &own).await? {
            let rows: Vec<_> = planned.run().await?.try_collect().await?;
            for batch in &rows {
                let counts = kcorr_engine::Columns(batch).number("slow_count")?;
                slow_count = counts.get(0).unwrap_or(0);
            }
        }
        let objective = Objective::of(&query.parameters()?, &own);
        let objective = objective.map_or_else(String::new, |objective| format!("; {objective}"));
        Ok(match slow_count {
            0 => format!("no request was slow{objective}"),
            count => format!(
                "{} is neither the request_id nor the place of one of the {count} slow requests, which kcorr blame \
                 lists{objective}",
                self.request
            ),
        })
    }

    fn write(&self, text: &str) -> anyhow::Result<()> {
        use std::io::Write as _;
        let path = self.output.as_deref().unwrap_or(Path::new("-"));
        let mut out = OutputFile::create(path)?;
        out.write_all(text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
        out.finish()
    }

    /// Writes the sentences, and the chain as a tree.
    async fn write_text(
        &self,
        report: &Report,
        session: &Session,
        answers: &Answers,
        given: &GivenParameters,
        screen: &Screen,
    ) -> anyhow::Result<()> {
        let mut out = Destination::new(Format::Table, self.output.as_deref(), false, screen)?;
        out.write_text(&report.subtitle.plain())?;
        for section in &report.sections {
            out.write_heading(&section.title)?;
            for line in lines(section) {
                out.write_text(&line)?;
            }
            if section.id == "verdict" && answers.rows("chain").is_some() {
                out.write_heading("What waited for what")?;
                let query = canned_query("chain").context("there is no query chain")??;
                let mut given = given.clone();
                if let Some(id) = answers
                    .rows("one_request")
                    .and_then(|a| a.value(0, "request_id").int())
                {
                    given.insert("request_id".to_owned(), id.to_string());
                }
                let given = among(&given, &query.parameters()?);
                out.chooses(query.header.terminal);
                for planned in session.plan(query.sql, &given).await? {
                    out.write(planned).await?;
                }
            }
        }
        out.finish()
    }
}

/// A section's blocks as lines.
fn lines(section: &Section) -> Vec<String> {
    let mut lines = Vec::new();
    for block in &section.blocks {
        match block {
            Block::Headline(text) | Block::Paragraph(text) | Block::Note(text) => {
                lines.push(text.plain());
            }
            Block::List(items) => {
                lines.extend(items.iter().map(|item| format!("- {}", item.plain())));
            }
            _ => {}
        }
    }
    lines
}
