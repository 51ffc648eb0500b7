//! What if some waits had been shorter: latencies with chosen waits cut.
//!
//! Nobody can know; so there are two predictions, and each statistic is given as their range:
//!
//! - **subtract** takes from every slow request the time that the account blames on the waits that are cut,
//!   and leaves everything else where it was recorded. It knows all that the account knows, and misses that
//!   requests which were not in each other's way may come to be.
//! - **replay** runs the recording again: connections serve one request at a time, handlers one append, logs
//!   one writer. It needs no account but for the writes' own states, and takes over every recorded delay
//!   that it does not model.
//!
//! Both assume that clients send the same requests at the same times (one that waits for answers would
//! send sooner). Requests faster than [`WhatIfOptions::account_ms`] are subtracted nothing from, and so are
//! writes that only such requests waited for.

mod change;
mod recording;
mod replay;
mod subtract;

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};

use crate::compare::percentile_of_sorted;
use crate::error::{Error, ErrorKind, Result};
use crate::query::{GivenParameters, Session};
pub use change::{Change, WaitKind};
use recording::Recording;

/// How a what-if is computed.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct WhatIfOptions {
    /// A request at least this slow misses the objective, in ms.
    pub slo_ms: f64,
    /// Requests at least this slow are accounted for, in ms.
    pub account_ms: f64,
}

impl Default for WhatIfOptions {
    fn default() -> Self {
        Self {
            slo_ms: 65.0,
            account_ms: 5.0,
        }
    }
}

/// What would have been.
#[derive(Debug, Clone)]
pub struct Prediction {
    /// One row a statistic: before, the range of the two predictions, each of them, and what the replay
    /// gives when nothing is cut (`unchanged`), which ought to be what was recorded.
    pub statistics: RecordBatch,
    /// Answered produce requests.
    pub request_count: usize,
    /// Those of them whose own writes are known, so that the replay can follow them.
    pub followed_count: usize,
    /// Requests that the account covers.
    pub accounted_count: usize,
}

/// Replays a recording with some waits cut; `given` are further parameters of the canned queries.
pub async fn what_if(
    session: &Session,
    given: &GivenParameters,
    changes: &[Change],
    options: &WhatIfOptions,
) -> Result<Prediction> {
    let account_ms = options.account_ms.min(options.slo_ms);
    let recording = Recording::read(session, given, account_ms).await?;
    let before = recording.produce_latencies();
    if before.is_empty() {
        let message = "the store holds no answered produce request: there is nothing to replay";
        return Err(Error::new(ErrorKind::Store, message));
    }
    let subtracted = subtract::latencies(&recording, changes);
    let replayed = replay::latencies(&recording, changes);
    let unchanged = replay::latencies(&recording, &[]);
    Ok(Prediction {
        statistics: table(
            [&before, &subtracted, &replayed, &unchanged],
            options.slo_ms,
        )?,
        request_count: before.len(),
        followed_count: recording.followed_count(),
        accounted_count: recording.accounted_count(),
    })
}

/// The statistics of latencies in ns.
#[expect(
    clippy::cast_precision_loss,
    reason = "latencies and counts are far below 2⁵³"
)]
fn statistics(latencies_ns: &[i64], slo_ms: f64) -> Vec<(&'static str, f64)> {
    let mut sorted: Vec<f64> = latencies_ns.iter().map(|&ns| ns as f64 / 1e6).collect();
    sorted.sort_by(f64::total_cmp);
    let slow = sorted.len() - sorted.partition_point(|&latency| latency < slo_ms);
    let at = |rank| percentile_of_sorted(&sorted, rank);
    vec![
        ("p50_ms", at(0.5)),
        ("p99_ms", at(0.99)),
        ("p999_ms", at(0.999)),
        ("max_ms", at(1.0)),
        ("slow_count", slow as f64),
        ("slow_ratio", slow as f64 / sorted.len().max(1) as f64),
    ]
}

fn table(latencies: [&[i64]; 4], slo_ms: f64) -> Result<RecordBatch> {
    let [before, subtracted, replayed, unchanged] =
        latencies.map(|latencies| statistics(latencies, slo_ms));
    let column = |values: &[(&str, f64)]| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(
            values.iter().map(|(_, value)| *value),
        ))
    };
    let range = |pick: fn(f64, f64) -> f64| -> ArrayRef {
        let pairs = subtracted.iter().zip(&replayed);
        Arc::new(Float64Array::from_iter_values(
            pairs.map(|(a, b)| pick(a.1, b.1)),
        ))
    };
    let names: Vec<&str> = before.iter().map(|(name, _)| *name).collect();
    let columns: [(&str, ArrayRef); 7] = [
        ("statistic", Arc::new(StringArray::from(names))),
        ("before", column(&before)),
        ("after_low", range(f64::min)),
        ("after_high", range(f64::max)),
        ("subtract", column(&subtracted)),
        ("replay", column(&replayed)),
        ("unchanged", column(&unchanged)),
    ];
    RecordBatch::try_from_iter(columns)
        .map_err(|e| Error::because(ErrorKind::Query, "the prediction is no table", e))
}
