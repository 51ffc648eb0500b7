//! Rows of `topics`.

use std::mem::take;
use std::sync::Arc;

use arrow::array::{Int64Array, StringArray};
use arrow::record_batch::RecordBatch;
use kcorr_kafka::TopicId;
use kcorr_model::{BatchBuilder, Error, SourceId, tables};

/// Columns of `topics` under construction. Ids and names that a capture shows are few: they are
/// yielded at the end.
#[derive(Debug)]
pub(super) struct TopicRows {
    source: SourceId,
    topic_id: Vec<String>,
    topic: Vec<String>,
}

impl TopicRows {
    pub(super) fn new(source: SourceId) -> Self {
        Self {
            source,
            topic_id: Vec::new(),
            topic: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.topic.len()
    }

    pub(super) fn push(&mut self, id: TopicId, name: &str) {
        self.topic_id.push(id.to_string());
        self.topic.push(name.to_owned());
    }

    pub(super) fn finish(&mut self) -> Result<RecordBatch, Error> {
        let rows = self.len();
        let batch = BatchBuilder::new(&tables::TOPICS, rows)
            .set(
                "source_id",
                Arc::new(Int64Array::from(vec![self.source.0; rows])),
            )
            .set(
                "topic_id",
                Arc::new(StringArray::from(take(&mut self.topic_id))),
            )
            .set("topic", Arc::new(StringArray::from(take(&mut self.topic))))
            .finish()?;
        Ok(batch)
    }
}
