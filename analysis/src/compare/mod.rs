//! Several stores against each other: the same work under different settings.
//!
//! Percentiles, misses of the objective and causes of every store, each with a confidence interval;
//! what differs most; a heatmap each on one scale. The first store is what the others are compared
//! with. The latencies and groups are canned queries (`latency_samples`, `latency_groups`,
//! `compare_heatmap`); what is computed here is what SQL cannot: resampling.
//!
//! It does not know whether the load was the same: that is for whoever made the recordings.

mod bootstrap;
mod condition;
mod groups;
mod heatmap;
mod sample;
mod tables;

use std::collections::{BTreeSet, HashMap};

use arrow::array::RecordBatch;

pub(crate) use bootstrap::interval;
pub use condition::Condition;
use kcorr_engine::{Error, ErrorKind, Result};
use kcorr_engine::{GivenParameters, Session};
pub(crate) use sample::percentile_of_sorted;
use sample::{Sample, Statistic, Statistics};
pub(crate) use tables::batch;

/// The canned queries that a comparison asks of each store.
pub const COMPARE_QUERIES: &[&str] = &["latency_samples", "latency_groups", "compare_heatmap"];

/// How stores are compared.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CompareOptions {
    /// A request at least this slow misses the objective, in ms.
    pub slo_ms: f64,
    /// Resamples for the confidence intervals.
    pub replicates: usize,
    /// Latencies this close together, in ns, are resampled together: a stall makes all that arrive
    /// during it slow, so single requests tell less than their number suggests.
    pub block_ns: i64,
    /// Confidence of the intervals.
    pub confidence: f64,
    /// Seed of the resampling: the same seed gives the same intervals.
    pub seed: u64,
    /// Rows of what differs most.
    pub top_count: usize,
}

impl Default for CompareOptions {
    fn default() -> Self {
        Self {
            slo_ms: 65.0,
            replicates: 1000,
            block_ns: 2_000_000_000,
            confidence: 0.95,
            seed: 1,
            top_count: 20,
        }
    }
}

/// Stores compared with the first of them.
#[derive(Debug, Clone)]
pub struct Comparison {
    stores: Vec<Compared>,
    /// One row a statistic and store: its value, interval, ratio to the first store, and place (1 is
    /// the worst).
    pub latency: RecordBatch,
    /// One row a cause and store: slow requests, and how many of 1,000 requests that is.
    pub causes: RecordBatch,
    /// What differs most from the first store: topics, partitions, clients, file systems.
    pub differences: RecordBatch,
    /// The cells of the heatmaps, one store after the other.
    pub heatmap: RecordBatch,
}

/// One store with its resamples.
#[derive(Debug, Clone)]
struct Compared {
    name: String,
    statistics: Statistics,
    replicates: Vec<Statistics>,
}

impl Comparison {
    /// The stores but the first for which a condition holds, each with what was found in words.
    pub fn matching(&self, condition: &Condition) -> Vec<String> {
        let Some((first, others)) = self.stores.split_first() else {
            return Vec::new();
        };
        let statistic = condition.statistic();
        let base = first.statistics.value(statistic);
        let found = others.iter().filter_map(|store| {
            let value = store.statistics.value(statistic);
            condition.holds(value, base).then(|| {
                format!(
                    "{}: {} is {value:.3} against {base:.3} in {}",
                    store.name,
                    statistic.name(),
                    first.name
                )
            })
        });
        found.collect()
    }
}

/// What the statistics of another run like this one may be, by name: of latencies in ns by arrival.
pub(crate) fn run_intervals(
    arrivals: &[i64],
    latencies_ns: &[i64],
    options: &CompareOptions,
) -> HashMap<&'static str, (f64, f64)> {
    let mut sample = Sample::default();
    for (&arrival, &latency) in arrivals.iter().zip(latencies_ns) {
        sample.push(arrival, latency, None);
    }
    sample.sort();
    let replicates = bootstrap::replicates(&sample, options);
    let known = Statistic::ALL
        .iter()
        .filter(|statistic| statistic.has_interval());
    let intervals = known.filter_map(|&statistic| {
        let values = replicates.iter().map(|run| run.value(statistic)).collect();
        let interval = bootstrap::interval(values, options.confidence)?;
        Some((statistic.name(), interval))
    });
    intervals.collect()
}

/// Compares stores, each with the name it is shown under; `given` are further parameters of the canned
/// queries.
pub async fn compare(
    stores: &[(String, Session)],
    given: &GivenParameters,
    options: &CompareOptions,
) -> Result<Comparison> {
    let mut given = given.clone();
    given.insert("slo_ms".to_owned(), options.slo_ms.to_string());
    let mut samples = Vec::new();
    let mut groups = Vec::new();
    let mut heatmaps = Vec::new();
    for (name, session) in stores {
        let sample = Sample::read(session, &given).await?;
        if sample.len() == 0 {
            let message = format!("{name} holds no answered produce request: nothing to compare");
            return Err(Error::new(ErrorKind::Store, message));
        }
        samples.push(sample);
        groups.push(groups::read(session, &given).await?);
        heatmaps.push(heatmap::read(session, &given).await?);
    }
    let names: BTreeSet<&str> = samples.iter().flat_map(Sample::cause_names).collect();
    let causes: Vec<String> = names.into_iter().map(str::to_owned).collect();
    let mut compared = Vec::new();
    for ((name, _), sample) in stores.iter().zip(&samples) {
        let sample = sample.with_causes(&causes);
        compared.push(Compared {
            name: name.clone(),
            statistics: sample.statistics(options.slo_ms),
            replicates: bootstrap::replicates(&sample, options),
        });
    }
    let names: Vec<&str> = stores.iter().map(|(name, _)| name.as_str()).collect();
    Ok(Comparison {
        latency: tables::latency(&compared, options.confidence)?,
        causes: tables::causes(&compared, &causes, options.confidence)?,
        differences: groups::differences(&names, &groups, options.top_count)?,
        heatmap: heatmap::table(&names, &heatmaps)?,
        stores: compared,
    })
}
