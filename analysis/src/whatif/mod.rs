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
//! What the replay gives when nothing is cut shows how far it is off; where that differs from what was
//! recorded, the range has the replay both as it is and corrected by the difference.
//!
//! What would have been in this run is one thing, what another run without those waits measures another:
//! stalls come by chance. So each statistic also has the interval in which such a run is expected, by
//! resampling stretches of time of both predictions, as a comparison does.
//!
//! Both assume that clients send the same requests at the same times. One that waits for answers would
//! have sent sooner, and more: what it did not send while it was held up was not slowed by other causes
//! either, so where stalls of several causes coincide, the predictions are too low. Requests faster than [`WhatIfOptions::account_ms`] are subtracted nothing from, and so are
//! writes that only such requests waited for.

mod change;
mod gains;
mod recording;
mod replay;
mod subtract;

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};

use crate::compare::{CompareOptions, percentile_of_sorted, run_intervals};
pub use change::{Change, WaitKind};
pub use gains::gains;
use kcorr_engine::{Error, ErrorKind, Result};
use kcorr_engine::{GivenParameters, Session};
use recording::Recording;

/// The canned queries that a what-if asks.
pub const WHAT_IF_QUERIES: &[&str] = &[
    "replay_requests",
    "replay_appends",
    "replay_waits",
    "write_states",
    "request_segments",
];

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
    /// gives when nothing is cut (`unchanged`), which ought to be what was recorded: the range holds the
    /// replay with and without that difference. `run_low` to `run_high` is where another run without the
    /// cut waits is expected (95 %; null for the maximum, of which resampling tells nothing).
    pub statistics: RecordBatch,
    /// Answered produce requests.
    pub request_count: usize,
    /// Those of them whose own writes are known, so that the replay can follow them.
    pub followed_count: usize,
    /// Requests that the account covers.
    pub accounted_count: usize,
    /// Requests whose recorded latency a replay with nothing cut gives to within
    /// [`REPRODUCED_WITHIN_NS`].
    pub reproduced_count: usize,
}

/// Resamples for where another run is expected: enough for the ends of 95 %.
const REPLICATES: usize = 400;

/// How far a replayed latency may be from the recorded one to be the same, in ns.
pub const REPRODUCED_WITHIN_NS: i64 = 1_000_000;

/// Replays a recording with some waits cut; `given` are further parameters of the canned queries.
pub async fn what_if(
    session: &Session,
    given: &GivenParameters,
    changes: &[Change],
    options: &WhatIfOptions,
) -> Result<Prediction> {
    let account_ms = options.account_ms.min(options.slo_ms);
    let recording = Recording::read(session, given, account_ms).await?;
    let unchanged = replay::latencies(&recording, &[]);
    predict(&recording, &unchanged, changes, options.slo_ms)
}

/// What would have been; `unchanged` is the replay with nothing cut.
fn predict(
    recording: &Recording,
    unchanged: &[i64],
    changes: &[Change],
    slo_ms: f64,
) -> Result<Prediction> {
    let before = recording.produce_latencies();
    if before.is_empty() {
        let message = "the store holds no answered produce request: there is nothing to replay";
        return Err(Error::new(ErrorKind::Store, message));
    }
    let subtracted = subtract::latencies(recording, changes);
    let replayed = replay::latencies(recording, changes);
    let reproduced = before
        .iter()
        .zip(unchanged)
        .filter(|(before, after)| (*before - *after).abs() <= REPRODUCED_WITHIN_NS);
    Ok(Prediction {
        reproduced_count: reproduced.count(),
        statistics: table(
            &recording.produce_arrivals(),
            [&before, &subtracted, &replayed, unchanged],
            slo_ms,
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

/// A prediction's statistics from latencies: recorded, subtracted, replayed, and replayed with nothing cut.
fn table(arrivals: &[i64], latencies: [&[i64]; 4], slo_ms: f64) -> Result<RecordBatch> {
    let [_, subtracted, replayed, _] = latencies;
    let options = CompareOptions {
        slo_ms,
        replicates: REPLICATES,
        ..CompareOptions::default()
    };
    let interval = |after| run_intervals(arrivals, after, &options);
    let runs = if subtracted == replayed {
        vec![interval(replayed)]
    } else {
        vec![interval(subtracted), interval(replayed)]
    };
    let [before, subtracted, replayed, unchanged] =
        latencies.map(|latencies| statistics(latencies, slo_ms));
    let column = |values: &[(&str, f64)]| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(
            values.iter().map(|(_, value)| *value),
        ))
    };
    let range = |pick: fn(f64, f64) -> f64| -> ArrayRef {
        let rows = before
            .iter()
            .zip(&unchanged)
            .zip(&subtracted)
            .zip(&replayed);
        Arc::new(Float64Array::from_iter_values(rows.map(
            |(((before, unchanged), subtracted), replayed)| {
                let corrected = (replayed.1 + before.1 - unchanged.1).max(0.0);
                pick(pick(subtracted.1, replayed.1), corrected)
            },
        )))
    };
    let names: Vec<&str> = before.iter().map(|(name, _)| *name).collect();
    let run = |pick: fn(f64, f64) -> f64, end: fn(&(f64, f64)) -> f64| -> ArrayRef {
        let ends = names.iter().map(|name| {
            let ends = runs.iter().map(|run| run.get(name).map(end));
            ends.collect::<Option<Vec<f64>>>()?.into_iter().reduce(pick)
        });
        Arc::new(ends.collect::<Float64Array>())
    };
    let (run_low, run_high) = (run(f64::min, |run| run.0), run(f64::max, |run| run.1));
    let columns: [(&str, ArrayRef); 9] = [
        ("statistic", Arc::new(StringArray::from(names.clone()))),
        ("before", column(&before)),
        ("after_low", range(f64::min)),
        ("after_high", range(f64::max)),
        ("run_low", run_low),
        ("run_high", run_high),
        ("subtract", column(&subtracted)),
        ("replay", column(&replayed)),
        ("unchanged", column(&unchanged)),
    ];
    RecordBatch::try_from_iter(columns)
        .map_err(|e| Error::because(ErrorKind::Query, "the prediction is no table", e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_that_is_off_widens_the_range_by_its_error() {
        // One request each: 100 ms were recorded, the replay with nothing cut gives 120.
        let latencies = [100, 40, 50, 120].map(|ms: i64| vec![ms * 1_000_000]);
        let rows = table(&[0], latencies.each_ref().map(Vec::as_slice), 65.0).expect("a table");
        let at = |name: &str, row| {
            let column = rows.column_by_name(name).expect("a column");
            let column = column.as_any().downcast_ref::<Float64Array>();
            column.expect("numbers").value(row)
        };
        assert_eq!((at("after_low", 0), at("after_high", 0)), (30.0, 50.0));
        assert_eq!((at("after_low", 4), at("after_high", 4)), (0.0, 0.0));
        assert_eq!((at("run_low", 0), at("run_high", 0)), (40.0, 50.0));
    }
}
