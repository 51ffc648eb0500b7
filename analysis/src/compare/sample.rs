//! The latencies of one store, and the statistics of them.

use futures::StreamExt;

use kcorr_engine::Result;
use kcorr_engine::{Columns, GivenParameters, Session};

/// Latencies by arrival, as `latency_samples` gives them.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample {
    /// Arrivals in ns, ascending.
    pub(super) arrivals: Vec<i64>,
    latencies_ns: Vec<i64>,
    /// Index of the cause, by request; none when it was not slow.
    causes: Vec<Option<u16>>,
    cause_names: Vec<String>,
    /// Requests by latency, fastest first.
    by_latency: Vec<u32>,
}

/// What is compared of latencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Statistic {
    P50,
    P99,
    P999,
    Max,
    SlowCount,
    SlowRatio,
    RequestCount,
}

impl Statistic {
    pub(super) const ALL: &[Self] = &[
        Self::P50,
        Self::P99,
        Self::P999,
        Self::Max,
        Self::SlowCount,
        Self::SlowRatio,
        Self::RequestCount,
    ];

    /// Its name in output and in conditions.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50_ms",
            Self::P99 => "p99_ms",
            Self::P999 => "p999_ms",
            Self::Max => "max_ms",
            Self::SlowCount => "slow_count",
            Self::SlowRatio => "slow_ratio",
            Self::RequestCount => "request_count",
        }
    }

    /// Whether resampling says how sure it is: a resample's maximum, or its size, says nothing.
    pub(super) fn has_interval(self) -> bool {
        !matches!(self, Self::Max | Self::RequestCount)
    }
}

/// The statistics of a sample, or of a resample.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Statistics {
    percentiles_ms: [f64; 3],
    max_ms: f64,
    slow_count: u64,
    request_count: u64,
    /// Slow requests by cause.
    pub(super) cause_counts: Vec<u64>,
}

impl Statistics {
    pub(super) fn value(&self, statistic: Statistic) -> f64 {
        let [p50, p99, p999] = self.percentiles_ms;
        match statistic {
            Statistic::P50 => p50,
            Statistic::P99 => p99,
            Statistic::P999 => p999,
            Statistic::Max => self.max_ms,
            Statistic::SlowCount => count(self.slow_count),
            Statistic::SlowRatio => count(self.slow_count) / count(self.request_count.max(1)),
            Statistic::RequestCount => count(self.request_count),
        }
    }

    /// Slow requests of a cause among 1,000 requests.
    pub(super) fn cause_per_1000(&self, cause: usize) -> f64 {
        let slow = self.cause_counts.get(cause).copied().unwrap_or(0);
        1000.0 * count(slow) / count(self.request_count.max(1))
    }
}

/// Counts are far below 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2⁵³")]
fn count(number: u64) -> f64 {
    number as f64
}

impl Sample {
    pub(super) async fn read(session: &Session, given: &GivenParameters) -> Result<Self> {
        let mut rows = session.run_canned("latency_samples", given).await?;
        let mut sample = Self::default();
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            let columns = Columns(&batch);
            let arrival = columns.number("arrival_time")?;
            let latency = columns.number("latency_ns")?;
            let cause = columns.text("cause")?;
            for row in 0..batch.num_rows() {
                if let (Some(arrival), Some(latency)) = (arrival.get(row), latency.get(row)) {
                    sample.push(arrival, latency, cause.get(row));
                }
            }
        }
        sample.sort();
        Ok(sample)
    }

    pub(super) fn push(&mut self, arrival: i64, latency_ns: i64, cause: Option<&str>) {
        let cause = cause.map(|cause| self.cause_index(cause));
        self.arrivals.push(arrival);
        self.latencies_ns.push(latency_ns);
        self.causes.push(cause);
    }

    /// Must be called after the last [`push`](Self::push).
    pub(super) fn sort(&mut self) {
        let count = u32::try_from(self.len()).unwrap_or(u32::MAX);
        self.by_latency = (0..count).collect();
        let latencies = &self.latencies_ns;
        self.by_latency
            .sort_by_key(|&index| latencies.get(index as usize).copied());
    }

    fn cause_index(&mut self, cause: &str) -> u16 {
        let found = self.cause_names.iter().position(|name| name == cause);
        let index = found.unwrap_or_else(|| {
            self.cause_names.push(cause.to_owned());
            self.cause_names.len() - 1
        });
        u16::try_from(index).unwrap_or(u16::MAX)
    }

    pub(super) fn len(&self) -> usize {
        self.arrivals.len()
    }

    pub(super) fn cause_names(&self) -> impl Iterator<Item = &str> {
        self.cause_names.iter().map(String::as_str)
    }

    /// The same with its causes numbered by a list that several samples share.
    pub(super) fn with_causes(&self, names: &[String]) -> Self {
        let renumbered = |cause: u16| {
            let name = self.cause_names.get(usize::from(cause))?;
            let index = names.iter().position(|other| other == name)?;
            u16::try_from(index).ok()
        };
        Self {
            causes: self.causes.iter().map(|c| c.and_then(renumbered)).collect(),
            cause_names: names.to_vec(),
            ..self.clone()
        }
    }

    /// The statistics of all requests.
    pub(super) fn statistics(&self, slo_ms: f64) -> Statistics {
        self.weighted_statistics(slo_ms, &vec![1; self.len()])
    }

    /// The statistics of a resample in which each request, by arrival, is as often as its weight says.
    pub(super) fn weighted_statistics(&self, slo_ms: f64, weights: &[u32]) -> Statistics {
        let total: u64 = weights.iter().map(|&weight| u64::from(weight)).sum();
        let mut percentiles = [0.5, 0.99, 0.999].map(|rank| Percentile::new(rank, total));
        let mut statistics = Statistics {
            request_count: total,
            cause_counts: vec![0; self.cause_names.len()],
            ..Statistics::default()
        };
        let mut passed = 0;
        for &index in &self.by_latency {
            let index = index as usize;
            let (Some(&weight), Some(&latency)) =
                (weights.get(index), self.latencies_ns.get(index))
            else {
                continue;
            };
            if weight == 0 {
                continue;
            }
            let latency_ms = milliseconds(latency);
            passed += u64::from(weight);
            for percentile in &mut percentiles {
                percentile.pass(passed, latency_ms);
            }
            statistics.max_ms = latency_ms;
            if latency_ms >= slo_ms {
                statistics.slow_count += u64::from(weight);
            }
            let cause = self.causes.get(index).copied().flatten();
            let counted = cause.and_then(|c| statistics.cause_counts.get_mut(usize::from(c)));
            if let Some(counted) = counted {
                *counted += u64::from(weight);
            }
        }
        statistics.percentiles_ms = percentiles.map(Percentile::value);
        statistics
    }
}

