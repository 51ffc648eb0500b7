//! A window's line: what became of it, and its counts.

use std::collections::BTreeMap;

use kcorr_exposition::{Bounds, Histogram};
use serde::{Deserialize, Serialize};

use crate::account::WindowAccount;
use crate::period::{Period, text_of_time};
use crate::verdict::Verdict;

type Key = (String, String, String, String);

/// What became of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It has an account.
    Accounted,
    /// Those before took too long.
    Skipped,
    /// Its recording could not be made a store, or asked.
    Failed,
    /// Nothing was recorded: the broker, or this program, did not run.
    Gap,
}

impl Outcome {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accounted => "accounted",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Gap => "gap",
        }
    }
}

/// A window's line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rollup {
    /// Its begin, as text.
    pub from: String,
    /// The window.
    #[serde(flatten)]
    pub period: Period,
    /// What became of it.
    pub outcome: Outcome,
    /// Slow requests that were entered with it.
    pub slow: u64,
    /// Of these, those that ended before it.
    pub late: u64,
    /// Seconds of its account.
    pub seconds: f64,
    /// Things lost of its recording that matter.
    pub lost: u64,
    /// The latency from which on its requests are slow, in ms, of all APIs without one of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective_ms: Option<f64>,
    /// That of each API with one of its own, in ms.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub api_objectives_ms: BTreeMap<String, f64>,
    /// What the broker ran on and with: the name of a file in `settings`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<String>,
    /// Counts by API, topic, cause and reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<RollupSeries>,
}

/// Requests of one kind in a window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RollupSeries {
    /// The API.
    pub api: String,
    /// The topic; empty where there is none.
    pub topic: String,
    /// What slow ones waited for; `none` of others.
    pub cause: String,
    /// The mechanism behind it; empty where nothing shows one.
    pub reason: String,
    /// How many.
    pub count: u64,
    /// Their latencies in seconds, added up.
    pub seconds: f64,
    /// Upper bound in ms (none for the last) and count of each bucket that is not empty.
    pub buckets: Vec<(Option<f64>, u64)>,
}

impl Rollup {
    /// A window without an account.
    pub fn without(period: Period, outcome: Outcome) -> Self {
        Self {
            from: text_of_time(period.from_ns),
            period,
            outcome,
            slow: 0,
            late: 0,
            seconds: 0.0,
            lost: 0,
            objective_ms: None,
            api_objectives_ms: BTreeMap::new(),
            settings: None,
            series: Vec::new(),
        }
    }

    /// Of an account, with the slow requests that were entered with it.
    pub fn of(
        period: Period,
        account: &WindowAccount,
        entered: &[Verdict],
        bounds: &Bounds,
    ) -> Self {
        let mut series: BTreeMap<Key, Histogram> = BTreeMap::new();
        for bucket in &account.others {
            let key = (
                bucket.api.clone(),
                bucket.topic.clone(),
                "none".to_owned(),
                String::new(),
            );
            let place = bounds.place_of_bound(bucket.bound_ms);
            let histogram = series.entry(key).or_default();
            histogram.add(place, bucket.count, bucket.seconds);
        }
        for verdict in entered {
            let text = |column| verdict.text(column).to_owned();
            let key = (text("api"), text("topic"), text("cause"), text("reason"));
            let latency = verdict.latency_seconds();
            let histogram = series.entry(key).or_default();
            histogram.add(bounds.place(latency * 1e3), 1, latency);
        }
        let late = entered.iter().filter(|it| !period.has(it.end_ns())).count();
        let lost = account.losses.iter().filter(|it| it.severity != "info");
        Self {
            slow: entered.len() as u64,
            late: late as u64,
            seconds: account.ingest_seconds + account.query_seconds,
            lost: lost.map(|it| it.count).sum(),
            series: series
                .into_iter()
                .map(|(key, histogram)| of_histogram(key, &histogram, bounds))
                .collect(),
            ..Self::without(period, Outcome::Accounted)
        }
    }
}

fn of_histogram(key: Key, histogram: &Histogram, bounds: &Bounds) -> RollupSeries {
    let (api, topic, cause, reason) = key;
    let buckets = histogram.buckets.iter().enumerate();
    let buckets = buckets.filter(|(_, count)| **count > 0);
    RollupSeries {
        api,
        topic,
        cause,
        reason,
        count: histogram.count,
        seconds: histogram.seconds,
        buckets: buckets
            .map(|(place, count)| (bounds.bound_ms(place), *count))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Bucket;
    use serde_json::json;

    #[test]
    fn a_window_s_counts_are_those_of_its_account_and_of_what_was_entered() {
        let period = Period {
            from_ns: 0,
            to_ns: 10_000_000_000,
        };
        let other = |bound_ms, count| Bucket {
            api: "Produce".to_owned(),
            topic: "orders".to_owned(),
            bound_ms,
            count,
            seconds: 0.5,
        };
        let account = WindowAccount {
            others: vec![other(Some(1.0), 7), other(Some(65.0), 2)],
            ingest_seconds: 1.0,
            query_seconds: 2.0,
            ..WindowAccount::default()
        };
        let slow = json!({ "api": "Produce", "topic": "orders", "cause": "pause", "latency_ms": 20000.0, "end_ns": -1 });
        let slow = Verdict(slow.as_object().unwrap().clone());
        let rollup = Rollup::of(period, &account, &[slow], &Bounds::with(65.0));
        assert_eq!((rollup.slow, rollup.late), (1, 1));
        let line = serde_json::to_string(&rollup).unwrap();
        let expected = r#""series":[{"api":"Produce","topic":"orders","cause":"none","reason":"","count":9,"seconds":1.0,"buckets":[[1.0,7],[65.0,2]]},{"api":"Produce","topic":"orders","cause":"pause","reason":"","count":1,"seconds":20.0,"buckets":[[null,1]]}]}"#;
        assert!(line.ends_with(expected), "{line}");
        assert_eq!(serde_json::from_str::<Rollup>(&line).unwrap(), rollup);
    }
}
