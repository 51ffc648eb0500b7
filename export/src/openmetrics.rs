//! Latency histograms in OpenMetrics text, which Prometheus reads.
//!
//! `kcorr_request_latency_seconds` by API, topic and cause, and `kcorr_write_latency_seconds` by
//! operation and topic, with labels of the incident. Over time they are counters with the time of each sample, for
//! `promtool tsdb create-blocks-from openmetrics`; without times they describe the recording as a whole, for a node
//! exporter's text file collector, which takes no times.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write;

use futures::StreamExt;
use kcorr_engine::{Columns, GivenParameters, Session, TextColumn};

use crate::error::{Error, Result};

const NS: i64 = 1_000_000_000;

/// How samples are written.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Labels of all samples, by name.
    pub labels: BTreeMap<String, String>,
    /// Whether only the last sample of each series is written, without its time.
    pub is_latest: bool,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Contents {
    /// Histograms, each with labels of its own.
    pub histograms: usize,
    /// Samples of histograms.
    pub samples: usize,
}

/// Writes the histograms; `given` are parameters of `latency_histograms`.
pub async fn write(
    session: &Session,
    given: &GivenParameters,
    options: &Options,
    out: &mut (dyn Write + Send),
) -> Result<Contents> {
    for name in options.labels.keys() {
        let is_own = FAMILIES.iter().any(|family| family.has(name));
        if is_own || !is_label(name) {
            let why = match is_own {
                true => "is a label of its own",
                false => "is no name of a label",
            };
            return Err(Error::Encode(format!("{name} {why}")));
        }
    }
    let all = histograms(session, given).await?;
    let mut contents = Contents {
        histograms: all.len(),
        samples: 0,
    };
    // Every series has a sample of every step, so that none is taken for one that ended; and counters begin at
    // nothing before anything was counted, so that what the first step adds is an increase.
    let steps = all.values().flat_map(|series| series.keys().copied());
    let mut steps: BTreeSet<i64> = steps.collect();
    if let Some(first) = steps.first().copied() {
        steps.insert(first - 1);
    }
    let mut text = String::new();
    for family in FAMILIES {
        family.declare(&mut text);
        for (key, series) in all.iter().filter(|(key, _)| key.metric == family.metric) {
            let labels = key.labels(family, &options.labels);
            let mut sum = Histogram::default();
            if let Some(first) = series.values().next() {
                sum = first.empty();
            }
            for &step in &steps {
                if let Some(counted) = series.get(&step) {
                    sum.add(counted);
                }
                if !options.is_latest {
                    sum.encode(&mut text, family, &labels, Some(step));
                    contents.samples += 1;
                }
            }
            if options.is_latest {
                sum.encode(&mut text, family, &labels, None);
                contents.samples += 1;
            }
            out.write_all(text.as_bytes())?;
            text.clear();
        }
        out.write_all(text.as_bytes())?;
        text.clear();
    }
    out.write_all(b"# EOF\n")?;
    out.flush()?;
    Ok(contents)
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
        name: "kcorr_request_latency_seconds",
        help: "Latency of requests as their clients saw it.",
        operation: "api",
        has_cause: true,
    },
    Family {
        metric: "write",
        name: "kcorr_write_latency_seconds",
        help: "Duration of file operations.",
        operation: "operation",
        has_cause: false,
    },
];

impl Family {
    fn declare(&self, text: &mut String) {
        let (name, help) = (self.name, self.help);
        let _ = writeln!(text, "# HELP {name} {help}");
        let _ = writeln!(text, "# TYPE {name} histogram");
        let _ = writeln!(text, "# UNIT {name} seconds");
    }

    /// Whether its histograms have a label of their own with a name.
    fn has(&self, label: &str) -> bool {
        label == self.operation
            || matches!(label, "topic" | "le")
            || (self.has_cause && label == "cause")
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    metric: String,
    operation: String,
    topic: String,
    cause: String,
}

impl Key {
    /// `{…,` as it stands before the bucket's bound.
    fn labels(&self, family: &Family, common: &BTreeMap<String, String>) -> String {
        let own = [
            (family.operation, &self.operation),
            ("topic", &self.topic),
            ("cause", &self.cause),
        ];
        let own = own.into_iter().take(if family.has_cause { 3 } else { 2 });
        let common = common.iter().map(|(name, value)| (name.as_str(), value));
        let mut text = String::new();
        for (name, value) in own.chain(common) {
            let _ = write!(text, "{name}=\"{}\",", escaped(value));
        }
        text
    }
}

/// Counts of one step, or of all up to one.
#[derive(Debug, Clone, Default, PartialEq)]
struct Histogram {
    /// Upper bounds in seconds, and how many are in each bucket.
    buckets: Vec<(f64, u64)>,
    count: u64,
    sum_seconds: f64,
}

impl Histogram {
    fn add(&mut self, other: &Self) {
        for (bucket, (_, count)) in self.buckets.iter_mut().zip(&other.buckets) {
            bucket.1 += count;
        }
        self.count += other.count;
        self.sum_seconds += other.sum_seconds;
    }

