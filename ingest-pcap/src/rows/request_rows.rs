//! Rows of `requests`.

use std::sync::Arc;

use arrow::array::{Int16Array, Int32Array, Int64Array, TimestampNanosecondArray};
use arrow::datatypes::{Int16Type, Int32Type, Int64Type, TimestampNanosecondType};
use arrow::record_batch::RecordBatch;
use kcorr_capture::Endpoint;
use kcorr_model::{BatchBuilder, Error, SourceId, tables};

use super::BATCH_ROWS;
use super::columns::{Optional, taken, taken_column, taken_times};
use super::labels::{CachedLabel, Labels};
use crate::message::{Request, api};

/// A connection as rows name it.
#[derive(Debug)]
pub(crate) struct ConnectionLabels {
    pub(crate) connection_id: i64,
    pub(crate) client: Endpoint,
    pub(crate) server: Endpoint,
    /// Rows so far.
    pub(crate) rows: u64,
    client_label: CachedLabel,
    server_label: CachedLabel,
    /// The client id seen last, and its key.
    client_id: Option<Arc<str>>,
    client_id_label: CachedLabel,
    /// The principal seen last, and its key.
    principal: Option<Arc<str>>,
    principal_label: CachedLabel,
}

impl ConnectionLabels {
    pub(crate) fn new(connection_id: i64, client: Endpoint, server: Endpoint) -> Self {
        Self {
            connection_id,
            client,
            server,
            rows: 0,
            client_label: CachedLabel::default(),
            server_label: CachedLabel::default(),
            client_id: None,
            client_id_label: CachedLabel::default(),
            principal: None,
            principal_label: CachedLabel::default(),
        }
    }
}

/// Columns of `requests` under construction.
#[derive(Debug)]
pub(super) struct RequestRows {
    source: SourceId,
    api_labels: Vec<CachedLabel>,
    request_id: Vec<i64>,
    connection_id: Vec<i64>,
    client_address: Labels,
    server_address: Labels,
    api: Labels,
    api_key: Vec<i16>,
    api_version: Vec<i16>,
    correlation_id: Vec<i32>,
    client_id: Labels,
    arrival_time: Vec<i64>,
    read_time: Optional<TimestampNanosecondType>,
    response_time: Optional<TimestampNanosecondType>,
    end_time: Optional<TimestampNanosecondType>,
    latency_ns: Optional<Int64Type>,
    request_bytes: Vec<i64>,
    response_bytes: Optional<Int64Type>,
    acks: Optional<Int16Type>,
    error_code: Optional<Int16Type>,
    throttle_ns: Optional<Int64Type>,
    replica_id: Optional<Int32Type>,
    max_wait_ns: Optional<Int64Type>,
    min_bytes: Optional<Int64Type>,
    group_id: Labels,
    transactional_id: Labels,
    principal: Labels,
    no_response: Labels,
}

