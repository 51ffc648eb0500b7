//! Rows of `client_metrics`: what clients pushed to a broker.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Float64Array, Int32Builder, Int64Array, Int64Builder};
use arrow::record_batch::RecordBatch;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kcorr_model::columns::{LabelBuilder, ended_int32, ended_int64, ended_labels, ended_times};
use kcorr_model::{BatchBuilder, Error, RowIds, SourceId, tables};

use crate::message::{Request, Temporality};

/// Columns of `client_metrics` under construction.
pub(super) struct ClientMetricRows {
    source: SourceId,
    ids: RowIds,
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

impl fmt::Debug for ClientMetricRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientMetricRows")
            .field("rows", &self.len())
            .finish_non_exhaustive()
    }
}

impl ClientMetricRows {
    pub(super) fn new(source: SourceId) -> Self {
        Self {
            source,
            ids: source.row_ids(),
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

    pub(super) fn len(&self) -> usize {
        self.value.len()
    }

    /// Adds what a request told, if it did.
    pub(super) fn push(&mut self, request: &Request) {
        let Some(telemetry) = &request.telemetry else {
            return;
        };
        let instance = URL_SAFE_NO_PAD.encode(telemetry.instance);
        for number in &telemetry.numbers {
            self.client_metric_id.append_value(self.ids.next());
            self.time.push(Some(request.arrival_time));
            self.interval_ns.append_option(number.interval_ns);
            self.origin.append_value("telemetry");
            self.client_id.append_option(request.client_id.as_deref());
            self.client_instance.append_value(&instance);
            self.client_type.append_option(client_type(&number.name));
            self.broker.append_option(number.broker);
            self.name.append_value(&number.name);
            self.value.push(number.value);
            self.unit.append_option(number.unit.as_deref());
            self.temporality
                .append_option(number.temporality.map(Temporality::name));
            self.request_id.append_value(request.request_id);
        }
    }

    pub(super) fn finish(&mut self) -> Result<RecordBatch, Error> {
        let value = std::mem::take(&mut self.value);
        let rows = value.len();
        let batch = BatchBuilder::new(&tables::CLIENT_METRICS, rows)
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
        Ok(batch)
    }
}

/// What kind of client has a metric of that name: `org.apache.kafka.producer.…`.
fn client_type(name: &str) -> Option<&'static str> {
    let name = name.strip_prefix("org.apache.kafka.").unwrap_or(name);
    ["producer", "consumer"].into_iter().find(|kind| {
        name.strip_prefix(kind)
            .is_some_and(|rest| rest.starts_with('.'))
    })
}
