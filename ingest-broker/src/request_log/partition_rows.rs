//! Rows of `broker_request_partitions`.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Int16Builder, Int32Builder, Int64Array, Int64Builder, StringBuilder};
use kcorr_model::columns::{LabelBuilder, ended_int32, ended_int64, ended_labels, ended_times};
use kcorr_model::{
    BatchBuilder, Error, Output, RowIds, SourceId, tables::BROKER_REQUEST_PARTITIONS,
};

use super::body::Partition;
use crate::line_time::{LineClock, Read};

/// Collects topic-partitions of requests and yields them as a record batch.
pub(crate) struct PartitionRows {
    source: SourceId,
    ids: RowIds,
    rows: usize,
    broker_request_partition_id: Int64Builder,
    broker_request_id: Int64Builder,
    end_time: Vec<Option<Read>>,
    topic: LabelBuilder,
    topic_id: StringBuilder,
    partition: Int32Builder,
    records_bytes: Int64Builder,
    base_offset: Int64Builder,
    error_code: Int16Builder,
    fetch_offset: Int64Builder,
    returned_bytes: Int64Builder,
    high_watermark: Int64Builder,
}

impl fmt::Debug for PartitionRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartitionRows")
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl PartitionRows {
    pub(crate) fn new(source: SourceId) -> Self {
        Self {
            source,
            ids: source.row_ids(),
            rows: 0,
            broker_request_partition_id: Int64Builder::new(),
            broker_request_id: Int64Builder::new(),
            end_time: Vec::new(),
            topic: LabelBuilder::new(),
            topic_id: StringBuilder::new(),
            partition: Int32Builder::new(),
            records_bytes: Int64Builder::new(),
            base_offset: Int64Builder::new(),
            error_code: Int16Builder::new(),
            fetch_offset: Int64Builder::new(),
            returned_bytes: Int64Builder::new(),
            high_watermark: Int64Builder::new(),
        }
    }

    /// Rows that are held.
    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    /// Adds those of a request.
    pub(crate) fn push(&mut self, request_id: i64, end_time: Option<Read>, rows: &[Partition]) {
        for row in rows {
            self.broker_request_partition_id
                .append_value(self.ids.next());
            self.broker_request_id.append_value(request_id);
            self.end_time.push(end_time);
            self.topic.append_option(row.topic.as_ref());
            self.topic_id.append_option(row.topic_id.as_ref());
            self.partition.append_value(row.partition);
            self.records_bytes.append_option(row.records_bytes);
            self.base_offset.append_option(row.base_offset);
            self.error_code.append_option(row.error_code);
            self.fetch_offset.append_option(row.fetch_offset);
            self.returned_bytes.append_option(row.returned_bytes);
            self.high_watermark.append_option(row.high_watermark);
        }
        self.rows = self.rows.saturating_add(rows.len());
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
        let batch = BatchBuilder::new(&BROKER_REQUEST_PARTITIONS, rows)
            .set(
                "broker_request_partition_id",
                ended_int64(&mut self.broker_request_partition_id),
            )
            .set("source_id", Arc::new(source))
            .set(
                "broker_request_id",
                ended_int64(&mut self.broker_request_id),
            )
            .set("end_time", ended_times(&mut end_time))
            .set("topic", ended_labels(&mut self.topic))
            .set("topic_id", Arc::new(self.topic_id.finish()))
            .set("partition", ended_int32(&mut self.partition))
            .set("records_bytes", ended_int64(&mut self.records_bytes))
            .set("base_offset", ended_int64(&mut self.base_offset))
            .set("error_code", Arc::new(self.error_code.finish()))
            .set("fetch_offset", ended_int64(&mut self.fetch_offset))
            .set("returned_bytes", ended_int64(&mut self.returned_bytes))
            .set("high_watermark", ended_int64(&mut self.high_watermark))
            .finish()?;
        output.batch(&BROKER_REQUEST_PARTITIONS, batch)
    }
}
