//! The account of one window, from the store of its recording.

use std::time::Instant;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::json::LineDelimitedWriter;
use futures::TryStreamExt;
use kcorr_engine::{Columns, GivenParameters, Session, SessionOptions};
use kcorr_store::Store;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::period::{Period, text_of_time};
use crate::settings::Settings;
use crate::verdict::Verdict;

/// How long after a window's end a request of it may be found that was not in its own account, in ns: then it is in the
/// account of the next.
pub const LATE_NS: i64 = 5_000_000_000;

/// What an account of a window says.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct WindowAccount {
    /// The window; none until it is accounted for.
    pub period: Option<Period>,
    /// Slow requests that ended in it, and those that ended up to [`LATE_NS`] before it: which of these were told before,
    /// an account does not know.
    pub verdicts: Vec<Verdict>,
    /// All other requests that ended in it.
    pub others: Vec<Bucket>,
    /// What was lost of its recording; of what windows share, each has it.
    pub losses: Vec<Lost>,
    /// What the broker ran on and with.
    #[serde(default)]
    pub settings: Settings,
    /// Since when the oldest request was open at the window's end, if any was.
    pub open_since_ns: Option<i64>,
    /// Seconds until its recording was a store.
    pub ingest_seconds: f64,
    /// Seconds of queries.
    pub query_seconds: f64,
}

/// Requests of one API and topic that were not slow, by latency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// The API.
    pub api: String,
    /// The topic; empty where there is none.
    pub topic: String,
    /// Upper bound in ms, if it has one.
    pub bound_ms: Option<f64>,
    /// How many are in it.
    pub count: u64,
    /// Their latencies, added up.
    pub seconds: f64,
}

/// A kind of thing that was lost, as in the table `losses`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Its name.
    pub kind: String,
    /// How bad it is.
    pub severity: String,
    /// How often.
    pub count: u64,
}

/// Asks a store for the account of a window; `given` are the objectives.
///
/// # Errors
/// When a query cannot be run.
pub async fn account(
    store: &Store,
    options: &SessionOptions,
    given: &GivenParameters,
    period: Period,
) -> Result<WindowAccount> {
    let begun = Instant::now();
    let session = Session::open_with(store, options).await?;
    let mut account = WindowAccount {
        period: Some(period),
        ..WindowAccount::default()
    };
    let from_ns = period.from_ns.saturating_sub(LATE_NS);
    let sql = verdicts_between(from_ns, period.to_ns);
    for batch in rows(&session, &sql, given).await? {
        account.verdicts.extend(verdicts(&batch)?);
    }
    let mut given = given.clone();
    given.insert("from_time".to_owned(), text_of_ns(period.from_ns));
    given.insert("to_time".to_owned(), text_of_ns(period.to_ns));
    let mut found = session.run_canned("window_latencies", &given).await?;
    while let Some(batch) = found.try_next().await? {
        account.others.extend(buckets(&batch)?);
    }
    let none = GivenParameters::new();
    for batch in rows(&session, LOSSES, &none).await? {
        account.losses.extend(losses(&batch)?);
    }
    for batch in rows(&session, &open_at(period.to_ns), &none).await? {
        account.open_since_ns = Columns(&batch).number("since")?.get(0);
    }
    let mut found = session.run_canned("window_settings", &none).await?;
    while let Some(batch) = found.try_next().await? {
        account.settings.extend(settings(&batch)?);
    }
    account.query_seconds = begun.elapsed().as_secs_f64();
    Ok(account)
}

const LOSSES: &str = "SELECT kind, severity, SUM(count) AS count FROM losses
    GROUP BY kind, severity ORDER BY kind, severity";

fn verdicts_between(from_ns: i64, to_ns: i64) -> String {
    format!(
        "SELECT b.*, CAST(b.end_time AS BIGINT) AS end_ns, e.kind AS episode_kind,
            CAST(e.start_time AS BIGINT) AS episode_start_ns, CAST(e.end_time AS BIGINT) AS episode_end_ns
        FROM blame AS b
        LEFT JOIN episode_requests AS e ON e.request_id = b.request_id
        WHERE CAST(b.end_time AS BIGINT) >= {from_ns} AND CAST(b.end_time AS BIGINT) < {to_ns}
        ORDER BY b.end_time, b.request_id"
    )
}

/// Requests that nobody had answered at a time, and that somebody will.
fn open_at(time_ns: i64) -> String {
    format!(
        "SELECT CAST(MIN(arrival_time) AS BIGINT) AS since FROM requests
        WHERE CAST(arrival_time AS BIGINT) < {time_ns}
            AND (CAST(end_time AS BIGINT) >= {time_ns} OR no_response = 'open_at_end')"
    )
}

/// A time as a parameter takes it, to the nanosecond.
fn text_of_ns(ns: i64) -> String {
    let whole = text_of_time(ns);
    let second = whole.split('.').next().unwrap_or_default();
    format!("{second}.{:09}Z", ns.rem_euclid(1_000_000_000))
}

async fn rows(session: &Session, sql: &str, given: &GivenParameters) -> Result<Vec<RecordBatch>> {
    let mut all = Vec::new();
    for statement in session.plan(sql, given).await? {
        all = statement.run().await?.try_collect().await?;
    }
    Ok(all)
}

fn verdicts(batch: &RecordBatch) -> Result<Vec<Verdict>> {
    let mut text = Vec::new();
    let mut writer = LineDelimitedWriter::new(&mut text);
    writer.write(batch)?;
    writer.finish()?;
    let lines = text.split(|&byte| byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty());
    Ok(lines
        .map(serde_json::from_slice)
        .collect::<serde_json::Result<_>>()?)
}

fn buckets(batch: &RecordBatch) -> Result<Vec<Bucket>> {
    let columns = Columns(batch);
    let api = columns.text("api")?;
    let topic = columns.text("topic")?;
    let bound = columns.float("bound_ms")?;
    let count = columns.number("request_count")?;
    let seconds = columns.float("total_seconds")?;
    let rows = 0..batch.num_rows();
    Ok(rows
        .map(|row| Bucket {
            api: api.get(row).unwrap_or_default().to_owned(),
            topic: topic.get(row).unwrap_or_default().to_owned(),
            bound_ms: bound.get(row),
            count: count.unsigned(row).unwrap_or(0),
            seconds: seconds.get(row).unwrap_or(0.0),
        })
        .collect())
}

fn losses(batch: &RecordBatch) -> Result<Vec<Lost>> {
    let columns = Columns(batch);
    let kind = columns.text("kind")?;
    let severity = columns.text("severity")?;
    let count = columns.number("count")?;
    let rows = 0..batch.num_rows();
    Ok(rows
        .map(|row| Lost {
            kind: kind.get(row).unwrap_or_default().to_owned(),
            severity: severity.get(row).unwrap_or_default().to_owned(),
            count: count.unsigned(row).unwrap_or(0),
        })
        .collect())
}

fn settings(batch: &RecordBatch) -> Result<Settings> {
    let columns = Columns(batch);
    let (name, value) = (columns.text("name")?, columns.text("value")?);
    let text = |it: Option<&str>| it.unwrap_or_default().to_owned();
    let rows = 0..batch.num_rows();
    Ok(rows
        .map(|row| (text(name.get(row)), text(value.get(row))))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_to_the_nanosecond() {
        assert_eq!(
            text_of_ns(1_700_000_000_250_000_007),
            "2023-11-14T22:13:20.250000007Z"
        );
    }
}
