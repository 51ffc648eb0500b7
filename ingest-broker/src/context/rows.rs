//! Rows of `context`.

use std::sync::Arc;

use arrow::array::{Float64Builder, Int64Array, Int64Builder, StringBuilder};
use kcorr_model::columns::{LabelBuilder, ended_int64, ended_labels, ended_times};
use kcorr_model::{BatchBuilder, Error, Output, RowIds, SourceId, tables::CONTEXT};

/// Rows of a record batch.
const MOST_ROWS: usize = 8192;

/// One row without its ids.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    pub(crate) time_ns: i64,
    pub(crate) kind: &'a str,
    pub(crate) instance: Option<&'a str>,
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
}

/// Collects rows and yields them as record batches.
pub(crate) struct ContextRows {
    source: SourceId,
    ids: RowIds,
    id: Int64Builder,
    time: Vec<Option<i64>>,
    kind: LabelBuilder,
    instance: LabelBuilder,
    name: LabelBuilder,
    value: StringBuilder,
    number: Float64Builder,
}

impl ContextRows {
    pub(crate) fn new(source: SourceId) -> Self {
        Self {
            source,
            ids: source.row_ids(),
            id: Int64Builder::new(),
            time: Vec::new(),
            kind: LabelBuilder::new(),
            instance: LabelBuilder::new(),
            name: LabelBuilder::new(),
            value: StringBuilder::new(),
            number: Float64Builder::new(),
        }
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, row: &Row<'_>, output: &mut dyn Output) -> Result<(), Error> {
        self.id.append_value(self.ids.next());
        self.time.push(Some(row.time_ns));
        self.kind.append_value(row.kind);
        self.instance.append_option(row.instance);
        self.name.append_value(row.name);
        self.value.append_value(row.value);
        let number = row.value.parse::<f64>().ok();
        self.number
            .append_option(number.filter(|it| it.is_finite()));
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
        let batch = BatchBuilder::new(&CONTEXT, rows)
            .set("context_id", ended_int64(&mut self.id))
            .set(
                "source_id",
                Arc::new(Int64Array::from(vec![self.source.0; rows])),
            )
            .set("time", ended_times(&mut self.time))
            .set("kind", ended_labels(&mut self.kind))
            .set("instance", ended_labels(&mut self.instance))
            .set("name", ended_labels(&mut self.name))
            .set("value", Arc::new(self.value.finish()))
            .set("number", Arc::new(self.number.finish()))
            .finish()?;
        output.batch(&CONTEXT, batch)
    }
}
