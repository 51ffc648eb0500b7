//! Rows of `broker_requests`, and with them those of `broker_request_partitions`.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Int16Builder, Int32Builder, Int64Array, Int64Builder};
use kcorr_model::columns::{LabelBuilder, ended_int32, ended_int64, ended_labels, ended_times};
use kcorr_model::{BatchBuilder, Error, Output, RowIds, SourceId, tables::BROKER_REQUESTS};

use super::line::Request;
use super::partition_rows::PartitionRows;
use crate::line_time::{LineClock, Read};

/// Rows of a record batch.
const MOST_ROWS: usize = 8192;
/// Rows that are held while it is open in which order the numbers of their dates are.
const MOST_HELD_ROWS: usize = 64 << 10;

/// Collects requests and yields them as record batches.
pub(crate) struct RequestRows {
    source: SourceId,
    ids: RowIds,
    rows: usize,
    broker_request_id: Int64Builder,
    end_time: Vec<Option<Read>>,
    client_address: LabelBuilder,
    server_address: LabelBuilder,
    connection_index: Int64Builder,
    api: LabelBuilder,
    api_key: Int16Builder,
    api_version: Int16Builder,
    correlation_id: Int32Builder,
    client_id: LabelBuilder,
    total_ns: Int64Builder,
    request_queue_ns: Int64Builder,
    local_ns: Int64Builder,
    remote_ns: Int64Builder,
    throttle_ns: Int64Builder,
    response_queue_ns: Int64Builder,
    send_ns: Int64Builder,
    listener: LabelBuilder,
    security_protocol: LabelBuilder,
    acks: Int16Builder,
    error_code: Int16Builder,
    told_throttle_ns: Int64Builder,
    replica_id: Int32Builder,
    max_wait_ns: Int64Builder,
    min_bytes: Int64Builder,
    group_id: LabelBuilder,
    transactional_id: LabelBuilder,
    partitions: PartitionRows,
}

