//! Histograms of what clients tell a broker: OpenTelemetry's `Histogram` and `ExponentialHistogram`, as numbers.
//!
//! Each is its count, sum, least and largest value, and the count of each bucket that is not empty by its upper bound.

use prost::Message;

use super::telemetry_attribute::KeyValue;

/// Buckets of a histogram that are read: SDKs have 160 at most.
const MOST_BUCKETS: usize = 1000;

/// What time a histogram is of, as it says itself (`AggregationTemporality`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Temporality {
    /// Since the one before.
    Delta,
    /// Since the client began.
    Cumulative,
}

impl Temporality {
    fn of(number: i32) -> Option<Self> {
        match number {
            1 => Some(Self::Delta),
            2 => Some(Self::Cumulative),
            _ => None,
        }
    }

    /// As in `client_metrics.temporality`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Delta => "delta",
            Self::Cumulative => "cumulative",
        }
    }
}

/// A histogram whose buckets have bounds.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Histogram {
    #[prost(message, repeated, tag = "1")]
    points: Vec<HistogramPoint>,
    #[prost(int32, tag = "2")]
    temporality: i32,
}

#[derive(Clone, PartialEq, Message)]
struct HistogramPoint {
    #[prost(fixed64, tag = "2")]
    start_ns: u64,
    #[prost(fixed64, tag = "3")]
    time_ns: u64,
    #[prost(fixed64, tag = "4")]
    count: u64,
    #[prost(double, optional, tag = "5")]
    sum: Option<f64>,
    #[prost(fixed64, repeated, tag = "6")]
    counts: Vec<u64>,
    #[prost(double, repeated, tag = "7")]
    bounds: Vec<f64>,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
    #[prost(double, optional, tag = "11")]
    min: Option<f64>,
    #[prost(double, optional, tag = "12")]
    max: Option<f64>,
}

/// A histogram whose bounds are powers of a base.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ExponentialHistogram {
    #[prost(message, repeated, tag = "1")]
    points: Vec<ExponentialPoint>,
    #[prost(int32, tag = "2")]
    temporality: i32,
}

#[derive(Clone, PartialEq, Message)]
struct ExponentialPoint {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
    #[prost(fixed64, tag = "2")]
    start_ns: u64,
    #[prost(fixed64, tag = "3")]
    time_ns: u64,
    #[prost(fixed64, tag = "4")]
    count: u64,
    #[prost(double, optional, tag = "5")]
    sum: Option<f64>,
    #[prost(sint32, tag = "6")]
    scale: i32,
    #[prost(fixed64, tag = "7")]
    zero_count: u64,
    #[prost(message, optional, tag = "8")]
    positive: Option<Buckets>,
    #[prost(double, optional, tag = "12")]
    min: Option<f64>,
    #[prost(double, optional, tag = "13")]
    max: Option<f64>,
}

#[derive(Clone, PartialEq, Message)]
struct Buckets {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint64, repeated, tag = "2")]
    counts: Vec<u64>,
}

/// A point of either.
#[derive(Debug, PartialEq)]
pub(super) struct HistogramNumbers<'a> {
    pub(super) attributes: &'a [KeyValue],
    pub(super) start_ns: u64,
    pub(super) time_ns: u64,
    pub(super) temporality: Option<Temporality>,
    /// What is added to the metric's name, and the number: `.count`, `.sum`, `.min`, `.max`, `.le.25` and `.le.inf`.
    pub(super) numbers: Vec<(String, f64)>,
}

impl Histogram {
    pub(super) fn numbers(&self) -> impl Iterator<Item = HistogramNumbers<'_>> {
        self.points.iter().map(|point| HistogramNumbers {
            attributes: &point.attributes,
            start_ns: point.start_ns,
            time_ns: point.time_ns,
            temporality: Temporality::of(self.temporality),
            numbers: numbers(
                (point.count, point.sum),
                extremes(Temporality::of(self.temporality), point.min, point.max),
                point.buckets(),
            ),
        })
    }
}

impl HistogramPoint {
    /// Upper bounds and counts; none where there are not as many as bounds want.
    fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let is_whole = self.counts.len() == self.bounds.len() + 1;
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        let buckets = bounds.zip(self.counts.iter().copied());
        buckets.take(if is_whole { MOST_BUCKETS } else { 0 })
    }
}

impl ExponentialHistogram {
    pub(super) fn numbers(&self) -> impl Iterator<Item = HistogramNumbers<'_>> {
        self.points.iter().map(|point| HistogramNumbers {
            attributes: &point.attributes,
            start_ns: point.start_ns,
            time_ns: point.time_ns,
            temporality: Temporality::of(self.temporality),
            numbers: numbers(
                (point.count, point.sum),
                extremes(Temporality::of(self.temporality), point.min, point.max),
                point.buckets(),
            ),
        })
    }
}

