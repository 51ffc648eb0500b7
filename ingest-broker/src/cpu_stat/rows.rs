//! Rows of `load_samples`.

use std::sync::Arc;

use arrow::array::{Float64Array, Int64Array, Int64Builder};
use kcorr_model::columns::{LabelBuilder, ended_int64, ended_labels, ended_times};
use kcorr_model::{BatchBuilder, Error, Output, RowIds, SourceId, tables::LOAD_SAMPLES};

/// Rows of a record batch.
const MOST_ROWS: usize = 8192;

/// Collects samples and yields them as record batches.
#[derive(Debug)]
pub(crate) struct SampleRows {
    source: SourceId,
    ids: RowIds,
    id: Int64Builder,
    time: Vec<Option<i64>>,
    value: Vec<f64>,
}

impl SampleRows {
    pub(crate) fn new(source: SourceId) -> Self {
        Self {
            source,
            ids: source.row_ids(),
            id: Int64Builder::new(),
            time: Vec::new(),
            value: Vec::new(),
        }
    }

    /// Adds the time without quota, ns, since the sample before the one at `time_ns`.
    pub(crate) fn push(
        &mut self,
        time_ns: i64,
        throttled_ns: i64,
        output: &mut dyn Output,
    ) -> Result<(), Error> {
        self.id.append_value(self.ids.next());
        self.time.push(Some(time_ns));
        #[allow(clippy::cast_precision_loss)]
        self.value.push(throttled_ns as f64);
        if self.time.len() >= MOST_ROWS {
            self.flush(output)?;
        }
        Ok(())
    }

    /// Yields what is held.
    pub(crate) fn flush(&mut self, output: &mut dyn Output) -> Result<(), Error> {
        let rows = self.time.len();
        if rows == 0 {
            return Ok(());
        }
        let label = |text: &str| {
            let mut labels = LabelBuilder::new();
            (0..rows).for_each(|_| labels.append_value(text));
            ended_labels(&mut labels)
        };
        let batch = BatchBuilder::new(&LOAD_SAMPLES, rows)
            .set("load_sample_id", ended_int64(&mut self.id))
            .set(
                "source_id",
                Arc::new(Int64Array::from(vec![self.source.0; rows])),
            )
            .set("time", ended_times(&mut self.time))
            .set("metric", label("cpu_throttled"))
            .set("scope", label("control_group"))
            .set(
                "value",
                Arc::new(Float64Array::from(std::mem::take(&mut self.value))),
            )
            .set("unit", label("ns"))
            .finish()?;
        output.batch(&LOAD_SAMPLES, batch)
    }
}
