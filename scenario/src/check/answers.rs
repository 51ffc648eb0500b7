//! kcorr's answers: the rows that `kcorr query … --format json` (or `ndjson`) printed.
//!
//! Columns that are not known are passed over; of those that are expected, the message says which is
//! missing.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use chrono::DateTime;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::account::{Cause, Root, Via};

/// A row of `blame`.
#[derive(Debug, Clone, Deserialize)]
pub struct BlameRow {
    /// Id of the request.
    pub request_id: i64,
    /// `ip:port` of the client.
    pub client_address: String,
    /// Correlation id.
    pub correlation_id: i32,
    /// First byte of the request.
    pub arrival_time: String,
    /// Its latency.
    pub latency_ms: f64,
    /// The verdict.
    pub cause: String,
    /// The root of `cause`, where the answer has it apart.
    #[serde(default)]
    pub root: Option<String>,
    /// How the root reached the request, where the answer has it apart.
    #[serde(default)]
    pub via: Option<String>,
    /// The mechanism at the root, where the answer has it.
    #[serde(default)]
    pub reason: Option<String>,
    /// How sure it is.
    pub confidence: Option<f64>,
    /// Thread of its own write.
    pub tid: Option<i32>,
    /// Thread it waited for.
    pub blocker_tid: Option<i32>,
    /// The broker where the root is, when that is another one.
    #[serde(default)]
    pub blocker_broker: Option<i32>,
}

/// A row of `request_segments`.
#[derive(Debug, Clone, Deserialize)]
pub struct SegmentRow {
    /// Id of the request.
    pub request_id: i64,
    /// Its start.
    pub start_time: String,
    /// Its end.
    pub end_time: String,
    /// Stage of the request.
    #[serde(default)]
    pub segment: String,
    /// What is to blame.
    pub cause: String,
    /// The write at the root.
    pub root_write_id: Option<i64>,
    /// What that was doing.
    #[serde(default)]
    pub write_state: Option<String>,
    /// The mechanism at the root.
    #[serde(default)]
    pub reason: Option<String>,
    /// The thread waited for.
    #[serde(default)]
    pub blocker_tid: Option<i32>,
}

/// A row of `root_writes`, or of `writes`.
#[derive(Debug, Clone, Deserialize)]
pub struct WriteRow {
    /// Id of the write.
    pub write_id: i64,
    /// Its thread.
    pub tid: Option<i32>,
    /// Its start.
    pub start_time: String,
}

/// A slow request as kcorr accounts for it.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its latency, ns.
    pub latency_ns: i64,
    /// First byte of the request, ns since 1970 by kcorr's clock.
    pub arrival_ns: i64,
    /// The verdict.
    pub cause: String,
    /// The mechanism at the root.
    pub reason: Option<String>,
    /// Whether its root and way are those of its cause; they are where they are not told apart.
    pub agrees: bool,
    /// How sure it is.
    pub confidence: Option<f64>,
    /// Thread it waited for, as `blame` says; its own when it waited for none.
    pub blocker_tid: Option<i32>,
    /// The broker where the root is, when that is another one.
    pub blocker_broker: Option<i32>,
    /// Its time.
    pub segments: Vec<Segment>,
}

/// A stretch of an answer; times from the first byte of the request on, ns.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Its start.
    pub start: i64,
    /// Its end.
    pub end: i64,
    /// Stage of the request.
    pub stage: String,
    /// What is to blame.
    pub cause: String,
    /// The write at the root.
    pub write: Option<i64>,
    /// What that was doing.
    pub write_state: Option<String>,
    /// The mechanism at the root.
    pub reason: Option<String>,
    /// The thread waited for.
    pub blocker_tid: Option<i32>,
}

/// Which request: the client's address and the correlation id.
pub type Key = (String, i32);

/// Reads rows: one JSON array, or one object a line.
pub(super) fn rows<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Vec<T>> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let rows = if text.trim_start().starts_with('[') {
        serde_json::from_str(&text)
    } else {
        serde_json::Deserializer::from_str(&text)
            .into_iter()
            .collect()
    };
    rows.with_context(|| format!("{} is not what kcorr query prints as JSON", path.display()))
}

/// ns since 1970 of a time as kcorr prints it.
pub(super) fn ns_from_time(text: &str) -> anyhow::Result<i64> {
    let time = DateTime::parse_from_rfc3339(text).with_context(|| format!("{text} is no time"))?;
    match time.timestamp_nanos_opt() {
        Some(ns) => Ok(ns),
        None => bail!("{text} is out of range"),
    }
}

/// Whether a row's root and way, where it has them, are those that its cause is made of.
fn agrees(row: &BlameRow) -> bool {
    let Some(cause) = Cause::from_name(&row.cause) else {
        return row.root.is_none() && row.via.is_none();
    };
    let is_root = |root: &str| Root::from_name(root) == Some(cause.root);
    let is_via = |via: &str| Via::from_name(via) == Some(cause.via);
    // What is unexplained came in no way.
    row.root.as_deref().is_none_or(is_root)
        && (cause == Cause::UNEXPLAINED || row.via.as_deref().is_none_or(is_via))
}

/// Puts the rows of `blame` and `request_segments` together, by request.
pub fn answers(
    blame: Vec<BlameRow>,
    segments: Vec<SegmentRow>,
) -> anyhow::Result<HashMap<Key, Answer>> {
    let mut keys = HashMap::new();
    let mut answers = HashMap::new();
    for row in blame {
        let agrees = agrees(&row);
        let key = (row.client_address, row.correlation_id);
        if keys.insert(row.request_id, key.clone()).is_some() {
            // Another topic-partition of the same request.
            continue;
        }
        let answer = Answer {
            latency_ns: (row.latency_ms * 1e6).round() as i64,
            arrival_ns: ns_from_time(&row.arrival_time)?,
            cause: row.cause,
            reason: row.reason,
            agrees,
            confidence: row.confidence,
            blocker_tid: row.blocker_tid.or(row.tid),
            blocker_broker: row.blocker_broker,
            segments: Vec::new(),
        };
        answers.insert(key, answer);
    }
    for row in segments {
        let Some(answer) = keys
            .get(&row.request_id)
            .and_then(|key| answers.get_mut(key))
        else {
            bail!(
                "request_segments has request {}, which blame has not",
                row.request_id
            );
        };
        answer.segments.push(Segment {
            start: ns_from_time(&row.start_time)? - answer.arrival_ns,
            end: ns_from_time(&row.end_time)? - answer.arrival_ns,
            stage: row.segment,
            cause: row.cause,
            write: row.root_write_id,
            write_state: row.write_state,
            reason: row.reason,
            blocker_tid: row.blocker_tid,
        });
    }
    for answer in answers.values_mut() {
        answer.segments.sort_by_key(|segment| segment.start);
    }
    Ok(answers)
}
