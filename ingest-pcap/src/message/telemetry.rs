//! What a client tells a broker of itself (KIP-714): the metrics of a PushTelemetry request.
//!
//! Its metrics are OpenTelemetry's `MetricsData` (opentelemetry-proto 1.x, `metrics.proto`), compressed by one of the codecs of
//! record batches. Gauges and sums are read, and histograms with bounds or of powers; summaries are not, which OpenTelemetry
//! has for what is older than it.

use prost::{DecodeError, Message};

use super::telemetry_attribute::KeyValue;
use super::telemetry_histogram::{ExponentialHistogram, Histogram, HistogramNumbers, Temporality};

/// Clients' metrics have names of some tens of letters.
const LONGEST_NAME: usize = 256;
/// Numbers of a request that are kept.
const MOST_NUMBERS: usize = 10_000;

/// What a client told in one request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Telemetry {
    /// The id that the broker gave it.
    pub(crate) instance: [u8; 16],
    pub(crate) numbers: Vec<TelemetryNumber>,
}

impl Telemetry {
    /// What a client told, of plain bytes.
    ///
    /// # Errors
    /// When they are no `MetricsData`.
    pub(super) fn read(instance: [u8; 16], plain: &[u8]) -> Result<Self, DecodeError> {
        let numbers = MetricsData::decode(plain)?.numbers();
        Ok(Self { instance, numbers })
    }

    /// Bytes that it holds, about.
    pub(crate) fn held_bytes(&self) -> usize {
        let of = |it: &TelemetryNumber| {
            let unit = it.unit.as_ref().map_or(0, |it| it.len());
            size_of::<TelemetryNumber>() + it.name.len() + unit
        };
        self.numbers.iter().map(of).sum()
    }
}

/// A number of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TelemetryNumber {
    pub(crate) name: Box<str>,
    pub(crate) broker: Option<i32>,
    pub(crate) value: f64,
    pub(crate) unit: Option<Box<str>>,
    pub(crate) interval_ns: Option<i64>,
    /// Of a histogram's.
    pub(crate) temporality: Option<Temporality>,
}

#[derive(Clone, PartialEq, Message)]
struct MetricsData {
    #[prost(message, repeated, tag = "1")]
    resources: Vec<ResourceMetrics>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceMetrics {
    #[prost(message, repeated, tag = "2")]
    scopes: Vec<ScopeMetrics>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeMetrics {
    #[prost(message, repeated, tag = "2")]
    metrics: Vec<Metric>,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "3")]
    unit: String,
    /// A gauge.
    #[prost(message, optional, tag = "5")]
    gauge: Option<Points>,
    /// A sum, whose points are the same field.
    #[prost(message, optional, tag = "7")]
    sum: Option<Points>,
    #[prost(message, optional, tag = "9")]
    histogram: Option<Histogram>,
    #[prost(message, optional, tag = "10")]
    exponential: Option<ExponentialHistogram>,
}

#[derive(Clone, PartialEq, Message)]
struct Points {
    #[prost(message, repeated, tag = "1")]
    points: Vec<Point>,
}

#[derive(Clone, PartialEq, Message)]
struct Point {
    #[prost(fixed64, tag = "2")]
    start_ns: u64,
    #[prost(fixed64, tag = "3")]
    time_ns: u64,
    #[prost(double, optional, tag = "4")]
    float: Option<f64>,
    #[prost(sfixed64, optional, tag = "6")]
    int: Option<i64>,
    #[prost(message, repeated, tag = "7")]
    attributes: Vec<KeyValue>,
}

impl MetricsData {
    fn numbers(&self) -> Vec<TelemetryNumber> {
        let scopes = self.resources.iter().flat_map(|it| &it.scopes);
        let metrics = scopes.flat_map(|it| &it.metrics);
        // Each point has the name of its metric.
        let metrics =
            metrics.filter(|it| it.name.len() <= LONGEST_NAME && it.unit.len() <= LONGEST_NAME);
        let numbers = metrics.flat_map(|metric| {
            let points = metric.gauge.iter().chain(&metric.sum);
            let points = points.flat_map(|it| &it.points);
            let numbers = points.filter_map(|point| metric.number(point));
            let histograms = metric.histogram.iter().flat_map(Histogram::numbers);
            let exponential = metric.exponential.iter();
            let exponential = exponential.flat_map(ExponentialHistogram::numbers);
            let points = histograms.chain(exponential);
            numbers.chain(points.flat_map(|point| metric.histogram_numbers(&point)))
        });
        numbers.take(MOST_NUMBERS).collect()
    }
}

