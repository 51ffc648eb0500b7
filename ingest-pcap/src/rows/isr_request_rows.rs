//! Rows of `isr_requests`: what leaders ask of the controller.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Int32Builder, Int64Array, Int64Builder};
use arrow::record_batch::RecordBatch;
use kcorr_model::columns::{LabelBuilder, ended_int32, ended_int64, ended_labels, ended_times};
use kcorr_model::{BatchBuilder, Error, RowIds, SourceId, tables};

use crate::message::{Request, Topics};

/// Columns of `isr_requests` under construction.
pub(super) struct IsrRequestRows {
    source: SourceId,
    ids: RowIds,
    isr_request_id: Int64Builder,
    request_id: Int64Builder,
    time: Vec<Option<i64>>,
    answered_time: Vec<Option<i64>>,
    leader_id: Int32Builder,
    topic: LabelBuilder,
    topic_id: LabelBuilder,
    partition: Int32Builder,
    isr: LabelBuilder,
    version: Int64Builder,
    error_code: Int32Builder,
    stored_isr: LabelBuilder,
    stored_version: Int64Builder,
}

impl fmt::Debug for IsrRequestRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IsrRequestRows")
            .field("rows", &self.len())
            .finish_non_exhaustive()
    }
}

impl IsrRequestRows {
    pub(super) fn new(source: SourceId) -> Self {
        Self {
            source,
            ids: source.row_ids(),
            isr_request_id: Int64Builder::new(),
            request_id: Int64Builder::new(),
            time: Vec::new(),
            answered_time: Vec::new(),
            leader_id: Int32Builder::new(),
            topic: LabelBuilder::new(),
            topic_id: LabelBuilder::new(),
            partition: Int32Builder::new(),
            isr: LabelBuilder::new(),
            version: Int64Builder::new(),
            error_code: Int32Builder::new(),
            stored_isr: LabelBuilder::new(),
            stored_version: Int64Builder::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.time.len()
    }

    /// Adds what a request asks, if it is of that kind.
    pub(super) fn push(&mut self, request: &Request, topics: &Topics) {
        let Some(in_sync) = &request.in_sync else {
            return;
        };
        // An error of the whole answer is of every partition.
        let of_all = in_sync.error_code.filter(|&code| code != 0);
        for change in &in_sync.changes {
            let (name, id) = topics.resolve(change.topic);
            self.isr_request_id.append_value(self.ids.next());
            self.request_id.append_value(request.request_id);
            self.time.push(Some(request.arrival_time));
            self.answered_time.push(request.end_time);
            self.leader_id.append_value(in_sync.broker_id);
            self.topic
                .append_option(name.and_then(|number| topics.name(number)));
            self.topic_id.append_option(id.map(|id| id.to_string()));
            self.partition.append_value(change.partition);
            self.isr.append_value(listed(in_sync.asked(change)));
            self.version.append_value(i64::from(change.asked_epoch));
            self.error_code
                .append_option(change.error_code.or(of_all).map(i32::from));
            self.stored_isr
                .append_option(in_sync.stored(change).map(listed));
            self.stored_version
                .append_option(change.stored_epoch.map(i64::from));
        }
    }

    pub(super) fn finish(&mut self) -> Result<RecordBatch, Error> {
        let rows = self.len();
        let batch = BatchBuilder::new(&tables::ISR_REQUESTS, rows)
            .set("isr_request_id", ended_int64(&mut self.isr_request_id))
            .set(
                "source_id",
                Arc::new(Int64Array::from(vec![self.source.0; rows])),
            )
            .set("request_id", ended_int64(&mut self.request_id))
            .set("time", ended_times(&mut self.time))
            .set("answered_time", ended_times(&mut self.answered_time))
            .set("leader_id", ended_int32(&mut self.leader_id))
            .set("topic", ended_labels(&mut self.topic))
            .set("topic_id", ended_labels(&mut self.topic_id))
            .set("partition", ended_int32(&mut self.partition))
            .set("isr", ended_labels(&mut self.isr))
            .set("version", ended_int64(&mut self.version))
            .set("error_code", ended_int32(&mut self.error_code))
            .set("stored_isr", ended_labels(&mut self.stored_isr))
            .set("stored_version", ended_int64(&mut self.stored_version))
            .finish()?;
        Ok(batch)
    }
}

/// Brokers' ids, separated by commas, as the broker's log has them.
fn listed(ids: &[i32]) -> String {
    let ids: Vec<String> = ids.iter().map(i32::to_string).collect();
    ids.join(",")
}
