//! Latency histograms in OpenMetrics text, which Prometheus reads.
//!
//! `kcorr_request_latency_seconds` by API, topic and cause, and `kcorr_write_latency_seconds` by
//! operation and topic. They describe the recording as a whole: load them with a node exporter's text
//! file collector, or with `promtool tsdb create-blocks-from openmetrics`.

use std::collections::BTreeMap;
use std::io::Write;

use futures::StreamExt;
use kcorr_engine::{Columns, GivenParameters, Session, TextColumn};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use crate::error::{Error, Result};

/// Writes the histograms; `given` are parameters of `latency_histograms`. Returns their number.
pub async fn write(
    session: &Session,
    given: &GivenParameters,
    out: &mut (dyn Write + Send),
) -> Result<usize> {
    let histograms = histograms(session, given).await?;
    let count = histograms.len();
    let mut registry = Registry::default();
    for family in FAMILIES {
        let of_family = histograms
            .iter()
            .filter(|(key, _)| key.metric == family.metric)
            .map(|(key, histogram)| (key.labels(family), histogram.clone()));
        registry.register_collector(Box::new(FamilyCollector {
            family,
            histograms: of_family.collect(),
        }));
    }
    let mut text = String::new();
    encode(&mut text, &registry).map_err(|e| Error::Encode(e.to_string()))?;
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(count)
}

/// A metric, and the labels of its histograms.
#[derive(Debug)]
struct Family {
    metric: &'static str,
    name: &'static str,
    help: &'static str,
    operation: &'static str,
    has_cause: bool,
}

static FAMILIES: &[Family] = &[
    Family {
        metric: "request",
        name: "kcorr_request_latency",
        help: "Latency of requests as their clients saw it",
        operation: "api",
        has_cause: true,
    },
    Family {
        metric: "write",
        name: "kcorr_write_latency",
        help: "Duration of file operations",
        operation: "operation",
        has_cause: false,
    },
];

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    metric: String,
    operation: String,
    topic: String,
    cause: String,
}

impl Key {
    fn labels(&self, family: &Family) -> Vec<(String, String)> {
        let mut labels = vec![
            (family.operation.to_owned(), self.operation.clone()),
            ("topic".to_owned(), self.topic.clone()),
        ];
        if family.has_cause {
            labels.push(("cause".to_owned(), self.cause.clone()));
        }
        labels
    }
}

#[derive(Debug, Clone, Default)]
struct Histogram {
    /// Upper bounds in seconds, and how many are in each bucket.
    buckets: Vec<(f64, u64)>,
    count: u64,
    sum_seconds: f64,
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> std::fmt::Result {
        encoder.encode_histogram::<NoLabelSet>(self.sum_seconds, self.count, &self.buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

#[derive(Debug)]
struct FamilyCollector {
    family: &'static Family,
    histograms: Vec<(Vec<(String, String)>, Histogram)>,
}

impl Collector for FamilyCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let family = self.family;
        let mut metric = encoder.encode_descriptor(
            family.name,
            family.help,
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        for (labels, histogram) in &self.histograms {
            histogram.encode(metric.encode_family(labels)?)?;
        }
        Ok(())
    }
}

async fn histograms(
    session: &Session,
    given: &GivenParameters,
) -> Result<BTreeMap<Key, Histogram>> {
    let mut rows = session.run_canned("latency_histograms", given).await?;
    let mut histograms: BTreeMap<Key, Histogram> = BTreeMap::new();
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        let columns = Columns(&batch);
        let metric = columns.text("metric")?;
        let operation = columns.text("operation")?;
        let topic = columns.text("topic")?;
        let cause = columns.text("cause")?;
        let bound = columns.float("bound_seconds")?;
        let bucket_count = columns.number("bucket_count")?;
        let total_count = columns.number("total_count")?;
        let total = columns.float("total_seconds")?;
        for row in 0..batch.num_rows() {
            let text = |column: &TextColumn| column.get(row).unwrap_or_default().to_owned();
            let key = Key {
                metric: text(&metric),
                operation: text(&operation),
                topic: text(&topic),
                cause: text(&cause),
            };
            let histogram = histograms.entry(key).or_default();
            let bound = bound.get(row).unwrap_or(f64::INFINITY);
            let count = bucket_count.unsigned(row).unwrap_or(0);
            histogram.buckets.push((bound, count));
            histogram.count = total_count.unsigned(row).unwrap_or(0);
            histogram.sum_seconds = total.get(row).unwrap_or(0.0);
        }
    }
    Ok(histograms)
}
