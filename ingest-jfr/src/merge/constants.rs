//! Columns with one value, made once and sliced.

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int32Array, Int64Array, StringArray};
use arrow::datatypes::Int32Type;
use kcorr_model::SourceId;

use crate::rows::batch::BATCH_ROWS;

/// The columns of a recording that have one value.
#[derive(Debug)]
pub(super) struct Constants {
    source: Int64Array,
    origin: DictionaryArray<Int32Type>,
    pid: Option<(i32, Int32Array)>,
}

impl Constants {
    pub(super) fn new(source: SourceId) -> Self {
        let origin = DictionaryArray::new(
            Int32Array::from(vec![0; BATCH_ROWS]),
            Arc::new(StringArray::from(vec!["jfr"])),
        );
        Self {
            source: Int64Array::from(vec![source.0; BATCH_ROWS]),
            origin,
            pid: None,
        }
    }

    pub(super) fn source(&self, rows: usize) -> ArrayRef {
        match self.source.len() >= rows {
            true => Arc::new(self.source.slice(0, rows)),
            false => Arc::new(Int64Array::from(vec![
                self.source
                    .values()
                    .first()
                    .copied()
                    .unwrap_or(0);
                rows
            ])),
        }
    }

    pub(super) fn origin(&self, rows: usize) -> ArrayRef {
        if self.origin.keys().len() >= rows {
            return Arc::new(self.origin.slice(0, rows));
        }
        let keys = Int32Array::from(vec![0; rows]);
        Arc::new(DictionaryArray::new(keys, Arc::clone(self.origin.values())))
    }

    pub(super) fn pid(&mut self, pid: i32, rows: usize) -> ArrayRef {
        match &self.pid {
            Some((known, values)) if *known == pid && values.len() >= rows => {
                Arc::new(values.slice(0, rows))
            }
            _ => {
                let values = Int32Array::from(vec![pid; rows.max(BATCH_ROWS)]);
                let column = Arc::new(values.slice(0, rows));
                self.pid = Some((pid, values));
                column
            }
        }
    }
}