impl fmt::Debug for RequestRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestRows")
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl RequestRows {
    pub(crate) fn new(source: SourceId) -> Self {
        Self {
            source,
            ids: source.row_ids(),
            rows: 0,
            broker_request_id: Int64Builder::new(),
            end_time: Vec::new(),
            client_address: LabelBuilder::new(),
            server_address: LabelBuilder::new(),
            connection_index: Int64Builder::new(),
            api: LabelBuilder::new(),
            api_key: Int16Builder::new(),
            api_version: Int16Builder::new(),
            correlation_id: Int32Builder::new(),
            client_id: LabelBuilder::new(),
            total_ns: Int64Builder::new(),
            request_queue_ns: Int64Builder::new(),
            local_ns: Int64Builder::new(),
            remote_ns: Int64Builder::new(),
            throttle_ns: Int64Builder::new(),
            response_queue_ns: Int64Builder::new(),
            send_ns: Int64Builder::new(),
            listener: LabelBuilder::new(),
            security_protocol: LabelBuilder::new(),
            acks: Int16Builder::new(),
            error_code: Int16Builder::new(),
            told_throttle_ns: Int64Builder::new(),
            replica_id: Int32Builder::new(),
            max_wait_ns: Int64Builder::new(),
            min_bytes: Int64Builder::new(),
            group_id: LabelBuilder::new(),
            transactional_id: LabelBuilder::new(),
            partitions: PartitionRows::new(source),
        }
    }

    /// Adds a request; whether rows were yielded.
    pub(crate) fn push(
        &mut self,
        request: &Request,
        end_time: Option<Read>,
        clock: &LineClock,
        output: &mut dyn Output,
    ) -> Result<bool, Error> {
        let connection = request.connection.as_ref();
        let request_id = self.ids.next();
        self.broker_request_id.append_value(request_id);
        self.end_time.push(end_time);
        self.client_address
            .append_option(connection.map(|connection| &connection.client));
        self.server_address
            .append_option(connection.map(|connection| &connection.server));
        self.connection_index
            .append_option(connection.map(|connection| connection.index));
        self.api.append_value(&request.api);
        self.api_key.append_option(request.api_key);
        self.api_version.append_option(request.api_version);
        self.correlation_id.append_option(request.correlation_id);
        self.client_id.append_option(request.client_id.as_ref());
        self.total_ns.append_value(request.total_ns);
        self.request_queue_ns
            .append_option(request.request_queue_ns);
        self.local_ns.append_option(request.local_ns);
        self.remote_ns.append_option(request.remote_ns);
        self.throttle_ns.append_option(request.throttle_ns);
        self.response_queue_ns
            .append_option(request.response_queue_ns);
        self.send_ns.append_option(request.send_ns);
        self.listener.append_option(request.listener.as_ref());
        self.security_protocol
            .append_option(request.security_protocol.as_ref());
        let body = &request.body;
        self.acks.append_option(body.acks);
        self.error_code.append_option(body.error_code);
        self.told_throttle_ns.append_option(body.told_throttle_ns);
        self.replica_id.append_option(body.replica_id);
        self.max_wait_ns.append_option(body.max_wait_ns);
        self.min_bytes.append_option(body.min_bytes);
        self.group_id.append_option(body.group_id.as_ref());
        self.transactional_id
            .append_option(body.transactional_id.as_ref());
        self.partitions.push(request_id, end_time, &body.partitions);
        self.rows = self.rows.saturating_add(1);
        let rows = self.rows.max(self.partitions.len());
        let is_due = rows >= MOST_ROWS && !clock.is_undecided();
        if is_due || rows >= MOST_HELD_ROWS {
            self.flush(clock, output)?;
        }
        Ok(self.rows == 0)
    }

    /// Yields what is held.
    pub(crate) fn flush(
        &mut self,
        clock: &LineClock,
        output: &mut dyn Output,
    ) -> Result<(), Error> {
        if self.rows == 0 {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.rows);
        let source = Int64Array::from(vec![self.source.0; rows]);
        let reads = self.end_time.drain(..);
        let mut end_time = reads.map(|read| clock.ns(read?)).collect();
        let batch = BatchBuilder::new(&BROKER_REQUESTS, rows)
            .set(
                "broker_request_id",
                ended_int64(&mut self.broker_request_id),
            )
            .set("source_id", Arc::new(source))
            .set("end_time", ended_times(&mut end_time))
            .set("client_address", ended_labels(&mut self.client_address))
            .set("server_address", ended_labels(&mut self.server_address))
            .set("connection_index", ended_int64(&mut self.connection_index))
            .set("api", ended_labels(&mut self.api))
            .set("api_key", Arc::new(self.api_key.finish()))
            .set("api_version", Arc::new(self.api_version.finish()))
            .set("correlation_id", ended_int32(&mut self.correlation_id))
            .set("client_id", ended_labels(&mut self.client_id))
            .set("total_ns", ended_int64(&mut self.total_ns))
            .set("request_queue_ns", ended_int64(&mut self.request_queue_ns))
            .set("local_ns", ended_int64(&mut self.local_ns))
            .set("remote_ns", ended_int64(&mut self.remote_ns))
            .set("throttle_ns", ended_int64(&mut self.throttle_ns))
            .set(
                "response_queue_ns",
                ended_int64(&mut self.response_queue_ns),
            )
            .set("send_ns", ended_int64(&mut self.send_ns))
            .set("listener", ended_labels(&mut self.listener))
            .set(
                "security_protocol",
                ended_labels(&mut self.security_protocol),
            )
            .set("acks", Arc::new(self.acks.finish()))
            .set("error_code", Arc::new(self.error_code.finish()))
            .set("told_throttle_ns", ended_int64(&mut self.told_throttle_ns))
            .set("replica_id", ended_int32(&mut self.replica_id))
            .set("max_wait_ns", ended_int64(&mut self.max_wait_ns))
            .set("min_bytes", ended_int64(&mut self.min_bytes))
            .set("group_id", ended_labels(&mut self.group_id))
            .set("transactional_id", ended_labels(&mut self.transactional_id))
            .finish()?;
        output.batch(&BROKER_REQUESTS, batch)?;
        self.partitions.flush(clock, output)
    }
}
