//! Rows of `request_partitions`.

use std::sync::Arc;

use arrow::array::{Int32Array, Int64Array, ListBuilder, StringBuilder, TimestampNanosecondArray};
use arrow::datatypes::{Int16Type, Int64Type};
use arrow::record_batch::RecordBatch;
use kcorr_kafka::Codec;
use kcorr_model::{BatchBuilder, Error, RowIds, SourceId, tables};

use super::BATCH_ROWS;
use super::columns::{Optional, taken, taken_column};
use super::labels::{CachedLabel, Labels};
use crate::message::{Part, Request, Topics};

/// Columns of `request_partitions` under construction.
#[derive(Debug)]
pub(super) struct PartitionRows {
    source: SourceId,
    row_ids: RowIds,
    /// Keys of topic names, by their number.
    topic_labels: Vec<CachedLabel>,
    request_partition_id: Vec<i64>,
    request_id: Vec<i64>,
    arrival_time: Vec<i64>,
    topic: Labels,
    topic_id: StringBuilder,
    partition: Vec<i32>,
    records_bytes: Optional<Int64Type>,
    record_count: Optional<Int64Type>,
    base_offset: Optional<Int64Type>,
    message_ids: ListBuilder<StringBuilder>,
    id_bytes: usize,
    compression: Labels,
    codec_labels: [CachedLabel; 5],
    producer_id: Optional<Int64Type>,
    error_code: Optional<Int16Type>,
    fetch_offset: Optional<Int64Type>,
    returned_bytes: Optional<Int64Type>,
    high_watermark: Optional<Int64Type>,
}

impl PartitionRows {
    pub(super) fn new(source: SourceId) -> Self {
        Self {
            source,
            row_ids: source.row_ids(),
            topic_labels: Vec::new(),
            request_partition_id: Vec::with_capacity(BATCH_ROWS),
            request_id: Vec::with_capacity(BATCH_ROWS),
            arrival_time: Vec::with_capacity(BATCH_ROWS),
            topic: Labels::new(),
            topic_id: StringBuilder::new(),
            partition: Vec::with_capacity(BATCH_ROWS),
            records_bytes: Optional::new(),
            record_count: Optional::new(),
            base_offset: Optional::new(),
            message_ids: ListBuilder::new(StringBuilder::new()),
            id_bytes: 0,
            compression: Labels::new(),
            codec_labels: [CachedLabel::default(); 5],
            producer_id: Optional::new(),
            error_code: Optional::new(),
            fetch_offset: Optional::new(),
            returned_bytes: Optional::new(),
            high_watermark: Optional::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.request_id.len()
    }

    /// Bytes of message ids held.
    pub(super) fn id_bytes(&self) -> usize {
        self.id_bytes
    }

    pub(super) fn push(&mut self, request: &Request, part: &Part, topics: &Topics) {
        self.request_partition_id.push(self.row_ids.next());
        self.request_id.push(request.request_id);
        self.arrival_time.push(request.arrival_time);
        let (name, id) = topics.resolve(part.topic);
        match name {
            None => self.topic.push(None),
            Some(number) => {
                let index = usize::try_from(number).unwrap_or_default();
                if self.topic_labels.len() <= index {
                    self.topic_labels
                        .resize(index.saturating_add(1), CachedLabel::default());
                }
                if let Some(label) = self.topic_labels.get_mut(index) {
                    self.topic
                        .push_cached(label, || topics.name(number).unwrap_or_default());
                }
            }
        }
        match id {
            None => self.topic_id.append_null(),
            Some(id) => self.topic_id.append_value(id.to_string()),
        }
        self.partition.push(part.partition);
        self.records_bytes.push(part.records_bytes.map(i64::from));
        self.record_count.push(part.record_count.map(i64::from));
        self.base_offset.push(part.base_offset);
        if part.has_ids {
            for id in request.ids.range(part.ids.clone()) {
                self.id_bytes = self
                    .id_bytes
                    .saturating_add(id.map_or(0, str::len))
                    .saturating_add(8);
                self.message_ids.values().append_option(id);
            }
        }
        self.message_ids.append(part.has_ids);
        match part.codec {
            None => self.compression.push(None),
            Some(codec) => {
                let index = match codec {
                    Codec::None => 0,
                    Codec::Gzip => 1,
                    Codec::Snappy => 2,
                    Codec::Lz4 => 3,
                    Codec::Zstd => 4,
                };
                if let Some(label) = self.codec_labels.get_mut(index) {
                    self.compression.push_cached(label, || codec.name());
                }
            }
        }
        self.producer_id.push(part.producer_id);
        self.error_code.push(part.error_code);
        self.fetch_offset.push(part.fetch_offset);
        self.returned_bytes.push(part.returned_bytes.map(i64::from));
        self.high_watermark.push(part.high_watermark);
    }

    pub(super) fn finish(&mut self) -> Result<RecordBatch, Error> {
        let rows = self.len();
        self.id_bytes = 0;
        let arrival_time =
            TimestampNanosecondArray::from(taken(&mut self.arrival_time)).with_timezone("UTC");
        let batch = BatchBuilder::new(&tables::REQUEST_PARTITIONS, rows)
            .set(
                "request_partition_id",
                Arc::new(Int64Array::from(taken(&mut self.request_partition_id))),
            )
            .set(
                "source_id",
                Arc::new(Int64Array::from(vec![self.source.0; rows])),
            )
            .set(
                "request_id",
                Arc::new(Int64Array::from(taken(&mut self.request_id))),
            )
            .set("arrival_time", Arc::new(arrival_time))
            .set("topic", self.topic.finish()?)
            .set("topic_id", Arc::new(self.topic_id.finish()))
            .set(
                "partition",
                Arc::new(Int32Array::from(taken(&mut self.partition))),
            )
            .set("records_bytes", taken_column(&mut self.records_bytes))
            .set("record_count", taken_column(&mut self.record_count))
            .set("base_offset", taken_column(&mut self.base_offset))
            .set("message_ids", Arc::new(self.message_ids.finish()))
            .set("compression", self.compression.finish()?)
            .set("producer_id", taken_column(&mut self.producer_id))
            .set("error_code", taken_column(&mut self.error_code))
            .set("fetch_offset", taken_column(&mut self.fetch_offset))
            .set("returned_bytes", taken_column(&mut self.returned_bytes))
            .set("high_watermark", taken_column(&mut self.high_watermark))
            .finish()?;
        Ok(batch)
    }
}
