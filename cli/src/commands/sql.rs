//! `kcorr sql`

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;
use kcorr_engine::{GivenParameters, Header, Session, canned_queries, canned_query, parameters_in};
use kcorr_model::tables;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::{Editor, Helper, Highlighter, Hinter, Validator};

use crate::commands::memory::Memory;
use crate::commands::{Global, runtime};
use crate::exit::Status;
use crate::objective::{Objective, Objectives};
use crate::output::{Destination, Format};
use crate::screen::Screen;

/// What the shell obeys.
macro_rules! help {
    () => {
        "\
A statement ends with `;`. In the shell:
  \\d             tables and canned queries
  \\d+            also the steps below the queries, by what they serve
  \\d writes      columns of a table
  \\blame         run the canned query `blame`
  \\x             rows one below the other, a column a line, and back
  \\timing        say how long statements take, and back
  \\h             this help
  \\q             leave (or Ctrl-D)"
    };
}

const HELP: &str = help!();

/// Ask in SQL, interactively
#[derive(Debug, Args)]
#[command(after_help = concat!(help!(), "

Examples:
  kcorr sql
  echo 'SELECT count(*) FROM requests;' | kcorr sql"))]
pub(crate) struct Sql {
    /// How results are written
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// CSV for spreadsheets: cells that one would take for a formula begin with '
    #[arg(long)]
    safe_csv: bool,

    /// All columns of a table, also those that do not fit the terminal
    #[arg(long)]
    wide: bool,

    #[command(flatten)]
    memory: Memory,

    /// Let SQL read and write files: FROM 'a.parquet', COPY, external tables. Without it a statement reads
    /// the store's tables and nothing else
    #[arg(long)]
    allow_files: bool,
}

impl Sql {
    pub(crate) fn run(&self, global: &Global, screen: &Screen) -> anyhow::Result<Status> {
        if self.safe_csv && self.format != Format::Csv {
            bail!("--safe-csv is for --format csv");
        }
        let objectives = global.objectives()?;
        let store = global.open_store()?;
        let runtime = runtime()?;
        let mut options = global.session(&self.memory)?;
        options.allows_files = self.allow_files;
        let session = runtime.block_on(Session::open_with(&store, &options))?;
        let mut editor: Editor<Names, _> = Editor::new()?;
        editor.set_helper(Some(Names::all()?));
        let history = history_file();
        if let Some(history) = &history {
            // There is none yet the first time.
            let _ = editor.load_history(history);
        }
        screen.detail("End a statement with `;`. \\d lists tables, \\q leaves.");
        let mut statement = String::new();
        let mut failed = false;
        let mut shell = Shell::default();
        loop {
            let prompt = if statement.is_empty() {
                "kcorr> "
            } else {
                "   ... "
            };
            let line = match editor.readline(prompt) {
                Ok(line) => line,
                Err(ReadlineError::Interrupted) => {
                    statement.clear();
                    continue;
                }
                Err(ReadlineError::Eof) => break,
                Err(e) => return Err(e.into()),
            };
            if statement.is_empty() && line.trim().is_empty() {
                continue;
            }
            statement.push_str(&line);
            statement.push('\n');
            let text = statement.trim();
            if !text.starts_with('\\') && !text.ends_with(';') {
                continue;
            }
            editor.add_history_entry(text)?;
            if matches!(text, "\\q" | "\\quit" | "exit;" | "quit;") {
                break;
            }
            if let Some(said) = shell.obeys(text) {
                screen.note(said);
                statement.clear();
                continue;
            }
            let start = Instant::now();
            let answer = self.answer(text, &session, &runtime, &objectives, shell, screen);
            if shell.says_times {
                screen.note(&format!("took {:.1?}", start.elapsed()));
            }
            if let Err(error) = answer {
                screen.error(&error);
                failed = true;
            }
            statement.clear();
        }
        if !statement.trim().is_empty() {
            // Input that ends without `;`, as from a pipe.
            let text = statement.trim();
            self.answer(text, &session, &runtime, &objectives, shell, screen)?;
        }
        if let Some(history) = &history {
            save(&mut editor, history)?;
        }
        // In a script a wrong statement is a failure; a person has seen the message.
        let is_script = !std::io::stdin().is_terminal();
        Ok(if failed && is_script {
            Status::Failed
        } else {
            Status::Done
        })
    }