impl RequestRows {
    pub(super) fn new(source: SourceId) -> Self {
        Self {
            source,
            api_labels: vec![CachedLabel::default(); 128],
            request_id: Vec::with_capacity(BATCH_ROWS),
            connection_id: Vec::with_capacity(BATCH_ROWS),
            client_address: Labels::new(),
            server_address: Labels::new(),
            api: Labels::new(),
            api_key: Vec::with_capacity(BATCH_ROWS),
            api_version: Vec::with_capacity(BATCH_ROWS),
            correlation_id: Vec::with_capacity(BATCH_ROWS),
            client_id: Labels::new(),
            arrival_time: Vec::with_capacity(BATCH_ROWS),
            read_time: Optional::new(),
            response_time: Optional::new(),
            end_time: Optional::new(),
            latency_ns: Optional::new(),
            request_bytes: Vec::with_capacity(BATCH_ROWS),
            response_bytes: Optional::new(),
            acks: Optional::new(),
            error_code: Optional::new(),
            throttle_ns: Optional::new(),
            replica_id: Optional::new(),
            max_wait_ns: Optional::new(),
            min_bytes: Optional::new(),
            group_id: Labels::new(),
            transactional_id: Labels::new(),
            principal: Labels::new(),
            no_response: Labels::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.request_id.len()
    }

    pub(super) fn push(
        &mut self,
        request: &Request,
        no_response: Option<&'static str>,
        connection: &mut ConnectionLabels,
    ) {
        connection.rows = connection.rows.saturating_add(1);
        self.request_id.push(request.request_id);
        self.connection_id.push(connection.connection_id);
        let (client, server) = (connection.client, connection.server);
        self.client_address
            .push_cached(&mut connection.client_label, || client.to_string());
        self.server_address
            .push_cached(&mut connection.server_label, || server.to_string());
        let key = request.api_key;
        let api_name = || match api::name(key) {
            Some(name) => name.to_owned(),
            None => format!("Unknown({key})"),
        };
        let label = usize::try_from(key)
            .ok()
            .and_then(|key| self.api_labels.get_mut(key));
        match label {
            Some(label) => self.api.push_cached(label, api_name),
            None => self.api.push(Some(&api_name())),
        }
        self.api_key.push(key);
        self.api_version.push(request.api_version);
        self.correlation_id.push(request.correlation_id);
        push_shared(
            &mut self.client_id,
            request.client_id.as_ref(),
            &mut connection.client_id,
            &mut connection.client_id_label,
        );
        push_shared(
            &mut self.principal,
            request.principal.as_ref(),
            &mut connection.principal,
            &mut connection.principal_label,
        );
        self.arrival_time.push(request.arrival_time);
        self.read_time.push(request.read_time);
        self.response_time.push(request.response_time);
        self.end_time.push(request.end_time);
        self.latency_ns.push(
            request
                .end_time
                .map(|end| end.saturating_sub(request.arrival_time)),
        );
        self.request_bytes
            .push(i64::try_from(request.request_bytes).unwrap_or(i64::MAX));
        self.response_bytes.push(
            request
                .response_bytes
                .map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
        );
        self.acks.push(request.acks);
        self.error_code.push(request.error_code);
        self.throttle_ns.push(request.throttle_ms.map(ns_from_ms));
        self.replica_id.push(request.replica_id);
        let max_wait_ms = request.max_wait_ms.filter(|&ms| ms >= 0);
        self.max_wait_ns.push(max_wait_ms.map(ns_from_ms));
        let min_bytes = request.min_bytes.filter(|&bytes| bytes >= 0);
        self.min_bytes.push(min_bytes.map(i64::from));
        self.group_id.push(request.group_id.as_deref());
        self.transactional_id
            .push(request.transactional_id.as_deref());
        self.no_response.push(no_response);
    }

    pub(super) fn finish(&mut self) -> Result<RecordBatch, Error> {
        let rows = self.len();
        let arrival_time =
            TimestampNanosecondArray::from(taken(&mut self.arrival_time)).with_timezone("UTC");
        let batch = BatchBuilder::new(&tables::REQUESTS, rows)
            .set(
                "request_id",
                Arc::new(Int64Array::from(taken(&mut self.request_id))),
            )
            .set(
                "source_id",
                Arc::new(Int64Array::from(vec![self.source.0; rows])),
            )
            .set(
                "connection_id",
                Arc::new(Int64Array::from(taken(&mut self.connection_id))),
            )
            .set("client_address", self.client_address.finish()?)
            .set("server_address", self.server_address.finish()?)
            .set("api", self.api.finish()?)
            .set(
                "api_key",
                Arc::new(Int16Array::from(taken(&mut self.api_key))),
            )
            .set(
                "api_version",
                Arc::new(Int16Array::from(taken(&mut self.api_version))),
            )
            .set(
                "correlation_id",
                Arc::new(Int32Array::from(taken(&mut self.correlation_id))),
            )
            .set("client_id", self.client_id.finish()?)
            .set("arrival_time", Arc::new(arrival_time))
            .set("read_time", taken_times(&mut self.read_time))
            .set("response_time", taken_times(&mut self.response_time))
            .set("end_time", taken_times(&mut self.end_time))
            .set("latency_ns", taken_column(&mut self.latency_ns))
            .set(
                "request_bytes",
                Arc::new(Int64Array::from(taken(&mut self.request_bytes))),
            )
            .set("response_bytes", taken_column(&mut self.response_bytes))
            .set("acks", taken_column(&mut self.acks))
            .set("error_code", taken_column(&mut self.error_code))
            .set("throttle_ns", taken_column(&mut self.throttle_ns))
            .set("replica_id", taken_column(&mut self.replica_id))
            .set("max_wait_ns", taken_column(&mut self.max_wait_ns))
            .set("min_bytes", taken_column(&mut self.min_bytes))
            .set("group_id", self.group_id.finish()?)
            .set("transactional_id", self.transactional_id.finish()?)
            .set("principal", self.principal.finish()?)
            .set("no_response", self.no_response.finish()?)
            .finish()?;
        Ok(batch)
    }
}

/// Pushes text that a connection's requests share, mostly the same as before.
#[inline]
fn push_shared(
    labels: &mut Labels,
    text: Option<&Arc<str>>,
    last: &mut Option<Arc<str>>,
    label: &mut CachedLabel,
) {
    let Some(text) = text else {
        labels.push(None);
        return;
    };
    let is_cached = last
        .as_ref()
        .is_some_and(|cached| Arc::ptr_eq(cached, text));
    if !is_cached {
        *last = Some(text.clone());
        *label = CachedLabel::default();
    }
    labels.push_cached(label, || text);
}

fn ns_from_ms(ms: i32) -> i64 {
    i64::from(ms).saturating_mul(1_000_000)
}
