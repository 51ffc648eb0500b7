//! Rows of `client_messages`.

use std::fmt;
use std::sync::Arc;

use arrow::array::{BooleanArray, Int32Builder, Int64Array, Int64Builder, StringBuilder};
use kcorr_model::columns::{LabelBuilder, ended_int32, ended_int64, ended_labels, ended_times};
use kcorr_model::{BatchBuilder, Error, Output, RowIds, SourceId, tables::CLIENT_MESSAGES};

use crate::message::ClientMessage;

/// Rows of a record batch.
const MOST_ROWS: usize = 8192;

/// Collects messages and yields them as record batches.
pub(crate) struct MessageRows {
    source: SourceId,
    ids: RowIds,
    client_message_id: Int64Builder,
    message_id: StringBuilder,
    run: LabelBuilder,
    setting: LabelBuilder,
    client_id: LabelBuilder,
    consumer_id: LabelBuilder,
    topic: LabelBuilder,
    partition: Int32Builder,
    message_offset: Int64Builder,
    bytes: Int64Builder,
    leader: Int32Builder,
    broker: Int32Builder,
    intended_time: Vec<Option<i64>>,
    queued_time: Vec<Option<i64>>,
    first_sent_time: Vec<Option<i64>>,
    sent_time: Vec<Option<i64>>,
    acknowledged_time: Vec<Option<i64>>,
    failed_time: Vec<Option<i64>>,
    consumed_time: Vec<Option<i64>>,
    attempts: Int32Builder,
    error: LabelBuilder,
    disturbed_by: LabelBuilder,
    is_again: Vec<bool>,
}

impl fmt::Debug for MessageRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageRows")
            .field("rows", &self.is_again.len())
            .finish_non_exhaustive()
    }
}

impl MessageRows {
    pub(crate) fn new(source: SourceId) -> Self {
        Self {
            source,
            ids: source.row_ids(),
            client_message_id: Int64Builder::new(),
            message_id: StringBuilder::new(),
            run: LabelBuilder::new(),
            setting: LabelBuilder::new(),
            client_id: LabelBuilder::new(),
            consumer_id: LabelBuilder::new(),
            topic: LabelBuilder::new(),
            partition: Int32Builder::new(),
            message_offset: Int64Builder::new(),
            bytes: Int64Builder::new(),
            leader: Int32Builder::new(),
            broker: Int32Builder::new(),
            intended_time: Vec::new(),
            queued_time: Vec::new(),
            first_sent_time: Vec::new(),
            sent_time: Vec::new(),
            acknowledged_time: Vec::new(),
            failed_time: Vec::new(),
            consumed_time: Vec::new(),
            attempts: Int32Builder::new(),
            error: LabelBuilder::new(),
            disturbed_by: LabelBuilder::new(),
            is_again: Vec::new(),
        }
    }

    /// Adds a message.
    pub(crate) fn push(
        &mut self,
        message: &ClientMessage<'_>,
        output: &mut dyn Output,
    ) -> Result<(), Error> {
        self.client_message_id.append_value(self.ids.next());
        self.message_id.append_value(&message.id);
        self.run.append_value(&message.run);
        self.setting.append_value(&message.setting);
        self.client_id.append_option(message.client_id.as_deref());
        self.consumer_id
            .append_option(message.consumer_id.as_deref());
        self.topic.append_value(&message.topic);
        self.partition.append_value(message.partition);
        self.message_offset.append_option(message.offset);
        self.bytes.append_value(message.bytes);
        self.leader.append_option(message.leader);
        self.broker.append_option(message.broker);
        self.intended_time.push(Some(message.intended_ns));
        self.queued_time.push(message.queued_ns);
        self.first_sent_time.push(message.first_sent_ns);
        self.sent_time.push(message.sent_ns);
        self.acknowledged_time.push(message.acknowledged_ns);
        self.failed_time.push(message.failed_ns);
        self.consumed_time.push(message.consumed_ns);
        self.attempts.append_option(message.attempts);
        self.error.append_option(message.error.as_deref());
        self.disturbed_by
            .append_option(message.disturbed_by.as_deref());
        self.is_again.push(message.again);
        if self.is_again.len() >= MOST_ROWS {
            self.flush(output)?;
        }
        Ok(())
    }

    /// Yields what is held.
    pub(crate) fn flush(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        let again = std::mem::take(&mut self.is_again);
        let rows = again.len();
        if rows == 0 {
            return Ok(());
        }
        let batch = BatchBuilder::new(&CLIENT_MESSAGES, rows)
            .set(
                "client_message_id",
                ended_int64(&mut self.client_message_id),
            )
            .set(
                "source_id",
                Arc::new(Int64Array::from(vec![self.source.0; rows])),
            )
            .set("message_id", Arc::new(self.message_id.finish()))
            .set("run", ended_labels(&mut self.run))
            .set("setting", ended_labels(&mut self.setting))
            .set("client_id", ended_labels(&mut self.client_id))
            .set("consumer_id", ended_labels(&mut self.consumer_id))
            .set("topic", ended_labels(&mut self.topic))
            .set("partition", ended_int32(&mut self.partition))
            .set("message_offset", ended_int64(&mut self.message_offset))
            .set("bytes", ended_int64(&mut self.bytes))
            .set("leader", ended_int32(&mut self.leader))
            .set("broker", ended_int32(&mut self.broker))
            .set("intended_time", ended_times(&mut self.intended_time))
            .set("queued_time", ended_times(&mut self.queued_time))
            .set("first_sent_time", ended_times(&mut self.first_sent_time))
            .set("sent_time", ended_times(&mut self.sent_time))
            .set(
                "acknowledged_time",
                ended_times(&mut self.acknowledged_time),
            )
            .set("failed_time", ended_times(&mut self.failed_time))
            .set("consumed_time", ended_times(&mut self.consumed_time))
            .set("attempts", ended_int32(&mut self.attempts))
            .set("error", ended_labels(&mut self.error))
            .set("disturbed_by", ended_labels(&mut self.disturbed_by))
            .set("is_again", Arc::new(BooleanArray::from(again)))
            .finish()?;
        output.batch(&CLIENT_MESSAGES, batch)
    }
}
