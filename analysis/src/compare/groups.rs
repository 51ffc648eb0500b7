//! What differs most: topics, partitions, clients and file systems against those of the first store.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use futures::StreamExt;

use super::tables::batch;
use kcorr_engine::Result;
use kcorr_engine::{Columns, GivenParameters, Session};

/// The groups of a store, by dimension and name.
pub(super) type Groups = BTreeMap<(String, String), Group>;

/// A row of `latency_groups`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Group {
    request_count: i64,
    p99_ms: f64,
    slow_count: i64,
    /// Requests over the objective among 1,000 requests of the recording.
    slow_per_1000: f64,
}

pub(super) async fn read(session: &Session, given: &GivenParameters) -> Result<Groups> {
    let mut rows = session.run_canned("latency_groups", given).await?;
    let mut groups = Groups::new();
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        let columns = Columns(&batch);
        let dimension = columns.text("dimension")?;
        let name = columns.text("name")?;
        let request_count = columns.number("request_count")?;
        let p99_ms = columns.float("p99_ms")?;
        let slow_count = columns.number("slow_count")?;
        let slow_per_1000 = columns.float("slow_per_1000")?;
        for row in 0..batch.num_rows() {
            let (Some(dimension), Some(name)) = (dimension.get(row), name.get(row)) else {
                continue;
            };
            let group = Group {
                request_count: request_count.get(row).unwrap_or(0),
                p99_ms: p99_ms.get(row).unwrap_or(0.0),
                slow_count: slow_count.get(row).unwrap_or(0),
                slow_per_1000: slow_per_1000.get(row).unwrap_or(0.0),
            };
            groups.insert((dimension.to_owned(), name.to_owned()), group);
        }
    }
    Ok(groups)
}

/// The groups whose misses of the objective differ most from those in the first store, largest
/// difference first. One that a store does not have counts as without requests there.
pub(super) fn differences(
    names: &[&str],
    stores: &[Groups],
    top_count: usize,
) -> Result<RecordBatch> {
    let mut rows = Vec::new();
    if let Some((first, others)) = stores.split_first() {
        for (name, groups) in names.iter().skip(1).zip(others) {
            let mut keys: Vec<_> = first.keys().chain(groups.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let own = groups.get(key).cloned().unwrap_or_default();
                let base = first.get(key).cloned().unwrap_or_default();
                rows.push((key, *name, own, base));
            }
        }
    }
    let change = |own: &Group, base: &Group| own.slow_per_1000 - base.slow_per_1000;
    rows.sort_by(|a, b| {
        let (a_change, b_change) = (change(&a.2, &a.3).abs(), change(&b.2, &b.3).abs());
        b_change
            .total_cmp(&a_change)
            .then_with(|| (a.0, a.1).cmp(&(b.0, b.1)))
    });
    rows.truncate(top_count);
    let texts = |get: &dyn Fn(usize) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values((0..rows.len()).map(get)))
    };
    let numbers = |get: &dyn Fn(&Group, &Group) -> i64| -> ArrayRef {
        let values = rows.iter().map(|(_, _, own, base)| get(own, base));
        Arc::new(Int64Array::from_iter_values(values))
    };
    let floats = |get: &dyn Fn(&Group, &Group) -> f64| -> ArrayRef {
        let values = rows.iter().map(|(_, _, own, base)| get(own, base));
        Arc::new(Float64Array::from_iter_values(values))
    };
    batch(vec![
        ("dimension", texts(&|row| rows[row].0.0.clone())),
        ("name", texts(&|row| rows[row].0.1.clone())),
        ("store", texts(&|row| rows[row].1.to_owned())),
        ("change_per_1000", floats(&change)),
        ("slow_per_1000", floats(&|own, _| own.slow_per_1000)),
        ("base_slow_per_1000", floats(&|_, base| base.slow_per_1000)),
        ("slow_count", numbers(&|own, _| own.slow_count)),
        ("base_slow_count", numbers(&|_, base| base.slow_count)),
        ("request_count", numbers(&|own, _| own.request_count)),
        ("base_request_count", numbers(&|_, base| base.request_count)),
        ("p99_ms", floats(&|own, _| own.p99_ms)),
        ("base_p99_ms", floats(&|_, base| base.p99_ms)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::AsArray;

    fn group(slow_per_1000: f64) -> Group {
        Group {
            slow_per_1000,
            ..Group::default()
        }
    }

    #[test]
    fn the_largest_difference_is_first_and_a_missing_group_counts_as_empty() {
        let key = |name: &str| ("topic".to_owned(), name.to_owned());
        let first = Groups::from([(key("a"), group(1.0)), (key("gone"), group(3.0))]);
        let second = Groups::from([(key("a"), group(2.0)), (key("new"), group(9.0))]);
        let table = differences(&["x", "y"], &[first, second], 10).expect("a table");
        let names: Vec<_> = table
            .column(1)
            .as_string::<i32>()
            .iter()
            .flatten()
            .collect();
        assert_eq!(names, ["new", "gone", "a"]);
    }
}