/// A latency in ms, as SQL's `latency_ns / 1e6`.
#[expect(
    clippy::cast_precision_loss,
    reason = "ns of a latency are far below 2⁵³"
)]
fn milliseconds(latency_ns: i64) -> f64 {
    latency_ns as f64 / 1e6
}

/// A percentile of values that pass by in order, as SQL's `percentile_cont` defines it: between the two
/// values around the place `rank · (count − 1)`, in proportion.
#[derive(Debug, Clone, Copy)]
struct Percentile {
    lower: u64,
    fraction: f64,
    values: [Option<f64>; 2],
}

impl Percentile {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place among a count of requests"
    )]
    fn new(rank: f64, total: u64) -> Self {
        let place = rank * count(total.saturating_sub(1));
        Self {
            lower: place.floor() as u64,
            fraction: place.fract(),
            values: [None; 2],
        }
    }

    /// The value of all places below `passed` that were not told before.
    fn pass(&mut self, passed: u64, value: f64) {
        let [lower, upper] = &mut self.values;
        if lower.is_none() && passed > self.lower {
            *lower = Some(value);
        }
        if upper.is_none() && passed > self.lower + 1 {
            *upper = Some(value);
        }
    }

    fn value(self) -> f64 {
        let [lower, upper] = self.values;
        let lower = lower.unwrap_or(0.0);
        let upper = upper.unwrap_or(lower);
        lower + (upper - lower) * self.fraction
    }
}

/// A percentile of values in ascending order; 0 of none.
pub(crate) fn percentile_of_sorted(values: &[f64], rank: f64) -> f64 {
    let mut percentile = Percentile::new(rank, values.len() as u64);
    for (place, &value) in (1..).zip(values) {
        percentile.pass(place, value);
    }
    percentile.value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample(latencies_ms: &[i64]) -> Sample {
        let mut sample = Sample::default();
        for (arrival, latency) in (0..).zip(latencies_ms) {
            let cause = (*latency >= 65).then_some("slow_write");
            sample.push(arrival, latency * 1_000_000, cause);
        }
        sample.sort();
        sample
    }

    #[test]
    fn percentiles_lie_between_the_two_nearest_requests() {
        let statistics = sample(&[10, 20, 30, 40]).statistics(65.0);
        assert_eq!(statistics.value(Statistic::P50), 25.0);
        assert!((statistics.value(Statistic::P99) - 39.7).abs() < 1e-9);
        assert_eq!(statistics.value(Statistic::Max), 40.0);
    }

    #[test]
    fn misses_and_causes_are_counted_from_the_objective_on() {
        let statistics = sample(&[64, 65, 66, 1]).statistics(65.0);
        assert_eq!(statistics.value(Statistic::SlowCount), 2.0);
        assert_eq!(statistics.value(Statistic::SlowRatio), 0.5);
        assert_eq!(statistics.cause_per_1000(0), 500.0);
    }

    proptest! {
        #[test]
        fn a_weight_is_the_same_as_that_many_requests(
            requests in prop::collection::vec((0i64..200, 0u32..4), 1..40),
        ) {
            let latencies: Vec<i64> = requests.iter().map(|&(latency, _)| latency).collect();
            let weights: Vec<u32> = requests.iter().map(|&(_, weight)| weight).collect();
            let repeated: Vec<i64> = requests
                .iter()
                .flat_map(|&(latency, weight)| vec![latency; weight as usize])
                .collect();
            prop_assume!(!repeated.is_empty());
            let mut expected = sample(&repeated).statistics(65.0);
            let found = sample(&latencies).weighted_statistics(65.0, &weights);
            expected.cause_counts.resize(found.cause_counts.len(), 0);
            prop_assert_eq!(found, expected);
        }
    }
}