    fn answer(
        &self,
        text: &str,
        session: &Session,
        runtime: &tokio::runtime::Runtime,
        slo: &Objectives,
        shell: Shell,
        screen: &Screen,
    ) -> anyhow::Result<()> {
        let sql = match text.strip_prefix('\\') {
            Some(command) => command_sql(command.trim_end_matches(';').trim())?,
            None => text.to_owned(),
        };
        let known = parameters_in(&sql)?;
        let mut given = GivenParameters::new();
        // Statements that know no slow requests are asked beside those that do.
        for (name, value) in slo.parameters() {
            if known.iter().any(|p| p.name == name) {
                given.insert(name.to_owned(), value);
            }
        }
        let mut destination = Destination::new(self.format, None, self.wide, screen)?;
        destination.guards_formulas(self.safe_csv);
        destination.expands(shell.is_expanded);
        destination.chooses(Header::parse(&sql)?.terminal);
        runtime.block_on(async {
            for query in session.plan(&sql, &given).await? {
                tokio::select! {
                    result = destination.write(query) => result?,
                    _ = tokio::signal::ctrl_c() => anyhow::bail!("cancelled"),
                }
            }
            anyhow::Ok(())
        })?;
        destination.say_objective(Objective::of(&known, &given).as_ref())?;
        destination.finish()
    }
}

/// How the shell shows answers.
#[derive(Debug, Clone, Copy, Default)]
struct Shell {
    /// A column a line.
    is_expanded: bool,
    /// How long each statement took.
    says_times: bool,
}

impl Shell {
    /// Obeys a command that changes how answers are shown, or asks for help, and says what it did.
    fn obeys(&mut self, text: &str) -> Option<&'static str> {
        let said = match text.trim_end_matches(';').trim() {
            "\\x" => {
                self.is_expanded = !self.is_expanded;
                match self.is_expanded {
                    true => "rows are shown a column a line",
                    false => "rows are shown as tables",
                }
            }
            "\\timing" => {
                self.says_times = !self.says_times;
                match self.says_times {
                    true => "how long statements take is said",
                    false => "how long statements take is not said",
                }
            }
            "\\h" | "\\help" | "\\?" => HELP,
            _ => return None,
        };
        Some(said)
    }
}

/// What a backslash command asks, as SQL.
fn command_sql(command: &str) -> anyhow::Result<String> {
    match command.split_whitespace().collect::<Vec<_>>()[..] {
        ["d" | "dt"] => Ok(names_sql(false)?),
        ["d+" | "dt+"] => Ok(names_sql(true)?),
        ["d", table] => Ok(format!("SHOW COLUMNS FROM {table}")),
        [name] => {
            let query = canned_query(name).with_context(|| {
                format!("\\{name} is neither \\d, \\h, \\q nor a canned query")
            })??;
            Ok(query.sql.to_owned())
        }
        _ => anyhow::bail!("expected \\d, \\d TABLE, \\h, \\q or \\ and a canned query"),
    }
}

/// A query that lists the tables and the canned queries: those that people ask first, or all of them.
fn names_sql(all: bool) -> anyhow::Result<String> {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let mut rows: Vec<String> = tables::ALL
        .iter()
        .map(|table| format!("({}, 'table', {})", quoted(table.name), quoted(table.doc)))
        .collect();
    for query in canned_queries()? {
        let kind = match query.folder {
            "" => "query".to_owned(),
            _ if !all => continue,
            folder => format!("step: {folder}"),
        };
        let purpose = quoted(&query.header.purpose);
        rows.push(format!(
            "({}, {}, {purpose})",
            quoted(query.name),
            quoted(&kind)
        ));
    }
    let rows = rows.join(", ");
    Ok(format!(
        "SELECT name, kind, meaning FROM (VALUES {rows}) AS t (name, kind, meaning) ORDER BY kind = 'table' DESC, kind, name"
    ))
}

fn history_file() -> Option<PathBuf> {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state"));
    let state = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .or_else(home)?;
    Some(state.join("kcorr").join("sql_history"))
}

fn save<H: Helper>(
    editor: &mut Editor<H, rustyline::history::DefaultHistory>,
    path: &PathBuf,
) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    editor
        .save_history(path)
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Completes names of tables, columns and canned queries.
#[derive(Helper, Highlighter, Hinter, Validator)]
struct Names {
    names: Vec<&'static str>,
}

impl Names {
    fn all() -> anyhow::Result<Self> {
        let mut names: Vec<&'static str> =
            canned_queries()?.iter().map(|query| query.name).collect();
        for table in tables::ALL {
            names.push(table.name);
            names.extend(table.columns.iter().map(|column| column.name));
        }
        names.sort_unstable();
        names.dedup();
        Ok(Self { names })
    }
}

impl Completer for Names {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _context: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let before = line.get(..position).unwrap_or(line);
        let start = before
            .rfind(|c: char| !c.is_alphanumeric() && c != '_')
            .map_or(0, |separator| separator + 1);
        let word = before.get(start..).unwrap_or_default();
        let matching = self.names.iter().filter(|name| name.starts_with(word));
        Ok((start, matching.map(|name| (*name).to_owned()).collect()))
    }
}
