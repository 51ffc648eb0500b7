//! Compares answers with the broker's own request log, where there is no truth: for each request, the
//! time in each stage with the times that the broker measured.
//!
//! The broker's times begin when the network thread has read the request, so `connection_queue`,
//! `receive` and `unread` have no counterpart. A pause is part of whatever stage it held up, and time that is
//! unexplained may belong to any: a stage agrees when it is neither longer than the broker's, nor shorter
//! than it by more than these.

use std::collections::HashMap;
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

use super::answers::{Answer, Key};
use super::score::Share;

const MARK: &str = "Completed request:";
/// Differences up to this are none, ns.
const TOLERANCE_NS: i64 = 3_000_000;
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    request_header: Header,
    connection: String,
    total_time_ms: f64,
    request_queue_time_ms: f64,
    local_time_ms: f64,
    remote_time_ms: f64,
    response_queue_time_ms: f64,
    send_time_ms: f64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    correlation_id: i32,
}

/// What the broker measured of a request, ns.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// All of it.
    pub total: i64,
    /// By stage: request queue, local, remote, response.
    pub stages: [i64; 4],
}

/// Names of the stages, and which segments belong to each.
const STAGES: [(&str, &[&str]); 4] = [
    ("request_queue", &["request_queue"]),
    ("local", &["handler", "lock_wait", "write", "sync"]),
    ("remote", &["remote", "requested_wait"]),
    ("response", &["response"]),
];

/// How well answers agree with the broker.
#[derive(Debug, Default)]
pub struct Agreement {
    /// Requests of which all stages agree.
    pub requests: Share,
    /// By stage.
    pub stages: [Share; 4],
    /// The time of the stages that the broker measured, by whether the answers say which it was: not
    /// pause or unexplained. Where little is told, all agrees.
    pub told: Share,
    /// Answers that the log does not have.
    pub unknown: usize,
    /// Requests that agree least: difference in ns, key, stage, answered ns, measured ns.
    pub worst: Vec<(i64, Key, &'static str, i64, i64)>,
}

/// Reads a request log (JSON, plain or zstd): requests by client and correlation id.
pub(super) fn read(path: &Path) -> anyhow::Result<HashMap<Key, Measured>> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let bytes = if bytes.starts_with(&ZSTD_MAGIC) {
        zstd::decode_all(&bytes[..])
            .with_context(|| format!("{} is no whole zstd file", path.display()))?
    } else {
        bytes
    };
    let mut measured = HashMap::new();
    for line in String::from_utf8_lossy(&bytes).lines() {
        let Some((_, json)) = line.split_once(MARK) else {
            continue;
        };
        let mut values = serde_json::Deserializer::from_str(json).into_iter::<Line>();
        let Some(Ok(line)) = values.next() else {
            continue;
        };
        let client = line.connection.split('-').nth(1);
        let ns = |ms: f64| (ms * 1e6).round() as i64;
        let value = Measured {
            total: ns(line.total_time_ms),
            stages: [
                ns(line.request_queue_time_ms),
                ns(line.local_time_ms),
                ns(line.remote_time_ms),
                ns(line.response_queue_time_ms) + ns(line.send_time_ms),
            ],
        };
        let key = (
            client.unwrap_or_default().to_owned(),
            line.request_header.correlation_id,
        );
        measured.insert(key, value);
    }
    Ok(measured)
}

/// Compares all answers that the log has.
pub fn agreement(measured: &HashMap<Key, Measured>, answers: &HashMap<Key, Answer>) -> Agreement {
    let mut agreement = Agreement::default();
    for (key, answer) in answers {
        let Some(measured) = measured.get(key) else {
            agreement.unknown += 1;
            continue;
        };
        let sum = |names: &[&str]| {
            let segments = answer.segments.iter();
            let of = segments.filter(|s| names.contains(&s.stage.as_str()));
            of.map(|s| s.end - s.start).sum::<i64>()
        };
        let open = sum(&["pause", "unexplained"]);
        let all_told = STAGES.iter().map(|(_, segments)| sum(segments)).sum();
        agreement.told.add(all_told, true);
        agreement.told.add(open, false);
        let tolerance = TOLERANCE_NS.max(measured.total / 20);
        let mut all = true;
        for (place, (name, segments)) in STAGES.iter().enumerate() {
            let (told, truly) = (sum(segments), measured.stages[place]);
            let over = (told - truly).max(truly - told - open);
            let agrees = over <= tolerance;
            agreement.stages[place].add(1, agrees);
            all &= agrees;
            if !agrees {
                agreement
                    .worst
                    .push((over, key.clone(), *name, told, truly));
            }
        }
        agreement.requests.add(1, all);
    }
    agreement
        .worst
        .sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    agreement.worst.truncate(10);
    agreement
}

impl Display for Agreement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut line = |what: &str, share: Share| {
            let percent = 100.0 * share.ratio();
            writeln!(
                f,
                "{what:20}{percent:6.2} %  {} of {}",
                share.right, share.of
            )
        };
        line("all stages agree", self.requests)?;
        for ((name, _), share) in STAGES.iter().zip(self.stages) {
            line(&format!("  {name}"), share)?;
        }
        writeln!(
            f,
            "time with a stage   {:6.2} %  {} of {} ms",
            100.0 * self.told.ratio(),
            self.told.right / 1_000_000,
            self.told.of / 1_000_000
        )?;
        writeln!(f, "not in the log      {}", self.unknown)?;
        for (over, (address, correlation), stage, told, truly) in &self.worst {
            writeln!(
                f,
                "{:8.1} ms too far apart: {address} {correlation} {stage}: told {:.1} ms, measured {:.1} ms",
                *over as f64 / 1e6,
                *told as f64 / 1e6,
                *truly as f64 / 1e6
            )?;
        }
        Ok(())
    }
}