impl ExponentialPoint {
    /// Bucket `i` has values above `base ^ i` and up to `base ^ (i + 1)`, with `base = 2 ^ (2 ^ -scale)`.
    fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let width = (-f64::from(self.scale)).exp2();
        let zero = (self.zero_count > 0).then_some((0.0, self.zero_count));
        let positive = self.positive.iter().flat_map(move |buckets| {
            let upper = (1_i32..).map(move |place| buckets.offset.saturating_add(place));
            let bounds = upper.map(move |power| (f64::from(power) * width).exp2());
            bounds.zip(buckets.counts.iter().copied())
        });
        zero.into_iter().chain(positive).take(MOST_BUCKETS)
    }
}

/// The extremes of what was added since the one before: those of all since the client began are of no time.
fn extremes(
    temporality: Option<Temporality>,
    min: Option<f64>,
    max: Option<f64>,
) -> [Option<f64>; 2] {
    match temporality {
        Some(Temporality::Delta) => [min, max],
        _ => [None, None],
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a client")]
fn numbers(
    (count, sum): (u64, Option<f64>),
    [min, max]: [Option<f64>; 2],
    buckets: impl Iterator<Item = (f64, u64)>,
) -> Vec<(String, f64)> {
    let named = |name: &str, value: f64| (name.to_owned(), value);
    let mut numbers = vec![named(".count", count as f64)];
    let known = [(".sum", sum), (".min", min), (".max", max)];
    let known = known
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    numbers.extend(known.map(|(name, value)| named(name, value)));
    for (bound, count) in buckets.filter(|(_, count)| *count > 0) {
        numbers.push((format!(".le.{bound}"), count as f64));
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(numbers: &HistogramNumbers<'_>) -> Vec<(String, f64)> {
        numbers.numbers.clone()
    }

    fn named(numbers: &[(&str, f64)]) -> Vec<(String, f64)> {
        let numbers = numbers.iter();
        numbers
            .map(|(name, value)| ((*name).to_owned(), *value))
            .collect()
    }

    #[test]
    fn buckets_are_told_by_their_upper_bounds_and_empty_ones_are_not() {
        let point = HistogramPoint {
            count: 8,
            sum: Some(412.5),
            counts: vec![5, 0, 2, 1],
            bounds: vec![5.0, 25.0, 100.0],
            max: Some(230.0),
            ..HistogramPoint::default()
        };
        let bytes = Histogram {
            points: vec![point.clone()],
            temporality: 1,
        }
        .encode_to_vec();
        let read = Histogram::decode(&bytes[..]).unwrap();
        let found = told(&read.numbers().next().unwrap());
        let expected = [
            (".count", 8.0),
            (".sum", 412.5),
            (".max", 230.0),
            (".le.5", 5.0),
            (".le.100", 2.0),
            (".le.inf", 1.0),
        ];
        assert_eq!(found, named(&expected));
        // Of how many bounds there are nothing is guessed.
        let damaged = Histogram {
            points: vec![HistogramPoint {
                counts: vec![5, 3],
                ..point.clone()
            }],
            temporality: 1,
        };
        assert_eq!(told(&damaged.numbers().next().unwrap()).len(), 3);
        let of_all = Histogram {
            points: vec![point],
            temporality: 2,
        };
        let numbers = of_all.numbers().next().unwrap();
        assert_eq!(numbers.temporality, Some(Temporality::Cumulative));
        let found = told(&numbers);
        assert!(found.iter().all(|(name, _)| name != ".max"), "{found:?}");
    }

    #[test]
    fn bounds_of_an_exponential_one_are_powers_of_its_base() {
        let point = ExponentialPoint {
            count: 7,
            scale: 0,
            zero_count: 1,
            positive: Some(Buckets {
                offset: 2,
                counts: vec![4, 0, 2],
            }),
            ..ExponentialPoint::default()
        };
        let of = |point: ExponentialPoint| {
            let histogram = ExponentialHistogram {
                points: vec![point],
                temporality: 1,
            };
            let bytes = histogram.encode_to_vec();
            let read = ExponentialHistogram::decode(&bytes[..]).unwrap();
            let found = told(&read.numbers().next().unwrap());
            found.into_iter().skip(1).collect::<Vec<_>>()
        };
        // Above 4 and up to 8, above 16 and up to 32.
        let expected = [(".le.0", 1.0), (".le.8", 4.0), (".le.32", 2.0)];
        assert_eq!(of(point.clone()), named(&expected));
        let finer = ExponentialPoint {
            scale: 1,
            ..point.clone()
        };
        let bounds = of(finer);
        assert_eq!(bounds[2].0, ".le.5.656854249492381");
        // No scale or offset is too large.
        for (scale, offset) in [(i32::MIN, i32::MAX), (i32::MAX, i32::MIN), (-11, i32::MAX)] {
            let positive = Some(Buckets {
                offset,
                counts: vec![1; 5000],
            });
            let wild = ExponentialPoint {
                scale,
                positive,
                ..point.clone()
            };
            assert!(of(wild).len() <= MOST_BUCKETS);
        }
    }
}