impl Metric {
    #[expect(clippy::cast_precision_loss, reason = "counts of a client")]
    fn number(&self, point: &Point) -> Option<TelemetryNumber> {
        // Of what was not measured there is no number.
        let value = point.float.or_else(|| point.int.map(|it| it as f64));
        let value = value.filter(|it| it.is_finite())?;
        Some(TelemetryNumber {
            name: self.name.as_str().into(),
            broker: point.attributes.iter().find_map(KeyValue::broker),
            value,
            unit: self.unit(),
            interval_ns: interval_ns(point.start_ns, point.time_ns),
            temporality: None,
        })
    }

    /// The numbers of a histogram; those of its buckets and its count have no unit.
    fn histogram_numbers(&self, point: &HistogramNumbers<'_>) -> Vec<TelemetryNumber> {
        let broker = point.attributes.iter().find_map(KeyValue::broker);
        let numbers = point.numbers.iter().filter(|(_, value)| value.is_finite());
        let numbers = numbers.map(|(name, value)| {
            let is_value = matches!(name.as_str(), ".sum" | ".min" | ".max");
            TelemetryNumber {
                name: format!("{}{name}", self.name).into(),
                broker,
                value: *value,
                unit: self.unit().filter(|_| is_value),
                interval_ns: interval_ns(point.start_ns, point.time_ns),
                temporality: point.temporality,
            }
        });
        numbers.collect()
    }

    fn unit(&self) -> Option<Box<str>> {
        (!self.unit.is_empty()).then(|| self.unit.as_str().into())
    }
}

/// How long before it was told a number is of.
fn interval_ns(start_ns: u64, time_ns: u64) -> Option<i64> {
    let interval = time_ns.checked_sub(start_ns).filter(|_| start_ns > 0)?;
    i64::try_from(interval).ok()
}

#[cfg(test)]
mod tests {
    use super::super::telemetry_attribute::AnyValue;
    use super::*;

    fn point(float: Option<f64>, int: Option<i64>, node: &str) -> Point {
        Point {
            start_ns: 1_000,
            time_ns: 6_000,
            float,
            int,
            attributes: vec![KeyValue {
                key: "node_id".to_owned(),
                value: Some(AnyValue {
                    text: Some(node.to_owned()),
                    int: None,
                }),
            }],
        }
    }

    #[test]
    fn gauges_and_sums_have_numbers_of_the_broker_that_they_name() {
        let metric = |name: &str, gauge: Option<Point>, sum: Option<Point>| Metric {
            name: name.to_owned(),
            unit: String::new(),
            gauge: gauge.map(|it| Points { points: vec![it] }),
            sum: sum.map(|it| Points { points: vec![it] }),
            ..Metric::default()
        };
        let metrics = vec![
            metric("a", Some(point(Some(2.5), None, "node-3")), None),
            metric("b", None, Some(point(None, Some(7), "2147483646"))),
            metric("c", Some(point(Some(1.0), None, "node--1")), None),
            metric("d", Some(point(Some(f64::NAN), None, "node-1")), None),
            metric("histogram", None, None),
        ];
        let data = MetricsData {
            resources: vec![ResourceMetrics {
                scopes: vec![ScopeMetrics { metrics }],
            }],
        };
        let bytes = data.encode_to_vec();
        let read = MetricsData::decode(&bytes[..]).unwrap();
        let numbers = read.numbers();
        let found: Vec<_> = numbers
            .iter()
            .map(|it| (&*it.name, it.value, it.broker))
            .collect();
        assert_eq!(
            found,
            [("a", 2.5, Some(3)), ("b", 7.0, Some(1)), ("c", 1.0, None)]
        );
        assert_eq!(numbers[0].interval_ns, Some(5_000));
    }
}
