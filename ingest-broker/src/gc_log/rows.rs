//! Rows of `pauses`.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Int64Array, Int64Builder};
use kcorr_model::columns::{LabelBuilder, ended_int64, ended_labels, ended_times};
use kcorr_model::{BatchBuilder, Error, Output, RowIds, SourceId, tables::PAUSES};

use super::pause::Pause;

/// Rows of a record batch.
const MOST_ROWS: usize = 8192;

/// Collects pauses and yields them as record batches.
pub(crate) struct PauseRows {
    source: SourceId,
    ids: RowIds,
    rows: usize,
    pause_id: Int64Builder,
    kind: LabelBuilder,
    name: LabelBuilder,
    cause: LabelBuilder,
    start_time: Vec<Option<i64>>,
    end_time: Vec<Option<i64>>,
    duration_ns: Int64Builder,
}

impl fmt::Debug for PauseRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PauseRows")
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl PauseRows {
    pub(crate) fn new(source: SourceId) -> Self {
        Self {
            source,
            ids: source.row_ids(),
            rows: 0,
            pause_id: Int64Builder::new(),
            kind: LabelBuilder::new(),
            name: LabelBuilder::new(),
            cause: LabelBuilder::new(),
            start_time: Vec::new(),
            end_time: Vec::new(),
            duration_ns: Int64Builder::new(),
        }
    }

    /// Adds a pause that ends at `end_ns`.
    pub(crate) fn push(
        &mut self,
        pause: &Pause<'_>,
        end_ns: i64,
        output: &mut dyn Output,
    ) -> Result<(), Error> {
        let start_ns = end_ns.saturating_sub(pause.duration_ns);
        self.pause_id.append_value(self.ids.next());
        self.kind.append_value(pause.kind);
        self.name.append_value(pause.name);
        self.cause.append_option(pause.cause);
        self.start_time.push(Some(start_ns));
        self.end_time.push(Some(end_ns));
        self.duration_ns.append_value(pause.duration_ns);
        self.rows = self.rows.saturating_add(1);
        if self.rows >= MOST_ROWS {
            self.flush(output)?;
        }
        Ok(())
    }

    /// Yields what is held.
    pub(crate) fn flush(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        if self.rows == 0 {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.rows);
        let batch = BatchBuilder::new(&PAUSES, rows)
            .set("pause_id", ended_int64(&mut self.pause_id))
            .set(
                "source_id",
                Arc::new(Int64Array::from(vec![self.source.0; rows])),
            )
            .set("kind", ended_labels(&mut self.kind))
            .set("name", ended_labels(&mut self.name))
            .set("cause", ended_labels(&mut self.cause))
            .set("start_time", ended_times(&mut self.start_time))
            .set("end_time", ended_times(&mut self.end_time))
            .set("duration_ns", ended_int64(&mut self.duration_ns))
            .finish()?;
        output.batch(&PAUSES, batch)
    }
}