    /// The same with nothing in it.
    fn empty(&self) -> Self {
        Self {
            buckets: self.buckets.iter().map(|(bound, _)| (*bound, 0)).collect(),
            ..Self::default()
        }
    }

    /// Writes a sample: buckets, count and sum, with the second since 1970 that it is of.
    fn encode(&self, text: &mut String, family: &Family, labels: &str, second: Option<i64>) {
        let name = family.name;
        let time = second.map_or_else(String::new, |second| format!(" {second}"));
        let mut below = 0;
        for (bound, count) in &self.buckets {
            below += count;
            let bound = match bound.is_infinite() {
                true => "+Inf".to_owned(),
                false => format!("{bound:?}"),
            };
            let _ = writeln!(
                text,
                "{name}_bucket{{{labels}le=\"{bound}\"}} {below}{time}"
            );
        }
        let labels = labels.trim_end_matches(',');
        let _ = writeln!(text, "{name}_count{{{labels}}} {}{time}", self.count);
        let _ = writeln!(text, "{name}_sum{{{labels}}} {:?}{time}", self.sum_seconds);
    }
}

/// The histograms of each key, by the second that their step ends in.
type Series = BTreeMap<Key, BTreeMap<i64, Histogram>>;

async fn histograms(session: &Session, given: &GivenParameters) -> Result<Series> {
    let mut rows = session.run_canned("latency_histograms", given).await?;
    let mut series = Series::new();
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        let columns = Columns(&batch);
        let metric = columns.text("metric")?;
        let operation = columns.text("operation")?;
        let topic = columns.text("topic")?;
        let cause = columns.text("cause")?;
        let step = columns.number("step_time")?;
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
            let second = step.get(row).unwrap_or(0) / NS;
            let histogram = series.entry(key).or_default().entry(second).or_default();
            let bound = bound.get(row).unwrap_or(f64::INFINITY);
            let count = bucket_count.unsigned(row).unwrap_or(0);
            histogram.buckets.push((bound, count));
            histogram.count = total_count.unsigned(row).unwrap_or(0);
            histogram.sum_seconds = total.get(row).unwrap_or(0.0);
        }
    }
    Ok(series)
}

/// Whether a label may be called so.
fn is_label(name: &str) -> bool {
    let mut chars = name.chars();
    let begins = chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    begins && !name.starts_with("__") && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A label's value as it stands between quotes.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(count: u64) -> Histogram {
        Histogram {
            buckets: vec![(0.065, count), (f64::INFINITY, 1)],
            count: count + 1,
            sum_seconds: 0.5,
        }
    }

    #[test]
    fn buckets_hold_those_below_and_a_sample_has_its_second() {
        let key = Key {
            metric: "request".to_owned(),
            operation: "Produce".to_owned(),
            topic: "a\"b".to_owned(),
            cause: "none".to_owned(),
        };
        let common = BTreeMap::from([("broker".to_owned(), "1".to_owned())]);
        let labels = key.labels(&FAMILIES[0], &common);
        let mut sum = of(2).empty();
        sum.add(&of(2));
        sum.add(&of(3));
        let mut text = String::new();
        sum.encode(&mut text, &FAMILIES[0], &labels, Some(7));
        let own = r#"api="Produce",topic="a\"b",cause="none",broker="1""#;
        let expected = format!(
            "kcorr_request_latency_seconds_bucket{{{own},le=\"0.065\"}} 5 7\n\
             kcorr_request_latency_seconds_bucket{{{own},le=\"+Inf\"}} 7 7\n\
             kcorr_request_latency_seconds_count{{{own}}} 7 7\n\
             kcorr_request_latency_seconds_sum{{{own}}} 1.0 7\n"
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn labels_have_names_that_prometheus_takes() {
        assert!(is_label("broker_id") && is_label("_a1"));
        for name in ["", "1a", "__name__", "a-b", "a b"] {
            assert!(!is_label(name), "{name}");
        }
    }
}
