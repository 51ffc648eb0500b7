//! Rows of `client_metrics` of librdkafka's statistics.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow::array::{Float64Array, Int32Builder, Int64Array, Int64Builder};
use kcorr_model::columns::{LabelBuilder, ended_int32, ended_int64, ended_labels, ended_times};
use kcorr_model::{BatchBuilder, Error, Output, RowIds, SourceId, tables::CLIENT_METRICS};

use crate::statistics::Statistics;

/// Rows of a record batch.
const MOST_ROWS: usize = 8192;
/// Clients whose last statistics are remembered.
const MOST_CLIENTS: usize = 10_000;

/// Collects numbers and yields them as record batches.
pub(crate) struct MetricRows {
    source: SourceId,
    ids: RowIds,
    /// When each client told the last, by its own clock, µs, and by the host's, s.
    told: HashMap<(String, String), (i64, i64)>,
    client_metric_id: Int64Builder,
    time: Vec<Option<i64>>,
    interval_ns: Int64Builder,
    origin: LabelBuilder,
    client_id: LabelBuilder,
    client_instance: LabelBuilder,
    client_type: LabelBuilder,
    broker: Int32Builder,
    name: LabelBuilder,
    value: Vec<f64>,
    unit: LabelBuilder,
    temporality: LabelBuilder,
    request_id: Int64Builder,
}

impl fmt::Debug for MetricRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricRows")
            .field("rows", &self.value.len())
            .finish_non_exhaustive()
    }
}

impl MetricRows {
    pub(crate) fn new(source: SourceId) -> Self {
        Self {
            source,
            ids: source.row_ids(),
            told: HashMap::new(),
            client_metric_id: Int64Builder::new(),
            time: Vec::new(),
            interval_ns: Int64Builder::new(),
            origin: LabelBuilder::new(),
            client_id: LabelBuilder::new(),
            client_instance: LabelBuilder::new(),
            client_type: LabelBuilder::new(),
            broker: Int32Builder::new(),
            name: LabelBuilder::new(),
            value: Vec::new(),
            unit: LabelBuilder::new(),
            temporality: LabelBuilder::new(),
            request_id: Int64Builder::new(),
        }
    }

    /// Adds what a client told at once.
    pub(crate) fn push(
        &mut self,
        statistics: &Statistics<'_>,
        output: &mut dyn Output,
    ) -> Result<(), Error> {
        let time_ns = statistics.time.checked_mul(1_000_000_000);
        let interval_ns = self.since_last(statistics);
        for metric in statistics.metrics() {
            self.client_metric_id.append_value(self.ids.next());
            self.time.push(time_ns);
            self.interval_ns.append_option(interval_ns);
            self.origin.append_value("librdkafka");
            self.client_id.append_value(&statistics.client_id);
            self.client_instance.append_value(&statistics.name);
            self.client_type.append_value(&statistics.kind);
            self.broker.append_option(metric.broker);
            self.name.append_value(&metric.name);
            self.value.push(metric.value);
            self.unit.append_option(metric.unit);
            self.temporality.append_null();
            self.request_id.append_null();
        }
        if self.value.len() >= MOST_ROWS {
            self.flush(output)?;
        }
        Ok(())
    }

    /// The time since the statistics of the same client before, ns.
    fn since_last(&mut self, statistics: &Statistics<'_>) -> Option<i64> {
        let client = (
            statistics.client_id.clone().into_owned(),
            statistics.name.clone().into_owned(),
        );
        if self.told.len() >= MOST_CLIENTS && !self.told.contains_key(&client) {
            return None;
        }
        let now = (statistics.ts, statistics.time);
        let (ts, time) = self.told.insert(client, now)?;
        let since = statistics.ts.checked_sub(ts).filter(|it| *it > 0)?;
        // A process that begins anew, or on another host, has a client of the same name by another clock.
        let by_host = statistics.time.checked_sub(time)?.checked_mul(1_000_000)?;
        if since.checked_sub(by_host)?.unsigned_abs() > 2_000_000 {
            return None;
        }
        since.checked_mul(1000)
    }

    /// Yields what is held.
    pub(crate) fn flush(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        let value = std::mem::take(&mut self.value);
        let rows = value.len();
        if rows == 0 {
            return Ok(());
        }
        let batch = BatchBuilder::new(&CLIENT_METRICS, rows)
            .set("client_metric_id", ended_int64(&mut self.client_metric_id))
            .set(
                "source_id",
                Arc::new(Int64Array::from(vec![self.source.0; rows])),
            )
            .set("time", ended_times(&mut self.time))
            .set("interval_ns", ended_int64(&mut self.interval_ns))
            .set("origin", ended_labels(&mut self.origin))
            .set("client_id", ended_labels(&mut self.client_id))
            .set("client_instance", ended_labels(&mut self.client_instance))
            .set("client_type", ended_labels(&mut self.client_type))
            .set("broker", ended_int32(&mut self.broker))
            .set("name", ended_labels(&mut self.name))
            .set("value", Arc::new(Float64Array::from(value)))
            .set("unit", ended_labels(&mut self.unit))
            .set("temporality", ended_labels(&mut self.temporality))
            .set("request_id", ended_int64(&mut self.request_id))
            .finish()?;
        output.batch(&CLIENT_METRICS, batch)
    }
}
