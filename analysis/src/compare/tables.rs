//! A comparison as tables.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};

use super::Compared;
use super::bootstrap::interval;
use super::sample::{Statistic, Statistics};
use kcorr_engine::{Error, ErrorKind, Result};

/// One row a statistic and store.
pub(super) fn latency(stores: &[Compared], confidence: f64) -> Result<RecordBatch> {
    let mut rows = Rows::default();
    for &statistic in Statistic::ALL {
        let value = |statistics: &Statistics| statistics.value(statistic);
        let worse =
            |store: &Compared, than: &Compared| value(&store.statistics) > value(&than.statistics);
        for store in stores {
            let place = 1 + stores.iter().filter(|other| worse(other, store)).count();
            rows.add(
                statistic.name(),
                store,
                stores.first(),
                confidence,
                &value,
                statistic.has_interval(),
            );
            rows.places.push(i64::try_from(place).unwrap_or(i64::MAX));
        }
    }
    let places: ArrayRef = Arc::new(Int64Array::from(std::mem::take(&mut rows.places)));
    let mut columns = rows.columns("statistic");
    columns.push(("place", places));
    batch(columns)
}

/// One row a cause and store.
pub(super) fn causes(
    stores: &[Compared],
    names: &[String],
    confidence: f64,
) -> Result<RecordBatch> {
    let mut rows = Rows::default();
    let mut counts = Vec::new();
    for (cause, name) in names.iter().enumerate() {
        for store in stores {
            let value = |statistics: &Statistics| statistics.cause_per_1000(cause);
            rows.add(name, store, stores.first(), confidence, &value, true);
            let count = store.statistics.cause_counts.get(cause).copied();
            counts.push(count.and_then(|count| i64::try_from(count).ok()));
        }
    }
    let counts: ArrayRef = Arc::new(Int64Array::from(counts));
    let mut columns = rows.columns("cause");
    for (name, _) in &mut columns {
        if *name == "value" {
            *name = "slow_per_1000";
        }
    }
    columns.insert(2, ("slow_count", counts));
    batch(columns)
}

/// A batch of named columns.
pub(crate) fn batch(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch> {
    RecordBatch::try_from_iter_with_nullable(
        columns
            .into_iter()
            .map(|(name, column)| (name, column, true)),
    )
    .map_err(|e| Error::because(ErrorKind::Query, "the comparison is no table", e))
}

/// Rows of a value with its interval, and its ratio to the first store's.
#[derive(Debug, Default)]
struct Rows {
    names: Vec<String>,
    stores: Vec<String>,
    values: Vec<f64>,
    lows: Vec<Option<f64>>,
    highs: Vec<Option<f64>>,
    ratios: Vec<Option<f64>>,
    ratio_lows: Vec<Option<f64>>,
    ratio_highs: Vec<Option<f64>>,
    places: Vec<i64>,
}

impl Rows {
    fn add(
        &mut self,
        name: &str,
        store: &Compared,
        first: Option<&Compared>,
        confidence: f64,
        value: &dyn Fn(&Statistics) -> f64,
        has_interval: bool,
    ) {
        let own = value(&store.statistics);
        let resampled = store.replicates.iter().map(value).collect();
        let bounds = interval(resampled, confidence).filter(|_| has_interval);
        let base = first.filter(|first| !std::ptr::eq(*first, store));
        let ratio = base.map(|base| own / value(&base.statistics));
        // The stores are resampled independently of each other.
        let ratio_bounds = base.filter(|_| has_interval).and_then(|base| {
            let pairs = store.replicates.iter().zip(&base.replicates);
            interval(
                pairs.map(|(a, b)| value(a) / value(b)).collect(),
                confidence,
            )
        });
        self.names.push(name.to_owned());
        self.stores.push(store.name.clone());
        self.values.push(own);
        self.lows.push(bounds.map(|(low, _)| low));
        self.highs.push(bounds.map(|(_, high)| high));
        self.ratios.push(ratio.filter(|ratio| ratio.is_finite()));
        self.ratio_lows.push(ratio_bounds.map(|(low, _)| low));
        self.ratio_highs.push(ratio_bounds.map(|(_, high)| high));
    }

    fn columns(self, name: &'static str) -> Vec<(&'static str, ArrayRef)> {
        vec![
            (name, Arc::new(StringArray::from(self.names)) as ArrayRef),
            ("store", Arc::new(StringArray::from(self.stores))),
            ("value", Arc::new(Float64Array::from(self.values))),
            ("low", Arc::new(Float64Array::from(self.lows))),
            ("high", Arc::new(Float64Array::from(self.highs))),
            ("ratio", Arc::new(Float64Array::from(self.ratios))),
            ("ratio_low", Arc::new(Float64Array::from(self.ratio_lows))),
            ("ratio_high", Arc::new(Float64Array::from(self.ratio_highs))),
        ]
    }
}
