//! A comparison over time as tables.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};

use super::Stretch;
use super::block::{Block, Length};
use super::resample::Group;
use crate::compare::{batch, interval};
use kcorr_engine::Result;

/// A statistic of requests: its name, what it is, and whether resampling says how sure it is.
type Statistic = (&'static str, fn(&Block) -> f64, bool);

const STATISTICS: &[Statistic] = &[
    ("slow_per_1000", slow_per_1000, true),
    ("slow_per_day", slow_per_day, true),
    ("p50_ms", |it| it.percentile(0.5), true),
    ("p99_ms", |it| it.percentile(0.99), true),
    ("p999_ms", |it| it.percentile(0.999), true),
    ("mean_ms", mean_ms, true),
    ("slow_count", |it| float(it.slow), false),
    ("request_count", |it| float(it.requests()), false),
];

fn slow_per_1000(block: &Block) -> f64 {
    1000.0 * float(block.slow) / float(block.requests())
}

/// In a day that has an account throughout.
fn slow_per_day(block: &Block) -> f64 {
    float(block.slow) / (signed(block.seconds_accounted) / signed(Length::DAY.0))
}

fn mean_ms(block: &Block) -> f64 {
    1000.0 * block.seconds / float(block.requests())
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn float(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn signed(ns: i64) -> f64 {
    ns as f64
}

fn int(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// One row a statistic and value of the setting.
pub(super) fn latency(groups: &[Group], confidence: f64) -> Result<RecordBatch> {
    let mut rows = Rows::default();
    for (name, of, has_interval) in STATISTICS {
        for group in groups {
            rows.add(name, group, groups.first(), confidence, of, *has_interval);
        }
    }
    batch(rows.columns("statistic"))
}

/// One row a cause and value of the setting: slow requests among 1,000.
pub(super) fn causes(groups: &[Group], confidence: f64) -> Result<RecordBatch> {
    let names: BTreeSet<&String> = groups.iter().flat_map(|it| it.all.causes.keys()).collect();
    let mut rows = Rows::default();
    let mut counts = Vec::new();
    for name in names {
        for group in groups {
            let of = |it: &Block| {
                let count = it.causes.get(name).copied().unwrap_or(0);
                1000.0 * float(count) / float(it.requests())
            };
            rows.add(name, group, groups.first(), confidence, &of, true);
            counts.push(int(group.all.causes.get(name).copied().unwrap_or(0)));
        }
    }
    let counts: ArrayRef = Arc::new(Int64Array::from(counts));
    let mut columns = rows.columns("cause");
    columns.insert(2, ("slow_count", counts));
    batch(columns)
}

/// One row a value of the setting and stretch of time that it was in force.
pub(super) fn periods(order: &[String], stretches: &[Stretch]) -> Result<RecordBatch> {
    let known: Vec<&Stretch> = stretches
        .iter()
        .filter(|it| order.contains(&it.value))
        .collect();
    batch(vec![
        ("setting", text(known.iter().map(|it| it.value.clone()))),
        ("start_time", time(known.iter().map(|it| it.from_ns))),
        ("end_time", time(known.iter().map(|it| it.to_ns))),
        (
            "window_count",
            number(known.iter().map(|it| int(it.windows))),
        ),
        (
            "request_count",
            number(known.iter().map(|it| int(it.requests))),
        ),
        ("slow_count", number(known.iter().map(|it| int(it.slow)))),
    ])
}

/// One row another setting and value: what it was with it.
pub(super) fn also_changed(
    order: &[String],
    others: &BTreeMap<String, BTreeMap<String, Vec<String>>>,
) -> Result<RecordBatch> {
    let (mut names, mut settings, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for (name, with) in others {
        let of = |value: &String| with.get(value).map(|it| it.join(" | ")).unwrap_or_default();
        let first = order.first().map(of).unwrap_or_default();
        if order.iter().all(|value| of(value) == first) && !first.contains(" | ") {
            continue;
        }
        for value in order {
            names.push(name.clone());
            settings.push(value.clone());
            values.push(of(value));
        }
    }
    batch(vec![
        ("name", text(names)),
        ("setting", text(settings)),
        ("value", text(values)),
    ])
}

/// One row a day and value of the setting.
pub(super) fn days(
    order: &[String],
    blocks: &BTreeMap<String, BTreeMap<i64, Block>>,
    unit: Length,
) -> Result<RecordBatch> {
    let mut rows: Vec<(i64, &String, Block)> = Vec::new();
    for value in order {
        let of_value = blocks.get(value).into_iter().flatten();
        for (day, block) in Length::DAY.merged(unit, of_value) {
            rows.push((day.saturating_mul(Length::DAY.0), value, block));
        }
    }
    rows.sort_by_key(|it| it.0);
    let ratio = |it: f64| Some(it).filter(|it| it.is_finite());
    batch(vec![
        ("day", time(rows.iter().map(|it| it.0))),
        ("setting", text(rows.iter().map(|it| it.1.clone()))),
        (
            "request_count",
            number(rows.iter().map(|it| int(it.2.requests()))),
        ),
        ("slow_count", number(rows.iter().map(|it| int(it.2.slow)))),
        (
            "slow_per_1000",
            floats(rows.iter().map(|it| ratio(slow_per_1000(&it.2)))),
        ),
        (
            "p99_ms",
            floats(rows.iter().map(|it| ratio(it.2.percentile(0.99)))),
        ),
        (
            "p999_ms",
            floats(rows.iter().map(|it| ratio(it.2.percentile(0.999)))),
        ),
    ])
}

/// Rows of a value with its interval, and its change against that of the first.
#[derive(Debug, Default)]
struct Rows {
    names: Vec<String>,
    settings: Vec<String>,
    values: Vec<Option<f64>>,
    lows: Vec<Option<f64>>,
    highs: Vec<Option<f64>>,
    changes: Vec<Option<f64>>,
    change_lows: Vec<Option<f64>>,
    change_highs: Vec<Option<f64>>,
    sure: Vec<Option<f64>>,
    blocks: Vec<i64>,
}

impl Rows {
    fn add(
        &mut self,
        name: &str,
        group: &Group,
        first: Option<&Group>,
        confidence: f64,
        of: &dyn Fn(&Block) -> f64,
        has_interval: bool,
    ) {
        let own = of(&group.all);
        let resampled: Vec<f64> = group.resamples.iter().map(of).collect();
        let bounds = interval(resampled.clone(), confidence).filter(|_| has_interval);
        let base = first.filter(|first| !std::ptr::eq(*first, group) && has_interval);
        let change = |value: f64, base: f64| value / base - 1.0;
        let changed = base.map(|base| change(own, of(&base.all)));
        let changed = changed.filter(|it| it.is_finite());
        let of_pairs: Vec<(f64, f64)> = base.map_or(Vec::new(), |base| {
            let of_base = base.resamples.iter().map(of);
            resampled.iter().copied().zip(of_base).collect()
        });
        let changes = of_pairs.iter().map(|(own, base)| change(*own, *base));
        let change_bounds = interval(changes.collect(), confidence).filter(|_| changed.is_some());
        let base_value = base.map(|base| of(&base.all));
        self.sure.push(sure(own, base_value, &of_pairs));
        self.blocks.push(int(group.blocks as u64));
        self.names.push(name.to_owned());
        self.settings.push(group.value.clone());
        self.values.push(Some(own).filter(|it| it.is_finite()));
        self.lows.push(bounds.map(|it| it.0));
        self.highs.push(bounds.map(|it| it.1));
        self.changes.push(changed);
        self.change_lows.push(change_bounds.map(|it| it.0));
        self.change_highs.push(change_bounds.map(|it| it.1));
    }

    fn columns(self, name: &'static str) -> Vec<(&'static str, ArrayRef)> {
        vec![
            (name, text(self.names)),
            ("setting", text(self.settings)),
            ("value", floats(self.values)),
            ("low", floats(self.lows)),
            ("high", floats(self.highs)),
            ("change_ratio", floats(self.changes)),
            ("change_low_ratio", floats(self.change_lows)),
            ("change_high_ratio", floats(self.change_highs)),
            ("sure_ratio", floats(self.sure)),
            ("block_count", number(self.blocks)),
        ]
    }
}

/// The share of pairs of resamples that differ the same way as what was measured.
fn sure(own: f64, base: Option<f64>, pairs: &[(f64, f64)]) -> Option<f64> {
    let base = base?;
    if pairs.is_empty() || own == base || !own.is_finite() || !base.is_finite() {
        return None;
    }
    let same = pairs
        .iter()
        .filter(|(a, b)| if own < base { a < b } else { a > b });
    Some(float(same.count() as u64) / float(pairs.len() as u64))
}

fn text(values: impl IntoIterator<Item = String>) -> ArrayRef {
    Arc::new(values.into_iter().map(Some).collect::<StringArray>())
}

fn floats(values: impl IntoIterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<Float64Array>())
}

fn number(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(values.into_iter().map(Some).collect::<Int64Array>())
}

fn time(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    let times: TimestampNanosecondArray = values.into_iter().map(Some).collect();
    Arc::new(times.with_timezone("UTC"))
}
