//! Puts columns together into a batch of a table, and checks them against its declaration.

use arrow::array::{ArrayRef, new_null_array};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use crate::Table;

/// A batch does not fit its table: a bug in a decoder.
#[derive(Debug, thiserror::Error)]
#[error("batch of table {table}: {message}")]
pub struct BatchError {
    table: &'static str,
    message: String,
}

/// Collects the columns of one batch, in any order. Nullable columns that are not set are null.
///
/// ```
/// use std::sync::Arc;
/// use arrow::array::{Int64Array, StringArray};
/// use kcorr_model::{BatchBuilder, tables};
///
/// let batch = BatchBuilder::new(&tables::TOPICS, 1)
///     .set("source_id", Arc::new(Int64Array::from(vec![1])))
///     .set("topic_id", Arc::new(StringArray::from(vec!["XkUF-6S0Rz2D7-7C8Z2gYA"])))
///     .set("topic", Arc::new(StringArray::from(vec!["orders"])))
///     .finish()?;
/// assert_eq!(batch.schema(), tables::TOPICS.schema());
/// # Ok::<(), kcorr_model::BatchError>(())
/// ```
#[derive(Debug)]
pub struct BatchBuilder {
    table: &'static Table,
    rows: usize,
    columns: Vec<Option<ArrayRef>>,
    unknown: Option<&'static str>,
}

impl BatchBuilder {
    /// Starts a batch of `rows` rows.
    pub fn new(table: &'static Table, rows: usize) -> Self {
        Self {
            table,
            rows,
            columns: vec![None; table.columns.len()],
            unknown: None,
        }
    }

    /// Sets a column. Names, types and lengths are checked by [`finish`](Self::finish).
    #[must_use]
    pub fn set(mut self, name: &'static str, values: ArrayRef) -> Self {
        match self
            .table
            .index_of(name)
            .and_then(|i| self.columns.get_mut(i))
        {
            Some(slot) => *slot = Some(values),
            None => self.unknown = Some(name),
        }
        self
    }

    /// The batch, if every required column is set and every column has the declared type.
    pub fn finish(self) -> Result<RecordBatch, BatchError> {
        let table = self.table;
        let error = |message: String| BatchError {
            table: table.name,
            message,
        };
        if let Some(name) = self.unknown {
            return Err(error(format!("there is no column {name}")));
        }
        let mut arrays = Vec::with_capacity(table.columns.len());
        for (column, values) in table.columns.iter().zip(self.columns) {
            match values {
                Some(values) if *values.data_type() != column.kind.arrow() => {
                    return Err(error(format!(
                        "column {} is {}, not {}",
                        column.name,
                        values.data_type(),
                        column.kind.arrow()
                    )));
                }
                Some(values) => arrays.push(values),
                None if column.nullable => {
                    arrays.push(new_null_array(&column.kind.arrow(), self.rows));
                }
                None => return Err(error(format!("column {} is not set", column.name))),
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        RecordBatch::try_new_with_options(table.schema(), arrays, &options)
            .map_err(|e| error(e.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int32Array, Int64Array, StringArray};

    use super::*;
    use crate::tables::TOPICS;

    #[test]
    fn a_missing_required_column_is_named() {
        let error = BatchBuilder::new(&TOPICS, 0).finish().unwrap_err();
        assert_eq!(
            error.to_string(),
            "batch of table topics: column source_id is not set"
        );
    }

    #[test]
    fn a_column_of_another_type_is_refused() {
        let result = BatchBuilder::new(&TOPICS, 1)
            .set("source_id", Arc::new(Int32Array::from(vec![1])))
            .set("topic_id", Arc::new(StringArray::from(vec!["x"])))
            .set("topic", Arc::new(StringArray::from(vec!["orders"])))
            .finish();
        assert!(result.unwrap_err().to_string().contains("source_id"));
    }

    #[test]
    fn a_column_of_another_length_is_refused() {
        let result = BatchBuilder::new(&TOPICS, 2)
            .set("source_id", Arc::new(Int64Array::from(vec![1])))
            .set("topic_id", Arc::new(StringArray::from(vec!["x"])))
            .set("topic", Arc::new(StringArray::from(vec!["orders"])))
            .finish();
        assert!(result.is_err());
    }

    #[test]
    fn an_unknown_column_is_refused() {
        let result = BatchBuilder::new(&TOPICS, 0)
            .set("topics", Arc::new(StringArray::from(Vec::<&str>::new())))
            .finish();
        assert!(result.unwrap_err().to_string().contains("no column topics"));
    }
}
