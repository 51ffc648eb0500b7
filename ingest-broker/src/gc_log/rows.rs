//! Rows of `pauses`.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Int64Array, Int64Builder};
use kcorr_model::columns::{LabelBuilder, ended_int64, ended_labels, ended_times};
use kcorr_model::{BatchBuilder, Error, Output, RowIds, SourceId, tables::PAUSES};

use super::pause::Pause;

/// Rows of a record batch.
const MOST_ROWS: usize = 8192;
/// Collections whose CPU time may still be told: full ones within young ones.
const MOST_COLLECTIONS: usize = 4;

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
    cpu_ns: Vec<Option<i64>>,
    /// The rows of the last collections: their number, and place in `cpu_ns`.
    collections: Vec<(u64, usize)>,
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
            cpu_ns: Vec::new(),
            collections: Vec::new(),
        }
    }

    /// Adds a pause that ends at `end_ns`, and the time until its threads had come to it.
    pub(crate) fn push(
        &mut self,
        pause: &Pause<'_>,
        end_ns: i64,
        output: &mut dyn Output,
    ) -> Result<(), Error> {
        // What follows the last row may still be told of it.
        if self.rows >= MOST_ROWS {
            self.flush(output)?;
        }
        if let Some(number) = pause.number {
            self.collections.retain(|(of, _)| *of != number);
            if self.collections.len() >= MOST_COLLECTIONS {
                self.collections.remove(0);
            }
            self.collections.push((number, self.cpu_ns.len()));
        }
        let start_ns = end_ns.saturating_sub(pause.duration_ns);
        self.row(pause.kind, pause, start_ns, end_ns);
        if let Some(reaching_ns) = pause.reaching_ns.filter(|ns| *ns > 0) {
            let reached_ns = start_ns.saturating_add(reaching_ns).min(end_ns);
            self.row("safepoint_sync", pause, start_ns, reached_ns);
        }
        Ok(())
    }

    fn row(&mut self, kind: &str, pause: &Pause<'_>, start_ns: i64, end_ns: i64) {
        self.pause_id.append_value(self.ids.next());
        self.kind.append_value(kind);
        self.name.append_value(pause.name);
        self.cause.append_option(pause.cause);
        self.start_time.push(Some(start_ns));
        self.end_time.push(Some(end_ns));
        self.duration_ns
            .append_value(end_ns.saturating_sub(start_ns));
        self.cpu_ns.push(None);
        self.rows = self.rows.saturating_add(1);
    }

    /// Adds the CPU time of a collection's last pause, if that is held still.
    pub(crate) fn set_cpu_ns(&mut self, number: u64, cpu_ns: i64) {
        let found = self.collections.iter().find(|(of, _)| *of == number);
        if let Some(slot) = found.and_then(|(_, place)| self.cpu_ns.get_mut(*place)) {
            *slot = Some(cpu_ns);
        }
        self.collections.retain(|(of, _)| *of != number);
    }

    /// Yields what is held.
    pub(crate) fn flush(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        if self.rows == 0 {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.rows);
        self.collections.clear();
        let cpu_ns = Int64Array::from(std::mem::take(&mut self.cpu_ns));
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
            .set("cpu_ns", Arc::new(cpu_ns))
            .finish()?;
        output.batch(&PAUSES, batch)
    }
}
