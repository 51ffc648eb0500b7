//! Rows on their way to record batches.

mod client_metric_rows;
mod columns;
mod isr_request_rows;
mod labels;
mod numbers;
mod partition_rows;
mod request_rows;
mod tcp_connection_rows;
mod tcp_stretch_rows;
mod topic_rows;
mod turn_rows;

pub(crate) use request_rows::ConnectionLabels;

use arrow::record_batch::RecordBatch;
use kcorr_kafka::TopicId;
use kcorr_model::{Error, Output, SourceId, Table, tables};
use kcorr_tls::Turn;

use crate::connection::{Stretch, Tcp};
use crate::message::{Request, Topics};
use client_metric_rows::ClientMetricRows;
use isr_request_rows::IsrRequestRows;
use partition_rows::PartitionRows;
use request_rows::RequestRows;
use tcp_connection_rows::TcpConnectionRows;
use tcp_stretch_rows::TcpStretchRows;
use topic_rows::TopicRows;
use turn_rows::TurnRows;

/// Rows a batch holds at most.
const BATCH_ROWS: usize = 8192;

/// Rows of connections and their waits a batch holds: they are few and wide.
const TCP_ROWS: usize = 1024;

/// Bytes of message ids a batch holds at most, about.
const BATCH_ID_BYTES: usize = 8 << 20;

/// Collects the rows of all tables.
#[derive(Debug)]
pub(crate) struct Rows {
    requests: RequestRows,
    partitions: PartitionRows,
    topics: TopicRows,
    tcp_connections: TcpConnectionRows,
    tcp_stretches: TcpStretchRows,
    turns: TurnRows,
    client_metrics: ClientMetricRows,
    isr_requests: IsrRequestRows,
    /// Whether a batch is full.
    is_full: bool,
}

impl Rows {
    pub(crate) fn new(source: SourceId) -> Self {
        Self {
            requests: RequestRows::new(source),
            partitions: PartitionRows::new(source),
            topics: TopicRows::new(source),
            tcp_connections: TcpConnectionRows::new(source),
            tcp_stretches: TcpStretchRows::new(source),
            turns: TurnRows::new(source),
            client_metrics: ClientMetricRows::new(source),
            isr_requests: IsrRequestRows::new(source),
            is_full: false,
        }
    }

    /// Adds a request that is answered or given up, with its partitions.
    pub(crate) fn push(
        &mut self,
        request: &Request,
        no_response: Option<&'static str>,
        connection: &mut ConnectionLabels,
        topics: &Topics,
    ) {
        self.requests.push(request, no_response, connection);
        for part in &request.parts {
            self.partitions.push(request, part, topics);
        }
        self.client_metrics.push(request);
        self.isr_requests.push(request, topics);
        let is_any_full = self.requests.len() >= BATCH_ROWS
            || self.are_partitions_full()
            || self.client_metrics.len() >= BATCH_ROWS
            || self.isr_requests.len() >= BATCH_ROWS;
        self.is_full |= is_any_full;
    }

    /// Adds the name of a topic id.
    pub(crate) fn push_topic(&mut self, id: TopicId, name: &str) {
        self.topics.push(id, name);
        self.is_full |= self.topics.len() >= BATCH_ROWS;
    }

    /// Adds what TCP did for a connection that ended.
    pub(crate) fn push_tcp(&mut self, tcp: &Tcp, connection: &ConnectionLabels) {
        self.tcp_connections.push(tcp, connection);
        self.is_full |= self.tcp_connections.len() >= TCP_ROWS;
    }

    /// Adds a time in which TCP kept bytes waiting.
    pub(crate) fn push_stretch(&mut self, stretch: &Stretch, connection: &ConnectionLabels) {
        self.tcp_stretches.push(stretch, connection);
        self.is_full |= self.tcp_stretches.len() >= TCP_ROWS;
    }

    /// Adds a turn of an encrypted connection that cannot be read.
    pub(crate) fn push_turn(&mut self, turn: &Turn, connection: &ConnectionLabels) {
        self.turns.push(turn, connection);
        self.is_full |= self.turns.len() >= BATCH_ROWS;
    }

    /// Whether a batch is full, so that [`Self::yield_full`] should be called.
    #[inline]
    pub(crate) fn are_full(&self) -> bool {
        self.is_full
    }

    fn are_partitions_full(&self) -> bool {
        self.partitions.len() >= BATCH_ROWS || self.partitions.id_bytes() >= BATCH_ID_BYTES
    }

    /// Yields the batches that are full.
    pub(crate) fn yield_full(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        self.is_full = false;
        if self.requests.len() >= BATCH_ROWS {
            yield_batch(&tables::REQUESTS, &self.requests.finish()?, output)?;
        }
        if self.are_partitions_full() {
            yield_batch(
                &tables::REQUEST_PARTITIONS,
                &self.partitions.finish()?,
                output,
            )?;
        }
        if self.topics.len() >= BATCH_ROWS {
            yield_batch(&tables::TOPICS, &self.topics.finish()?, output)?;
        }
        if self.tcp_connections.len() >= TCP_ROWS {
            let batch = self.tcp_connections.finish()?;
            yield_batch(&tables::TCP_CONNECTIONS, &batch, output)?;
        }
        if self.tcp_stretches.len() >= TCP_ROWS {
            let batch = self.tcp_stretches.finish()?;
            yield_batch(&tables::TCP_STRETCHES, &batch, output)?;
        }
        if self.turns.len() >= BATCH_ROWS {
            yield_batch(&tables::ENCRYPTED_TURNS, &self.turns.finish()?, output)?;
        }
        if self.client_metrics.len() >= BATCH_ROWS {
            let batch = self.client_metrics.finish()?;
            yield_batch(&tables::CLIENT_METRICS, &batch, output)?;
        }
        if self.isr_requests.len() >= BATCH_ROWS {
            yield_batch(&tables::ISR_REQUESTS, &self.isr_requests.finish()?, output)?;
        }
        Ok(())
    }

    /// Yields all rows.
    pub(crate) fn yield_all(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        yield_batch(&tables::REQUESTS, &self.requests.finish()?, output)?;
        yield_batch(
            &tables::REQUEST_PARTITIONS,
            &self.partitions.finish()?,
            output,
        )?;
        yield_batch(&tables::TOPICS, &self.topics.finish()?, output)?;
        let batch = self.tcp_connections.finish()?;
        yield_batch(&tables::TCP_CONNECTIONS, &batch, output)?;
        yield_batch(
            &tables::TCP_STRETCHES,
            &self.tcp_stretches.finish()?,
            output,
        )?;
        yield_batch(&tables::ENCRYPTED_TURNS, &self.turns.finish()?, output)?;
        let batch = self.client_metrics.finish()?;
        yield_batch(&tables::CLIENT_METRICS, &batch, output)?;
        yield_batch(&tables::ISR_REQUESTS, &self.isr_requests.finish()?, output)
    }
}

/// One request may have very many partitions: what it adds is yielded in pieces of a batch's size.
fn yield_batch(
    table: &'static Table,
    batch: &RecordBatch,
    output: &mut dyn Output,
) -> Result<(), Error> {
    let mut start = 0;
    while start < batch.num_rows() {
        let rows = BATCH_ROWS.min(batch.num_rows().saturating_sub(start));
        output.batch(table, batch.slice(start, rows))?;
        start = start.saturating_add(rows);
    }
    Ok(())
}
