//! The page of `kcorr live` for people: what requests wait for as it comes, and the report of a window when one is opened.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path as FilePath;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use kcorr_live::{Evidence, FeedStanding, FeedTables};
use kcorr_report::live::{TABLES, column_doc};
use kcorr_report::{Answer, Answers, Column, QueryText, Report, html};
use tokio::sync::Semaphore;

use crate::commands::live_lines::ROLLUPS;
use crate::commands::live_process::ReportCommand;
use crate::commands::live_shown::{Shown, now_ns};

const HTML: &str = "text/html; charset=utf-8";
/// How long a report may take.
const PATIENCE: Duration = Duration::from_secs(240);
/// Bytes of what a report says on its standard error that are shown: the last.
const MOST_SAID: u64 = 4 << 10;
/// Letters of a window's name: `20261130T133000.250`.
const NAME_LENGTH: usize = 19;

/// What there is for who asks for a window's report.
enum Found {
    Page(String),
    /// Another one is being made.
    Later,
    Nothing,
}

/// What the pages are made of.
pub(super) struct LivePage {
    shown: Arc<Mutex<Shown>>,
    evidence: Evidence,
    report: ReportCommand,
    broker: String,
    objective_ms: f64,
    begun_ns: i64,
    /// One report is made at a time.
    turn: Arc<Semaphore>,
    /// The page as it was last, with what tells it from others.
    made: Mutex<Option<(String, Bytes)>>,
}

impl LivePage {
    pub(super) fn new(
        shown: Arc<Mutex<Shown>>,
        evidence: Evidence,
        report: ReportCommand,
        (broker, objective_ms): (String, f64),
    ) -> Self {
        Self {
            shown,
            evidence,
            report,
            broker,
            objective_ms,
            begun_ns: now_ns(),
            turn: Arc::new(Semaphore::new(1)),
            made: Mutex::new(None),
        }
    }

