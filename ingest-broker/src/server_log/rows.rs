//! Rows of `isr_changes`.

use std::sync::Arc;

use arrow::array::{Int32Array, Int64Array};
use kcorr_model::columns::{LabelBuilder, ended_labels, ended_times};
use kcorr_model::{BatchBuilder, Error, Output, RowIds, SourceId, tables::ISR_CHANGES};

use super::change::{Change, ChangeKind};
use crate::line_time::{LineClock, Read};

/// Rows of a record batch.
const MOST_ROWS: usize = 8192;
/// Rows that are held while it is open in which order the numbers of their dates are.
const MOST_HELD_ROWS: usize = 64 << 10;

/// A row: a change, or one of the replicas that leave or join by it.
#[derive(Debug)]
struct Row {
    isr_change_id: i64,
    time: Read,
    kind: ChangeKind,
    topic: Arc<str>,
    partition: i32,
    leader: i32,
    isr: Arc<str>,
    replica: Option<(i32, Option<i64>)>,
    high_watermark: Option<i64>,
    end_offset: Option<i64>,
    version: Option<i64>,
}

/// Collects changes and yields them as record batches.
#[derive(Debug)]
pub(crate) struct ChangeRows {
    source: SourceId,
    ids: RowIds,
    rows: Vec<Row>,
}

impl ChangeRows {
    pub(crate) fn new(source: SourceId) -> Self {
        Self {
            source,
            ids: source.row_ids(),
            rows: Vec::new(),
        }
    }

    /// Adds a change; whether rows were yielded.
    pub(crate) fn push(
        &mut self,
        change: &Change<'_>,
        time: Read,
        clock: &LineClock,
        output: &mut dyn Output,
    ) -> Result<bool, Error> {
        let ids: Vec<String> = change.isr.iter().map(i32::to_string).collect();
        let (topic, isr): (Arc<str>, Arc<str>) = (change.topic.into(), ids.join(",").into());
        let mut row = |replica| {
            self.rows.push(Row {
                isr_change_id: self.ids.next(),
                time,
                kind: change.kind,
                topic: Arc::clone(&topic),
                partition: change.partition,
                leader: change.leader,
                isr: Arc::clone(&isr),
                replica,
                high_watermark: change.high_watermark,
                end_offset: change.end_offset,
                version: change.version,
            });
        };
        if change.replicas.is_empty() {
            row(None);
        }
        for replica in &change.replicas {
            row(Some(*replica));
        }
        let rows = self.rows.len();
        let is_due = rows >= MOST_ROWS && !clock.is_undecided();
        if is_due || rows >= MOST_HELD_ROWS {
            self.flush(clock, output)?;
        }
        Ok(self.rows.is_empty())
    }

    /// Yields what is held.
    pub(crate) fn flush(
        &mut self,
        clock: &LineClock,
        output: &mut dyn Output,
    ) -> Result<(), Error> {
        let mut rows = std::mem::take(&mut self.rows);
        // In the order of dates that fits all lines so far, each of these has a time.
        rows.retain(|row| clock.ns(row.time).is_some());
        if rows.is_empty() {
            return Ok(());
        }
        let int32 = |value: &dyn Fn(&Row) -> Option<i32>| {
            Arc::new(Int32Array::from_iter(rows.iter().map(value)))
        };
        let int64 = |value: &dyn Fn(&Row) -> Option<i64>| {
            Arc::new(Int64Array::from_iter(rows.iter().map(value)))
        };
        let label = |value: &dyn Fn(&Row) -> &str| {
            let mut labels = LabelBuilder::new();
            rows.iter().for_each(|row| labels.append_value(value(row)));
            ended_labels(&mut labels)
        };
        let mut times = rows.iter().map(|row| clock.ns(row.time)).collect();
        let batch = BatchBuilder::new(&ISR_CHANGES, rows.len())
            .set("isr_change_id", int64(&|row| Some(row.isr_change_id)))
            .set("source_id", int64(&|_| Some(self.source.0)))
            .set("time", ended_times(&mut times))
            .set("change", label(&|row| row.kind.name()))
            .set("topic", label(&|row| &row.topic))
            .set("partition", int32(&|row| Some(row.partition)))
            .set("leader_id", int32(&|row| Some(row.leader)))
            .set("isr", label(&|row| &row.isr))
            .set("replica_id", int32(&|row| Some(row.replica?.0)))
            .set("replica_end_offset", int64(&|row| row.replica?.1))
            .set("high_watermark", int64(&|row| row.high_watermark))
            .set("end_offset", int64(&|row| row.end_offset))
            .set("version", int64(&|row| row.version))
            .finish()?;
        output.batch(&ISR_CHANGES, batch)
    }
}
