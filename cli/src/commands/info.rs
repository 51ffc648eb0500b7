//! `kcorr info`

use std::fs;
use std::path::Path;

use anyhow::Context;
use clap::{Args, ValueEnum};
use kcorr_engine::{GivenParameters, Session, canned_query};
use kcorr_report::{Answer, Value};
use kcorr_store::Store;
use serde_json::{Map, Value as Json, json};

use crate::commands::asking::{ask, text};
use crate::commands::memory::Memory;
use crate::commands::{Global, runtime};
use crate::exit::Status;
use crate::output::{Destination, Format};
use crate::screen::Screen;
use crate::time_zone::TimeZone;

/// Say what is in the store
///
/// Its recordings and their time, brokers and requests, what could not be read, how the clocks were aligned, and
/// how much room it takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kcorr info
  kcorr --store monday.kcorr info --format json
  kcorr sources        more about each recording; kcorr clocks, kcorr data_quality and kcorr tables likewise")]
pub(crate) struct Info {
    /// How it is written
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    format: Form,

    #[command(flatten)]
    memory: Memory,
}

/// The forms of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people
    Text,
    /// One object
    Json,
}

/// Room that a store takes; of objects, that of those which it names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Room {
    files: u64,
    bytes: u64,
}

impl Info {
    pub(crate) fn run(&self, global: &Global, screen: &Screen) -> anyhow::Result<Status> {
        let store = global.open_store()?;
        let room = match store.folder() {
            Some(folder) => {
                room(folder).with_context(|| format!("cannot look through {}", folder.display()))?
            }
            None => Room {
                files: store.manifest().files().count() as u64,
                bytes: store.manifest().files().map(|file| file.size_bytes).sum(),
            },
        };
        runtime()?.block_on(async {
            let session = Session::open_with(&store, &self.memory.options()).await?;
            let facts = canned_query("store_facts").context("there is no query store_facts")??;
            let given = GivenParameters::new();
            let asked = text(&facts, &facts.parameters()?, &given);
            let facts = ask(&session, &facts, asked, &given, TimeZone::UTC).await?;
            match self.format {
                Form::Text => write_text(&store, &session, &facts, room, screen).await,
                Form::Json => write_json(&store, &facts, room, screen),
            }
        })?;
        Ok(Status::Done)
    }
}

/// Everything below a folder.
fn room(folder: &Path) -> std::io::Result<Room> {
    let mut all = Room::default();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let room = match metadata.is_dir() {
            true => room(&entry.path())?,
            false => Room {
                files: 1,
                bytes: metadata.len(),
            },
        };
        all.files += room.files;
        all.bytes += room.bytes;
    }
    Ok(all)
}

async fn write_text(
    store: &Store,
    session: &Session,
    facts: &Answer,
    room: Room,
    screen: &Screen,
) -> anyhow::Result<()> {
    let zone = screen.zone();
    let cell = |column: &str| facts.cell(0, column).text_with_unit();
    let has = |column: &str| !matches!(facts.value(0, column), Value::Null);
    let mut out = Destination::new(Format::Table, None, false, screen)?;
    let mut line = |name: &str, what: String| out.write_text(&format!("{name:<12}{what}"));
    let files = if room.files == 1 { "file" } else { "files" };
    line(
        "store",
        format!(
            "{}: {} {files}, {:.1} MB, {} rows",
            store.name(),
            room.files,
            room.bytes as f64 / 1e6,
            cell("row_count"),
        ),
    )?;
    line(
        "recordings",
        match has("kinds") {
            true => format!(
                "{} ({}), {} were read",
                cell("source_count"),
                cell("kinds"),
                cell("size_bytes")
            ),
            false => "none: kcorr ingest puts some in".to_owned(),
        },
    )?;
    if let Some((first, last)) = facts.time(0, "first_time").zip(facts.time(0, "last_time")) {
        let (first, last) = (zone.wall_time(first), zone.wall_time(last));
        let end = match first.date() == last.date() {
            true => last.format("%H:%M:%S%.3f"),
            false => last.format("%Y-%m-%d %H:%M:%S%.3f"),
        };
        let begin = first.format("%Y-%m-%d %H:%M:%S%.3f");
        line(
            "time",
            format!("{begin} to {end} {zone}, {}", cell("span_s")),
        )?;
    }
    if has("brokers") {
        line("brokers", cell("brokers"))?;
    }
    if has("apis") {
        line(
            "requests",
            format!(
                "{} ({}) on {} connections, of {} clients, for {} topics",
                cell("request_count"),
                cell("apis"),
                cell("connection_count"),
                cell("client_count"),
                cell("topic_count")
            ),
        )?;
    }
    line(
        "losses",
        match has("losses") {
            true => format!(
                "{} ({}); kcorr data_quality says more",
                cell("loss_count"),
                cell("losses")
            ),
            false => "none".to_owned(),
        },
    )?;
    if has("clock_verdicts") {
        line(
            "clocks",
            format!("{}; kcorr clocks says more", cell("clock_verdicts")),
        )?;
    }
    out.write_heading("Recordings")?;
    let query = canned_query("recordings").context("there is no query recordings")??;
    out.chooses(query.header.terminal);
    for planned in session.plan(query.sql, &GivenParameters::new()).await? {
        out.write(planned).await?;
    }
    out.finish()
}

fn write_json(store: &Store, facts: &Answer, room: Room, screen: &Screen) -> anyhow::Result<()> {
    let mut object = Map::new();
    object.insert("store".to_owned(), store.name().into());
    object.insert("file_count".to_owned(), room.files.into());
    object.insert("store_bytes".to_owned(), room.bytes.into());
    for column in facts.columns() {
        object.insert(column.name.to_string(), facts.value(0, &column.name).json());
    }
    let tables = kcorr_model::tables::ALL
        .iter()
        .map(|table| table.name.to_owned());
    let tables = tables.chain(store.extra_tables()).filter_map(|name| {
        let count = store.row_count(&name);
        (count > 0).then(|| (name, json!(count)))
    });
    object.insert("tables".to_owned(), Json::Object(tables.collect()));
    let mut out = Destination::new(Format::Json, None, false, screen)?;
    out.write_text(&serde_json::to_string_pretty(&Json::Object(object))?)?;
    out.finish()
}