    /// The pages by their paths.
    pub(super) fn router(self) -> Router {
        Router::new()
            .route("/", get(page))
            .route("/reports/{window}", get(report))
            .with_state(Arc::new(self))
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What tells the state from all others: an entity tag.
    fn state(&self) -> String {
        let shown = self.shown();
        let (standing, windows) = (&shown.standing, shown.metrics.windows);
        let mut hasher = DefaultHasher::new();
        (&standing.sources, &standing.open_episodes).hash(&mut hasher);
        (standing.waiting, standing.evidence_bytes).hash(&mut hasher);
        (windows.accounted, windows.skipped, windows.failed).hash(&mut hasher);
        (self.begun_ns, shown.feed.revision()).hash(&mut hasher);
        format!("\"{:016x}\"", hasher.finish())
    }

    /// The page, made anew where anything has changed.
    fn page(&self, state: &str) -> anyhow::Result<Bytes> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of_state, page)) = &*made
            && of_state == state
        {
            return Ok(page.clone());
        }
        // Others wait for what is shown, but not for the disk.
        let kept = self.evidence.kept();
        let tables = {
            let shown = self.shown();
            let standing = FeedStanding {
                standing: &shown.standing,
                counts: shown.metrics.windows,
                objective_ms: self.objective_ms,
            };
            FeedTables::of(&shown.feed, &standing, &kept)?
        };
        let report = Report::live(&answers(&tables)?, &self.broker);
        let page = Bytes::from(html::render_live(&report, state));
        *made = Some((state.to_owned(), page.clone()));
        Ok(page)
    }

    /// The report of a window, made when it is asked for first; none when its store is not kept.
    async fn report(self: Arc<Self>, window: String) -> anyhow::Result<Found> {
        let file = self.evidence.report(&window);
        let read = |file: &FilePath| std::fs::read_to_string(file).ok();
        if let Some(text) = read(&file) {
            return Ok(Found::Page(text));
        }
        let store = self.evidence.store(&window);
        if !store.is_dir() {
            return Ok(Found::Nothing);
        }
        let Ok(turn) = Arc::clone(&self.turn).try_acquire_owned() else {
            return Ok(Found::Later);
        };
        if let Some(text) = read(&file) {
            return Ok(Found::Page(text));
        }
        let page = Arc::clone(&self);
        let made = tokio::task::spawn_blocking(move || {
            // Whoever asked may have gone: the next has to wait for this one all the same.
            let _turn = turn;
            page.make(&store, &file)?;
            let text = std::fs::read_to_string(&file);
            text.with_context(|| format!("cannot read {}", file.display()))
        });
        Ok(Found::Page(made.await??))
    }

    fn make(&self, store: &FilePath, file: &FilePath) -> anyhow::Result<()> {
        let mut command = (self.report)(store, file);
        // What it makes for a while goes with it, also when it is killed; and a pipe that nobody reads would hold it up.
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let mut said = tempfile::tempfile().context("cannot make a temporary file")?;
        command.env("TMPDIR", folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(said.try_clone()?);
        // A Ctrl-C is the recorder's.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().context("cannot start this program")?;
        let begun = Instant::now();
        loop {
            match child.try_wait()? {
                Some(status) if status.success() || status.code() == Some(1) => return Ok(()),
                Some(status) => bail!(
                    "the report of {} has failed: {status}{}",
                    store.display(),
                    last_of(&mut said)
                ),
                None if begun.elapsed() > PATIENCE => {
                    let _ = child.kill();
                    let _ = child.wait();
                    bail!(
                        "the report of {} takes too long{}",
                        store.display(),
                        last_of(&mut said)
                    );
                }
                None => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }
}

/// The last of what was written to a file, as lines behind others; nothing where nothing was.
fn last_of(file: &mut File) -> String {
    let mut bytes = Vec::new();
    let length = file.metadata().map_or(0, |it| it.len());
    let from = SeekFrom::Start(length.saturating_sub(MOST_SAID));
    let read = file.seek(from).and_then(|_| file.read_to_end(&mut bytes));
    let text = String::from_utf8_lossy(&bytes);
    match text.trim() {
        "" => String::new(),
        _ if read.is_err() => String::new(),
        text => format!("\n{text}"),
    }
}

async fn page(State(page): State<Arc<LivePage>>, headers: HeaderMap) -> Response {
    let state = page.state();
    let known = headers.get(IF_NONE_MATCH).and_then(|it| it.to_str().ok());
    if known == Some(&state) {
        return (StatusCode::NOT_MODIFIED, [(ETAG, state)]).into_response();
    }
    // The thread that answers goes on with others, such as Prometheus.
    let of_state = state.clone();
    let made = tokio::task::spawn_blocking(move || page.page(&of_state)).await;
    match made.map_err(anyhow::Error::from).flatten() {
        Ok(text) => {
            let headers = [(CONTENT_TYPE, HTML.to_owned()), (ETAG, state)];
            (headers, text).into_response()
        }
        Err(error) => failed(&error),
    }
}

async fn report(State(page): State<Arc<LivePage>>, Path(window): Path<String>) -> Response {
    let is_letter = |it: u8| it.is_ascii_digit() || it == b'T' || it == b'.';
    let is_name = window.len() == NAME_LENGTH && window.bytes().all(is_letter);
    let found = match is_name {
        true => page.report(window).await,
        false => Ok(Found::Nothing),
    };
    match found {
        Ok(Found::Page(text)) => ([(CONTENT_TYPE, HTML)], text).into_response(),
        Ok(Found::Later) => {
            let headers = [(CONTENT_TYPE, HTML), (RETRY_AFTER, "5")];
            let words = "<!doctype html><html lang=en><title>kcorr</title><meta http-equiv=refresh content=5>\
                         <p>One report is made at a time. This page asks again in five seconds.";
            (StatusCode::SERVICE_UNAVAILABLE, headers, words).into_response()
        }
        Ok(Found::Nothing) => {
            let words = "there is no such window, or what it was recorded is kept no more (--keep, --max-size)\n";
            (StatusCode::NOT_FOUND, words).into_response()
        }
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}\n")).into_response()
}

/// The tables as answers, each with how the lines of the folder give the same.
fn answers(tables: &FeedTables) -> anyhow::Result<Answers> {
    let mut answers = Answers::default();
    concat!("kcorr ", env!("CARGO_PKG_VERSION")).clone_into(&mut answers.tool);
    answers.made_at = Some(time_of(now_ns()));
    for (name, batch) in &tables.tables {
        let purpose = TABLES.iter().find(|(known, _)| known == name);
        let query = QueryText {
            name: (*name).to_owned(),
            purpose: purpose.map_or("", |(_, purpose)| purpose).to_owned(),
            sql: lines_of(name, tables),
            parameters: Vec::new(),
        };
        let columns = batch.schema_ref().fields().iter().map(|field| Column {
            name: field.name().as_str().into(),
            doc: column_doc(field.name()).to_owned(),
        });
        let columns = columns.collect();
        answers.insert(Answer::new(query, columns, std::slice::from_ref(batch))?);
    }
    Ok(answers)
}

/// How DuckDB gives what a table has from the lines of the folder, of the same time.
fn lines_of(table: &str, tables: &FeedTables) -> String {
    let (from_ns, to_ns) = tables.windows.map_or((0, 0), |it| (it.from_ns, it.to_ns));
    let windows = format!("FROM {ROLLUPS} AS w");
    let shown = format!("w.from_ns >= {from_ns} AND w.to_ns <= {to_ns}");
    let accounted = format!("{shown} AND w.outcome = 'accounted'");
    match table {
        "latency_over_time" => format!(
            "SELECT w.\"from\", b[1] AS bound_ms, sum(b[2]) AS request_count
{windows}, unnest(w.series) AS t(s), unnest(s.buckets) AS u(b)
WHERE {accounted}
GROUP BY ALL ORDER BY ALL"
        ),
        "causes" | "causes_over_time" | "topics" => format!(
            "SELECT w.\"from\", s.topic, s.cause, s.reason, sum(s.count) AS request_count, sum(s.seconds) AS seconds
{windows}, unnest(w.series) AS t(s)
WHERE {accounted}
GROUP BY ALL ORDER BY ALL"
        ),
        "episodes" | "episode_windows" => format!(
            "-- Requests with one root in windows that follow each other.
SELECT a.\"window\", root, cause, reason, min(end_time), max(end_time), count(*), max(latency_ms), sum(waited_ms)
FROM 'accounts/*.jsonl' AS a
WHERE a.\"window\".from_ns >= {} AND a.\"window\".to_ns <= {to_ns}
GROUP BY ALL ORDER BY 1, 2",
            tables.episodes_from_ns.unwrap_or(to_ns)
        ),
        "gaps" => format!(
            "SELECT w.\"from\", outcome {windows}
WHERE {shown} AND w.outcome <> 'accounted' ORDER BY 1"
        ),
        _ => format!(
            "SELECT w.\"from\", outcome, slow, late, lost, seconds {windows}
WHERE {shown} ORDER BY 1"
        ),
    }
}

fn time_of(ns: i64) -> String {
    let time = chrono::DateTime::from_timestamp_nanos(ns);
    time.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}
